/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests in the process lane: registration, time-outs, ends.
 *
 * A request is in the table and in its client's list from its registration to its response. A time-out ends it for
 * the caller (`pending` false) but leaves it there for some time, so that a late response is recognised; only a
 * single command that the send lane has not written yet is taken out and never sent. */
#include "actors/client/lane.h"

#include <string.h>

#include "actors/client/flush.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"

static void draw_correlation_id(struct process_lane *lane, uint8_t *correlation_id) {
    if (lane->random_left < CORRELATION_ID_SIZE) {
        random_bytes(lane->random, sizeof(lane->random));
        lane->random_left = sizeof(lane->random);
    }
    lane->random_left -= CORRELATION_ID_SIZE;
    memcpy(correlation_id, lane->random + lane->random_left, CORRELATION_ID_SIZE);
    secret_wipe(lane->random + lane->random_left, CORRELATION_ID_SIZE);
}

static void link_request(struct process_lane *lane, struct request *request) {
    struct smq_client *client = request->client;
    request_table_add(&lane->requests, request);
    request->client_previous = NULL;
    request->client_next = client->outstanding;
    if (client->outstanding != NULL)
        client->outstanding->client_previous = request;
    client->outstanding = request;
}

void lane_take_request(struct process_lane *lane, struct request *request) {
    wheel_cancel(actor_wheel(lane->actor), &request->timer);
    request_table_remove(&lane->requests, request);
    if (request->client_next != NULL)
        request->client_next->client_previous = request->client_previous;
    if (request->client_previous != NULL)
        request->client_previous->client_next = request->client_next;
    else
        request->client->outstanding = request->client_next;
}

/* Failures that the process lane itself decides on carry the command's handles and id, too. */
static void add_origin(struct smq_event *outcome, const struct request *request) {
    outcome->entity_id = (struct smq_bytes){request->entity.bytes, request->entity.length};
    request->client->protocol->add_origin(request, outcome);
}

/* Tells the caller. Afterwards the request is not pending. */
static void tell_outcome(struct process_lane *lane, struct request *request, struct smq_event *outcome) {
    request->pending = false;
    atomic_fetch_sub_explicit(&request->client->commands, 1, memory_order_relaxed);
    outcome->kind = SMQ_EVENT_COMPLETED;
    outcome->command = request->command;
    outcome->tag = request->tag;
    outcome->client = request->client;
    outcome->user = request->client->options.user;
    if (request->promise != NULL) {
        bool wanted = outcome->result != SMQ_OK || request->client->protocol->rule(request->command)->has_answer;
        struct smq_batch *batch = wanted ? batch_create(outcome, 1) : NULL;
        if (batch == NULL)
            event_release_handles(outcome);
        if (!promise_set(request->promise, outcome->result, batch))
            smq_batch_release(&batch);
    } else if (request->owner != NULL) {
        request->owner->completed(request->owner, request, outcome);
        event_release_handles(outcome);
    } else if (request->internal) {
        event_release_handles(outcome);
    } else {
        *lane_draft(lane, request->client, SMQ_EVENT_COMPLETED) = *outcome;
    }
    flush_outcome_told(lane, request);
}

/* The same for a failure of our own. It is delivered at once, since it points into the request. */
static void tell_failure_like(struct process_lane *lane, struct request *request, const struct smq_event *cause) {
    struct smq_event outcome = {.result = cause->result, .protocol = cause->protocol, .error_text = cause->error_text};
    add_origin(&outcome, request);
    tell_outcome(lane, request, &outcome);
    lane_deliver(lane, request->client);
}

static void tell_failure(struct process_lane *lane, struct request *request, enum smq_result result) {
    tell_failure_like(lane, request, &(struct smq_event){.result = result});
}

void lane_complete(struct process_lane *lane, struct request *request, struct smq_event *outcome) {
    tell_outcome(lane, request, outcome);
    request_release(request);
}

void lane_refuse(struct process_lane *lane, struct request *request, const struct smq_event *cause) {
    atomic_fetch_sub_explicit(&request->client->unsent_bytes, request->data_size, memory_order_relaxed);
    tell_failure_like(lane, request, cause);
    request_release(request);
}

static void refuse(struct process_lane *lane, struct request *request, enum smq_result result) {
    lane_refuse(lane, request, &(struct smq_event){.result = result});
}

static struct process_lane *lane_of(const struct request *request) {
    return request->client->lane;
}

/* The response did not even come late. */
static void forget(struct wheel_timer *timer) {
    struct request *request = (struct request *)(void *)((char *)timer - offsetof(struct request, timer));
    lane_take_request(lane_of(request), request);
    request_release(request);
}

