/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What nghttp2 asks and tells about frames that go out. A body is written by its owner to where it will be sent from;
 * nghttp2 only makes the header before it. */
#include "transport/http2/http2_private.h"

#include <string.h>

enum {
    BODY_MIN = 512, /* no frame of a body is begun with less room, if its windows have more */
};

/* Writes behind the header of the frame, for which send_body finds the place free. */
ssize_t http2_read_body(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length, uint32_t *flags,
                        nghttp2_data_source *source, void *state) {
    (void)session;
    (void)id;
    (void)buffer;
    struct http2 *http2 = state;
    struct http2_stream *stream = source->ptr;
    size_t left = http2->room.size - http2->room.used;
    if (left < HTTP2_FRAME_HEADER + BODY_MIN)
        return NGHTTP2_ERR_PAUSE;
    if (stream->is_cancelled || stream->is_over)
        return NGHTTP2_ERR_DEFERRED;
    size_t most = left - HTTP2_FRAME_HEADER < length ? left - HTTP2_FRAME_HEADER : length;
    size_t filled = 0;
    bool is_last = false;
    uint8_t *room = http2->room.bytes + http2->room.used + HTTP2_FRAME_HEADER;
    enum smq_result result = http2->hooks->fill(http2->owner, stream, room, most, &filled, &is_last);
    if (result == SMQ_ERR_AGAIN || (result == SMQ_OK && filled == 0 && !is_last))
        return NGHTTP2_ERR_DEFERRED;
    if (result != SMQ_OK || filled > most) {
        stream->is_cancelled = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    *flags = NGHTTP2_DATA_FLAG_NO_COPY | (is_last ? NGHTTP2_DATA_FLAG_EOF : 0U);
    return (ssize_t)filled;
}

static int send_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header, size_t length,
                     nghttp2_data_source *source, void *state) {
    (void)session;
    (void)frame;
    (void)source;
    struct http2 *http2 = state;
    memcpy(http2->room.bytes + http2->room.used, header, HTTP2_FRAME_HEADER);
    http2->room.used += HTTP2_FRAME_HEADER + length;
    patience_earn(&http2->patience, length / PATIENCE_BODY_PART);
    return 0;
}

/* All of ours is sent. The end of the request is most often on its way; it gets as much time as a head. */
static void we_end(struct http2 *http2, struct http2_stream *stream) {
    stream->we_ended = true;
    if (http2->is_server && !stream->peer_ended && stream->deadline == UINT64_MAX)
        stream->deadline = http2->now + http2->head_ms;
}

static void head_is_sent(struct http2 *http2, struct http2_stream *stream) {
    if (stream->is_queued) {
        stream->is_queued = false;
        http2->queued_count--;
    }
}

/* Resets that the peer has provoked by breaking rules cost its patience. */
static void reset_is_sent(struct http2 *http2, const struct http2_stream *stream, uint32_t code) {
    bool is_ours = code == HTTP2_NO_ERROR || (stream != NULL && stream->is_cancelled);
    if (!is_ours)
        http2_spend(http2, PATIENCE_BROKEN);
}

static int frame_is_sent(nghttp2_session *session, const nghttp2_frame *frame, void *state) {
    (void)session;
    struct http2 *http2 = state;
    struct http2_stream *stream = http2_stream_find(http2, frame->hd.stream_id);
    bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (frame->hd.type == NGHTTP2_HEADERS && stream != NULL)
        head_is_sent(http2, stream);
    if (has_end && stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        we_end(http2, stream);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        reset_is_sent(http2, stream, frame->rst_stream.error_code);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && http2->failure == SMQ_OK) {
        http2->failure = SMQ_ERR_PROTOCOL; /* the GOAWAY is on its way */
        http2->failure_text = nghttp2_http2_strerror(frame->goaway.error_code);
    }
    return http2->failure == SMQ_ERR_NO_MEMORY ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

void http2_set_outgoing_callbacks(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_is_sent);
}
