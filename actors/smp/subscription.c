/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscription table: linear hashing over segments of buckets, chained through the subscriptions themselves. */
#include "actors/smp/subscription.h"

#include <stdatomic.h>

#include "actors/smp/client_session.h"
#include "actors/smp/metrics.h"
#include "queues/base/memory.h"

enum { SEGMENT_SIZE = 1024 };

/* Queue numbers are sequential and the router's own, so no peer chooses them: a fixed mix spreads them well enough. */
static size_t hash_of(uint64_t queue) {
    uint64_t mixed = queue * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed ^ (mixed >> 32));
}

/* The bucket of a hash: by the mask of the complete round, or by the next wider one where that bucket was split
 * already. */
static size_t bucket_of(const struct subscription_table *table, uint64_t queue) {
    size_t hash = hash_of(queue);
    size_t wide = hash & (table->low_mask * 2 + 1);
    return wide < table->bucket_count ? wide : hash & table->low_mask;
}

static struct subscription **bucket_at(const struct subscription_table *table, size_t bucket) {
    return &table->segments[bucket / SEGMENT_SIZE][bucket % SEGMENT_SIZE];
}

static enum smq_result add_segment(struct subscription_table *table) {
    struct subscription ***segments = memory_alloc((table->segment_count + 1) * sizeof *segments);
    struct subscription **segment = memory_zalloc(SEGMENT_SIZE * sizeof(struct subscription *));
    if (segments == NULL || segment == NULL) {
        memory_free(segments);
        memory_free(segment);
        return SMQ_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < table->segment_count; i++)
        segments[i] = table->segments[i];
    segments[table->segment_count++] = segment;
    memory_free(table->segments);
    table->segments = segments;
    return SMQ_OK;
}

enum smq_result subscription_table_init(struct subscription_table *table, unsigned lane) {
    *table = (struct subscription_table){.lane = lane, .bucket_count = SEGMENT_SIZE, .low_mask = SEGMENT_SIZE - 1};
    return add_segment(table);
}

void subscription_table_finish(struct subscription_table *table) {
    for (size_t bucket = 0; bucket < table->bucket_count && table->segment_count > 0; bucket++) {
        struct subscription **head = bucket_at(table, bucket);
        while (*head != NULL) {
            struct subscription *subscription = *head;
            subscription_remove(table, &subscription);
        }
    }
    for (size_t i = 0; i < table->segment_count; i++)
        memory_free(table->segments[i]);
    memory_free(table->segments);
    *table = (struct subscription_table){0};
}

/* Opens one more bucket and moves to it what belongs there from the one bucket that it is split from. */
static void grow_by_one(struct subscription_table *table) {
    size_t fresh = table->bucket_count;
    if (fresh == table->segment_count * SEGMENT_SIZE && add_segment(table) != SMQ_OK)
        return; /* longer chains, no harm */
    struct subscription **old = bucket_at(table, fresh & table->low_mask);
    struct subscription *chain = *old;
    *old = NULL;
    table->bucket_count++;
    if (table->bucket_count == (table->low_mask + 1) * 2)
        table->low_mask = table->low_mask * 2 + 1;
    while (chain != NULL) {
        struct subscription *next = chain->chain;
        struct subscription **head = bucket_at(table, bucket_of(table, chain->queue));
        chain->chain = *head;
        *head = chain;
        chain = next;
    }
}

struct subscription *subscription_holder(const struct subscription_table *table, uint64_t queue,
                                         enum subscription_kind kind) {
    struct subscription *found = *bucket_at(table, bucket_of(table, queue));
    while (found != NULL && !(found->queue == queue && found->kind == kind))
        found = found->chain;
    return found;
}

struct subscription *subscription_find(const struct subscription_table *table, uint64_t queue,
                                       enum subscription_kind kind, const struct client_session *session) {
    struct subscription *found = *bucket_at(table, bucket_of(table, queue));
    while (found != NULL && !(found->queue == queue && found->kind == kind && found->session == session))
        found = found->chain;
    return found;
}

/* Counts a subscription of the session, or one less. Only PUSH and NOTIFY make it count as subscribed; whoever holds a
 * service is counted by the services role. */
static void count(struct client_session *session, unsigned kind, int amount) {
    static const unsigned counters[] = {[SUBSCRIPTION_PUSH] = COUNT_SUBSCRIPTIONS,
                                        [SUBSCRIPTION_GET] = COUNT_GETS,
                                        [SUBSCRIPTION_NOTIFY] = COUNT_NTF_SUBSCRIPTIONS};
    if (kind == SUBSCRIPTION_SERVICE)
        return;
    counters_add(smp_router_of(session)->counters, counters[kind], amount);
    if (kind == SUBSCRIPTION_GET)
        return;
    atomic_fetch_add_explicit(&session->subscription_count, (uint32_t)amount, memory_order_relaxed);
    atomic_fetch_add_explicit(kind == SUBSCRIPTION_PUSH ? &session->figures.subscriptions
                                                        : &session->figures.ntf_subscriptions,
                              (uint32_t)amount, memory_order_relaxed);
}

static void link_to_session(const struct subscription_table *table, struct subscription *subscription,
                            struct client_session *session) {
    struct subscription **first = &session->lanes[table->lane].subscriptions;
    subscription->session = session;
    subscription->session_next = *first;
    subscription->session_link = first;
    if (*first != NULL)
        (*first)->session_link = &subscription->session_next;
    *first = subscription;
}

static void unlink_from_session(struct subscription *subscription) {
    *subscription->session_link = subscription->session_next;
    if (subscription->session_next != NULL)
        subscription->session_next->session_link = subscription->session_link;
}

enum smq_result subscription_add(struct subscription_table *table, uint64_t queue, enum subscription_kind kind,
                                 struct client_session *session, struct subscription **added) {
    struct subscription *subscription = memory_zalloc(sizeof *subscription);
    if (subscription == NULL)
        return SMQ_ERR_NO_MEMORY;
    subscription->queue = queue;
    subscription->kind = (uint8_t)kind;
    link_to_session(table, subscription, session);
    if (table->count >= table->bucket_count)
        grow_by_one(table);
    struct subscription **head = bucket_at(table, bucket_of(table, queue));
    subscription->chain = *head;
    *head = subscription;
    table->count++;
    count(session, kind, 1);
    *added = subscription;
    return SMQ_OK;
}

void subscription_becomes_service(struct subscription *subscription) {
    count(subscription->session, subscription->kind, -1);
    subscription->kind = SUBSCRIPTION_SERVICE;
}

void subscription_rehome(struct subscription_table *table, struct subscription *subscription,
                         struct client_session *session) {
    count(subscription->session, subscription->kind, -1);
    unlink_from_session(subscription);
    link_to_session(table, subscription, session);
    count(session, subscription->kind, 1);
}

void subscription_remove(struct subscription_table *table, struct subscription **subscription) {
    struct subscription *gone = *subscription;
    struct subscription **link = bucket_at(table, bucket_of(table, gone->queue));
    while (*link != gone)
        link = &(*link)->chain;
    *link = gone->chain;
    unlink_from_session(gone);
    count(gone->session, gone->kind, -1);
    table->count--;
    memory_free(gone);
    *subscription = NULL;
}
