/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/http2_side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD = 16384, HEAD_MS = 10000 };

uint8_t http2_body_byte(size_t at) {
    return (uint8_t)(at * 31 + (at >> 8));
}

static void copy_text(char *text, size_t size, struct slice value) {
    size_t length = value.length < size - 1 ? value.length : size - 1;
    if (length > 0)
        memcpy(text, value.bytes, length);
    text[length] = '\0';
}

static void head(void *owner, struct http2_stream *stream, const struct http2_head *came) {
    struct http2_side *side = owner;
    struct exchange *exchange = http2_user(stream);
    if (exchange == NULL) {
        if (side->count == EXCHANGES_MAX)
            abort();
        exchange = &side->exchanges[side->count++];
        exchange->stream = stream;
        http2_set_user(stream, exchange);
    }
    struct slice note = {0};
    (void)http2_head_find(came, "note", &note);
    copy_text(exchange->note, sizeof exchange->note, note);
    copy_text(exchange->method, sizeof exchange->method, came->method);
    copy_text(exchange->path, sizeof exchange->path, came->path);
    exchange->status = came->status;
    exchange->content_length = came->content_length;
    exchange->field_count = came->field_count;
    exchange->has_body = came->has_body;
    exchange->head_came = true;
    if (side->answers_at_once)
        http2_side_answer(exchange, 200, side->answer_length);
}

static void body(void *owner, struct http2_stream *stream, struct slice bytes) {
    struct http2_side *side = owner;
    struct exchange *exchange = http2_user(stream);
    for (size_t at = 0; at < bytes.length; at++)
        exchange->body_is_wrong |= bytes.bytes[at] != http2_body_byte(exchange->received + at);
    exchange->received += bytes.length;
    if (!side->holds)
        http2_consume(stream, bytes.length);
}

static void body_end(void *owner, struct http2_stream *stream) {
    struct http2_side *side = owner;
    struct exchange *exchange = http2_user(stream);
    exchange->body_ended = true;
    if (side->answers)
        http2_side_answer(exchange, 200, side->answer_length);
}

static enum smq_result fill(void *owner, struct http2_stream *stream, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)owner;
    struct exchange *exchange = http2_user(stream);
    if (size > exchange->most_asked)
        exchange->most_asked = size;
    if (exchange->stalls)
        return SMQ_ERR_AGAIN;
    if (exchange->fill_failure != SMQ_OK)
        return exchange->fill_failure;
    size_t left = exchange->to_send - exchange->sent;
    *length = left < size ? left : size;
    for (size_t at = 0; at < *length; at++)
        room[at] = http2_body_byte(exchange->sent + at);
    exchange->sent += *length;
    *last = exchange->sent == exchange->to_send;
    return SMQ_OK;
}

static void closed(void *owner, struct http2_stream *stream, enum http2_end end, uint32_t code) {
    struct http2_side *side = owner;
    struct exchange *exchange = http2_user(stream);
    exchange->closed++;
    exchange->end = end;
    exchange->code = code;
    if (side->keeps)
        return;
    exchange->stream = NULL;
    http2_release(stream);
}

static void expired(void *owner, struct http2_stream *stream) {
    (void)owner;
    struct exchange *exchange = http2_user(stream);
    exchange->expired++;
}

static void going_away(void *owner, uint32_t code) {
    struct http2_side *side = owner;
    side->going_away++;
    side->going_away_code = code;
}

static const struct http2_hooks hooks = {head, body, body_end, fill, closed, expired, going_away};

bool http2_side_open(struct http2_side *side, bool is_server) {
    static uint8_t frame_buffer[HTTP2_FRAME_BUFFER];
    struct http2_config config = {is_server, &hooks, side, HEAD_MS, frame_buffer};
    memset(side, 0, sizeof *side);
    side->is_server = is_server;
    side->now = 1000;
    return http2_create(&config, side->now, &side->http2) == SMQ_OK;
}

bool http2_side_close(struct http2_side *side) {
    http2_destroy(&side->http2);
    for (size_t index = 0; index < side->count; index++)
        if (side->exchanges[index].closed != 1)
            return false;
    return true;
}

struct exchange *http2_side_request(struct http2_side *side, const char *path, size_t body_length) {
    struct http2_request request = {
        .method = slice_of_text("POST"),
        .scheme = slice_of_text("https"),
        .authority = slice_of_text("localhost"),
        .path = slice_of_text(path),
        .has_body = body_length > 0,
    };
    struct exchange *exchange = &side->exchanges[side->count];
    if (side->count == EXCHANGES_MAX || http2_request(side->http2, &request, exchange, &exchange->stream) != SMQ_OK)
        return NULL;
    exchange->to_send = body_length;
    side->count++;
    return exchange;
}

bool http2_side_answer(struct exchange *exchange, unsigned status, size_t body_length) {
    struct http2_field field = {slice_of_text("note"), slice_of_text("an answer")};
    struct http2_response response = {
        .status = status, .fields = &field, .field_count = 1, .has_body = body_length > 0};
    exchange->to_send = body_length;
    return http2_respond(exchange->stream, &response) == SMQ_OK;
}

size_t http2_side_take(struct http2_side *side, uint8_t *bytes, size_t size) {
    size_t length = 0;
    return http2_output(side->http2, bytes, size, side->now, &length) == SMQ_OK ? length : 0;
}

/* Input is given in blocks of its own size, so that sanitizers see the first byte read past it. */
static bool pass(struct http2_side *from, struct http2_side *to, size_t step) {
    static uint8_t bytes[RECORD];
    size_t length = http2_side_take(from, bytes, sizeof bytes);
    for (size_t at = 0; at < length;) {
        size_t part = length - at < step ? length - at : step;
        uint8_t *exact = malloc(part);
        if (exact == NULL)
            abort();
        memcpy(exact, bytes + at, part);
        enum smq_result result = http2_receive(to->http2, slice_of(exact, part), to->now);
        free(exact);
        if (result == SMQ_ERR_AGAIN)
            abort();
        if (result != SMQ_OK)
            break;
        at += part;
    }
    return length > 0;
}

void http2_wire(struct http2_side *a, struct http2_side *b, size_t step) {
    for (bool busy = true; busy;) {
        busy = pass(a, b, step);
        busy = pass(b, a, step) || busy;
    }
}
