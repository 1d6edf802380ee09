/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Removal, step by step, of what was deleted. Keys say what belongs to a queue; values are read for the bodies that
 * they name. */
#include "stores/smp/purge.h"

#include "queues/base/clock.h"
#include "stores/smp/body_tidy.h"
#include "stores/smp/queue_list.h"

enum {
    STEP_US = 2000,
    STEP_PARTS_MIN = 64, /* also in a transaction that has removed much already */
};

void purge_add(struct store_txn *txn, uint64_t number, uint64_t through) {
    struct number_key key = number_key(number);
    struct number_key value = number_key(through);
    if (lmdb_put(txn->lmdb, TABLE_PURGE, KEY_SLICE(key), KEY_SLICE(value)))
        txn->store->purge_pending = true;
}

bool purge_parse(struct slice key, struct slice value, uint64_t *number, uint64_t *through) {
    struct reader key_reader = reader_of(key);
    struct reader value_reader = reader_of(value);
    *number = (uint64_t)read_i64(&key_reader);
    *through = (uint64_t)read_i64(&value_reader);
    return reader_finish(&key_reader) == SMQ_OK && reader_finish(&value_reader) == SMQ_OK;
}

uint64_t purge_through(struct store_txn *txn, uint64_t number) {
    struct number_key key = number_key(number);
    struct slice value;
    uint64_t through = 0;
    if (lmdb_find(txn->lmdb, TABLE_PURGE, KEY_SLICE(key), &value) &&
        !purge_parse(KEY_SLICE(key), value, &number, &through))
        (void)store_txn_damaged(txn, "purge");
    return through;
}

/* ---- steps ---- */

struct step {
    struct store_txn *txn;
    size_t parts_max; /* removed by the transaction */
    uint64_t until_us;
};

static bool is_over(const struct step *step) {
    return step->txn->removed_parts >= step->parts_max || clock_monotonic_us() >= step->until_us;
}

/* Removes the keys that begin with `number` and, where they have one, a sequence from 1 to `through`. Answers whether
 * none is left. */
static bool remove_keys(struct step *step, enum store_table table, uint64_t number, uint64_t through) {
    struct lmdb_txn *lmdb = step->txn->lmdb;
    struct pair_key from = pair_key(number, 1);
    struct number_key prefix = number_key(number);
    bool is_list = table != TABLE_LINK_DATA;
    struct slice key;
    struct slice value;
    bool found = lmdb_seek(lmdb, table, is_list ? KEY_SLICE(from) : KEY_SLICE(prefix), &key, &value);
    for (; found; found = lmdb_next(lmdb, table, &key, &value)) {
        struct reader reader = reader_of(key);
        uint64_t owner = (uint64_t)read_i64(&reader);
        uint64_t sequence = is_list ? (uint64_t)read_i64(&reader) : 0;
        if (reader_status(&reader) != SMQ_OK) {
            (void)store_txn_damaged(step->txn, "purge");
            return false;
        }
        if (owner != number || sequence > through)
            return true;
        bool is_message = table == TABLE_MESSAGES && sequence > 0 && key.length == sizeof from.bytes;
        if (is_over(step) || (is_message && list_forget(step->txn, &message_list, value) != SMQ_OK) ||
            !lmdb_remove(lmdb, table))
            return false;
        step->txn->removed_parts++;
    }
    return store_txn_status(step->txn) == SMQ_OK;
}

static bool remove_queue(struct step *step, uint64_t number) {
    return remove_keys(step, TABLE_MESSAGES, number, UINT64_MAX) &&
           remove_keys(step, TABLE_NOTIFICATIONS, number, UINT64_MAX) &&
           remove_keys(step, TABLE_LINK_DATA, number, UINT64_MAX);
}

/* Answers whether nothing is left. */
static bool remove_deleted(struct step *step) {
    struct store_txn *txn = step->txn;
    struct slice key;
    struct slice value;
    while (lmdb_seek(txn->lmdb, TABLE_PURGE, slice_of("", 1), &key, &value)) {
        uint64_t number;
        uint64_t through;
        if (!purge_parse(key, value, &number, &through)) {
            (void)store_txn_damaged(txn, "purge");
            return false;
        }
        bool is_done = through == PURGE_QUEUE ? remove_queue(step, number)
                                              : remove_keys(step, TABLE_NOTIFICATIONS, number, through);
        struct number_key done = number_key(number);
        if (!is_done || !lmdb_remove_key(txn->lmdb, TABLE_PURGE, KEY_SLICE(done)))
            return false;
        if (is_over(step))
            break;
    }
    return lmdb_table_size(txn->lmdb, TABLE_PURGE) == 0;
}

bool purge_step(struct store_txn *txn) {
    size_t least = txn->removed_parts + STEP_PARTS_MIN;
    struct step step = {.txn = txn,
                        .parts_max = least > STORE_REMOVED_PARTS ? least : STORE_REMOVED_PARTS,
                        .until_us = clock_monotonic_us() + STEP_US};
    bool is_done = remove_deleted(&step);
    if (store_txn_status(txn) != SMQ_OK || (!is_done && !txn->store->is_short))
        return true;
    return body_tidy_step(txn, step.until_us) || !is_done;
}