static void time_out(struct wheel_timer *timer) {
    struct request *request = (struct request *)(void *)((char *)timer - offsetof(struct request, timer));
    struct process_lane *lane = lane_of(request);
    atomic_fetch_add_explicit(&request->client->timeouts, 1, memory_order_relaxed);
    tell_failure(lane, request, SMQ_ERR_TIMEOUT);
    uint32_t stage = REQUEST_QUEUED;
    bool unsent =
        !request->batch && atomic_compare_exchange_strong_explicit(&request->stage, &stage, REQUEST_EXPIRED,
                                                                   memory_order_acq_rel, memory_order_acquire);
    if (unsent) {
        lane_take_request(lane, request);
        request_release(request);
    } else {
        request->timer.fire = forget;
        wheel_add(actor_wheel(lane->actor), &request->timer, actor_now_ms(lane->actor) + REQUEST_LATE_MS);
    }
}

/* Puts the request into the table, ready to be sent, with a reference for the send lane. */
static enum smq_result enter(struct process_lane *lane, struct request *request) {
    struct smq_client *client = request->client;
    if (client->phase != CLIENT_READY)
        return client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED;
    enum smq_result result = client->protocol->enter(lane, request);
    if (result != SMQ_OK)
        return result;
    if (client->protocol->rule(request->command)->enables_pings)
        atomic_store_explicit(&client->ping_enabled, true, memory_order_relaxed);
    if (!request->has_nonce)
        draw_correlation_id(lane, request->correlation_id);
    request->pending = true;
    request->outgoing.kind = OUTGOING_COMMAND;
    request->timer = (struct wheel_timer){.fire = time_out};
    link_request(lane, request);
    wheel_add(actor_wheel(lane->actor), &request->timer, actor_now_ms(lane->actor) + request->timeout_ms);
    atomic_fetch_add_explicit(&request->references, 1, memory_order_relaxed);
    return SMQ_OK;
}

/* Sends `count` requests, chained from `first` on, as one item. When the connection is closed they are refused. */
static void send_part(struct process_lane *lane, struct request *first, uint32_t count) {
    first->part_count = count;
    if (connection_send(first->client->connection, &first->outgoing) == SMQ_OK)
        return;
    struct request *request = first, *next;
    for (uint32_t i = 0; i < count; i++, request = next) {
        next = request->group_next;
        lane_take_request(lane, request);
        request_release(request); /* the send lane's reference */
        refuse(lane, request, SMQ_ERR_CLOSED);
    }
}

void lane_submit(struct process_lane *lane, struct request *request) {
    if (!flush_admit(request->client, request))
        refuse(lane, request, SMQ_ERR_CANCELLED);
    else if (!request->client->protocol->diverts(lane, request))
        lane_send_single(lane, request);
}

void lane_send_single(struct process_lane *lane, struct request *request) {
    enum smq_result result = enter(lane, request);
    if (result == SMQ_OK)
        send_part(lane, request, 1);
    else
        refuse(lane, request, result);
}

/* Refuses those that cannot be sent; chains and counts the others. */
static struct request *enter_all(struct process_lane *lane, struct request *first, size_t *count) {
    struct request *entered = NULL, **link = &entered;
    *count = 0;
    for (struct request *request = first, *next; request != NULL; request = next) {
        next = request->group_next;
        enum smq_result result = flush_admit(request->client, request) ? enter(lane, request) : SMQ_ERR_CANCELLED;
        if (result != SMQ_OK) {
            refuse(lane, request, result);
            continue;
        }
        *link = request;
        link = &request->group_next;
        ++*count;
    }
    *link = NULL;
    return entered;
}

void lane_submit_many(struct process_lane *lane, struct request_group *group) {
    size_t count;
    struct request *request = enter_all(lane, group->first, &count);
    uint32_t *sizes = request == NULL ? NULL : memory_zalloc_array(count, sizeof(uint32_t));
    bool is_split = sizes != NULL && request->client->protocol->split(request, count, sizes) == SMQ_OK;
    for (size_t part = 0; request != NULL; part++) {
        uint32_t size = is_split ? sizes[part] : 1;
        struct request *first = request;
        for (uint32_t i = 0; i < size && request != NULL; i++)
            request = request->group_next;
        send_part(lane, first, size);
    }
    memory_free(sizes);
    memory_free(group);
}

void lane_request_failed(struct process_lane *lane, struct request *request) {
    if (request->pending) {
        lane_take_request(lane, request);
        tell_failure(lane, request, request->failure);
        request_release(request); /* the table's */
    }
    request_release(request); /* the send lane's */
}

void lane_end_requests(struct process_lane *lane, struct smq_client *client, enum smq_result result) {
    while (client->outstanding != NULL) {
        struct request *request = client->outstanding;
        lane_take_request(lane, request);
        if (request->pending)
            tell_failure(lane, request, result);
        request_release(request);
    }
}
