/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A server of HTTP and its client, for tests of connections: what they are told is counted. Bodies are made of
 * http2_body_byte, in both directions.
 *
 * The site answers when the request has ended: GET /bytes/N with N bytes whose length is stated, /chunks/N with N bytes
 * whose length is not, others with the number of bytes that came. /silence is never answered, /refuse at once with 403.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "actors/net/http_connection.h"
#include "actors/net/net.h"
#include "test/support/test_pki.h"

struct site_request;

struct http_site {
    struct test_pki pki;
    struct net *net;
    struct listener *listener; /* TLS, a router's certificate: HTTP for all */
    struct listener *plain;
    struct http_service service;
    /* what tests may change before or meanwhile */
    _Atomic bool holds;  /* bodies are not consumed, before http_site_let_go */
    _Atomic bool keeps;  /* exchanges are not released, before http_site_release_all */
    _Atomic bool stalls; /* `fill` has nothing at first, http_site_let_go brings it */
    /* what it was told */
    _Atomic int opened, closed, released;
    _Atomic int requests, over, done, lost, broken;
    _Atomic int64_t received; /* bytes of bodies */
    _Atomic int64_t filled;
    _Atomic int wrong; /* of these bytes */
    _Atomic int expired;
    _Atomic int last_reason; /* of `closed` */
    pthread_mutex_t lock;
    struct site_request *first;
};

/* Fields of `service` that are 0 get times that no test waits for. */
void http_site_start(struct http_site *site, const struct net_options *options);
/* Ends all, and checks that everybody was told of every end once. */
void http_site_stop(struct http_site *site);
/* From another thread, by connection_run: consumes all that is held, and resumes what stalled. */
void http_site_let_go(struct http_site *site);
void http_site_release_all(struct http_site *site);

/* One request of a caller. */
struct http_call {
    const char *method, *path;
    size_t to_send; /* bytes of the body; `has_body` even with 0 */
    bool has_body;
    bool cancel_at_head;
    /* the caller's lane, until `over` */
    size_t sent;
    struct http_exchange *exchange;
    struct http_call *next;
    /* any thread */
    _Atomic int status;
    _Atomic int64_t received;
    _Atomic int wrong;
    _Atomic int body_ended;
    _Atomic int over; /* calls of the hook */
    _Atomic int end;  /* enum http2_end */
};

/* A connection of a client. */
struct http_caller {
    struct http_service service;
    struct connection *connection; /* a reference */
    struct connection_task task;
    struct http_call *calls; /* to be made by the task */
    _Atomic int opened, closed, released, reason, refused, tasks;
};

/* Connects to the site's TLS port. */
void http_caller_connect(struct http_caller *caller, struct http_site *site);
void http_caller_connect_to(struct http_caller *caller, struct net *net, const struct connect_options *options);
/* Makes requests; one such call at a time. */
void http_caller_call(struct http_caller *caller, struct http_call *calls, size_t count);
/* Closes and waits until it is released. */
void http_caller_finish(struct http_caller *caller);
