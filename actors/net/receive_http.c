/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading and writing connections of HTTP. One lane does both, so that the engine has one owner; records pass through
 * two buffers of the lane. What a full socket does not take stays in TLS, or, without TLS, in a copy; nothing more is
 * asked of the engine until it is gone. The send lane only ends the connection. */
#include <string.h>

#include "actors/net/http_private.h"
#include "queues/base/memory.h"
#include "transport/net/socket.h"

enum {
    STEPS_A_TURN = 8,
    LAST_STEPS = 32, /* records that are written of what there is when the net ends */
};

static struct receive_lane *lane_of(const struct http_connection *http) {
    return http->connection->net->receive_lanes[http->connection->receive_lane];
}

void *receive_http_frame_buffer(const struct http_connection *http) {
    return lane_of(http)->frame_buffer;
}

void receive_http_touch(struct http_connection *http) {
    if (!http->is_in_turn && !http->is_ended && http->connection->stage == STAGE_UP)
        receive_append_pending(lane_of(http), http->connection);
}

/* ---- reading */

static enum smq_result read_bytes_of(struct receive_lane *lane, struct http_connection *http, size_t *length,
                                     bool *holds, enum tls_want *want) {
    struct connection *connection = http->connection;
    if (!connection->is_plain)
        return tls_read(connection->tls, lane->input, sizeof lane->input, length, holds, want);
    enum smq_result result = socket_receive(connection->descriptor, lane->input, sizeof lane->input, length);
    *holds = result == SMQ_OK && *length == sizeof lane->input;
    return result;
}

/* The peer ended its side: what it asked for before may still be answered. */
static enum smq_result input_ends(struct http_connection *http, enum smq_result reason) {
    http->input_is_over = true;
    bool goes_on = http->engine != NULL && http->engine->input_ended(http->state);
    return goes_on ? SMQ_OK : reason;
}

/* SMQ_OK, or the end. */
static enum smq_result read_step(struct receive_lane *lane, struct http_connection *http) {
    enum tls_want want = TLS_WANT_READ;
    size_t length = 0;
    bool holds = false;
    if (!http->may_read || http->reads_by_write || lane->is_reading_stopped || !http_connection_wants_input(http))
        return SMQ_OK;
    enum smq_result result = read_bytes_of(lane, http, &length, &holds, &want);
    if (result == SMQ_OK) {
        http->may_read = holds;
        atomic_store_explicit(&http->connection->last_received_ms, lane->now_ms, memory_order_relaxed);
        return http_connection_receive(http, slice_of(lane->input, length), lane->now_ms);
    }
    http->may_read = false;
    http->reads_by_write = result == SMQ_ERR_AGAIN && want == TLS_WANT_WRITE;
    if (result == SMQ_ERR_AGAIN)
        return SMQ_OK;
    return result == SMQ_ERR_CLOSED ? input_ends(http, result) : result;
}

/* ---- writing */

static bool has_output(const struct http_connection *http) {
    return http->in_tls > 0 || http->unsent != NULL || (http->engine != NULL && http->engine->has_output(http->state));
}

static enum smq_result write_by_tls(struct receive_lane *lane, struct http_connection *http, size_t length, bool more) {
    enum tls_want want = TLS_WANT_WRITE;
    enum smq_result result = tls_write(http->connection->tls, lane->output, length, more, &want);
    http->in_tls = result == SMQ_ERR_AGAIN ? length : 0;
    return result == SMQ_ERR_AGAIN && want == TLS_WANT_READ ? SMQ_ERR_TLS : result;
}

