/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listeners from inside: what the role that accepts, and those who open and close listeners, share. */
#pragma once

#include "actors/net/net_private.h"
#include "queues/promise.h"
#include "transport/net/address_range.h"
#include "transport/net/poller.h"

/* What an event of the role's poller is about. */
struct listening_subject {
    bool is_proxied; /* a connection that waits for its header, not a listening socket */
};

struct listening_socket {
    struct listening_subject subject;
    struct listener *listener;
    int descriptor;
};

struct listener {
    struct message message; /* to the role: make the next change */
    struct net *net;
    struct listen_options options;   /* without the addresses */
    _Atomic uint32_t tls_timeout_ms; /* the manners; any thread */
    _Atomic uint32_t handshake_timeout_ms;
    _Atomic(struct keep_alive) keep_alive;
    _Atomic bool log_tls_errors;
    _Atomic bool log_peers;
    struct net_address_range *proxies; /* who may say whom it connects for */
    size_t proxy_count;                /* 0: nobody, and nobody has to */
    uint16_t port;
    struct port_figures *figures; /* NULL: there are too many ports */
    struct promise *added;        /* decided by the role when it has made the change; NULL from then on */
    struct promise *removed;
    /* the role, once added */
    struct listener *next;
    size_t count;
    struct listening_socket sockets[];
};

struct listener_role {
    struct net *net;
    struct actor *actor;
    struct poller *poller;
    struct listener *listeners;
    struct admission *admission;
    struct ring proxied, proxied_ended; /* listener_proxied.c */
    size_t proxied_count;
    struct wheel_timer pause_timer;
    bool is_paused;
    bool is_failing; /* logged; until the next success */
    bool is_full;    /* the same: max_connections */
};

/* listener.c: lets in what was accepted from `peer`, or was told to come from `told` (NULL: nothing was); takes over
 * `descriptor`. */
void listener_admit(struct listener_role *role, struct listener *listener, int descriptor,
                    const struct net_address *peer, const struct net_address *told);

/* listener_proxied.c: what was accepted has to bring a header first; takes over `descriptor`. */
void listener_await_header(struct listener_role *role, struct listener *listener, int descriptor,
                           const struct net_address *address);
/* It has brought something. */
void listener_look_for_header(struct listener_role *role, struct listening_subject *subject);
/* At the end of a turn. */
void listener_free_proxied(struct listener_role *role);
/* The listener ends. */
void listener_drop_proxied(struct listener_role *role, const struct listener *listener);

/* listener.c: starts the role with the first listener. */
enum smq_result listener_need_role(struct net *net);
void listener_close_sockets(struct listener *listener);
void listener_free(struct listener *listener);
