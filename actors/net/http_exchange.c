/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Exchanges: what their owner does with them, and their lives, which are longer than those of the engine's streams. */
#include "actors/net/http_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

/* ---- lives */

struct http_exchange *http_exchange_begin(struct http_connection *http, void *stream, void *user) {
    struct http_exchange *exchange = memory_zalloc(sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->http = http;
    exchange->connection = connection_reference(http->connection);
    exchange->stream = stream;
    exchange->user = user;
    ring_append(&http->exchanges, &exchange->place);
    http->under_way++;
    return exchange;
}

void http_exchange_came(struct http_exchange *exchange) {
    struct http_connection *http = exchange->http;
    counter_add(&http->connection->net->http_requests, 1);
    if (!atomic_load(&http->connection->is_established))
        connection_established(http->connection);
    if (http->service->exchange_ms != 0)
        http->engine->set_deadline(exchange->stream, clock_monotonic_ms() + http->service->exchange_ms);
}

static void free_exchange(struct http_exchange *exchange) {
    struct connection *connection = exchange->connection;
    memory_free(exchange);
    connection_release(connection);
}

static void let_go(struct http_exchange *exchange) {
    struct http_connection *http = exchange->http;
    if (exchange->stream != NULL) {
        http->engine->release(exchange->stream);
        receive_http_touch(http);
    }
    if (ring_is_member(&exchange->place))
        ring_remove(&exchange->place);
    free_exchange(exchange);
}

void http_exchange_over(struct http_exchange *exchange, enum http2_end end) {
    struct http_connection *http = exchange->http;
    exchange->is_over = true;
    http->under_way--;
    http->idle_since_ms = clock_monotonic_ms();
    if (exchange->is_released)
        let_go(exchange);
    else
        http->service->hooks->over(http->owner, exchange, end);
}

void http_exchange_expired(struct http_exchange *exchange) {
    struct http_connection *http = exchange->http;
    if (http->service->hooks->expired == NULL || exchange->is_released)
        http_cancel(exchange);
    else
        http->service->hooks->expired(http->owner, exchange);
}

void http_exchanges_lose_streams(struct http_connection *http) {
    struct ring *place;
    while ((place = ring_first(&http->exchanges)) != NULL) {
        ring_remove(place);
        caa_container_of(place, struct http_exchange, place)->stream = NULL;
    }
}

void http_release(struct http_exchange *exchange) {
    if (exchange->is_over) {
        let_go(exchange);
        return;
    }
    exchange->is_released = true;
    http_cancel(exchange);
}

/* ---- what owners do */

enum smq_result http_request(struct connection *connection, const struct http2_request *request, void *user,
                             struct http_exchange **exchange) {
    struct http_connection *http = connection->http;
    if (!connection->is_client || http->engine == NULL || http->is_ended)
        return SMQ_ERR_CLOSED;
    struct http_exchange *created = http_exchange_begin(http, NULL, user);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    struct http2_stream *stream = NULL;
    enum smq_result result = http2_request(http->state, request, created, &stream);
    if (result != SMQ_OK) {
        http->under_way--;
        let_go(created);
        return result;
    }
    created->stream = stream;
    if (http->service->exchange_ms != 0)
        http2_set_deadline(stream, clock_monotonic_ms() + http->service->exchange_ms);
    receive_http_touch(http);
    *exchange = created;
    return SMQ_OK;
}

static bool has_stream(const struct http_exchange *exchange) {
    return exchange->stream != NULL;
}

enum smq_result http_answer(struct http_exchange *exchange, const struct http2_response *response) {
    if (!has_stream(exchange) || exchange->is_over)
        return SMQ_ERR_CLOSED;
    receive_http_touch(exchange->http);
    return exchange->http->engine->answer(exchange->stream, response);
}

void http_consume(struct http_exchange *exchange, size_t length) {
    if (!has_stream(exchange))
        return;
    exchange->http->engine->consume(exchange->stream, length);
    receive_http_touch(exchange->http);
}

void http_discard(struct http_exchange *exchange) {
    if (!has_stream(exchange))
        return;
    exchange->http->engine->discard(exchange->stream);
    receive_http_touch(exchange->http);
}

void http_resume(struct http_exchange *exchange) {
    if (!has_stream(exchange) || exchange->is_over)
        return;
    exchange->http->engine->resume(exchange->stream);
    receive_http_touch(exchange->http);
}

size_t http_window(const struct http_exchange *exchange) {
    return has_stream(exchange) && !exchange->is_over ? exchange->http->engine->window(exchange->stream) : 0;
}

void http_cancel(struct http_exchange *exchange) {
    if (!has_stream(exchange) || exchange->is_over)
        return;
    struct http_connection *http = exchange->http;
    http->engine->cancel(exchange->stream); /* which may end the exchange */
    receive_http_touch(http);
}

void http_set_deadline(struct http_exchange *exchange, uint64_t at_ms) {
    if (!has_stream(exchange))
        return;
    exchange->http->engine->set_deadline(exchange->stream, at_ms);
    receive_http_touch(exchange->http);
}

void http_set_user(struct http_exchange *exchange, void *user) {
    exchange->user = user;
}

void *http_user(const struct http_exchange *exchange) {
    return exchange->user;
}

struct connection *http_connection_of(const struct http_exchange *exchange) {
    return exchange->connection;
}
