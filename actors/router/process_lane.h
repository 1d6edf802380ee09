/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Inside a process lane: its state, and what its parts call of each other. Its thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/router/fair_queue.h"
#include "actors/smp/client_session.h"
#include "actors/smp/queue_lookup.h"
#include "actors/smp/roles.h"
#include "transport/smp/transmission.h"

struct command_slot;

struct process_lane {
    struct smp_router *router;
    struct actor *actor;
    struct store_reader *reader;
    unsigned index;
    struct fair_queue sessions;          /* client_session.member: those with something to do */
    struct ring parked;                  /* order_entry.parked: commands wait there for what is under way */
    struct wheel_timer turn;             /* another turn follows at once */
    uint32_t cost_us;                    /* of the present command */
    struct queue_lookup lookup;          /* of the present command */
    uint8_t scratch[SMP_AUTHORIZED_MAX]; /* bytes to be signed, in one piece */
};

/* process_command.c: looks the command's queue up, verifies it, and hands it on, or puts it aside in its order. The
 * slot was handed over (slot_handed_over), and stays so while it is put aside. Sets lane->cost_us. */
void process_command_run(struct process_lane *lane, struct command_slot *slot);

/* process_session.c: the turns of sessions. */
/* Whether the session has something that can be done. */
bool process_session_has_work(const struct client_session *session);
/* Serves those with something to do in turn, for a bounded time; goes on in another turn when there is more. */
void process_sessions_serve(struct process_lane *lane);
/* At the lane's end: gives back whatever sessions were to do. */
void process_sessions_abandon(struct process_lane *lane);
