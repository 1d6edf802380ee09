/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The roles of the SMP router: what they share. Their messages are in post.h. Internal to actors/smp. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "actors/router/identity.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/supervisor.h"
#include "actors/smp/live.h"
#include "actors/smp/router.h"
#include "queues/base/counter.h"
#include "queues/pinning.h"
#include "queues/waker.h"
#include "stores/smp/store.h"
#include "transport/crypto/keys.h"

enum { ROUTER_LANES_MAX = 64, ROUTER_LISTENERS_MAX = 64 };

/* Everything an operator may ask for, counted where it happens. */
struct router_counters {
    struct counter connections, subscriptions;
    struct counter queues_created, queues_deleted, queues_secured;
    struct counter messages_sent, messages_received, messages_expired, quota_refusals;
    struct counter notifications_sent, notifications_expired;
    struct counter authorization_failures, store_failures;
    struct counter forwards_received; /* RFWD that could be opened */
};

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
    struct proxy *proxy;  /* NULL: switched off */
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
    struct router_counters counters;
};

/* The lane that owns a queue's subscriptions. */
static inline unsigned subscriber_lane_of(const struct smp_router *router, uint64_t queue) {
    return pinning_lane(&router->subscriber_pinning, queue);
}
