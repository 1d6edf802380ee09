/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A process lane: decodes and authorises commands, looks records up, and hands each command to the role that carries it
 * out. Its state, and what its parts call of each other: its thread only. The router of a protocol extends it with what
 * it finds out about the present command. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/router/fair_queue.h"
#include "actors/router/router.h"
#include "queues/ring.h"
#include "queues/wheel.h"

struct session;
struct slot;

struct process_lane {
    struct router *router;
    struct actor *actor;
    struct store_reader *reader;
    unsigned index;
    struct fair_queue sessions; /* session.work.member: those with something to do */
    struct ring parked;         /* order_entry.parked: commands wait there for what is under way */
    struct wheel_timer turn;    /* another turn follows at once */
    uint32_t cost_us;           /* of the present command */
};

/* Creates and starts lane `index` under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result process_lane_create(struct router *router, unsigned index, struct process_lane **lane);
/* After the lane's thread has ended. */
void process_lane_destroy(struct process_lane **lane);

/* process_command.c: takes the command through router_commands, or puts it aside in its order. The slot was handed over
 * (slot_handed_over), and stays so while it is put aside. Sets lane->cost_us. */
void process_command_run(struct process_lane *lane, struct slot *slot);

/* process_session.c: the turns of sessions. */
/* Whether the session has something that can be done. */
bool process_session_has_work(const struct session *session);
/* Serves those with something to do in turn, for a bounded time; goes on in another turn when there is more. */
void process_sessions_serve(struct process_lane *lane);
/* At the lane's end: gives back whatever sessions were to do. */
void process_sessions_abandon(struct process_lane *lane);
