/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP router: what its roles share beside what every router has. Internal to actors/smp and actors/proxy. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "actors/router/router.h"
#include "actors/smp/live.h"
#include "actors/smp/router.h"
#include "queues/base/counter.h"
#include "queues/base/owner.h"
#include "queues/pinning.h"

/* Everything an operator may ask for, counted where it happens. */
struct router_counters {
    struct counter connections, subscriptions;
    struct counter queues_created, queues_deleted, queues_secured;
    struct counter messages_sent, messages_received, messages_expired, quota_refusals;
    struct counter notifications_sent, notifications_expired;
    struct counter authorization_failures, store_failures;
    struct counter forwards_received; /* RFWD that could be opened */
};

struct subscriber_lane;
struct services;
struct toucher;
struct proxy;

struct smp_router {
    EXTENDS(router);
    struct smp_router_config config; /* as at the start; numbers only: its strings are not kept */
    struct live_settings live;       /* what of it may change */
    struct services *services;
    struct toucher *toucher;
    struct proxy *proxy; /* NULL: switched off */
    unsigned subscriber_count;
    struct pinning subscriber_pinning; /* queues to subscriber lanes */
    struct subscriber_lane *subscribers[ROUTER_LANES_MAX];
    /* Where messages to the roles go, for post.c. Each role fills its own place before it starts. */
    struct {
        struct actor *services;
        struct actor *subscribers[ROUTER_LANES_MAX];
    } role_addresses;
    struct router_counters counters;
};

/* The lane that owns a queue's subscriptions. */
static inline unsigned subscriber_lane_of(const struct smp_router *router, uint64_t queue) {
    return pinning_lane(&router->subscriber_pinning, queue);
}
