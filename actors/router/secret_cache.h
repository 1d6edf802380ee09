/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The X25519 agreements of one connection: computed once for each sender key that proved itself, then reused for every
 * message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"

enum { SECRET_CACHE_SLOTS = 64 }; /* keys remembered for one connection; the oldest makes room */

struct cached_secret;

/* Zeroed is empty. One thread; nothing is allocated before the first entry. */
struct secret_cache {
    struct cached_secret *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t next; /* the entry to be replaced when the cache is full */
};

/* The key agreed with `peer`, or NULL. Valid until the next addition. */
const struct box_key *secret_cache_find(const struct secret_cache *cache, const struct public_key *peer);
/* Remembers it; nothing happens when memory is short. */
void secret_cache_add(struct secret_cache *cache, const struct public_key *peer, const struct box_key *key);
/* Wipes and frees everything. */
void secret_cache_clear(struct secret_cache *cache);
