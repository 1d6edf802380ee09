/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of transport/http2 share. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "transport/http2/head.h"
#include "transport/http2/http2_stream.h"
#include "transport/http2/patience.h"
#include "transport/http2/session_memory.h"

enum { HTTP2_FRAME_HEADER = 9 };

struct http2_stream {
    struct http2_stream *previous, *next; /* all of the connection */
    struct http2 *http2;
    void *user;
    uint64_t deadline;
    int32_t id;
    uint32_t unconsumed; /* bytes of the body that the owner has */
    uint32_t consumed;   /* and has given back, which the peer was not told yet */
    uint32_t rest;       /* bytes of a request that came after it was answered */
    bool is_known : 1;   /* to the owner: `closed` is owed or was told */
    bool is_over : 1;    /* `closed` was told */
    bool is_released : 1;
    bool is_gone : 1;   /* nghttp2 does not know it any more */
    bool is_queued : 1; /* a request that was not sent yet */
    bool head_came : 1;
    bool peer_ended : 1;
    bool we_ended : 1;
    bool is_answered : 1;
    bool is_discarding : 1;
    bool is_cancelled : 1;
    bool is_cut : 1;    /* the peer was told that the rest of its request is not wanted */
    bool was_reset : 1; /* by the peer */
};

struct http2 {
    nghttp2_session *session;
    const struct http2_hooks *hooks;
    void *owner;
    struct session_memory memory;
    struct patience patience;
    struct http2_stream *streams;
    uint32_t stream_count;
    uint32_t over_count; /* told `closed`, not released */
    uint32_t queued_count;
    uint32_t head_ms;
    uint64_t now;
    uint64_t head_deadline; /* of the preface, header block or GOAWAY under way */
    struct head_gathering gathering;
    uint32_t consumed; /* of all bodies; the peer was not told yet */
    size_t delivered;  /* bytes of bodies in this http2_receive */
    size_t allowance;  /* bytes that may still come for streams whose rest we do not read */
    struct {
        uint8_t *bytes;
        size_t size, used;
    } room; /* during http2_output */
    struct {
        uint8_t *bytes;
        size_t start, length;
    } leftover; /* a frame that did not fit the room */
    enum smq_result failure;
    const char *failure_text;
    bool is_server;
    bool settings_came;
    bool is_ending;
    bool is_destroying;
};

/* failure.c. The connection fails: `code` is the last thing that the peer is told. Only the first call counts. */
void http2_fail(struct http2 *http2, enum smq_result result, enum http2_code code, const char *text);
/* The same for what nghttp2 returned. */
void http2_fail_by(struct http2 *http2, int returned);
/* Keeps a copy of what does not fit the room. SMQ_ERR_NO_MEMORY. */
enum smq_result http2_keep_leftover(struct http2 *http2, struct slice bytes);
/* The settings and the window of the connection, to be sent; what nghttp2 returns. */
int http2_submit_settings(struct http2 *http2);
/* What nghttp2 returned for a submission; fatal ones fail the connection. SMQ_OK, SMQ_ERR_NO_MEMORY, SMQ_ERR_CLOSED. */
enum smq_result http2_submitted(struct http2 *http2, int returned);
/* Spends patience; false: it is worn out, and the connection has failed. */
bool http2_spend(struct http2 *http2, size_t amount);

/* incoming.c, outgoing.c: nghttp2's callbacks. */
void http2_set_incoming_callbacks(nghttp2_session_callbacks *callbacks);
void http2_set_outgoing_callbacks(nghttp2_session_callbacks *callbacks);
/* What nghttp2 asks for the bytes of a body. */
ssize_t http2_read_body(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t length, uint32_t *flags,
                        nghttp2_data_source *source, void *state);

/* stream.c. */
struct http2_stream *http2_stream_create(struct http2 *http2, int32_t id, void *user); /* NULL: no memory */
struct http2_stream *http2_stream_find(struct http2 *http2, int32_t id); /* NULL: not one that nghttp2 has */
void http2_stream_gone(struct http2_stream *stream, uint32_t code);
void http2_stream_tell_over(struct http2_stream *stream, enum http2_end end, uint32_t code);
void http2_stream_body(struct http2_stream *stream, struct slice bytes);
/* Tells the peer, after a whole answer, that the rest of its request is not read (RFC 9113, 8.1). */
void http2_stream_cut(struct http2_stream *stream);
/* Requests that the peer will not take any more. */
void http2_refuse_queued(struct http2 *http2);
void http2_streams_destroy(struct http2 *http2);
