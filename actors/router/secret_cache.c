/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cache of X25519 agreements: a small array searched by key, replaced in turn when full. */
#include "actors/router/secret_cache.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"

struct cached_secret {
    uint8_t peer[DH_SECRET_SIZE];
    struct box_key key;
};

const struct box_key *secret_cache_find(const struct secret_cache *cache, const struct public_key *peer) {
    for (uint32_t i = 0; i < cache->count; i++)
        if (memcmp(cache->entries[i].peer, peer->bytes, DH_SECRET_SIZE) == 0)
            return &cache->entries[i].key;
    return NULL;
}

/* The array doubles from one entry on: most connections send to few queues, and an idle one to none. */
static bool grow(struct secret_cache *cache) {
    uint32_t capacity = cache->capacity == 0 ? 1 : cache->capacity * 2;
    struct cached_secret *entries = memory_zalloc_array(capacity, sizeof *entries);
    if (entries == NULL)
        return false;
    if (cache->count > 0) {
        memcpy(entries, cache->entries, cache->count * sizeof *entries);
        secret_wipe(cache->entries, cache->count * sizeof *entries);
    }
    memory_free(cache->entries);
    cache->entries = entries;
    cache->capacity = capacity;
    return true;
}

void secret_cache_add(struct secret_cache *cache, const struct public_key *peer, const struct box_key *key) {
    struct cached_secret *entry;
    if (cache->count < SECRET_CACHE_SLOTS) {
        if (cache->count == cache->capacity && !grow(cache))
            return;
        entry = &cache->entries[cache->count++];
    } else {
        entry = &cache->entries[cache->next];
        cache->next = (cache->next + 1) % SECRET_CACHE_SLOTS;
    }
    memcpy(entry->peer, peer->bytes, DH_SECRET_SIZE);
    entry->key = *key;
}

void secret_cache_clear(struct secret_cache *cache) {
    secret_wipe(cache->entries, cache->count * sizeof *cache->entries);
    memory_free(cache->entries);
    *cache = (struct secret_cache){0};
}
