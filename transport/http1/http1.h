/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/1.1 (RFC 9112), the server's side of one connection, on http_parser: a state over bytes that somebody else reads
 * and writes, with the words of transport/http2. No I/O, no clock, no locks, no threads. One thread at a time.
 *
 * A connection has one exchange at a time; requests that came after it wait, in the bytes of one call, until it is over
 * and released. What is not understood, or too much, is answered with an error, and ends the connection. */
#pragma once

#include "transport/http2/http2_stream.h"

struct http1;

enum {
    HTTP1_WINDOW = 262144,   /* bytes of a body that may come before they are consumed, and those of one call more */
    HTTP1_OUTPUT_MIN = 1024, /* least size of http1_output's room */
};

/* As those of http2_hooks. They may call any function of this header but http1_receive, http1_output, http1_expire and
 * http1_destroy. */
struct http1_hooks {
    void (*head)(void *owner, struct http1 *http1, const struct http2_head *head); /* `authority` is that of Host */
    void (*body)(void *owner, struct http1 *http1, struct slice bytes);
    void (*body_end)(void *owner, struct http1 *http1);
    enum smq_result (*fill)(void *owner, struct http1 *http1, uint8_t *room, size_t size, size_t *length, bool *last);
    void (*closed)(void *owner, struct http1 *http1, enum http2_end end);
    void (*expired)(void *owner, struct http1 *http1);
};

struct http1_config {
    const struct http1_hooks *hooks; /* borrowed for the connection's life */
    void *owner;
    uint32_t head_ms; /* the time for a head that has begun to come */
};

/* SMQ_ERR_NO_MEMORY. */
enum smq_result http1_create(const struct http1_config *config, uint64_t now, struct http1 **http1);
/* Tells of the exchange that is open (HTTP2_LOST), then frees everything. NULL is allowed. */
void http1_destroy(struct http1 **http1);

/* Takes bytes that came; to be called only while they are wanted. SMQ_ERR_PROTOCOL: the peer broke a rule, which it
 * will be told; SMQ_ERR_CLOSED: nothing is read any more; SMQ_ERR_NO_MEMORY. */
enum smq_result http1_receive(struct http1 *http1, struct slice bytes, uint64_t now);
bool http1_wants_input(const struct http1 *http1);
/* The peer has ended its side. Whether an exchange is left to be completed. */
bool http1_input_ended(struct http1 *http1);

/* As http2_output. */
enum smq_result http1_output(struct http1 *http1, uint8_t *room, size_t size, uint64_t now, size_t *length);
bool http1_has_output(const struct http1 *http1);

/* No exchange after the one that is open. */
void http1_shutdown(struct http1 *http1);
bool http1_is_over(const struct http1 *http1);
enum smq_result http1_failure(const struct http1 *http1, const char **text);
uint64_t http1_deadline(const struct http1 *http1);
void http1_expire(struct http1 *http1, uint64_t now);

/* The exchange that is open. As the functions of http2_stream.h with these names; where the body's length is not in
 * `content-length` it is chunked, or ends with the connection for clients of HTTP/1.0. */
enum smq_result http1_respond(struct http1 *http1, const struct http2_response *response);
void http1_resume(struct http1 *http1);
void http1_consume(struct http1 *http1, size_t length);
void http1_discard(struct http1 *http1);
void http1_cancel(struct http1 *http1); /* ends the connection, too */
void http1_release(struct http1 *http1);
void http1_set_deadline(struct http1 *http1, uint64_t at);
void http1_set_user(struct http1 *http1, void *user); /* gone with the exchange */
void *http1_user(const struct http1 *http1);
