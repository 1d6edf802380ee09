/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listeners from inside: what the role that accepts, and those who open and close listeners, share. */
#pragma once

#include "actors/net/net_private.h"
#include "queues/promise.h"
#include "transport/net/poller.h"

struct listening_socket {
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
    struct wheel_timer pause_timer;
    bool is_paused;
    bool is_failing; /* logged; until the next success */
    bool is_full;    /* the same: max_connections */
};

/* listener.c: starts the role with the first listener. */
enum smq_result listener_need_role(struct net *net);
void listener_close_sockets(struct listener *listener);
void listener_free(struct listener *listener);
