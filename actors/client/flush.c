/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Flushing and closing clients. Every command gets a number when it comes to the process lane; a flush waits for those
 * that have no outcome when it comes, a close for all, and neither longer than its time. */
#include "actors/client/flush.h"

#include "actors/client/lane.h"
#include "queues/base/memory.h"

void flush_free(struct client_flush *flush) {
    promise_release(&flush->promise);
    client_release(flush->client);
    memory_free(flush);
}

/* To be told at the end of the turn, when the outcomes of its commands are delivered. */
static void finish(struct process_lane *lane, struct client_flush *flush, enum smq_result result) {
    wheel_cancel(actor_wheel(lane->actor), &flush->timer);
    flush->result = result;
    flush->next = lane->flushed;
    lane->flushed = flush;
}

static void unlink_flush(struct smq_client *client, const struct client_flush *flush) {
    struct client_flush **link = &client->flushes;
    while (*link != flush)
        link = &(*link)->next;
    *link = flush->next;
}

static void time_out(struct wheel_timer *timer) {
    struct client_flush *flush = (struct client_flush *)(void *)((char *)timer - offsetof(struct client_flush, timer));
    unlink_flush(flush->client, flush);
    finish(flush->client->lane, flush, SMQ_ERR_TIMEOUT);
}

void flush_receive(struct process_lane *lane, struct client_flush *flush) {
    struct smq_client *client = flush->client;
    uint64_t deadline_ms = actor_now_ms(lane->actor) + flush->timeout_ms;
    if (flush->closes)
        flush_close(lane, client, deadline_ms);
    if (client->phase == CLIENT_CLOSED) {
        enum smq_result reason = client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED;
        finish(lane, flush, flush->closes ? client->end_result : reason);
        return;
    }
    if (!flush->closes && client->unanswered == 0) {
        finish(lane, flush, SMQ_OK);
        return;
    }
    flush->last = client->last_number;
    flush->unanswered = client->unanswered;
    flush->next = client->flushes;
    client->flushes = flush;
    if (!flush->closes) {
        flush->timer.fire = time_out;
        wheel_add(actor_wheel(lane->actor), &flush->timer, deadline_ms);
    }
}

bool flush_admit(struct smq_client *client, struct request *request) {
    if (client->own_close)
        return false;
    if (!request->internal) {
        request->number = ++client->last_number;
        client->unanswered++;
    }
    return true;
}

static void close_now(struct smq_client *client) {
    if (client->connection != NULL)
        connection_close(client->connection, SMQ_ERR_CANCELLED, false);
}

void flush_outcome_told(struct process_lane *lane, const struct request *request) {
    struct smq_client *client = request->client;
    if (request->number == 0)
        return;
    client->unanswered--;
    if (client->phase == CLIENT_CLOSED) /* see flush_commands_ended */
        return;
    for (struct client_flush **link = &client->flushes; *link != NULL;) {
        struct client_flush *flush = *link;
        if (!flush->closes && request->number <= flush->last && --flush->unanswered == 0) {
            *link = flush->next;
            finish(lane, flush, SMQ_OK);
        } else {
            link = &flush->next;
        }
    }
    if (client->own_close && client->unanswered == 0)
        close_now(client);
}

static void close_timed_out(struct wheel_timer *timer) {
    struct smq_client *client = (struct smq_client *)(void *)((char *)timer - offsetof(struct smq_client, close_timer));
    client->cut_off = true;
    close_now(client);
}

void flush_close(struct process_lane *lane, struct smq_client *client, uint64_t deadline_ms) {
    if (client->phase == CLIENT_CLOSED || (client->own_close && deadline_ms >= client->close_deadline_ms))
        return;
    client->own_close = true;
    client->close_deadline_ms = deadline_ms;
    if (client->phase != CLIENT_READY || client->unanswered == 0) {
        close_now(client);
    } else {
        client->close_timer.fire = close_timed_out;
        wheel_add(actor_wheel(lane->actor), &client->close_timer, deadline_ms);
    }
}

void flush_tell(struct process_lane *lane) {
    while (lane->flushed != NULL) {
        struct client_flush *flush = lane->flushed;
        lane->flushed = flush->next;
        if (flush->promise != NULL) {
            (void)promise_set(flush->promise, flush->result, NULL);
        } else {
            struct smq_event *event = lane_draft(lane, flush->client, SMQ_EVENT_FLUSHED);
            event->result = flush->result;
            event->tag = flush->tag;
            lane_deliver(lane, flush->client);
        }
        flush_free(flush);
    }
}

static void finish_all(struct process_lane *lane, struct smq_client *client, bool closes, enum smq_result result) {
    for (struct client_flush **link = &client->flushes; *link != NULL;) {
        struct client_flush *flush = *link;
        if (flush->closes == closes) {
            *link = flush->next;
            finish(lane, flush, result);
        } else {
            link = &flush->next;
        }
    }
}

void flush_commands_ended(struct process_lane *lane, struct smq_client *client, uint32_t unanswered) {
    wheel_cancel(actor_wheel(lane->actor), &client->close_timer);
    client->end_result = unanswered == 0 ? SMQ_OK : client->cut_off ? SMQ_ERR_TIMEOUT : SMQ_ERR_CLOSED;
    finish_all(lane, client, false, client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED);
    flush_tell(lane);
}

void flush_client_ended(struct process_lane *lane, struct smq_client *client) {
    finish_all(lane, client, true, client->end_result);
}
