/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Streams: their lives, and the windows that their owner opens. */
#include "transport/http2/http2_private.h"

#include "queues/base/memory.h"

/* ---- lives */

struct http2_stream *http2_stream_create(struct http2 *http2, int32_t id, void *user) {
    struct http2_stream *stream = memory_zalloc(sizeof *stream);
    if (stream == NULL)
        return NULL;
    stream->http2 = http2;
    stream->user = user;
    stream->id = id;
    stream->deadline = UINT64_MAX;
    stream->next = http2->streams;
    if (stream->next != NULL)
        stream->next->previous = stream;
    http2->streams = stream;
    http2->stream_count++;
    return stream;
}

static void free_stream(struct http2_stream *stream) {
    struct http2 *http2 = stream->http2;
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        http2->streams = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    http2->stream_count--;
    memory_free(stream);
}

struct http2_stream *http2_stream_find(struct http2 *http2, int32_t id) {
    return id > 0 ? nghttp2_session_get_stream_user_data(http2->session, id) : NULL;
}

void http2_stream_tell_over(struct http2_stream *stream, enum http2_end end, uint32_t code) {
    struct http2 *http2 = stream->http2;
    if (stream->is_over || !stream->is_known)
        return;
    stream->is_over = true;
    http2->over_count++;
    http2->hooks->closed(http2->owner, stream, end, code);
}

static enum http2_end end_of(const struct http2_stream *stream, uint32_t code) {
    bool is_server = stream->http2->is_server;
    if (stream->is_cancelled)
        return HTTP2_CANCELLED;
    if (code == HTTP2_NO_ERROR && (is_server ? stream->we_ended : stream->peer_ended))
        return HTTP2_DONE;
    if (!is_server && code == HTTP2_REFUSED_STREAM)
        return HTTP2_REFUSED;
    return stream->was_reset ? HTTP2_RESET : HTTP2_BROKEN;
}

void http2_stream_gone(struct http2_stream *stream, uint32_t code) {
    struct http2 *http2 = stream->http2;
    enum http2_end end = end_of(stream, code);
    if (stream->is_queued)
        http2->queued_count--;
    stream->is_queued = false;
    if (end == HTTP2_DONE)
        patience_earn(&http2->patience, PATIENCE_EXCHANGE);
    http2_stream_tell_over(stream, end, code);
    stream->is_gone = true;
    if (stream->is_released || !stream->is_known)
        free_stream(stream);
}

void http2_release(struct http2_stream *stream) {
    struct http2 *http2 = stream->http2;
    if (!stream->is_over || stream->is_released)
        return;
    http2_consume(stream, stream->unconsumed);
    stream->is_released = true;
    http2->over_count--;
    if (stream->is_gone && !http2->is_destroying)
        free_stream(stream);
}

void http2_refuse_queued(struct http2 *http2) {
    for (;;) {
        struct http2_stream *stream = http2->streams;
        while (stream != NULL && (!stream->is_queued || stream->is_over))
            stream = stream->next;
        if (stream == NULL)
            return;
        http2_stream_tell_over(stream, HTTP2_REFUSED, HTTP2_REFUSED_STREAM);
    }
}

void http2_streams_destroy(struct http2 *http2) {
    http2->is_destroying = true;
    if (http2->failure == SMQ_OK)
        http2->failure = SMQ_ERR_CLOSED;
    for (struct http2_stream *stream = http2->streams; stream != NULL; stream = stream->next)
        http2_stream_tell_over(stream, stream->is_queued ? HTTP2_REFUSED : HTTP2_LOST, HTTP2_NO_ERROR);
    while (http2->streams != NULL)
        free_stream(http2->streams);
}

/* ---- bodies that come */

static void open_window(struct http2 *http2, int32_t id, uint32_t amount) {
    if (http2->failure == SMQ_OK)
        (void)http2_submitted(http2,
                              nghttp2_submit_window_update(http2->session, NGHTTP2_FLAG_NONE, id, (int32_t)amount));
}

void http2_consume(struct http2_stream *stream, size_t length) {
    struct http2 *http2 = stream->http2;
    uint32_t amount = length < stream->unconsumed ? (uint32_t)length : stream->unconsumed;
    stream->unconsumed -= amount;
    http2->consumed += amount;
    if (http2->consumed >= HTTP2_WINDOW_STEP) {
        open_window(http2, 0, http2->consumed);
        http2->consumed = 0;
    }
    stream->consumed += amount;
    if (stream->consumed >= HTTP2_WINDOW_STEP && !stream->is_gone && !stream->peer_ended) {
        open_window(http2, stream->id, stream->consumed);
        stream->consumed = 0;
    }
}

void http2_stream_cut(struct http2_stream *stream) {
    struct http2 *http2 = stream->http2;
    if (stream->is_cut || stream->is_cancelled || http2->failure != SMQ_OK)
        return;
    stream->is_cut = true;
    http2->allowance = 2 * (size_t)HTTP2_WINDOW;
    (void)http2_submitted(http2,
                          nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id, HTTP2_NO_ERROR));
}

/* Behind a whole answer, what is on its way is taken. */
static void take_rest(struct http2_stream *stream, size_t length) {
    stream->rest += (uint32_t)length;
    http2_consume(stream, length);
    if (stream->rest > HTTP2_REST_MAX && !stream->is_discarding)
        http2_stream_cut(stream);
}

void http2_stream_body(struct http2_stream *stream, struct slice bytes) {
    struct http2 *http2 = stream->http2;
    stream->unconsumed += (uint32_t)bytes.length;
    if (http2->is_server && stream->we_ended)
        take_rest(stream, bytes.length);
    else if (stream->is_discarding || stream->is_over || stream->is_cancelled || !stream->head_came)
        http2_consume(stream, bytes.length);
    else
        http2->hooks->body(http2->owner, stream, bytes);
}

void http2_discard(struct http2_stream *stream) {
    stream->is_discarding = true;
}

/* ---- ends and times */

void http2_cancel(struct http2_stream *stream) {
    struct http2 *http2 = stream->http2;
    if (stream->is_over || stream->is_cancelled || http2->failure != SMQ_OK)
        return;
    uint32_t code = http2->is_server ? HTTP2_INTERNAL_ERROR : HTTP2_CANCEL;
    stream->is_cancelled = true;
    http2->allowance = 2 * (size_t)HTTP2_WINDOW;
    (void)http2_submitted(http2, nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id, code));
    if (stream->is_queued)
        http2_stream_tell_over(stream, HTTP2_CANCELLED, code);
}

void http2_set_deadline(struct http2_stream *stream, uint64_t at) {
    stream->deadline = at;
}

void http2_set_user(struct http2_stream *stream, void *user) {
    stream->user = user;
}

void *http2_user(const struct http2_stream *stream) {
    return stream->user;
}

struct http2 *http2_of(const struct http2_stream *stream) {
    return stream->http2;
}
