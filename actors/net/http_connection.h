/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP on connections of a net, either side: HTTP/2, and for servers HTTP/1.1, too, which looks the same from here. A
 * listener (listen_options.http) serves it on the connections that are not the protocol's; a client asks for it with
 * connect_options.http.
 *
 * Threads: a connection belongs to its receive lane. All hooks are called there, one at a time for each connection, and
 * all functions are to be called there, from hooks or by connection_run, unless another thread is named. None blocks.
 * An exchange is valid from its head (a client's: from http_request) until http_release, whatever becomes of the
 * connection meanwhile: then the functions do nothing, or return SMQ_ERR_CLOSED.
 *
 * Flow control is credit: a body that comes is handed on where it lies, and the peer may send more of it only as it is
 * consumed, at any later time. A body that goes is asked for only while the peer's windows and the socket have room. So
 * nothing is buffered: an idle connection holds about 30 KB, most of it TLS's. What peers do is bounded by
 * transport/http2 and transport/http1, and by the times below. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "transport/http2/http2_stream.h"

struct http_exchange; /* a request and its answer */
struct http_engine;
extern const struct http_engine http_engine_1; /* HTTP/1.1, for servers; not part of libsmq */

/* `owner` is what `opened` made of a connection. */
struct http_hooks {
    /* The connection is up: connection_tls can be asked for. Server: `*owner` is NULL, and may be set. Client: it is
     * connect_options.state; requests can be made from here on. Anything but SMQ_OK closes the connection. */
    enum smq_result (*opened)(void *context, struct connection *connection, void **owner);
    /* Server: a request came. Client: the head of the answer to a request. */
    void (*head)(void *owner, struct http_exchange *exchange, const struct http2_head *head);
    /* Bytes of the body, valid until the hook returns; to be consumed. */
    void (*body)(void *owner, struct http_exchange *exchange, struct slice bytes);
    /* All of the peer's side came, as long as it said; once, also without a body. */
    void (*body_end)(void *owner, struct http_exchange *exchange);
    /* Asks for up to `size` bytes of the body to be sent, to be written to `room`. SMQ_OK: `*length` were; `*last`:
     * they end the body. SMQ_ERR_AGAIN: not asked again before http_resume. Others: the body cannot be completed, and
     * the peer will see that. NULL only where no body is ever sent. */
    enum smq_result (*fill)(void *owner, struct http_exchange *exchange, uint8_t *room, size_t size, size_t *length,
                            bool *last);
    /* The exchange is over, once for each that the owner knows; no other hook follows. To be released, now or later. */
    void (*over)(void *owner, struct http_exchange *exchange, enum http2_end end);
    /* Its deadline has passed. NULL: it is cancelled. */
    void (*expired)(void *owner, struct http_exchange *exchange);
    /* Client: no more requests are taken. NULL: not told. */
    void (*going_away)(void *owner);
    /* Once, when `opened` succeeded, and for every client: the connection has ended, for a reason as in connection.h.
     * Exchanges are over by then, but not released. NULL: not told. */
    void (*closed)(void *owner, struct connection *connection, enum smq_result reason);
    /* Any thread, after `closed`: the last reference is gone, those of exchanges included. NULL: not told. */
    void (*released)(void *owner);
};

/* How HTTP is spoken. Constant; outlives the net. Times in ms, 0: no limit. */
struct http_service {
    const struct http_hooks *hooks;
    void *context; /* of `opened` and `speaks_http` */
    /* Server: whether the connection, on which TLS is up, is one of HTTP; others are the listener's protocol's. NULL:
     * all are. */
    bool (*speaks_http)(void *context, const struct connection_tls *tls);
    /* Server: &http_engine_1: who does not begin with the preface of HTTP/2 speaks HTTP/1.1. NULL: HTTP/2 only. */
    const struct http_engine *http1;
    uint32_t head_ms;     /* for what has begun to come: the preface, a head; not 0 */
    uint32_t idle_ms;     /* without an exchange */
    uint32_t exchange_ms; /* for an exchange, at first; see http_set_deadline */
    uint32_t stall_ms;    /* without a byte that the peer takes, while there are some for it */
};

/* ---- exchanges */

/* Server: answers, once, at any time after the head. On HTTP/1.1 a body whose length is not told by `content-length` is
 * chunked. A `head` request gets none, whatever `has_body` says. SMQ_ERR_CLOSED: it is over; SMQ_ERR_INVALID: it is
 * answered already; SMQ_ERR_TOO_LARGE, SMQ_ERR_NO_MEMORY. */
enum smq_result http_answer(struct http_exchange *exchange, const struct http2_response *response);
/* Client: makes a request; `user` is the exchange's. Results as of http2_request. */
enum smq_result http_request(struct connection *connection, const struct http2_request *request, void *user,
                             struct http_exchange **exchange);
/* `length` bytes of what came are done with; as many more may come. Also when it is over. */
void http_consume(struct http_exchange *exchange, size_t length);
/* What is still to come of the body is thrown away. */
void http_discard(struct http_exchange *exchange);
/* The body to be sent has further bytes, or ends: `fill` is asked again. */
void http_resume(struct http_exchange *exchange);
/* How much of the body to be sent the peer takes now, as far as it told. */
size_t http_window(const struct http_exchange *exchange);
/* Gives it up; `over` follows. Towards the reference, which ends its whole connection at a reset, complete it or
 * discard instead. */
void http_cancel(struct http_exchange *exchange);
/* The owner is done with it, once. Not over yet: it is cancelled, and no hook follows. When connection_run has failed,
 * any thread. */
void http_release(struct http_exchange *exchange);
/* `at_ms` of clock_monotonic_ms; UINT64_MAX: none. */
void http_set_deadline(struct http_exchange *exchange, uint64_t at_ms);

/* Any thread that may use the exchange. */
void http_set_user(struct http_exchange *exchange, void *user);
void *http_user(const struct http_exchange *exchange); /* NULL at first */
struct connection *http_connection_of(const struct http_exchange *exchange);

/* ---- connections */

/* Something to be done on a connection's receive lane; embedded in the sender's own struct, and its own again when
 * `run` is called. */
struct connection_task {
    struct message message;        /* on its way */
    struct connection *connection; /* referenced on its way */
    void (*run)(struct connection_task *task);
};
/* Has `task->run` called, also when the connection has ended meanwhile. Any thread; never blocks; order is kept per
 * thread. SMQ_ERR_CLOSED: the lane is stopped, nothing will be called; all exchanges are over. */
enum smq_result connection_run(struct connection *connection, struct connection_task *task);

/* connection_close (any thread) with `flush` lets exchanges that are under way go on, for 5 s; it takes no new ones. */
