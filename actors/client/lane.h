/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Process lane of clients: registers requests, opens blocks, matches responses, times out. It owns the changing
 * state of the clients pinned to it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client/post.h"
#include "actors/client/request.h"
#include "actors/client/request_table.h"
#include "actors/client/smq/client.h"
#include "actors/runtime/actor.h"
#include "queues/promise.h"

enum {
    LANE_DRAFTS = 2 * BLOCK_TRANSMISSIONS_MAX, /* most events of one block */
    LANE_RANDOM = 64 * CORRELATION_ID_SIZE,
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
    void *states[CLIENT_PROTOCOLS]; /* what each protocol keeps */
    uint8_t random[LANE_RANDOM];    /* drawn at once, used as correlation ids */
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

/* lane_events.c */
/* An event to fill in; zero but for kind, client and user. Handles put into it are references that it owns. Delivers
 * what is there when there is no more room. */
struct smq_event *lane_draft(struct process_lane *lane, struct smq_client *client, enum smq_event_kind kind);
/* Room for a text of SMQ_ERROR_TEXT_SIZE bytes, which lives until the next delivery; lane_text_written says that it is
 * there. NULL: there is no more room. */
char *lane_text_room(struct process_lane *lane);
const char *lane_text_written(struct process_lane *lane);
/* Packs the drafts into one batch for the client's consumer. */
void lane_deliver(struct process_lane *lane, struct smq_client *client);
/* Hands `batch` to the client's consumer, or keeps it until there is credit, with the connection paused. */
void lane_put(struct smq_client *client, struct smq_batch *batch);

/* Puts a new client on the lane's list, which takes over the reference. */
void lane_add_client(struct process_lane *lane, struct smq_client *client);
/* Gives up the lane's reference: after the end of the client, when all its events are delivered. */
void lane_forget_client(struct process_lane *lane, struct smq_client *client);
/* Credit may be back: puts what waits, in order. */
void lane_put_waiting(struct process_lane *lane, struct smq_client *client);
/* The lane ends: what waits goes to the consumer without credit, since nobody could put it there later. */
void lane_put_the_rest(struct smq_client *client);

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

/* responses.c */
/* The request with this correlation id, taken out of the table: its reference is the caller's, who ends it by one of
 * the next two. NULL: there is none. */
struct request *lane_claim(struct process_lane *lane, struct smq_client *client, struct slice correlation_id);
/* Ends it with its `outcome`, as lane_complete does, or as a late one. */
void lane_conclude(struct process_lane *lane, struct request *request, struct smq_event *outcome);
/* Ends it with a response that means nothing. */
void lane_fail(struct process_lane *lane, struct request *request, enum smq_result result, const char *text,
               struct slice entity_id);
/* An event that says that something came which no command asked for. */
void lane_draft_unexpected(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                           const char *text);
