/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The roles of the SMP router: what they share. Their messages are in post.h. Internal to actors/smp. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "actors/router/identity.h"
#include "actors/router/operator/operator.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/supervisor.h"
#include "actors/smp/command_times.h"
#include "actors/smp/live.h"
#include "actors/smp/new_quota.h"
#include "actors/smp/router.h"
#include "queues/map.h"
#include "queues/pinning.h"
#include "queues/waker.h"
#include "stores/smp/store.h"
#include "transport/crypto/keys.h"

enum { ROUTER_LANES_MAX = 64, ROUTER_LISTENERS_MAX = 64 };

struct process_lane;
struct subscriber_lane;
struct store_writer;
struct services;
struct expirer;
struct proxy;

/* Where messages to the roles go, for post.c. Each role fills its own place before it starts. */
struct role_addresses {
    struct actor *writer, *services, *expirer;
    struct actor *process[ROUTER_LANES_MAX];
    struct actor *subscribers[ROUTER_LANES_MAX];
};

/* Queues that the control port has blocked today. Writer. */
struct blocked_today {
    int64_t day;
    int32_t count;
};

struct smp_router {
    struct smp_router_config config; /* as at the start; numbers only: its strings are not kept */
    struct live_settings live;       /* what of it may change */
    struct supervisor *supervisor;
    struct store *store;
    struct net *net;
    struct router_identity *_Atomic identity; /* in service: identity_current */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct listener *listeners[ROUTER_LISTENERS_MAX];
    unsigned listener_count;
    uint16_t bound_ports[ROUTER_LISTENERS_MAX];
    char **bind_addresses;
    uint16_t *ports;

    struct store_writer *writer;
    struct services *services;
    struct expirer *expirer;
    struct proxy *proxy; /* NULL: switched off */
    struct new_quota *new_quota;
    uint8_t hash_key[16]; /* random, of this process: for what clients should not be able to choose */
    unsigned process_count;
    struct pinning process_pinning;    /* connections to process lanes */
    struct pinning subscriber_pinning; /* queues to subscriber lanes */
    unsigned subscriber_count;
    struct process_lane *process[ROUTER_LANES_MAX];
    struct subscriber_lane *subscribers[ROUTER_LANES_MAX];
    struct role_addresses addresses;

    /* received blocks whose answers have not been handed to TLS, plus one while the router runs */
    _Atomic uint64_t batches_in_progress;
    struct waker quiet; /* woken when that is 0: nothing is under way any more */
    /* The stop waits no longer: process lanes and writer give back what comes to them as if they had stopped. */
    _Atomic bool is_drained;

    /* What an operator sees: metrics.h says what is counted. */
    struct operator* operator;
    struct counters *counters;               /* the operator's, added to by all */
    struct statistics *statistics;           /* likewise */
    struct histogram *acknowledgement_times; /* acknowledgement_times.h */
    struct command_times command_times;
    struct map *clients; /* clients.h */
    struct blocked_today blocked;
};

/* The lane that owns a queue's subscriptions. */
static inline unsigned subscriber_lane_of(const struct smp_router *router, uint64_t queue) {
    return pinning_lane(&router->subscriber_pinning, queue);
}
