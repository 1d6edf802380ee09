/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Streams of an HTTP/2 connection: a request and its response. The same thread as the connection's; none blocks. A
 * stream is valid until http2_release, or until its connection is destroyed. */
#pragma once

#include "transport/http2/http2.h"

enum { HTTP2_SENT_FIELDS_MAX = 16 }; /* fields of a head that we send, pseudo-header fields not counted */

/* Fields are copied. Names are lower case, and none is a pseudo-header field. */
struct http2_request {
    struct slice method, scheme, authority, path;
    const struct http2_field *fields;
    size_t field_count;
    bool has_body; /* which `fill` is asked for */
};

struct http2_response {
    unsigned status; /* 200 to 999 */
    const struct http2_field *fields;
    size_t field_count;
    bool has_body;
};

/* Client: makes a request, which waits while as many are under way as the server takes; before it has said how many,
 * that is one. `user` is the stream's from the beginning. SMQ_ERR_CLOSED: the connection takes no more requests;
 * SMQ_ERR_NO_CREDIT: HTTP2_QUEUED_MAX wait already; SMQ_ERR_TOO_LARGE: too many fields; SMQ_ERR_NO_MEMORY. */
enum smq_result http2_request(struct http2 *http2, const struct http2_request *request, void *user,
                              struct http2_stream **stream);

/* Server: answers, once, at any time after the request's head. When all of the answer is sent before the request has
 * ended, no hook is told of its rest: HTTP2_REST_MAX bytes of it are taken, until the stream's deadline or else for
 * config's head_ms, then the peer is told that no more is wanted (RST_STREAM with NO_ERROR; the reference bears four a
 * second). After http2_discard as much of it is taken as comes in that time.
 * SMQ_ERR_CLOSED: the stream is over; SMQ_ERR_INVALID: it is answered already; SMQ_ERR_TOO_LARGE; SMQ_ERR_NO_MEMORY. */
enum smq_result http2_respond(struct http2_stream *stream, const struct http2_response *response);

/* The body to be sent has further bytes, or ends: `fill` is asked again. */
void http2_resume(struct http2_stream *stream);
/* How many bytes of the body the peer's windows would take at this time; what `fill` could be asked for next. */
size_t http2_window(const struct http2_stream *stream);

/* `length` bytes of the body that came are done with (on disk, say), and as many more may come. Also after `closed`:
 * until then they count against the whole connection. No more than came. */
void http2_consume(struct http2_stream *stream, size_t length);
/* What is still to come of the peer's body is taken and thrown away; `body` is not called any more. */
void http2_discard(struct http2_stream *stream);

/* Gives the stream up; `closed` comes when the peer is told, or at once for a request that was not sent yet. The
 * reference ends its whole connection at a reset (xftp.md 1.4): towards it, complete or discard instead. */
void http2_cancel(struct http2_stream *stream);
/* The owner is done with a stream that is over, in `closed` or later, once. What it has not consumed is consumed.
 * As many as HTTP2_STREAMS_MAX may be over and not released; if the peer opens streams beyond that, the connection
 * ends. */
void http2_release(struct http2_stream *stream);

/* `expired` is called by http2_expire at this time; UINT64_MAX: no deadline, as at first. */
void http2_set_deadline(struct http2_stream *stream, uint64_t at);

void http2_set_user(struct http2_stream *stream, void *user);
void *http2_user(const struct http2_stream *stream); /* NULL at first */
/* Whose stream it is. */
struct http2 *http2_of(const struct http2_stream *stream);
