/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The net from inside: its lanes, and what they share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "actors/net/connection_private.h"
#include "actors/net/net.h"
#include "queues/base/counter.h"
#include "queues/pinning.h"
#include "queues/token_bucket.h"
#include "queues/waker.h"

enum { NET_LANES_MAX = 64 };

/* Kinds of messages that the network roles receive. */
enum net_message { NET_CONNECTION, NET_OUTGOING, NET_REPLY, NET_LANE, NET_LISTENER, NET_TASK };

struct receive_lane;
struct send_lane;
struct monitor;
struct resolver;
struct listener_role;

/* struct net_limits, each for itself: any thread reads and writes them. */
struct shared_limits {
    _Atomic uint32_t max_connections, max_handshakes, handshake_rate, handshake_burst, cookie_handshakes,
        address_cookie_handshakes, cookie_rate, address_connections, address_handshakes, address_rate, address_burst,
        block_timeout_ms;
    _Atomic uint64_t unsent_bytes;
    _Atomic bool limit_loopback;
};

/* Where messages to the roles go: each fills its own place in when it is made, so that whoever has something to tell
 * it needs not know what is inside. */
struct net_addresses {
    struct actor *receive[NET_LANES_MAX], *send[NET_LANES_MAX];
    struct actor *monitor, *resolver, *listener;
};

/* A port that was listened on. Written by the listener. */
struct port_figures {
    _Atomic uint16_t port; /* 0: none yet */
    _Atomic uint64_t accepted, closed;
};

struct net {
    /* constant */
    struct net_options options;     /* its texts are the net's */
    struct net_addresses addresses; /* those of resolver and listener from their start */
    void (*destroy)(struct net *net);
    struct pinning receive_pinning, send_pinning;
    uint8_t cookie_key[32]; /* receive_handshake.c */
    struct receive_lane *receive_lanes[NET_LANES_MAX];
    struct send_lane *send_lanes[NET_LANES_MAX];
    struct monitor *monitor;
    /* started when first needed, under the lock */
    pthread_mutex_t lock;
    struct resolver *resolver;
    struct listener_role *listener_role;
    /* shared */
    _Atomic uint64_t references;    /* the owner, each connection, each receive lane's pool */
    struct token_bucket handshakes; /* that receive lanes begin */
    _Atomic bool is_stopping;
    struct waker progress; /* for the owner's thread: a lane has done what it was asked */
    struct shared_limits limits;
    _Atomic uint64_t unsent_bytes; /* of what is in queues of connections */
    struct counter connections, accepted, connected, blocks_received, blocks_sent, tls_failures, http_requests;
    struct port_figures ports[NET_PORTS_MAX];
    struct counter refused_connections, refused_rate, dropped_handshakes, dropped_blocks, dropped_unsent, asked_cookies,
        refused_proxied;
};

static inline void net_reference(struct net *net) {
    atomic_fetch_add_explicit(&net->references, 1, memory_order_relaxed);
}
static inline void net_release(struct net *net) {
    if (atomic_fetch_sub_explicit(&net->references, 1, memory_order_acq_rel) == 1)
        net->destroy(net);
}

/* net_limits.c */
void net_read_limits(const struct net *net, struct net_limits *limits);

/* receive_lane.c */
enum smq_result receive_lane_create(struct net *net, unsigned number, struct receive_lane **lane);
size_t receive_lane_blocks_held(const struct receive_lane *lane);
/* Ask, and find out; net->progress is woken. */
void receive_lane_stop_reading(struct receive_lane *lane);
bool receive_lane_has_stopped_reading(const struct receive_lane *lane);
void receive_lane_end_all(struct receive_lane *lane);
bool receive_lane_has_ended_all(const struct receive_lane *lane);
/* After the actor was joined: the pool goes when its last block is back. */
void receive_lane_retire(struct receive_lane *lane);
void receive_lane_destroy(struct receive_lane **lane);

/* send_lane.c */
enum smq_result send_lane_create(struct net *net, unsigned number, struct send_lane **lane);
/* Asks to tell when nothing is left to be sent; the number of this wish is returned. */
uint64_t send_lane_request_flush(struct send_lane *lane);
bool send_lane_has_flushed(const struct send_lane *lane, uint64_t wish);
void send_lane_destroy(struct send_lane **lane);

/* monitor.c */
enum smq_result monitor_create(struct net *net, struct monitor **monitor);
void monitor_destroy(struct monitor **monitor);

/* listener.c */
/* Stops accepting, ends the role and closes what is left. */
void listener_role_stop(struct listener_role *role);
void listener_role_destroy(struct listener_role **role);
