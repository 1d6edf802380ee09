/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_context from the inside: the lanes that all clients of a process share. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/lane.h"
#include "actors/client/smq/client.h"
#include "actors/net/net.h"
#include "queues/pinning.h"
#include "queues/waker.h"
#include "transport/tls/tls.h"

struct smq_context {
    uint32_t magic;
    /* the owner's handle and each client's: stopped lanes stay allocated for those who still send to them */
    _Atomic uint32_t references;
    _Atomic bool public_only; /* connects to addresses of the public internet only */
    _Atomic bool is_destroyed;
    _Atomic unsigned lanes_running; /* while it is destroyed: lanes with clients that have not ended */
    struct waker ended;             /* a lane has none any more */
    struct context_proxy *proxy;    /* NULL: its clients are no proxy's; constant once there are any */
    struct tls_context *tls;
    struct net *net;
    struct pinning pinning; /* clients to lanes */
    unsigned lane_count;
    struct process_lane *lanes;
};

/* What makes the clients of a context those of a proxy; embedded in what belongs to the protocol. */
struct context_proxy {
    void (*destroy)(struct context_proxy *proxy); /* all lanes have stopped; clients may live on */
    void (*free)(struct context_proxy *proxy);    /* with the context's last reference */
};

struct smq_context *context_reference(struct smq_context *context);
void context_release(struct smq_context *context);
bool context_is_valid(struct smq_context *context); /* for pointers from outside; may be NULL */
/* Process lane, once after LANE_STOP: no client of the lane uses the net any more. */
static inline void context_lane_ended(struct smq_context *context) {
    atomic_fetch_sub(&context->lanes_running, 1);
    waker_wake(&context->ended);
}
/* A number that no session of the process has: of a connection, or through a proxy. */
uint64_t context_next_number(void);
/* For a new client: its lane, and a number that no other client of the process has. */
struct process_lane *context_choose_lane(struct smq_context *context, uint64_t *number);

/* What each send lane owns. */
struct send_lane_state {
    uint8_t scratch[SEND_SCRATCH_SIZE]; /* bytes to sign */
};
