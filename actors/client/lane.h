/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Process lane of clients: registers requests, opens blocks, matches responses, times out. It owns the changing
 * state of the clients pinned to it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client/registry.h"
#include "actors/client/request.h"
#include "actors/client/request_table.h"
#include "actors/client/smq/client.h"
#include "actors/runtime/actor.h"
#include "queues/promise.h"

enum lane_message {
    LANE_CONNECT = 1, /* client.connect_message */
    LANE_CLOSE,       /* client.close_message; the message holds a reference */
    LANE_FLUSH,       /* client_flush.message */
    LANE_CLOSED,      /* client.closed_message: the connection is gone */
    LANE_CREDIT,      /* client.credit_message; the message holds a reference */
    LANE_SUBMIT,      /* request.message */
    LANE_SUBMIT_MANY, /* request_group.message */
    LANE_FAILED,      /* request.message: the send lane could not write it, and gives its reference back */
    LANE_BLOCK,       /* block.message */
    LANE_FORWARDS,    /* forward_list.message; the message holds a reference */
    LANE_STOP,        /* process_lane.stop_message: close all clients, and tell when all have ended */
};

enum {
    LANE_DRAFTS = 2 * SMP_BATCH_COUNT_MAX, /* most events of one block */
    LANE_RANDOM = 64 * SMP_CORRELATION_ID_SIZE,
    LANE_TEXTS = 16384,
};

struct process_lane {
    struct smq_context *context;
    unsigned index;
    struct actor *actor;
    struct message stop_message;

    /* the lane's thread */
    bool stopping;
    bool told_end;                /* to the context, after `stopping`: no client uses the net any more */
    uint32_t stop_limit_ms;       /* with stop_message: most time for a client's close */
    struct smq_client *clients;   /* that have not ended, or whose events wait for credit */
    uint32_t live;                /* of them, those that have not ended */
    struct client_flush *flushed; /* to be told at the end of the turn */
    struct request_table requests;
    struct registry registry;
    uint8_t random[LANE_RANDOM]; /* drawn at once, used as correlation ids */
    size_t random_left;
    /* events being made for one client: they point into the block, to handles and to `texts` until they are packed */
    struct smq_event drafts[LANE_DRAFTS];
    size_t draft_count;
    char texts[LANE_TEXTS];
    size_t text_used;
};

extern const struct actor_ops process_lane_ops;

/* Before the actor runs, and after it ended. */
enum smq_result process_lane_init(struct process_lane *lane, struct smq_context *context, unsigned index);
void client_lane_destroy(struct process_lane *lane);

/* -- for the parts of the lane, on its thread -- */

/* An event to fill in; zero but for kind, client and user. Handles put into it are references that it owns. Delivers
 * what is there when there is no more room. */
struct smq_event *lane_draft(struct process_lane *lane, struct smq_client *client, enum smq_event_kind kind);
/* Room for an error text in `lane`: formats `error`. Valid until the next delivery. */
const char *lane_error_text(struct process_lane *lane, const struct smp_error *error);
/* Packs the drafts into one batch for the client's consumer. */
void lane_deliver(struct process_lane *lane, struct smq_client *client);
/* Hands `batch` to the client's consumer, or keeps it until there is credit, with the connection paused. */
void lane_put(struct smq_client *client, struct smq_batch *batch);

/* lane_requests.c */
/* A request of a caller; refused while its client is being closed, as those of lane_submit_many. */
void lane_submit(struct process_lane *lane, struct request *request);
/* Registers and sends a request alone, to the client's router. */
void lane_send_single(struct process_lane *lane, struct request *request);
/* Ends a request that never was in the table, or is not any more, like `cause`: its result, protocol and error text.
 * Takes over the reference. */
void lane_refuse(struct process_lane *lane, struct request *request, const struct smq_event *cause);
void lane_submit_many(struct process_lane *lane, struct request_group *group);
void lane_request_failed(struct process_lane *lane, struct request *request);
/* Ends every request of `client` with `result`. */
void lane_end_requests(struct process_lane *lane, struct smq_client *client, enum smq_result result);
/* Takes `request`, which got its response, out of the table. The reference of the table is the caller's then. */
void lane_take_request(struct process_lane *lane, struct request *request);
/* Ends a pending request that was taken, and gives up its reference. `outcome` tells result, error, data and
 * handles, which are taken over. */
void lane_complete(struct process_lane *lane, struct request *request, struct smq_event *outcome);
/* Gives up the references of an event that is not packed. */
void event_release_handles(struct smq_event *event);

/* lane_blocks.c: opens a block of a client in CLIENT_READY and handles all of it. */
void lane_block(struct process_lane *lane, struct smq_client *client, struct block *block);

/* outcome.c: what a response means for the command. Fills in result, error, data and handles of `outcome`, which may
 * point into `block`. */
void request_outcome(struct process_lane *lane, struct request *request, const struct smp_response *response,
                     struct block *block, struct smq_event *outcome);
/* Fills in the message of a MSG; `queue` may be NULL: its body stays encrypted. Opens the body in `block`. */
void message_outcome(const struct smq_client *client, struct smq_receive_queue *queue,
                     const struct smp_response *response, struct block *block, struct smq_event *outcome);
/* The same for an NMSG. */
void notification_outcome(struct smq_notifier *notifier, const struct smp_response *response, struct block *block,
                          struct smq_event *outcome);
