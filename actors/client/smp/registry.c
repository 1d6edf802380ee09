/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Registry: a chained hash table over client and id, which doubles when it is full. */
#include "actors/client/smp/registry.h"

#include <sodium.h>
#include <string.h>

#include "actors/client/smp/smp_client.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"

enum { BUCKETS_FIRST = 64 };
_Static_assert(sizeof(((struct registry *)NULL)->key) == crypto_shorthash_KEYBYTES, "the key is SipHash's");

static struct slice id_of(const struct subscription *subscription) {
    struct smq_bytes id = subscription->receive_queue != NULL ? smq_receive_queue_id(subscription->receive_queue)
                                                              : smq_notifier_id(subscription->notifier);
    return slice_of(id.bytes, id.length);
}

static size_t hash_of(const struct registry *registry, const struct smq_client *client, struct slice id) {
    uint64_t hash;
    (void)crypto_shorthash((unsigned char *)&hash, id.bytes, id.length, registry->key);
    return (size_t)(hash ^ (client->number * UINT64_C(0x9e3779b97f4a7c15)));
}

enum smq_result registry_init(struct registry *registry) {
    registry->buckets = memory_zalloc_array(BUCKETS_FIRST, sizeof(*registry->buckets));
    registry->mask = BUCKETS_FIRST - 1;
    registry->count = 0;
    random_bytes(registry->key, sizeof(registry->key));
    return registry->buckets == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

void registry_destroy(struct registry *registry) {
    memory_free(registry->buckets);
    registry->buckets = NULL;
}

struct subscription *registry_find(const struct registry *registry, const struct smq_client *client, struct slice id) {
    struct subscription *subscription = registry->buckets[hash_of(registry, client, id) & registry->mask];
    while (subscription != NULL && (subscription->client != client || !slice_equal(id_of(subscription), id)))
        subscription = subscription->bucket_next;
    return subscription;
}

static struct subscription **bucket_of(const struct registry *registry, struct subscription **buckets, size_t mask,
                                       const struct subscription *subscription) {
    return &buckets[hash_of(registry, subscription->client, id_of(subscription)) & mask];
}

/* Without memory the chains become longer. */
static void grow(struct registry *registry) {
    size_t mask = 2 * registry->mask + 1;
    struct subscription **buckets = memory_zalloc_array(mask + 1, sizeof(*buckets));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= registry->mask; i++) {
        for (struct subscription *subscription = registry->buckets[i], *next; subscription != NULL;
             subscription = next) {
            next = subscription->bucket_next;
            struct subscription **bucket = bucket_of(registry, buckets, mask, subscription);
            subscription->bucket_next = *bucket;
            *bucket = subscription;
        }
    }
    memory_free(registry->buckets);
    registry->buckets = buckets;
    registry->mask = mask;
}

static void set_handle(struct subscription *subscription, struct smq_receive_queue *receive_queue,
                       struct smq_notifier *notifier) {
    struct smq_receive_queue *old_queue = subscription->receive_queue;
    struct smq_notifier *old_notifier = subscription->notifier;
    subscription->receive_queue = receive_queue == NULL ? NULL : smq_receive_queue_reference(receive_queue);
    subscription->notifier = notifier == NULL ? NULL : smq_notifier_reference(notifier);
    smq_receive_queue_release(&old_queue);
    smq_notifier_release(&old_notifier);
}

enum smq_result registry_add(struct registry *registry, struct smq_client *client,
                             struct smq_receive_queue *receive_queue, struct smq_notifier *notifier) {
    struct smq_bytes id = receive_queue != NULL ? smq_receive_queue_id(receive_queue) : smq_notifier_id(notifier);
    struct subscription *subscription = registry_find(registry, client, slice_of(id.bytes, id.length));
    if (subscription != NULL) {
        set_handle(subscription, receive_queue, notifier);
        return SMQ_OK;
    }
    subscription = memory_zalloc(sizeof(*subscription));
    if (subscription == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (registry->count > registry->mask)
        grow(registry);
    subscription->client = client;
    set_handle(subscription, receive_queue, notifier);
    struct subscription **bucket = bucket_of(registry, registry->buckets, registry->mask, subscription);
    subscription->bucket_next = *bucket;
    *bucket = subscription;
    registry->count++;
    subscription->client_next = smp_client(client)->subscriptions;
    subscription->client_link = &smp_client(client)->subscriptions;
    if (smp_client(client)->subscriptions != NULL)
        smp_client(client)->subscriptions->client_link = &subscription->client_next;
    smp_client(client)->subscriptions = subscription;
    return SMQ_OK;
}

void registry_remove(struct registry *registry, struct subscription *subscription) {
    struct subscription **link = bucket_of(registry, registry->buckets, registry->mask, subscription);
    while (*link != subscription)
        link = &(*link)->bucket_next;
    *link = subscription->bucket_next;
    registry->count--;
    *subscription->client_link = subscription->client_next;
    if (subscription->client_next != NULL)
        subscription->client_next->client_link = subscription->client_link;
    set_handle(subscription, NULL, NULL);
    memory_free(subscription);
}

void registry_remove_client(struct registry *registry, struct smq_client *client) {
    while (smp_client(client)->subscriptions != NULL)
        registry_remove(registry, smp_client(client)->subscriptions);
}
