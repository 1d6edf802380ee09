/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Flushing and closing clients: who waits until commands have their outcomes. Owned by the client's process lane, which
 * counts the commands that have none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client/client.h"
#include "queues/promise.h"
#include "queues/wheel.h"

struct process_lane;
struct request;

/* One flush, or one close that waits. */
struct client_flush {
    struct message message;    /* LANE_FLUSH */
    struct smq_client *client; /* referenced */
    struct promise *promise;   /* the lane's reference; NULL: the outcome is an event */
    uint64_t tag;
    uint32_t timeout_ms;
    bool closes; /* waits for the client's end */
    /* process lane */
    struct client_flush *next; /* of the client, or of those that the lane is to tell */
    struct wheel_timer timer;
    uint64_t last;       /* number of the last command that it waits for */
    uint32_t unanswered; /* so many up to that have no outcome yet */
    enum smq_result result;
};

/* Two steps of smq_client_close_within, so that many closes go on at once: the caller keeps its handle. On any other
 * result than SMQ_OK `end` is not written, and smq_client_close does what there is to do. */
enum smq_result client_close_begin(struct smq_client *client, uint32_t timeout_ms, struct promise **end);
/* Waits for the end, as smq_client_close_within tells, and releases `end`. */
enum smq_result client_close_await(struct promise **end, uint32_t timeout_ms);

/* Any thread: gives up its promise and its client. */
void flush_free(struct client_flush *flush);

/* All of the rest on the process lane. */
void flush_receive(struct process_lane *lane, struct client_flush *flush); /* LANE_FLUSH */
/* A command of a caller has come: gives it its number. False: the client is being closed, so it is to be refused. */
bool flush_admit(struct smq_client *client, struct request *request);
/* The outcome of `request` was told. The last one ends a client that is being closed. */
void flush_outcome_told(struct process_lane *lane, const struct request *request);
/* Ends the client when all commands have their outcomes, or at `deadline_ms`; of several the earliest counts. */
void flush_close(struct process_lane *lane, struct smq_client *client, uint64_t deadline_ms);
/* The client ends: its commands, of which so many were `unanswered`, have been told; so are its flushes. */
void flush_commands_ended(struct process_lane *lane, struct smq_client *client, uint32_t unanswered);
/* It has ended, and its last event is delivered: so have its closes. */
void flush_client_ended(struct process_lane *lane, struct smq_client *client);
/* The end of a turn: tells those that are over, whose commands' outcomes were delivered before. */
void flush_tell(struct process_lane *lane);
