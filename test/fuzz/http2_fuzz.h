/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An owner of an HTTP/2 connection that insists on what the hooks promise. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "transport/http2/http2_stream.h"

enum { FUZZ_STREAMS = 512, FUZZ_ROOM = 4096 };

/* The first byte of an input chooses. */
enum fuzz_choice {
    FUZZ_PREFACE = 1,  /* the peer begins properly */
    FUZZ_AT_ONCE = 2,  /* answers come with the head, not with the end */
    FUZZ_HOLD = 4,     /* nothing is consumed before the end */
    FUZZ_BYTEWISE = 8, /* a byte at a time */
    FUZZ_SLOW = 16,    /* time passes */
    FUZZ_SILENT = 32,  /* output is not taken */
    FUZZ_CANCEL = 64,  /* streams are given up when their body begins */
};

struct fuzz_stream {
    struct http2_stream *stream;
    bool head_came, body_ended, closed;
    size_t left; /* to send */
};

struct fuzz_owner {
    struct http2 *http2;
    bool is_server;
    uint8_t choice;
    uint64_t now;
    size_t count;
    struct fuzz_stream streams[FUZZ_STREAMS];
};

static inline void fuzz_require(bool condition) {
    if (!condition)
        abort();
}

static inline void fuzz_answer(struct fuzz_owner *owner, struct http2_stream *stream) {
    struct http2_response response = {.status = 200, .has_body = owner->count % 2 == 0};
    (void)http2_respond(stream, &response);
}

static inline void fuzz_head(void *state, struct http2_stream *stream, const struct http2_head *head) {
    struct fuzz_owner *owner = state;
    struct fuzz_stream *own = http2_user(stream);
    if (own == NULL) {
        fuzz_require(owner->is_server && owner->count < FUZZ_STREAMS);
        own = &owner->streams[owner->count++];
        *own = (struct fuzz_stream){.stream = stream, .left = 3000};
        http2_set_user(stream, own);
    }
    fuzz_require(!own->head_came && !own->closed && head->field_count <= HTTP2_FIELDS_MAX);
    fuzz_require(owner->is_server ? head->method.length > 0 : head->status >= 200 && head->status <= 999);
    own->head_came = true;
    http2_set_deadline(stream, owner->now + 500);
    if (owner->is_server && (owner->choice & FUZZ_AT_ONCE) != 0)
        fuzz_answer(owner, stream);
}

static inline void fuzz_body(void *state, struct http2_stream *stream, struct slice bytes) {
    struct fuzz_owner *owner = state;
    struct fuzz_stream *own = http2_user(stream);
    fuzz_require(own->head_came && !own->body_ended && !own->closed && bytes.length > 0);
    if ((owner->choice & FUZZ_HOLD) == 0)
        http2_consume(stream, bytes.length);
    if ((owner->choice & FUZZ_CANCEL) != 0)
        http2_cancel(stream);
}

static inline void fuzz_body_end(void *state, struct http2_stream *stream) {
    struct fuzz_owner *owner = state;
    struct fuzz_stream *own = http2_user(stream);
    fuzz_require(own->head_came && !own->body_ended && !own->closed);
    own->body_ended = true;
    if (owner->is_server && (owner->choice & FUZZ_AT_ONCE) == 0)
        fuzz_answer(owner, stream);
}

static inline enum smq_result fuzz_fill(void *state, struct http2_stream *stream, uint8_t *room, size_t size,
                                        size_t *length, bool *last) {
    (void)state;
    struct fuzz_stream *own = http2_user(stream);
    fuzz_require(!own->closed && size > 0 && size <= FUZZ_ROOM);
    *length = own->left < size ? own->left : size;
    memset(room, 'x', *length);
    own->left -= *length;
    *last = own->left == 0;
    return SMQ_OK;
}

static inline void fuzz_closed(void *state, struct http2_stream *stream, enum http2_end end, uint32_t code) {
    (void)state;
    (void)code;
    struct fuzz_stream *own = http2_user(stream);
    fuzz_require(!own->closed && end <= HTTP2_LOST);
    own->closed = true;
    http2_release(stream);
}

static inline void fuzz_expired(void *state, struct http2_stream *stream) {
    (void)state;
    struct fuzz_stream *own = http2_user(stream);
    fuzz_require(!own->closed);
    http2_cancel(stream);
}

static inline void fuzz_take(struct fuzz_owner *owner) {
    static uint8_t room[FUZZ_ROOM];
    size_t length = 0;
    for (int count = 0; count < 8; count++) {
        if (http2_output(owner->http2, room, sizeof room, owner->now, &length) != SMQ_OK)
            return;
        fuzz_require(length > 0 && length <= sizeof room);
    }
}

static inline void fuzz_open(struct fuzz_owner *owner, bool is_server, uint8_t choice) {
    static const struct http2_hooks hooks = {fuzz_head,   fuzz_body,    fuzz_body_end, fuzz_fill,
                                             fuzz_closed, fuzz_expired, NULL};
    static uint8_t frame_buffer[HTTP2_FRAME_BUFFER];
    memset(owner, 0, sizeof *owner);
    owner->is_server = is_server;
    owner->choice = choice;
    struct http2_config config = {is_server, &hooks, owner, 1000, frame_buffer};
    fuzz_require(http2_create(&config, 0, &owner->http2) == SMQ_OK);
}

static inline void fuzz_give(struct fuzz_owner *owner, struct slice input) {
    size_t most = (owner->choice & FUZZ_BYTEWISE) != 0 ? 1 : 16384;
    enum smq_result result = SMQ_OK;
    while (input.length > 0 && result == SMQ_OK) {
        size_t part = input.length < most ? input.length : most;
        result = http2_receive(owner->http2, slice_of(input.bytes, part), owner->now);
        input = slice_of(input.bytes + part, input.length - part);
        fuzz_require(http2_memory(owner->http2) <= HTTP2_MEMORY_MAX + 4096);
        if ((owner->choice & FUZZ_SILENT) == 0)
            fuzz_take(owner);
        owner->now += (owner->choice & FUZZ_SLOW) != 0 ? 50 : 0;
        http2_expire(owner->http2, owner->now);
    }
    fuzz_require(result == SMQ_OK || result == SMQ_ERR_PROTOCOL || result == SMQ_ERR_CLOSED || result == SMQ_ERR_AGAIN);
}

/* Every stream that the owner knew has been closed; nothing is left of them. */
static inline void fuzz_close(struct fuzz_owner *owner) {
    http2_expire(owner->http2, owner->now + 100000);
    fuzz_take(owner);
    (void)http2_deadline(owner->http2);
    http2_destroy(&owner->http2);
    for (size_t index = 0; index < owner->count; index++)
        fuzz_require(owner->streams[index].closed);
}
