/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriptions of an agent: a chained hash table, which doubles when it is full, and lists. */
#include "actors/client_agent/table.h"

#include <sodium.h>

#include "queues/base/memory.h"
#include "queues/base/random.h"

enum { BUCKETS_FIRST = 64 };
_Static_assert(sizeof(((struct client_agent_table *)NULL)->key) == crypto_shorthash_KEYBYTES, "the key is SipHash's");

struct smq_receive_queue *client_agent_subscription_queue(const struct client_agent_subscription *subscription) {
    return subscription->is_notifier ? NULL : subscription->handle;
}

struct smq_notifier *client_agent_subscription_notifier(const struct client_agent_subscription *subscription) {
    return subscription->is_notifier ? subscription->handle : NULL;
}

struct slice client_agent_handle_id(bool is_notifier, const void *handle) {
    struct smq_bytes id = is_notifier ? smq_notifier_id(handle) : smq_receive_queue_id(handle);
    return slice_of(id.bytes, id.length);
}

static void *reference_handle(bool is_notifier, void *handle) {
    return is_notifier ? (void *)smq_notifier_reference(handle) : (void *)smq_receive_queue_reference(handle);
}

static void release_handle(bool is_notifier, void *handle) {
    if (is_notifier) {
        struct smq_notifier *notifier = handle;
        smq_notifier_release(&notifier);
    } else {
        struct smq_receive_queue *queue = handle;
        smq_receive_queue_release(&queue);
    }
}

void client_agent_subscription_set_handle(struct client_agent_subscription *subscription, void *handle) {
    void *old = subscription->handle;
    subscription->handle = reference_handle(subscription->is_notifier, handle);
    release_handle(subscription->is_notifier, old);
}

/* ---- table ---- */

static size_t hash_of(const struct client_agent_table *table, const struct client_agent_server *server,
                      bool is_notifier, struct slice id) {
    uint64_t hash;
    (void)crypto_shorthash((unsigned char *)&hash, id.bytes, id.length, table->key);
    return (size_t)(hash ^ (((uintptr_t)server + is_notifier) * UINT64_C(0x9e3779b97f4a7c15) >> 16));
}

static struct client_agent_subscription **bucket_of(const struct client_agent_table *table,
                                                    struct client_agent_subscription **buckets, size_t mask,
                                                    const struct client_agent_subscription *subscription) {
    struct slice id = client_agent_handle_id(subscription->is_notifier, subscription->handle);
    return &buckets[hash_of(table, subscription->server, subscription->is_notifier, id) & mask];
}

enum smq_result client_agent_table_init(struct client_agent_table *table) {
    table->buckets = memory_zalloc_array(BUCKETS_FIRST, sizeof(struct client_agent_subscription *));
    table->mask = BUCKETS_FIRST - 1;
    table->count = 0;
    random_bytes(table->key, sizeof(table->key));
    return table->buckets == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

void client_agent_table_destroy(struct client_agent_table *table) {
    for (size_t i = 0; table->buckets != NULL && i <= table->mask; i++) {
        for (struct client_agent_subscription *subscription = table->buckets[i], *next; subscription != NULL;
             subscription = next) {
            next = subscription->bucket_next;
            release_handle(subscription->is_notifier, subscription->handle);
            memory_free(subscription);
        }
    }
    memory_free(table->buckets);
    table->buckets = NULL;
    table->count = 0;
}

struct client_agent_subscription *client_agent_table_find(const struct client_agent_table *table,
                                                          const struct client_agent_server *server, bool is_notifier,
                                                          struct slice id) {
    struct client_agent_subscription *subscription =
        table->buckets[hash_of(table, server, is_notifier, id) & table->mask];
    while (subscription != NULL && (subscription->server != server || subscription->is_notifier != is_notifier ||
                                    !slice_equal(client_agent_handle_id(is_notifier, subscription->handle), id)))
        subscription = subscription->bucket_next;
    return subscription;
}

/* Without memory the chains become longer. */
static void grow(struct client_agent_table *table) {
    size_t mask = 2 * table->mask + 1;
    struct client_agent_subscription **buckets =
        memory_zalloc_array(mask + 1, sizeof(struct client_agent_subscription *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= table->mask; i++) {
        for (struct client_agent_subscription *subscription = table->buckets[i], *next; subscription != NULL;
             subscription = next) {
            next = subscription->bucket_next;
            struct client_agent_subscription **bucket = bucket_of(table, buckets, mask, subscription);
            subscription->bucket_next = *bucket;
            *bucket = subscription;
        }
    }
    memory_free(table->buckets);
    table->buckets = buckets;
    table->mask = mask;
}

struct client_agent_subscription *client_agent_table_add(struct client_agent_table *table,
                                                         struct client_agent_server *server, bool is_notifier,
                                                         void *handle) {
    struct client_agent_subscription *subscription = memory_zalloc(sizeof(*subscription));
    if (subscription == NULL)
        return NULL;
    if (table->count > table->mask)
        grow(table);
    subscription->server = server;
    subscription->is_notifier = is_notifier;
    subscription->handle = reference_handle(is_notifier, handle);
    struct client_agent_subscription **bucket = bucket_of(table, table->buckets, table->mask, subscription);
    subscription->bucket_next = *bucket;
    *bucket = subscription;
    table->count++;
    return subscription;
}

void client_agent_table_remove(struct client_agent_table *table, struct client_agent_subscription *subscription) {
    struct client_agent_subscription **link = bucket_of(table, table->buckets, table->mask, subscription);
    while (*link != subscription)
        link = &(*link)->bucket_next;
    *link = subscription->bucket_next;
    table->count--;
    release_handle(subscription->is_notifier, subscription->handle);
    memory_free(subscription);
}

/* ---- lists ---- */

void client_agent_list_init(struct client_agent_subscription_list *list) {
    *list = (struct client_agent_subscription_list){.end = &list->first};
}

void client_agent_list_add(struct client_agent_subscription_list *list, struct client_agent_subscription *subscription,
                           enum client_agent_subscription_state state) {
    subscription->state = (uint8_t)state;
    subscription->next = NULL;
    subscription->link = list->end;
    *list->end = subscription;
    list->end = &subscription->next;
    list->count++;
}

void client_agent_list_remove(struct client_agent_subscription_list *list,
                              struct client_agent_subscription *subscription) {
    *subscription->link = subscription->next;
    if (subscription->next != NULL)
        subscription->next->link = subscription->link;
    else
        list->end = subscription->link;
    subscription->next = NULL;
    subscription->link = NULL;
    list->count--;
}

void client_agent_list_move(struct client_agent_subscription_list *to, struct client_agent_subscription_list *from,
                            enum client_agent_subscription_state state) {
    for (struct client_agent_subscription *subscription = from->first; subscription != NULL;
         subscription = subscription->next)
        subscription->state = (uint8_t)state;
    if (from->first != NULL) {
        *to->end = from->first;
        from->first->link = to->end;
        to->end = from->end;
        to->count += from->count;
        client_agent_list_init(from);
    }
}
