/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What may fail a connection, and what the peer is told then. */
#include <string.h>

#include "queues/base/memory.h"
#include "transport/http2/http2_private.h"

enum { DEFAULT_WINDOW = 65535 };

enum smq_result http2_keep_leftover(struct http2 *http2, struct slice bytes) {
    size_t length = http2->leftover.length - http2->leftover.start;
    uint8_t *joined = memory_alloc(length + bytes.length);
    if (joined == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (length > 0)
        memcpy(joined, http2->leftover.bytes + http2->leftover.start, length);
    memcpy(joined + length, bytes.bytes, bytes.length);
    memory_free(http2->leftover.bytes);
    http2->leftover.bytes = joined;
    http2->leftover.start = 0;
    http2->leftover.length = length + bytes.length;
    return SMQ_OK;
}

/* Ours, not nghttp2's, which is not asked any more. A peer that we have no memory for is not told. */
static void keep_goaway(struct http2 *http2, enum http2_code code) {
    uint8_t frame[HTTP2_FRAME_HEADER + 8];
    struct writer writer = writer_of(frame, sizeof frame);
    write_u8(&writer, 0);
    write_u16(&writer, 8);
    write_u8(&writer, NGHTTP2_GOAWAY);
    write_u8(&writer, 0);
    write_u32(&writer, 0);
    write_u32(&writer, (uint32_t)nghttp2_session_get_last_proc_stream_id(http2->session));
    write_u32(&writer, code);
    (void)http2_keep_leftover(http2, slice_of(frame, writer_length(&writer)));
}

void http2_fail(struct http2 *http2, enum smq_result result, enum http2_code code, const char *text) {
    if (http2->failure != SMQ_OK)
        return;
    http2->failure = result;
    http2->failure_text = text;
    keep_goaway(http2, code);
}

void http2_fail_by(struct http2 *http2, int returned) {
    if (returned == NGHTTP2_ERR_NOMEM && !http2->memory.limit_reached)
        http2_fail(http2, SMQ_ERR_NO_MEMORY, HTTP2_INTERNAL_ERROR, "out of memory");
    else if (returned == NGHTTP2_ERR_NOMEM)
        http2_fail(http2, SMQ_ERR_PROTOCOL, HTTP2_ENHANCE_YOUR_CALM, "what it sends takes too much memory");
    else if (returned == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        http2_fail(http2, SMQ_ERR_PROTOCOL, HTTP2_PROTOCOL_ERROR, "it does not speak HTTP/2");
    else
        http2_fail(http2, SMQ_ERR_PROTOCOL, HTTP2_ENHANCE_YOUR_CALM, nghttp2_strerror(returned));
}

enum smq_result http2_submitted(struct http2 *http2, int returned) {
    if (returned >= 0)
        return SMQ_OK;
    if (!nghttp2_is_fatal(returned))
        return SMQ_ERR_CLOSED;
    http2_fail_by(http2, returned);
    return SMQ_ERR_NO_MEMORY;
}

bool http2_spend(struct http2 *http2, size_t amount) {
    if (patience_spend(&http2->patience, amount))
        return true;
    http2_fail(http2, SMQ_ERR_PROTOCOL, HTTP2_ENHANCE_YOUR_CALM, "it sends too much of no use");
    return false;
}

int http2_submit_settings(struct http2 *http2) {
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, HTTP2_FRAME_MAX},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_WINDOW},
    };
    int failure =
        nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof settings[0]);
    return failure != 0
               ? failure
               : nghttp2_submit_window_update(http2->session, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW - DEFAULT_WINDOW);
}
