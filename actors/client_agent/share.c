/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A table of counts with a keyed hash. */
#include "actors/client_agent/share.h"

#include <string.h>

#include <sodium.h>

#include "queues/base/memory.h"
#include "queues/base/random.h"

void client_agent_shares_init(struct client_agent_shares *shares) {
    random_bytes(shares->hash_key, sizeof shares->hash_key);
}

static struct client_agent_share **bucket_of(struct client_agent_shares *shares,
                                             const uint8_t key[CLIENT_AGENT_SHARE_KEY_SIZE]) {
    uint64_t hash;
    (void)crypto_shorthash((uint8_t *)&hash, key, CLIENT_AGENT_SHARE_KEY_SIZE, shares->hash_key);
    return &shares->buckets[hash % CLIENT_AGENT_SHARE_BUCKETS];
}

struct client_agent_share *client_agent_share_find(struct client_agent_shares *shares,
                                                   const uint8_t key[CLIENT_AGENT_SHARE_KEY_SIZE]) {
    struct client_agent_share *share = *bucket_of(shares, key);
    while (share != NULL && memcmp(share->key, key, CLIENT_AGENT_SHARE_KEY_SIZE) != 0)
        share = share->next;
    return share;
}

struct client_agent_share *client_agent_share_get(struct client_agent_shares *shares,
                                                  const uint8_t key[CLIENT_AGENT_SHARE_KEY_SIZE]) {
    struct client_agent_share *share = client_agent_share_find(shares, key);
    if (share != NULL)
        return share;
    share = memory_zalloc(sizeof *share);
    if (share == NULL)
        return NULL;
    struct client_agent_share **bucket = bucket_of(shares, key);
    memcpy(share->key, key, CLIENT_AGENT_SHARE_KEY_SIZE);
    share->next = *bucket;
    *bucket = share;
    return share;
}

void client_agent_share_look(struct client_agent_shares *shares, struct client_agent_share *share) {
    if (share->waits > 0 || share->sessions > 0)
        return;
    struct client_agent_share **place = bucket_of(shares, share->key);
    while (*place != share)
        place = &(*place)->next;
    *place = share->next;
    memory_free(share);
}
