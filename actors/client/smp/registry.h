/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Registry: which handle opens what arrives for a queue or notifier id on a client. Owned by one process lane. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

struct smq_client;
struct smq_receive_queue;
struct smq_notifier;

/* One of the two handles is set, and referenced. */
struct subscription {
    struct subscription *bucket_next;
    struct subscription *client_next, **client_link;
    struct smq_client *client; /* borrowed */
    struct smq_receive_queue *receive_queue;
    struct smq_notifier *notifier;
};

/* A chained hash table with a random key of its own, since routers choose the ids. */
struct registry {
    struct subscription **buckets;
    size_t mask;
    size_t count;
    uint8_t key[16];
};

enum smq_result registry_init(struct registry *registry);
void registry_destroy(struct registry *registry);
/* The subscription, or NULL. */
struct subscription *registry_find(const struct registry *registry, const struct smq_client *client, struct slice id);
/* Takes references. One that is there already is given the new handle. SMQ_ERR_NO_MEMORY. */
enum smq_result registry_add(struct registry *registry, struct smq_client *client,
                             struct smq_receive_queue *receive_queue, struct smq_notifier *notifier);
void registry_remove(struct registry *registry, struct subscription *subscription);
/* All of a client. */
void registry_remove_client(struct registry *registry, struct smq_client *client);
