/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The network roles of a process: receive lanes, send lanes, monitor, resolver, listener; connecting as a client. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "actors/net/limits.h"
#include "actors/net/listener.h"
#include "smq/result.h"
#include "transport/net/keep_alive.h"
#include "transport/tls/tls.h"

struct socks_credentials; /* transport/net/socks.h */
struct socks_proxy;

struct net_options {
    unsigned receive_lanes; /* 0: number of processors; at most 64 */
    unsigned send_lanes;    /* the same */
    size_t
        block_credit_per_lane; /* blocks that may be with their holders before a receive lane stops reading; 0: 1024 */
    struct net_limits limits;  /* until net_set_limits */
    /* Name servers, "address[:port]" with commas between; NULL: those of /etc/resolv.conf. Copied. */
    const char *dns_servers;
    const char *resolv_conf; /* instead of /etc/resolv.conf; NULL: that. Copied. */
    /* Hooks of the send lanes, each on the lane's thread; all may be NULL. `lane_state` is what protocol.fill gets. */
    enum smq_result (*send_lane_start)(void *context, unsigned lane, void **lane_state);
    void (*send_lane_batch_end)(void *lane_state); /* after each turn: mailbox drained, blocks handed to TLS */
    void (*send_lane_stop)(void *lane_state);
    void *context;
};

/* Whether this can be given as dns_servers. Any thread. */
bool net_dns_servers_valid(const char *servers);

/* Starts the receive lanes, send lanes and the monitor; the listener and the resolver start when they are first needed.
 * Blocks until the threads run. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM, SMQ_ERR_INVALID, or what send_lane_start returned.
 * The thread is attached to RCU (thread.h); so must be every thread that calls a function of this header or of
 * connection.h. */
enum smq_result net_create(const struct net_options *options, struct net **net);

/* Replaces the limits. They are for whoever comes, and what is received, from now on: nobody is dropped by this call.
 * Any thread; never blocks. */
void net_set_limits(struct net *net, const struct net_limits *limits);

struct connect_options {
    const char *host; /* name, IPv4 or IPv6 literal (brackets allowed); copied */
    uint16_t port;
    /* Client context; outlives the net. That of a web client looks for `host` in the server's certificate. */
    const struct tls_context *tls_context;
    const char *alpn;                   /* "smp/1", "http/1.1", or NULL for none; a constant text */
    uint8_t key_hash[FINGERPRINT_SIZE]; /* identity of the server; not looked at by a web client */
    const struct protocol *protocol;    /* outlives the net; not looked at with `http` */
    const struct http_service *http;    /* NULL: blocks; else HTTP/2 (http_connection.h), whose owner is `state` */
    void *state;                        /* the protocol's; owned by the connection if SMQ_OK is returned */
    uint32_t timeout_ms;                /* budget from now to connection_established; 0: none */
    bool no_keep_alive;                 /* keep-alive is on by default: idle 30 s, interval 15 s, 4 probes */
    struct keep_alive keep_alive;       /* zeroes stand for these values */
    /* NULL: connect directly. Else `host` and `port` are given to this proxy, which looks names up; copied. */
    const struct socks_proxy *socks_proxy;
    const struct socks_credentials *socks_credentials; /* shown to the proxy; NULL: none. Copied. */
    /* Only addresses of the public internet are connected to, whatever a name resolves to; others count as unreachable
     * and cost no descriptor. The SOCKS proxy's own address is exempt. */
    bool public_only;
};

/* Starts connecting: resolution, all addresses in order, the SOCKS proxy, TLS. Never blocks. SMQ_OK: the outcome is
 * told by `secured` or `closed`, `closed` and `released` come in any case, and `*connection` (may be NULL: not
 * wanted) is a reference for the caller. Reasons given to `closed`: SMQ_ERR_NETWORK (no address, refused, reset,
 * refused by the proxy, or no SOCKS5 proxy there), SMQ_ERR_TIMEOUT, SMQ_ERR_IDENTITY (wrong key hash or chain),
 * SMQ_ERR_TLS, SMQ_ERR_NOT_FOUND (an onion host without a SOCKS proxy: such names are never looked up), or a reason
 * given to connection_close. Errors: SMQ_ERR_NO_MEMORY, SMQ_ERR_INVALID, SMQ_ERR_CLOSED (the net is stopping),
 * SMQ_ERR_SYSTEM, SMQ_ERR_NETWORK (public_only, and a literal that is not); then no hook is called and the caller keeps
 * the state. Any attached thread. */
enum smq_result net_connect(struct net *net, const struct connect_options *options, struct connection **connection);

/* The ordered end; each step is optional, from one thread (not a role of the net), and blocks.
 * net_stop_reading: when it returns SMQ_OK, no `received` runs and none will; connections stay open for sending.
 * SMQ_ERR_TIMEOUT: some lane was busy with one turn for `deadline_ms`; it stops when that is over.
 * net_flush: waits until everything that was queued before is handed to the kernel, at most `deadline_ms`; slow readers
 * are given up. SMQ_ERR_TIMEOUT when something is left. net_destroy: stops listeners, closes every connection
 * (SMQ_ERR_CANCELLED, close_notify, no flush), discards what is unsent, joins all threads, destroys the net once the
 * last connection reference and block are returned; they may outlive this call, and so may calls on them, which then do
 * nothing. No peer and no name server is waited for. */
enum smq_result net_stop_reading(struct net *net, uint32_t deadline_ms);
enum smq_result net_flush(struct net *net, uint32_t deadline_ms);
void net_destroy(struct net **net);

/* Any thread; not a snapshot of one instant. */
struct net_statistics {
    uint64_t connections;     /* open now, handshaking ones included */
    uint64_t accepted;        /* so far */
    uint64_t connected;       /* client side, TLS established, so far */
    uint64_t blocks_received; /* so far */
    uint64_t blocks_sent;     /* so far */
    uint64_t blocks_held;     /* received blocks that were not released yet */
    uint64_t http_requests;   /* that came, so far */
    uint64_t tls_failures;    /* handshakes that failed, so far */
    uint64_t asked_cookies;   /* ClientHellos that were answered by asking for a cookie (limits.h), so far */
    /* accepted connections that were not let in, or dropped, for a limit (limits.h), so far */
    uint64_t refused_connections; /* address_connections */
    uint64_t refused_rate;        /* address_rate */
    uint64_t refused_proxied;     /* of no listed proxy, or without a header (listener.h) */
    uint64_t dropped_handshakes;  /* max_handshakes, address_handshakes, max_connections */
    uint64_t dropped_blocks;      /* block_timeout_ms, or too many unfinished blocks on the lane */
    uint64_t dropped_unsent;      /* unsent_bytes */
    uint64_t unsent_bytes;        /* of what waits to be sent now */
};
void net_read_statistics(struct net *net, struct net_statistics *statistics);

/* What came by a port that is, or was, listened on. */
enum { NET_PORTS_MAX = 64 };
struct net_port {
    uint16_t port;
    uint64_t accepted, closed; /* connections so far */
};
/* In the order in which they were first listened on; how many, at most NET_PORTS_MAX. Any thread. */
size_t net_read_ports(const struct net *net, struct net_port ports[NET_PORTS_MAX]);
