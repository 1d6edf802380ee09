/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The subscriptions of one subscriber lane: which connection reads which queue, and what is in flight to it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/ring.h"
#include "smq/result.h"
#include "transport/crypto/message_body.h"

struct client_session;

enum subscription_kind {
    SUBSCRIPTION_PUSH,   /* SUB, NEW with subscription: receives MSG events; at most one a queue */
    SUBSCRIPTION_GET,    /* made by GET: remembers what was delivered, receives no events */
    SUBSCRIPTION_NOTIFY, /* NSUB of a connection: receives NMSG events; at most one a queue */
    /* Notifications on their way to the connection that holds the service; at most one a queue, while there are any */
    SUBSCRIPTION_SERVICE
};

/* One connection's interest in one queue. Owned by the table of the lane that the queue is pinned to; only that lane
 * touches it. */
struct subscription {
    struct subscription *chain;         /* next of the same bucket */
    struct client_session *session;     /* borrowed: the session leaves the table before it goes away */
    struct subscription *session_next;  /* the session's subscriptions in this lane */
    struct subscription **session_link; /* what points here in that list */
    uint64_t queue;
    union {
        uint8_t delivered[MESSAGE_ID_SIZE]; /* PUSH and GET: the unacknowledged message, when `in_flight` */
        struct {                            /* NOTIFY and SERVICE, see subscriber_deliver.c */
            struct ring pending;            /* in the session's ring while there may be undelivered notifications */
            uint64_t notified;              /* the last one handed over, until it is deleted; 0: none */
        };
    };
    uint32_t delivered_second; /* low 32 bits of the UTC second of delivery */
    uint8_t kind;
    bool in_flight;     /* `delivered` waits for its ACK */
    bool acknowledging; /* an ACK is with the store writer: its completion says what comes next */
};

/* A table keyed by queue number. It grows one bucket an insertion (linear hashing), so that no insertion stalls the
 * lane. */
struct subscription_table {
    struct subscription ***segments; /* segments of SEGMENT_SIZE buckets each */
    size_t segment_count;
    size_t bucket_count; /* buckets in use */
    size_t low_mask;     /* mask of the round that is complete */
    size_t count;
    unsigned lane;
};

enum smq_result subscription_table_init(struct subscription_table *table, unsigned lane);
/* Frees every subscription left. */
void subscription_table_finish(struct subscription_table *table);

/* The session's subscription of that kind, or NULL. O(1) on average. */
struct subscription *subscription_find(const struct subscription_table *table, uint64_t queue,
                                       enum subscription_kind kind, const struct client_session *session);
/* Whoever holds that kind on the queue, or NULL: for PUSH and NOTIFY the one connection that receives events. */
struct subscription *subscription_holder(const struct subscription_table *table, uint64_t queue,
                                         enum subscription_kind kind);
/* Adds one (the caller has looked that there is none) and links it to the session. SMQ_ERR_NO_MEMORY. */
enum smq_result subscription_add(struct subscription_table *table, uint64_t queue, enum subscription_kind kind,
                                 struct client_session *session, struct subscription **added);
/* Makes a NOTIFY subscription one of a service. It must not be pending. */
void subscription_becomes_service(struct subscription *subscription);
/* Gives the subscription to another session. It must not be pending. */
void subscription_rehome(struct subscription_table *table, struct subscription *subscription,
                         struct client_session *session);
/* Removes and frees `*subscription`; it must not be pending. */
void subscription_remove(struct subscription_table *table, struct subscription **subscription);
