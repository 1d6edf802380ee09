/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/2 as an engine of connections. An exchange is the user of its stream; a stream without one, for lack of memory,
 * is cancelled. */
#include "actors/net/http_private.h"

static const struct http_hooks *hooks_of(const struct http_connection *http) {
    return http->service->hooks;
}

static void head(void *owner, struct http2_stream *stream, const struct http2_head *head) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http2_user(stream);
    if (!http->connection->is_client) {
        exchange = http_exchange_begin(http, stream, NULL);
        http2_set_user(stream, exchange);
        if (exchange == NULL) {
            http2_cancel(stream);
            return;
        }
        http_exchange_came(exchange);
    }
    if (!exchange->is_released)
        hooks_of(http)->head(http->owner, exchange, head);
}

static void body(void *owner, struct http2_stream *stream, struct slice bytes) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http2_user(stream);
    if (exchange == NULL || exchange->is_released)
        http2_consume(stream, bytes.length);
    else
        hooks_of(http)->body(http->owner, exchange, bytes);
}

static void body_end(void *owner, struct http2_stream *stream) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http2_user(stream);
    if (exchange != NULL && !exchange->is_released)
        hooks_of(http)->body_end(http->owner, exchange);
}

static enum smq_result fill(void *owner, struct http2_stream *stream, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http2_user(stream);
    if (exchange == NULL || exchange->is_released)
        return SMQ_ERR_CANCELLED;
    return hooks_of(http)->fill(http->owner, exchange, room, size, length, last);
}

static void closed(void *owner, struct http2_stream *stream, enum http2_end end, uint32_t code) {
    (void)owner;
    (void)code;
    struct http_exchange *exchange = http2_user(stream);
    if (exchange == NULL)
        http2_release(stream);
    else
        http_exchange_over(exchange, end);
}

static void expired(void *owner, struct http2_stream *stream) {
    (void)owner;
    struct http_exchange *exchange = http2_user(stream);
    if (exchange != NULL)
        http_exchange_expired(exchange);
}

static void going_away(void *owner, uint32_t code) {
    struct http_connection *http = owner;
    (void)code;
    if (hooks_of(http)->going_away != NULL)
        hooks_of(http)->going_away(http->owner);
}

static const struct http2_hooks hooks = {
    .head = head,
    .body = body,
    .body_end = body_end,
    .fill = fill,
    .closed = closed,
    .expired = expired,
    .going_away = going_away,
};

static enum smq_result create(struct http_connection *http, uint64_t now_ms, void **state) {
    const struct connection *connection = http->connection;
    const struct http2_config config = {
        .is_server = !connection->is_client,
        .hooks = &hooks,
        .owner = http,
        .head_ms = http->service->head_ms,
        .frame_buffer = receive_http_frame_buffer(http),
    };
    struct http2 *http2 = NULL;
    enum smq_result result = http2_create(&config, now_ms, &http2);
    *state = http2;
    return result;
}

static void destroy(void **state) {
    struct http2 *http2 = *state;
    *state = NULL;
    http2_destroy(&http2);
}

static enum smq_result receive(void *state, struct slice bytes, uint64_t now_ms) {
    return http2_receive(state, bytes, now_ms);
}

static enum smq_result output(void *state, uint8_t *room, size_t size, uint64_t now_ms, size_t *length) {
    return http2_output(state, room, size, now_ms, length);
}

static bool has_output(const void *state) {
    return http2_has_output(state);
}

static bool wants_input(const void *state) {
    return http2_wants_input(state);
}

static bool is_over(const void *state) {
    return http2_is_over(state);
}

static enum smq_result failure(const void *state, const char **text) {
    return http2_failure(state, text);
}

static bool input_ended(void *state) {
    (void)state;
    return false; /* nothing can be completed without what the peer would say */
}

static void shut_down(void *state) {
    http2_shutdown(state);
}

static uint64_t deadline(const void *state) {
    return http2_deadline(state);
}

static void expire(void *state, uint64_t now_ms) {
    http2_expire(state, now_ms);
}

static enum smq_result answer(void *stream, const struct http2_response *response) {
    return http2_respond(stream, response);
}

static void consume(void *stream, size_t length) {
    http2_consume(stream, length);
}

static void discard(void *stream) {
    http2_discard(stream);
}

static void resume(void *stream) {
    http2_resume(stream);
}

static size_t window(const void *stream) {
    return http2_window(stream);
}

static void cancel(void *stream) {
    http2_cancel(stream);
}

static void release(void *stream) {
    http2_release(stream);
}

static void set_deadline(void *stream, uint64_t at_ms) {
    http2_set_deadline(stream, at_ms);
}

const struct http_engine http_engine_2 = {
    .create = create,
    .destroy = destroy,
    .receive = receive,
    .output = output,
    .has_output = has_output,
    .wants_input = wants_input,
    .is_over = is_over,
    .failure = failure,
    .input_ended = input_ended,
    .shutdown = shut_down,
    .deadline = deadline,
    .expire = expire,
    .answer = answer,
    .consume = consume,
    .discard = discard,
    .resume = resume,
    .window = window,
    .cancel = cancel,
    .release = release,
    .set_deadline = set_deadline,
};
