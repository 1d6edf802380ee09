/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests in the process lane: registration, time-outs, ends.
 *
 * A request is in the table and in its client's list from its registration to its response. A time-out ends it for
 * the caller (`pending` false) but leaves it there for some time, so that a late response is recognised; only a
 * single command that the send lane has not written yet is taken out and never sent. */
#include "actors/client/lane.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/smp/batch.h"

static void draw_correlation_id(struct process_lane *lane, uint8_t *correlation_id) {
    if (lane->random_left < SMP_CORRELATION_ID_SIZE) {
        random_bytes(lane->random, sizeof(lane->random));
        lane->random_left = sizeof(lane->random);
    }
    lane->random_left -= SMP_CORRELATION_ID_SIZE;
    memcpy(correlation_id, lane->random + lane->random_left, SMP_CORRELATION_ID_SIZE);
    secret_wipe(lane->random + lane->random_left, SMP_CORRELATION_ID_SIZE);
}

static void link_request(struct process_lane *lane, struct request *request) {
    struct smq_client *client = request->client;
    request_table_add(&lane->requests, request);
    request->client_previous = NULL;
    request->client_next = client->outstanding;
    if (client->outstanding != NULL) {
        client->outstanding->client_previous = request;
    }
    client->outstanding = request;
}

void lane_take_request(struct process_lane *lane, struct request *request) {
    wheel_cancel(actor_wheel(lane->actor), &request->timer);
    request_table_remove(&lane->requests, request);
    if (request->client_next != NULL) {
        request->client_next->client_previous = request->client_previous;
    }
    if (request->client_previous != NULL) {
        request->client_previous->client_next = request->client_next;
    } else {
        request->client->outstanding = request->client_next;
    }
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
    if (outcome->entity_id.length == 0) {
        outcome->entity_id = (struct smq_bytes){request->entity.bytes, request->entity.length};
    }
    if (request->promise != NULL) {
        bool wanted = outcome->result != SMQ_OK || command_rule(request->command)->has_answer;
        struct smq_batch *batch = wanted ? batch_create(outcome, 1) : NULL;
        if (batch == NULL) {
            event_release_handles(outcome);
        }
        if (!promise_set(request->promise, outcome->result, batch)) {
            smq_batch_release(&batch);
        }
    } else if (request->internal) {
        event_release_handles(outcome);
    } else {
        *lane_draft(lane, request->client, SMQ_EVENT_COMPLETED) = *outcome;
    }
}

void lane_complete(struct process_lane *lane, struct request *request, struct smq_event *outcome) {
    tell_outcome(lane, request, outcome);
    request_release(request);
}

/* A request that never was in the table. */
static void refuse(struct process_lane *lane, struct request *request, enum smq_result result) {
    struct smq_client *client = client_reference(request->client);
    atomic_fetch_sub_explicit(&client->unsent_bytes, request->data_size, memory_order_relaxed);
    struct smq_event outcome = {.result = result};
    lane_complete(lane, request, &outcome);
    lane_deliver(lane, client);
    client_release(client);
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
    struct smq_client *client = client_reference(request->client);
    atomic_fetch_add_explicit(&client->timeouts, 1, memory_order_relaxed);
    struct smq_event outcome = {.result = SMQ_ERR_TIMEOUT};
    tell_outcome(lane, request, &outcome);
    uint32_t stage = REQUEST_QUEUED;
    if (!request->batch && atomic_compare_exchange_strong_explicit(&request->stage, &stage, REQUEST_EXPIRED,
                                                                   memory_order_acq_rel, memory_order_acquire)) {
        lane_take_request(lane, request);
        lane_deliver(lane, client);
        request_release(request);
    } else {
        request->timer.fire = forget;
        wheel_add(actor_wheel(lane->actor), &request->timer, actor_now_ms(lane->actor) + REQUEST_LATE_MS);
        lane_deliver(lane, client);
    }
    client_release(client);
}

/* What arrives for a queue must be opened even when it comes before the response. */
static enum smq_result register_handles(struct process_lane *lane, const struct request *request) {
    bool queue = request->command == SMQ_COMMAND_SUBSCRIBE || request->command == SMQ_COMMAND_GET_MESSAGE;
    if (queue) {
        return registry_add(&lane->registry, request->client, request->receive_queue, NULL);
    }
    return request->command == SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS
               ? registry_add(&lane->registry, request->client, NULL, request->notifier)
               : SMQ_OK;
}

