/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/2 (RFC 9113), either side of one connection, on nghttp2: a state over bytes that somebody else reads and writes.
 * No I/O, no clock, no locks, no threads. A `struct http2` and its streams belong to one thread at a time.
 *
 * What came is given to http2_receive, what is to be sent is taken with http2_output, by whoever owns the connection.
 * Requests, responses and bodies pass through hooks, which are called during these two, http2_expire and http2_destroy.
 * Streams are in http2_stream.h. Parameters are the reference's (facts: xftp.md 1.4). Times are milliseconds of any
 * clock that does not go back.
 *
 * Memory: an idle server is about 10 KB, of which nghttp2 has 9. A peer cannot make nghttp2 hold more than
 * HTTP2_MEMORY_MAX, nor us more than that and one header block. Bodies are not kept: what came is handed on, what goes
 * is written by the `fill` hook into the caller's output. What a peer does that is of no use to anybody (patience.h)
 * ends the connection in the long run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

struct http2;
struct http2_stream;

enum {
    HTTP2_FRAME_MAX = 32759,    /* largest payload of a frame that we take; we send at most 16,384 */
    HTTP2_WINDOW = 1048575,     /* bytes of bodies, on a stream and in all, that may come before they are consumed */
    HTTP2_STREAMS_MAX = 100,    /* under way at a time, of the peer's */
    HTTP2_REST_MAX = 65536,     /* bytes of a request that may come after the whole answer was sent */
    HTTP2_WINDOW_STEP = 65535,  /* bytes consumed before the peer is told */
    HTTP2_HEAD_MAX = 16384,     /* bytes of names and values of a header block */
    HTTP2_FIELDS_MAX = 64,      /* fields of a header block, pseudo-header fields included */
    HTTP2_QUEUED_MAX = 256,     /* requests of ours that wait for the peer's limit */
    HTTP2_OUTPUT_MIN = 1024,    /* least size of http2_output's room */
    HTTP2_MEMORY_MAX = 512000,  /* bytes of heap that nghttp2 may hold for one connection */
    HTTP2_FRAME_BUFFER = 16512, /* bytes of a frame buffer that servers share */
};

/* RFC 9113, 7. */
enum http2_code {
    HTTP2_NO_ERROR = 0,
    HTTP2_PROTOCOL_ERROR = 1,
    HTTP2_INTERNAL_ERROR = 2,
    HTTP2_REFUSED_STREAM = 7,
    HTTP2_CANCEL = 8,
    HTTP2_ENHANCE_YOUR_CALM = 11,
};

struct http2_field {
    struct slice name; /* lower case */
    struct slice value;
};

/* The head of a request or a response that came. All slices are valid until the hook returns. A request has no
 * `authority` where a field `host` is there instead, and neither `scheme` nor `path` where the method is CONNECT. */
struct http2_head {
    struct slice method, scheme, authority, path;
    unsigned status;                  /* a response's: 200 to 999 */
    int64_t content_length;           /* -1: not given. What comes is checked against it. */
    bool has_body;                    /* false: the head ended the stream */
    const struct http2_field *fields; /* the other fields, in order */
    size_t field_count;
};

/* The value of the first field of that name (lower case); false: there is none. */
bool http2_head_find(const struct http2_head *head, const char *name, struct slice *value);

/* How a stream ended. */
enum http2_end {
    HTTP2_DONE,      /* request and response are complete; a server may have left the rest of a request unread */
    HTTP2_REFUSED,   /* the server has certainly not looked at the request: it may be made again */
    HTTP2_RESET,     /* by the peer */
    HTTP2_BROKEN,    /* the peer broke a rule on this stream, such as by a body that is not of its content-length */
    HTTP2_CANCELLED, /* by us */
    HTTP2_LOST,      /* the connection ended before; a request may have been carried out */
};

/* What the owner of a connection is told and asked. Hooks may call any function of this header and of http2_stream.h,
 * but not http2_receive, http2_output, http2_expire and http2_destroy. `owner` is http2_config's. */
