/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The roles of the SMP router: what they share, and the messages that they understand. Internal to actors/smp. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/supervisor.h"
#include "actors/smp/identity.h"
#include "actors/smp/live.h"
#include "actors/smp/router.h"
#include "queues/base/counter.h"
#include "queues/pinning.h"
#include "queues/waker.h"
#include "stores/smp/store.h"
#include "transport/crypto/keys.h"

enum { ROUTER_LANES_MAX = 64, ROUTER_LISTENERS_MAX = 64 };

/* Messages to a process lane. */
enum process_message {
    PROCESS_BLOCK,         /* struct block: received and opened */
    PROCESS_BATCH,         /* struct command_batch: a received block that could not be opened */
    PROCESS_ORDER,         /* struct order_entry: what commands of the session had to wait for is done */
    PROCESS_RETRY,         /* struct command_slot: the queue's record changed between verification and commit */
    PROCESS_SERVICE_HELLO, /* struct block: a client hello with a service certificate */
    PROCESS_PROXY_ROOM     /* struct client_session: a place for its proxied commands came free; see proxied.h */
};

/* Messages to a subscriber lane. */
enum subscriber_message {
    SUBSCRIBER_SUBSCRIBE,      /* struct command_slot: SUB */
    SUBSCRIBER_CREATED,        /* struct command_slot: NEW with subscription was committed */
    SUBSCRIBER_GET,            /* struct command_slot */
    SUBSCRIBER_ACKNOWLEDGE,    /* struct command_slot: ACK, before the store */
    SUBSCRIBER_ACKNOWLEDGED,   /* struct command_slot: ACK, after the commit */
    SUBSCRIBER_STORED,         /* struct command_slot: SEND was committed, to an empty queue or with a notification */
    SUBSCRIBER_DELETED,        /* struct command_slot: DEL was committed */
    SUBSCRIBER_INFORM,         /* struct command_slot: QUE */
    SUBSCRIBER_NOTIFY,         /* struct command_slot: NSUB of a connection that is no service */
    SUBSCRIBER_NOTIFIER_MOVED, /* struct command_slot: NSUB, and the notifier's service was committed */
    SUBSCRIBER_NOTIFIER_GONE,  /* struct command_slot: NKEY or NDEL was committed */
    SUBSCRIBER_SERVICE_HELD,   /* struct service_copy: another session holds the service */
    SUBSCRIBER_HANDED_OVER,    /* struct handed_over: notifications that were handed over are deleted */
    SUBSCRIBER_LOST_DELIVERY,  /* struct delivery: the message was gone when its turn to be sent came */
    SUBSCRIBER_SESSION_CLOSED, /* struct session_farewell */
    SUBSCRIBER_MESSAGE_COUNT
};

/* Messages to the services role. */
enum services_message {
    SERVICES_MOVED,         /* struct command_slot: NSUB, NKEY, NDEL, DEL: a notifier came to a service or left one */
    SERVICES_SUBSCRIBE,     /* struct command_slot: NSUBS, with the count of the service's queues */
    SERVICES_SESSION_CLOSED /* struct session_farewell */
};

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
