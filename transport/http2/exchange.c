/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests and responses that we send: heads, and when their bodies go on. */
#include "transport/http2/http2_private.h"

enum { HEAD_FIELDS_MAX = HTTP2_SENT_FIELDS_MAX + 4 };

/* nghttp2 copies names and values; it does not write to what it is given. */
static nghttp2_nv nv_of(struct slice name, struct slice value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.bytes, (uint8_t *)(uintptr_t)value.bytes, name.length, value.length,
                        NGHTTP2_NV_FLAG_NONE};
}

static nghttp2_nv pseudo_nv(const char *name, struct slice value) {
    return nv_of(slice_of_text(name), value);
}

static size_t add_fields(nghttp2_nv *head, size_t count, const struct http2_field *fields, size_t field_count) {
    for (size_t index = 0; index < field_count; index++)
        head[count++] = nv_of(fields[index].name, fields[index].value);
    return count;
}

enum smq_result http2_request(struct http2 *http2, const struct http2_request *request, void *user,
                              struct http2_stream **created) {
    if (http2->failure != SMQ_OK || http2->is_ending || !nghttp2_session_check_request_allowed(http2->session))
        return SMQ_ERR_CLOSED;
    if (http2->queued_count >= HTTP2_QUEUED_MAX)
        return SMQ_ERR_NO_CREDIT;
    if (request->field_count > HTTP2_SENT_FIELDS_MAX)
        return SMQ_ERR_TOO_LARGE;
    nghttp2_nv head[HEAD_FIELDS_MAX] = {
        pseudo_nv(":method", request->method),
        pseudo_nv(":scheme", request->scheme),
        pseudo_nv(":authority", request->authority),
        pseudo_nv(":path", request->path),
    };
    size_t count = add_fields(head, 4, request->fields, request->field_count);
    struct http2_stream *stream = http2_stream_create(http2, 0, user);
    if (stream == NULL)
        return SMQ_ERR_NO_MEMORY;
    nghttp2_data_provider body = {{.ptr = stream}, http2_read_body};
    int32_t id = nghttp2_submit_request(http2->session, NULL, head, count, request->has_body ? &body : NULL, stream);
    if (id < 0) {
        http2_stream_gone(stream, HTTP2_INTERNAL_ERROR);
        return http2_submitted(http2, id);
    }
    stream->id = id;
    stream->is_known = stream->is_queued = true;
    http2->queued_count++;
    *created = stream;
    return SMQ_OK;
}

enum smq_result http2_respond(struct http2_stream *stream, const struct http2_response *response) {
    struct http2 *http2 = stream->http2;
    if (stream->is_over || stream->is_cancelled || http2->failure != SMQ_OK)
        return SMQ_ERR_CLOSED;
    if (!http2->is_server || stream->is_answered || response->status < 200 || response->status > 999)
        return SMQ_ERR_INVALID;
    if (response->field_count > HTTP2_SENT_FIELDS_MAX)
        return SMQ_ERR_TOO_LARGE;
    uint8_t status[] = {(uint8_t)('0' + response->status / 100), (uint8_t)('0' + response->status / 10 % 10),
                        (uint8_t)('0' + response->status % 10)};
    nghttp2_nv head[HEAD_FIELDS_MAX] = {pseudo_nv(":status", slice_of(status, sizeof status))};
    size_t count = add_fields(head, 1, response->fields, response->field_count);
    nghttp2_data_provider body = {{.ptr = stream}, http2_read_body};
    stream->is_answered = true;
    return http2_submitted(
        http2, nghttp2_submit_response(http2->session, stream->id, head, count, response->has_body ? &body : NULL));
}

void http2_resume(struct http2_stream *stream) {
    struct http2 *http2 = stream->http2;
    if (!stream->is_over && http2->failure == SMQ_OK)
        (void)http2_submitted(http2, nghttp2_session_resume_data(http2->session, stream->id));
}

size_t http2_window(const struct http2_stream *stream) {
    nghttp2_session *session = stream->http2->session;
    if (stream->is_over || stream->is_gone)
        return 0;
    int32_t all = nghttp2_session_get_remote_window_size(session);
    int32_t own = nghttp2_session_get_stream_remote_window_size(session, stream->id);
    int32_t least = own < all ? own : all;
    return least > 0 ? (size_t)least : 0;
}