struct http2_hooks {
    /* Server: a request came; from here on the stream is known to the owner, who releases it in the end. Client: the
     * final response to a request came. Interim responses and trailers are ignored. */
    void (*head)(void *owner, struct http2_stream *stream, const struct http2_head *head);
    /* Bytes of the body, which lie in what was given to http2_receive. The peer's window closes by them until
     * http2_consume. */
    void (*body)(void *owner, struct http2_stream *stream, struct slice bytes);
    /* All of the peer's side came, and is as long as it said; once, also after a head without body. */
    void (*body_end)(void *owner, struct http2_stream *stream);
    /* Asks for the next bytes of the body to be sent; only while the peer's windows and the output have room: up to
     * `size` bytes, to be written to `room`. SMQ_OK: `*length` bytes were; `*last`: they end the body. SMQ_ERR_AGAIN:
     * not asked again before http2_resume. Others: the body cannot be completed, the stream is reset. NULL only where
     * no body is ever sent. */
    enum smq_result (*fill)(void *owner, struct http2_stream *stream, uint8_t *room, size_t size, size_t *length,
                            bool *last);
    /* The stream is over; once for each that the owner knows. No other hook follows for it. `code`: what the reset,
     * ours or the peer's, said. */
    void (*closed)(void *owner, struct http2_stream *stream, enum http2_end end, uint32_t code);
    /* The deadline of the stream (http2_set_deadline) has passed; it has none any more. NULL only where none is set. */
    void (*expired)(void *owner, struct http2_stream *stream);
    /* The peer will take no more requests, and says why; NULL: not told. */
    void (*going_away)(void *owner, uint32_t code);
};

struct http2_config {
    bool is_server;
    const struct http2_hooks *hooks; /* borrowed for the engine's life */
    void *owner;
    uint32_t head_ms; /* the time for the peer's first SETTINGS, and for each header block or GOAWAY once begun */
    /* Servers: HTTP2_FRAME_BUFFER bytes that all servers of one thread may share, instead of 16 KB each; borrowed for
     * the engine's life. NULL: its own. */
    void *frame_buffer;
};

/* A client has its preface to send at once; a server says nothing before it has got the client's.
 * SMQ_ERR_NO_MEMORY. */
enum smq_result http2_create(const struct http2_config *config, uint64_t now, struct http2 **http2);
/* Tells of the streams that are still open (HTTP2_LOST; HTTP2_REFUSED for requests that were not sent), then frees
 * everything; streams are invalid afterwards, released or not. NULL is allowed. */
void http2_destroy(struct http2 **http2);

/* Takes bytes that came, any number at a time; the work is bounded by their number. SMQ_ERR_AGAIN: nothing was taken,
 * since too much waits to be sent; the same again after http2_output. Afterwards look at http2_output, also after a
 * failure: its last bytes tell the peer. SMQ_ERR_PROTOCOL: the peer broke the rules or wore out our patience;
 * SMQ_ERR_NO_MEMORY; SMQ_ERR_CLOSED: nothing is read any more. What nghttp2 finds wrong is ignored from there on, and
 * becomes SMQ_ERR_PROTOCOL as soon as the GOAWAY for it has been put out. */
enum smq_result http2_receive(struct http2 *http2, struct slice bytes, uint64_t now);

/* Whether http2_receive would take bytes now: neither over, nor with too much to be sent before. */
bool http2_wants_input(const struct http2 *http2);

/* Writes up to `size` (at least HTTP2_OUTPUT_MIN) bytes that are to be sent next. A room of 16,384 bytes is one TLS
 * record with one frame of a body. SMQ_OK: `*length` > 0. SMQ_ERR_EMPTY: nothing to send. SMQ_ERR_INVALID: too little
 * room. SMQ_ERR_NO_MEMORY: the connection is lost. */
enum smq_result http2_output(struct http2 *http2, uint8_t *room, size_t size, uint64_t now, size_t *length);
/* Whether http2_output may have something. */
bool http2_has_output(const struct http2 *http2);

/* Begins to end in order: no new streams, those under way go on. The peer is told (GOAWAY, NO_ERROR). */
void http2_shutdown(struct http2 *http2);
/* Ends at once: nothing is taken any more, and nothing sent but a GOAWAY with this code. */
void http2_close(struct http2 *http2, enum http2_code code);
/* Nothing will be read or written any more: the connection can be closed. */
bool http2_is_over(const struct http2 *http2);
/* Why it ended, for a log: SMQ_OK while nothing is wrong; the text is then empty. */
enum smq_result http2_failure(const struct http2 *http2, const char **text);

/* The earliest time at which http2_expire has something to do; UINT64_MAX: none. A step for each stream. */
uint64_t http2_deadline(const struct http2 *http2);
/* Does what is due: tells of streams' deadlines, fails a peer that is late with its preface or a header block. */
void http2_expire(struct http2 *http2, uint64_t now);

/* Streams under way or not released yet; bytes that nghttp2 holds for this connection. */
size_t http2_stream_count(const struct http2 *http2);
size_t http2_memory(const struct http2 *http2);
