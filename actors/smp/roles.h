/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP router: what its roles share beside what every router has. Internal to actors/smp and actors/proxy. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "actors/router/operator/operator.h"
#include "actors/router/router.h"
#include "actors/smp/command_times.h"
#include "actors/smp/live.h"
#include "actors/smp/new_quota.h"
#include "actors/smp/router.h"
#include "queues/base/owner.h"
#include "queues/map.h"
#include "queues/pinning.h"

/* Queues that the control port has blocked today. Writer. */
struct blocked_today {
    int64_t day;
    int32_t count;
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
    struct new_quota *new_quota;

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