static enum smq_result keep_unsent(struct http_connection *http, const uint8_t *bytes, size_t length) {
    http->unsent = memory_alloc(length);
    if (http->unsent == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(http->unsent, bytes, length);
    http->unsent_start = 0;
    http->unsent_length = length;
    return SMQ_ERR_AGAIN;
}

static enum smq_result write_unsent(struct http_connection *http) {
    size_t sent = 0;
    enum smq_result result = socket_send(http->connection->descriptor, http->unsent + http->unsent_start,
                                         http->unsent_length - http->unsent_start, &sent);
    if (result != SMQ_OK)
        return result;
    http->unsent_start += sent;
    if (http->unsent_start == http->unsent_length) {
        memory_free(http->unsent);
        http->unsent = NULL;
    }
    return SMQ_OK;
}

static enum smq_result write_plain(const struct receive_lane *lane, struct http_connection *http, size_t length) {
    size_t sent = 0;
    enum smq_result result = socket_send(http->connection->descriptor, lane->output, length, &sent);
    if (result == SMQ_ERR_AGAIN || (result == SMQ_OK && sent < length))
        return keep_unsent(http, lane->output + sent, length - sent);
    return result;
}

/* Writes a record, of what was left or is next. SMQ_ERR_EMPTY: nothing to write; SMQ_ERR_AGAIN: the socket is full. */
static enum smq_result write_record(struct receive_lane *lane, struct http_connection *http, bool may_follow) {
    size_t length = http->in_tls;
    if (http->unsent != NULL)
        return write_unsent(http);
    if (length == 0) {
        enum smq_result result =
            http->engine == NULL
                ? SMQ_ERR_EMPTY
                : http->engine->output(http->state, lane->output, sizeof lane->output, lane->now_ms, &length);
        if (result != SMQ_OK)
            return result;
    }
    if (http->connection->is_plain)
        return write_plain(lane, http, length);
    http->owes_push = may_follow && has_output(http);
    return write_by_tls(lane, http, length, http->owes_push);
}

static enum smq_result write_step(struct receive_lane *lane, struct http_connection *http, bool may_follow) {
    if (http->is_blocked || http->is_done)
        return SMQ_OK;
    enum smq_result result = write_record(lane, http, may_follow);
    if (result == SMQ_OK) {
        http->taken_ms = lane->now_ms;
        atomic_store_explicit(&http->connection->last_sent_ms, lane->now_ms, memory_order_relaxed);
    }
    if (result == SMQ_ERR_AGAIN && !http->is_blocked) {
        http->is_blocked = true;
        http->taken_ms = lane->now_ms;
    }
    return result == SMQ_ERR_AGAIN || result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

/* ---- turns */

static bool can_go_on(const struct receive_lane *lane, const struct http_connection *http) {
    bool can_read = http->may_read && !http->reads_by_write && !lane->is_reading_stopped;
    return !http->is_done &&
           ((can_read && http_connection_wants_input(http)) || (!http->is_blocked && has_output(http)));
}

static void expire(struct wheel_timer *timer) {
    struct http_connection *http = caa_container_of(timer, struct http_connection, timer);
    struct receive_lane *lane = lane_of(http);
    lane->now_ms = actor_now_ms(lane->actor);
    enum smq_result result = http_connection_expire(http, lane->now_ms);
    if (result != SMQ_OK && http->is_blocked)
        receive_end(lane, http->connection, result);
    else if (result != SMQ_OK)
        connection_close(http->connection, result, true);
    receive_http(lane, http->connection);
}

static void arm(struct receive_lane *lane, struct http_connection *http) {
    uint64_t deadline_ms = http_connection_deadline(http);
    http->timer.fire = expire;
    if (deadline_ms == UINT64_MAX)
        wheel_cancel(actor_wheel(lane->actor), &http->timer);
    else if (!wheel_timer_is_active(&http->timer) || http->timer.deadline_ms != deadline_ms)
        wheel_add(actor_wheel(lane->actor), &http->timer, deadline_ms);
}

/* All is written: the rest is as with blocks. */
static void finish(struct http_connection *http, enum smq_result reason) {
    http->is_done = true;
    connection_begin_flush(http->connection, reason);
    connection_request_send(http->connection, SEND_FLUSH);
}

static void settle(struct receive_lane *lane, struct http_connection *http) {
    struct connection *connection = http->connection;
    enum smq_result reason = SMQ_ERR_CLOSED;
    bool has_rest = http->in_tls > 0 || http->unsent != NULL;
    if (!has_rest && !http->is_done && http_connection_is_over(http, &reason))
        finish(http, reason);
    if (can_go_on(lane, http))
        receive_append_pending(lane, connection);
    bool reads = !http->may_read && !lane->is_reading_stopped && http_connection_wants_input(http);
    unsigned interest = (reads && !http->reads_by_write ? (unsigned)POLL_READ : 0) |
                        (http->is_blocked || http->reads_by_write ? (unsigned)POLL_WRITE : 0);
    receive_set_interest(lane, connection, interest);
    if (connection->stage == STAGE_UP)
        arm(lane, http);
}

void receive_http(struct receive_lane *lane, struct connection *connection) {
    struct http_connection *http = connection->http;
    if (connection->stage != STAGE_UP || http->is_in_turn)
        return;
    enum smq_result result = SMQ_OK;
    http->is_in_turn = true;
    for (int left = STEPS_A_TURN; left > 0 && result == SMQ_OK; left--) {
        result = read_step(lane, http);
        if (result == SMQ_OK)
            result = write_step(lane, http, left > 1);
        if (!can_go_on(lane, http))
            break;
    }
    if (http->owes_push)
        socket_push(connection->descriptor);
    http->owes_push = http->is_in_turn = false;
    if (result == SMQ_OK)
        settle(lane, http);
    else
        receive_end(lane, connection, result);
}

void receive_http_event(struct receive_lane *lane, struct connection *connection, unsigned events) {
    struct http_connection *http = connection->http;
    if ((events & POLL_FAILED) != 0 && (connection->interest & POLL_READ) == 0 && !http->is_blocked) {
        receive_end(lane, connection, SMQ_ERR_NETWORK);
        return;
    }
    if ((events & (POLL_READ | POLL_FAILED)) != 0)
        http->may_read = true;
    if ((events & (POLL_WRITE | POLL_FAILED)) != 0)
        http->is_blocked = http->reads_by_write = false;
    receive_http(lane, connection);
}

/* ---- beginning and end */

bool receive_speaks_http(const struct connection *connection) {
    const struct http_service *service = connection->http_service;
    if (connection->is_client || connection->is_plain || service == NULL)
        return service != NULL;
    return service->speaks_http == NULL || service->speaks_http(service->context, &connection->facts);
}

enum smq_result receive_http_prepare(struct connection *connection) {
    connection->http = http_connection_create(connection, connection->http_service, NULL);
    return connection->http == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

enum smq_result receive_http_open(struct receive_lane *lane, struct connection *connection) {
    struct http_connection *http = connection->http;
    http->may_read = true; /* what came with the last flight is inside of TLS */
    if (connection->is_client)
        connection_established(connection);
    return http_connection_open(http, lane->now_ms);
}

void receive_http_flush(struct receive_lane *lane, struct connection *connection) {
    struct http_connection *http = connection->http;
    if (connection->stage != STAGE_UP || http->is_done)
        return;
    if (http->engine != NULL)
        http->engine->shutdown(http->state);
    else
        finish(http, SMQ_ERR_CLOSED);
    receive_http(lane, connection);
}

void receive_http_end(struct receive_lane *lane, struct connection *connection, enum smq_result reason) {
    struct http_connection *http = connection->http;
    wheel_cancel(actor_wheel(lane->actor), &http->timer);
    enum smq_result result = reason == SMQ_ERR_CANCELLED && http->is_opened ? SMQ_OK : SMQ_ERR_CLOSED;
    http->is_in_turn = true;
    for (int i = 0; i < LAST_STEPS && result == SMQ_OK && !http->is_blocked && has_output(http); i++)
        result = write_step(lane, http, false);
    http_connection_end(http, reason);
}
