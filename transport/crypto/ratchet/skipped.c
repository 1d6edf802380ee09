/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The set of skipped keys: an array in the order of skipping. */
#include "transport/crypto/ratchet/skipped.h"

#include <string.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/crypto/ratchet/stored_keys.h"

void skipped_keys_clear(struct skipped_keys *skipped) {
    secret_wipe(skipped->keys, skipped->count * sizeof *skipped->keys);
    memory_free(skipped->keys);
    *skipped = (struct skipped_keys){0};
}

/* A new array, not a resized one, which could leave keys behind in the heap. */
enum smq_result skipped_keys_reserve(struct skipped_keys *skipped, size_t count) {
    if (count <= skipped->capacity - skipped->count)
        return SMQ_OK;
    size_t capacity = skipped->count + count + skipped->count / 2;
    struct skipped_key *keys = memory_zalloc_array(capacity, sizeof *keys);
    if (keys == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (skipped->count > 0)
        memcpy(keys, skipped->keys, skipped->count * sizeof *keys);
    secret_wipe(skipped->keys, skipped->count * sizeof *skipped->keys);
    memory_free(skipped->keys);
    skipped->keys = keys;
    skipped->capacity = capacity;
    return SMQ_OK;
}

static uint64_t newest_order(const struct skipped_keys *skipped) {
    return skipped->count > 0 ? skipped->keys[skipped->count - 1].order : 0;
}

void skipped_keys_add(struct skipped_keys *skipped, const struct skipped_key *key) {
    CHECK(skipped->count < skipped->capacity);
    uint64_t order = newest_order(skipped) + 1;
    skipped->keys[skipped->count] = *key;
    skipped->keys[skipped->count++].order = order;
}

enum smq_result skipped_keys_append(struct skipped_keys *skipped, const struct skipped_key *key) {
    if (key->order <= newest_order(skipped) || skipped->count >= SKIPPED_KEYS_MAX)
        return SMQ_ERR_INVALID;
    enum smq_result result = skipped_keys_reserve(skipped, 1);
    if (result != SMQ_OK)
        return result;
    skipped->keys[skipped->count++] = *key;
    return SMQ_OK;
}

void write_skipped_key(struct writer *writer, const struct skipped_key *key) {
    write_bytes(writer, key->header_key, sizeof key->header_key);
    write_u32(writer, key->number);
    write_bytes(writer, key->message_key, sizeof key->message_key);
    write_bytes(writer, key->body_iv, sizeof key->body_iv);
}

enum smq_result skipped_key_decode(uint64_t order, struct slice bytes, struct skipped_key *key) {
    struct skipped_key decoded = {.order = order};
    struct reader reader = reader_of(bytes);
    read_secret_bytes(&reader, decoded.header_key, sizeof decoded.header_key);
    decoded.number = read_u32(&reader);
    read_secret_bytes(&reader, decoded.message_key, sizeof decoded.message_key);
    read_secret_bytes(&reader, decoded.body_iv, sizeof decoded.body_iv);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *key = decoded;
    secret_wipe(&decoded, sizeof decoded);
    return result;
}

const struct skipped_key *skipped_keys_find(const struct skipped_keys *skipped, const uint8_t *header_key,
                                            uint32_t number) {
    for (size_t i = 0; i < skipped->count; i++)
        if (skipped->keys[i].number == number &&
            secret_equal(skipped->keys[i].header_key, header_key, RATCHET_KEY_SIZE))
            return &skipped->keys[i];
    return NULL;
}

/* Without the `count` keys from `index` on. */
static void cut_out(struct skipped_keys *skipped, size_t index, size_t count) {
    struct skipped_key *keys = skipped->keys;
    if (count == 0)
        return;
    memmove(&keys[index], &keys[index + count], (skipped->count - index - count) * sizeof *keys);
    skipped->count -= count;
    secret_wipe(&keys[skipped->count], count * sizeof *keys);
}

void skipped_keys_remove(struct skipped_keys *skipped, const struct skipped_key *key) {
    cut_out(skipped, (size_t)(key - skipped->keys), 1);
}

void skipped_keys_truncate(struct skipped_keys *skipped, size_t count) {
    if (skipped->count > count)
        cut_out(skipped, count, skipped->count - count);
}

void skipped_keys_bound(struct skipped_keys *skipped) {
    size_t from = skipped->count, chains = 0;
    while (from > 0 && skipped->count - from < SKIPPED_KEYS_MAX) {
        const struct skipped_key *key = &skipped->keys[from - 1];
        bool new_chain = from == skipped->count || !secret_equal(key->header_key, key[1].header_key, RATCHET_KEY_SIZE);
        if (new_chain && ++chains > SKIPPED_CHAINS_MAX)
            break;
        from--;
    }
    cut_out(skipped, 0, from);
}
