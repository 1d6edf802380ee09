/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/1.1 as an engine of connections: its one stream is the connection itself. */
#include "actors/net/http_private.h"
#include "transport/http1/http1.h"

static void head(void *owner, struct http1 *http1, const struct http2_head *head) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http_exchange_begin(http, http1, NULL);
    http1_set_user(http1, exchange);
    if (exchange == NULL) {
        http1_cancel(http1);
        return;
    }
    http_exchange_came(exchange);
    http->service->hooks->head(http->owner, exchange, head);
}

static void body(void *owner, struct http1 *http1, struct slice bytes) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http1_user(http1);
    if (exchange == NULL || exchange->is_released)
        http1_consume(http1, bytes.length);
    else
        http->service->hooks->body(http->owner, exchange, bytes);
}

static void body_end(void *owner, struct http1 *http1) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http1_user(http1);
    if (exchange != NULL && !exchange->is_released)
        http->service->hooks->body_end(http->owner, exchange);
}

static enum smq_result fill(void *owner, struct http1 *http1, uint8_t *room, size_t size, size_t *length, bool *last) {
    struct http_connection *http = owner;
    struct http_exchange *exchange = http1_user(http1);
    if (exchange == NULL || exchange->is_released)
        return SMQ_ERR_CANCELLED;
    return http->service->hooks->fill(http->owner, exchange, room, size, length, last);
}

static void closed(void *owner, struct http1 *http1, enum http2_end end) {
    (void)owner;
    struct http_exchange *exchange = http1_user(http1);
    if (exchange == NULL)
        http1_release(http1);
    else
        http_exchange_over(exchange, end);
}

static void expired(void *owner, struct http1 *http1) {
    (void)owner;
    struct http_exchange *exchange = http1_user(http1);
    if (exchange != NULL)
        http_exchange_expired(exchange);
}

static const struct http1_hooks hooks = {
    .head = head,
    .body = body,
    .body_end = body_end,
    .fill = fill,
    .closed = closed,
    .expired = expired,
};

static enum smq_result create(struct http_connection *http, uint64_t now_ms, void **state) {
    const struct http1_config config = {.hooks = &hooks, .owner = http, .head_ms = http->service->head_ms};
    struct http1 *http1 = NULL;
    enum smq_result result = http1_create(&config, now_ms, &http1);
    *state = http1;
    return result;
}

static void destroy(void **state) {
    struct http1 *http1 = *state;
    *state = NULL;
    http1_destroy(&http1);
}

static enum smq_result receive(void *state, struct slice bytes, uint64_t now_ms) {
    return http1_receive(state, bytes, now_ms);
}

static enum smq_result output(void *state, uint8_t *room, size_t size, uint64_t now_ms, size_t *length) {
    return http1_output(state, room, size, now_ms, length);
}

static bool has_output(const void *state) {
    return http1_has_output(state);
}

static bool wants_input(const void *state) {
    return http1_wants_input(state);
}

static bool is_over(const void *state) {
    return http1_is_over(state);
}

static enum smq_result failure(const void *state, const char **text) {
    return http1_failure(state, text);
}

static bool input_ended(void *state) {
    return http1_input_ended(state);
}

static void shut_down(void *state) {
    http1_shutdown(state);
}

static uint64_t deadline(const void *state) {
    return http1_deadline(state);
}

static void expire(void *state, uint64_t now_ms) {
    http1_expire(state, now_ms);
}

static enum smq_result answer(void *stream, const struct http2_response *response) {
    return http1_respond(stream, response);
}

static void consume(void *stream, size_t length) {
    http1_consume(stream, length);
}

static void discard(void *stream) {
    http1_discard(stream);
}

static void resume(void *stream) {
    http1_resume(stream);
}

static size_t window(const void *stream) {
    (void)stream;
    return HTTP1_WINDOW; /* what the socket takes, TCP knows */
}

static void cancel(void *stream) {
    http1_cancel(stream);
}

static void release(void *stream) {
    http1_release(stream);
}

static void set_deadline(void *stream, uint64_t at_ms) {
    http1_set_deadline(stream, at_ms);
}

const struct http_engine http_engine_1 = {
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
