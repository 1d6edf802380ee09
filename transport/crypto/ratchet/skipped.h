/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys of messages that have not come yet though later ones have. How many a message may add is the protocol's bound;
 * how many are kept is ours, and the oldest give way. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/crypto/ratchet/kdf.h"

enum {
    SKIPPED_A_STEP_MAX = 512, /* messages that may be missing before one that came, in each of its two chains */
    SKIPPED_KEYS_MAX = 2048,  /* kept for one ratchet */
    SKIPPED_CHAINS_MAX = 64,  /* of so many chains: each costs a try to decrypt the header of a message */
    SKIPPED_KEY_ENCODED = 2 * RATCHET_KEY_SIZE + 4 + GCM_IV_SIZE,
};

/* A secret. */
struct skipped_key {
    uint64_t order; /* from 1, in the order in which keys were skipped: the store's key */
    uint8_t header_key[RATCHET_KEY_SIZE];
    uint32_t number; /* of the message in its chain */
    uint8_t message_key[GCM_KEY_SIZE];
    uint8_t body_iv[GCM_IV_SIZE];
};

/* Ascending by order; keys of one chain are neighbours. Zeroed: empty. One thread at a time. */
struct skipped_keys {
    struct skipped_key *keys; /* owned */
    size_t count;
    size_t capacity;
};

/* What a message changed, for the store: it deletes `used` and all orders below `kept_from`, then writes the keys of
 * the set whose order is at least `added_from`. 0 and 0 delete nothing, UINT64_MAX writes nothing. */
struct skipped_change {
    uint64_t used;
    uint64_t kept_from;
    uint64_t added_from;
};

/* Wipes and frees all keys; the set is empty then. */
void skipped_keys_clear(struct skipped_keys *skipped);
/* Appends one, as when the set is loaded. SMQ_ERR_INVALID when its order is not above the last one or when there are
 * SKIPPED_KEYS_MAX, SMQ_ERR_NO_MEMORY. */
enum smq_result skipped_keys_append(struct skipped_keys *skipped, const struct skipped_key *key);

/* The key's bytes without its order. */
void write_skipped_key(struct writer *writer, const struct skipped_key *key);
/* SMQ_ERR_SYNTAX. */
enum smq_result skipped_key_decode(uint64_t order, struct slice bytes, struct skipped_key *key);

/* ---- for decrypt.c */

/* Makes room, so that skipped_keys_add cannot fail for `count` keys. SMQ_ERR_NO_MEMORY. */
enum smq_result skipped_keys_reserve(struct skipped_keys *skipped, size_t count);
/* Appends as the newest. */
void skipped_keys_add(struct skipped_keys *skipped, const struct skipped_key *key);
/* The key of this message; NULL when there is none. */
const struct skipped_key *skipped_keys_find(const struct skipped_keys *skipped, const uint8_t *header_key,
                                            uint32_t number);
void skipped_keys_remove(struct skipped_keys *skipped, const struct skipped_key *key);
/* Without all but the oldest `count`. */
void skipped_keys_truncate(struct skipped_keys *skipped, size_t count);
/* The oldest give way until both bounds hold. */
void skipped_keys_bound(struct skipped_keys *skipped);
