/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What nghttp2 tells about the frames that came. Every callback that does not return 0 ends the connection. */
#include "transport/http2/http2_private.h"

static int refuse(struct http2 *http2, const char *text) {
    http2_fail(http2, SMQ_ERR_PROTOCOL, HTTP2_ENHANCE_YOUR_CALM, text);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int outcome(const struct http2 *http2) {
    return http2->failure == SMQ_OK ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void end_head(struct http2 *http2) {
    head_end(&http2->gathering);
    if (http2->settings_came)
        http2->head_deadline = UINT64_MAX;
}

/* A server speaks when the client has, as the reference's does; its settings go before the acknowledgement of the
 * client's. */
static int settings_begin(struct http2 *http2) {
    if (http2->settings_came)
        return 0;
    http2->settings_came = true;
    http2->head_deadline = UINT64_MAX;
    if (!http2->is_server)
        return 0;
    return http2_submitted(http2, http2_submit_settings(http2)) == SMQ_OK ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Before the payload of a frame; frames of unknown types are only overhead. nghttp2 keeps room for the text of a GOAWAY
 * until all of it has come, so that it has the time of a header block. */
static int frame_begins(nghttp2_session *session, const nghttp2_frame_hd *header, void *state) {
    (void)session;
    struct http2 *http2 = state;
    if (header->type != NGHTTP2_CONTINUATION && http2->gathering.stream != 0)
        end_head(http2);
    if (header->type == NGHTTP2_PUSH_PROMISE)
        return refuse(http2, "it pushes");
    if (header->type != NGHTTP2_DATA && !http2_spend(http2, patience_frame_cost(header->type, header->length, false)))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (header->type == NGHTTP2_GOAWAY)
        http2->head_deadline = http2->now + http2->head_ms;
    return header->type == NGHTTP2_SETTINGS ? settings_begin(http2) : 0;
}

/* ---- heads */

static int head_begins(nghttp2_session *session, const nghttp2_frame *frame, void *state) {
    (void)session;
    struct http2 *http2 = state;
    struct http2_stream *stream = http2_stream_find(http2, frame->hd.stream_id);
    if (stream == NULL && http2->is_server) {
        if (http2->over_count > HTTP2_STREAMS_MAX)
            return refuse(http2, "it makes and ends requests faster than they can be given up");
        stream = http2_stream_create(http2, frame->hd.stream_id, NULL);
        if (stream == NULL || nghttp2_session_set_stream_user_data(http2->session, frame->hd.stream_id, stream) != 0) {
            http2_fail(http2, SMQ_ERR_NO_MEMORY, HTTP2_INTERNAL_ERROR, "out of memory");
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    if (stream == NULL)
        return 0;
    head_begin(&http2->gathering, frame->hd.stream_id, !stream->head_came && !stream->is_over);
    http2->head_deadline = http2->now + http2->head_ms;
    return 0;
}

static int field_comes(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
                       const uint8_t *value, size_t value_length, uint8_t flags, void *state) {
    (void)session;
    (void)flags;
    struct http2 *http2 = state;
    if (http2->gathering.stream != frame->hd.stream_id)
        return 0;
    enum smq_result result = head_add(&http2->gathering, slice_of(name, name_length), slice_of(value, value_length));
    if (result == SMQ_ERR_TOO_LARGE)
        return refuse(http2, "a header block is too large");
    if (result != SMQ_OK)
        http2_fail(http2, result, HTTP2_INTERNAL_ERROR, "out of memory");
    return outcome(http2);
}

static void head_comes(struct http2 *http2, struct http2_stream *stream, bool is_last) {
    struct http2_field fields[HTTP2_FIELDS_MAX];
    struct http2_head head;
    head_finish(&http2->gathering, fields, &head);
    if (http2->is_server || head.status >= 200) {
        head.has_body = !is_last;
        stream->head_came = true;
        if (!stream->is_cancelled) {
            stream->is_known = true;
            http2->hooks->head(http2->owner, stream, &head);
        }
    }
    end_head(http2);
}

/* ---- frames that are whole, and as they should be */

static void peer_ends(struct http2 *http2, struct http2_stream *stream) {
    stream->peer_ended = true;
    bool is_rest = http2->is_server && stream->we_ended;
    if (stream->head_came && !stream->is_over && !stream->is_cancelled && !is_rest)
        http2->hooks->body_end(http2->owner, stream);
}

static void stream_frame_came(struct http2 *http2, struct http2_stream *stream, const nghttp2_frame *frame) {
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (http2->gathering.stream == stream->id && http2->gathering.is_kept)
            head_comes(http2, stream, is_last);
        else
            end_head(http2);
        if (is_last)
            peer_ends(http2, stream);
        break;
    case NGHTTP2_DATA:
        if (is_last)
            peer_ends(http2, stream);
        break;
    case NGHTTP2_RST_STREAM:
        stream->was_reset = true;
        break;
    default:
        break;
    }
}

static int frame_came(nghttp2_session *session, const nghttp2_frame *frame, void *state) {
    (void)session;
    struct http2 *http2 = state;
    struct http2_stream *stream = http2_stream_find(http2, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_DATA) {
        bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        size_t payload = frame->hd.length - frame->data.padlen;
        http2_spend(http2, patience_frame_cost(NGHTTP2_DATA, payload, is_last));
    }
    if (stream != NULL)
        stream_frame_came(http2, stream, frame);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        end_head(http2);
    if (frame->hd.type == NGHTTP2_GOAWAY && !http2->is_server) {
        http2->is_ending = true;
        http2_refuse_queued(http2);
        if (http2->hooks->going_away != NULL)
            http2->hooks->going_away(http2->owner, frame->goaway.error_code);
    }
    return outcome(http2);
}

static int frame_is_broken(nghttp2_session *session, const nghttp2_frame *frame, int reason, void *state) {
    (void)session;
    (void)frame;
    (void)reason;
    struct http2 *http2 = state;
    end_head(http2);
    http2_spend(http2, PATIENCE_BROKEN);
    return outcome(http2);
}

/* ---- bodies and ends */

static int body_comes(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t length,
                      void *state) {
    (void)session;
    (void)flags;
    struct http2 *http2 = state;
    struct http2_stream *stream = http2_stream_find(http2, id);
    http2->delivered += length;
    if (stream != NULL && length > 0)
        http2_stream_body(stream, slice_of(bytes, length));
    return outcome(http2);
}

static int stream_closes(nghttp2_session *session, int32_t id, uint32_t code, void *state) {
    (void)session;
    struct http2 *http2 = state;
    struct http2_stream *stream = http2_stream_find(http2, id);
    if (http2->gathering.stream == id)
        end_head(http2);
    if (stream != NULL)
        http2_stream_gone(stream, code);
    return 0;
}

void http2_set_incoming_callbacks(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, head_begins);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, field_comes);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_came);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, frame_is_broken);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, body_comes);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closes);
}
