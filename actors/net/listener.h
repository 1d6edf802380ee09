/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening: sockets bound to addresses, whose connections are handed to the receive lanes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "smq/result.h"
#include "transport/net/keep_alive.h"
#include "transport/tls/tls.h"

struct framing;
struct http_service;
struct listener;
struct net_address_range; /* transport/net/address_range.h */

/* How accepted connections are treated, each as it was when it was accepted. */
struct listen_manners {
    uint32_t tls_timeout_ms;       /* accept to TLS established and framing opened; 0: 10,000 */
    uint32_t handshake_timeout_ms; /* from then to connection_established; 0: no limit */
    struct keep_alive keep_alive;  /* where has_keep_alive is on */
    bool log_tls_errors;           /* one line for each failed handshake */
    bool log_peers;                /* which names the address of the peer */
};

struct listen_options {
    const char *const
        *addresses; /* names or literals; count 0: all addresses, dual-stack IPv6 (IPv4 where there is none) */
    size_t address_count;
    uint16_t port;                         /* 0: the kernel chooses, one port for all addresses */
    const struct tls_context *tls_context; /* server context; outlives the net. NULL: `accept` gives each its own */
    bool is_plain;                         /* no TLS: HTTP only */
    const struct protocol *protocol;       /* outlives the net. NULL: HTTP only */
    const struct http_service *http;       /* http_connection.h; outlives the net. NULL: no HTTP */
    const struct framing *framing;         /* transport/net/framing.h; NULL: blocks follow each other */
    /* Listener's thread. Makes the protocol state of an accepted connection, which the connection owns from then on;
     * NULL refuses it. NULL where there is HTTP only. */
    void *(*accept)(void *context, struct connection *connection);
    void *context;
    /* With any, only they are let in, and each connection begins with a header of the PROXY protocol that says whom it
     * is for (transport/net/proxy_protocol.h); limits by address are for whom it says. Copied. */
    const struct net_address_range *proxies;
    size_t proxy_count;
    bool has_keep_alive;           /* TCP finds peers that vanished */
    struct listen_manners manners; /* until listener_change */
};

/* Binds, listens and starts accepting. Blocks for name resolution. SMQ_ERR_SYSTEM: an address does not resolve or
 * cannot be bound; SMQ_ERR_NO_MEMORY; SMQ_ERR_CLOSED. `error` (may be NULL) gets one line that names the address and
 * the reason. Any attached thread that is no role of the net. */
enum smq_result net_listen(struct net *net, const struct listen_options *options, struct listener **listener,
                           char *error, size_t error_size);

/* The port that is bound. */
uint16_t listener_port(const struct listener *listener);

/* Treats connections like this from now on. Any thread; never blocks. */
void listener_change(struct listener *listener, const struct listen_manners *manners);

/* Stops accepting and closes the sockets; connections stay. When it returns, `accept` is not called any more. Blocks
 * shortly. To be called before net_destroy, which stops what is left but leaves the handle invalid. */
void listener_stop(struct listener **listener);