/* What the session's version has no room for would be left out silently. */
static bool version_carries(const struct request *request) {
    uint16_t version = request->client->session.version;
    const struct smp_new *create = &request->body.create;
    return request->command != SMQ_COMMAND_CREATE || ((!create->has_link || version >= SMP_VERSION_SHORT_LINKS) &&
                                                      (!create->has_notifier || version >= SMP_VERSION_NEW_NOTIFIER));
}

void lane_submit(struct process_lane *lane, struct request *request) {
    struct smq_client *client = request->client;
    enum smq_result result = SMQ_OK;
    if (client->phase != CLIENT_READY) {
        result = client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED;
    } else if (!version_carries(request)) {
        result = SMQ_ERR_VERSION;
    } else {
        result = register_handles(lane, request);
    }
    if (result != SMQ_OK) {
        refuse(lane, request, result);
        return;
    }
    if (command_rule(request->command)->enables_pings) {
        atomic_store_explicit(&client->ping_enabled, true, memory_order_relaxed);
    }
    if (!request->has_nonce) {
        draw_correlation_id(lane, request->correlation_id);
    }
    request->pending = true;
    request->outgoing.kind = OUTGOING_COMMAND;
    request->timer = (struct wheel_timer){.fire = time_out};
    link_request(lane, request);
    wheel_add(actor_wheel(lane->actor), &request->timer, actor_now_ms(lane->actor) + request->timeout_ms);
    atomic_fetch_add_explicit(&request->references, 1, memory_order_relaxed); /* the send lane's */
    if (connection_send(client->connection, &request->outgoing) != SMQ_OK) {
        request_release(request);
        lane_take_request(lane, request);
        refuse(lane, request, SMQ_ERR_CLOSED);
    }
}

/* Marks where blocks of a batch start, packed from its end. Without memory the send lane packs from the front. */
static void mark_blocks(struct request_group *group) {
    const struct smq_client *client = group->first->client;
    size_t *sizes = memory_zalloc_array(group->count, sizeof(size_t));
    struct smp_batch_part *parts = memory_zalloc_array(group->count, sizeof(struct smp_batch_part));
    if (sizes != NULL && parts != NULL) {
        struct smp_envelope envelope = smp_session_envelope(&client->session);
        size_t i = 0;
        for (struct request *request = group->first; request != NULL; request = request->group_next) {
            size_t command_length = strlen(smp_command_info(request->body.tag)->text);
            sizes[i++] = smp_transmission_size(&envelope, queue_key_authorization_length(request->key), false,
                                               SMP_CORRELATION_ID_SIZE, request->entity.length, command_length);
        }
        size_t count = smp_batch_split(sizes, group->count, parts);
        struct request *request = group->first;
        for (size_t part = 0; part < count; part++) {
            request->block_start = true;
            for (size_t skipped = 0; skipped < parts[part].count; skipped++) {
                request = request->group_next;
            }
        }
    }
    memory_free(sizes);
    memory_free(parts);
}

void lane_submit_many(struct process_lane *lane, struct request_group *group) {
    if (group->first->client->phase == CLIENT_READY) {
        mark_blocks(group);
    }
    for (struct request *request = group->first, *next; request != NULL; request = next) {
        next = request->group_next;
        lane_submit(lane, request);
    }
    memory_free(group);
}

void lane_request_failed(struct process_lane *lane, struct request *request) {
    struct smq_client *client = client_reference(request->client);
    if (request->pending) {
        lane_take_request(lane, request);
        struct smq_event outcome = {.result = request->failure};
        lane_complete(lane, request, &outcome);
        lane_deliver(lane, client);
    }
    request_release(request); /* the send lane's */
    client_release(client);
}

void lane_end_requests(struct process_lane *lane, struct smq_client *client, enum smq_result result) {
    while (client->outstanding != NULL) {
        struct request *request = client->outstanding;
        lane_take_request(lane, request);
        if (request->pending) {
            struct smq_event outcome = {.result = result};
            lane_complete(lane, request, &outcome);
        } else {
            request_release(request);
        }
    }
    lane_deliver(lane, client);
}
