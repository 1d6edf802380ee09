/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Request: one command from its submission to its response. It goes from the caller to the process lane, which
 * registers it, to the send lane, which writes it, and is found again by its correlation id when the response comes. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/client.h"
#include "queues/wheel.h"

/* Who decides first whether a single command is sent: the send lane or its time-out. */
enum request_stage { REQUEST_QUEUED, REQUEST_SENT, REQUEST_EXPIRED };

enum {
    CORRELATION_ID_SIZE = 24,
    REQUEST_INLINE_DATA = 32,
    REQUEST_LATE_MS = 900000, /* how long after its time-out a response is still recognised */
};

/* Whoever wants the outcome of requests as calls instead of as events, without blocking. It outlives its requests. */
struct request_owner {
    /* Process lane; must not block. `outcome`, of kind SMQ_EVENT_COMPLETED, exactly once, and SMQ_EVENT_LATE perhaps
     * after a time-out; it is valid during the call. */
    void (*completed)(struct request_owner *owner, const struct request *request, const struct smq_event *outcome);
    /* Any thread: `request`, which was submitted, is about to be freed and is not reported any more. */
    void (*released)(struct request_owner *owner, struct request *request);
};

struct request {
    struct message message;      /* caller to process lane; send lane to process lane when it could not be written */
    struct outgoing outgoing;    /* process lane to send lane */
    _Atomic uint32_t references; /* caller or process lane; send lane */
    _Atomic uint32_t stage;

    /* constant once submitted */
    struct smq_client *client; /* referenced */
    enum smq_command command;
    bool batch;      /* sent even when it timed out before */
    bool internal;   /* a ping of the monitor: nobody waits */
    bool keeps_data; /* it may have to be sent again */
    uint32_t timeout_ms;
    uint32_t default_timeout_ms; /* when the caller does not say; 0: as the options and the rule say */
    uint64_t tag;
    struct promise *promise;     /* blocking form; NULL: the completion is an event */
    struct request_owner *owner; /* gets the outcome instead; NULL: nobody; set by hand before request_run */
    struct slice entity;
    struct request *group_next; /* of the same batch */

    /* what slices of `entity` and of the command point to; freed by the send lane when larger than inline */
    size_t data_size;
    uint8_t *data;
    uint8_t inline_data[REQUEST_INLINE_DATA];

    /* process lane; constant while the send lane has it */
    uint8_t correlation_id[CORRELATION_ID_SIZE];
    bool has_nonce; /* the caller chose the correlation id */
    /* Of a batch, the requests that share a block go to the send lane as one item: the first of them, which leads
     * this many, itself included, chained by `group_next`. */
    uint32_t part_count;

    /* process lane */
    bool pending;
    uint64_t number; /* see flush.h; 0: nobody waits for it, or it was not admitted */
    struct wheel_timer timer;
    struct request *bucket_next;
    struct request *client_next, *client_previous;
    enum smq_result failure; /* written by the send lane before the message */
};

/* Commands that are submitted together and share blocks. */
struct request_group {
    struct message message;
    struct request *first;
    size_t count;
};

/* A request with `data_size` bytes of room for what it refers to, all else zero. NULL when out of memory, or when
 * `client` is none. Takes a reference to the client. */
struct request *request_create(struct smq_client *client, enum smq_command command, size_t data_size);
void request_release(struct request *request);
/* Copies `bytes` to the request's room, behind what was copied before; the caller made the room large enough. */
struct slice request_copy(struct request *request, struct smq_bytes bytes);
/* Send lane: what was copied is not needed any more, unless it holds the entity id, with which the response is
 * compared. */
void request_drop_data(struct request *request);

/* How a caller wants to learn the outcome. */
struct call {
    bool asynchronous;
    uint32_t timeout_ms; /* 0: the command's default */
    uint64_t tag;
    struct smq_batch **answer; /* blocking, may be NULL */
    struct smq_error *error;   /* blocking, may be NULL */
};

/* Submits, and, in the blocking form, waits. Takes the request over in any case. */
enum smq_result request_run(struct request *request, const struct call *call);
/* The same for `count` requests that share blocks; takes over the requests, not the array. `results` may be NULL. */
enum smq_result request_run_many(struct request **requests, size_t count, const struct call *call,
                                 enum smq_result *results);
/* For the monitor: a ping whose outcome only counts as a time-out or as none. Never blocks. */
void request_ping(struct smq_client *client);
