/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Removal, step by step, of the recipients of files that are gone. A step is bounded in time and in what it removes. */
#include "queues/base/clock.h"
#include "stores/xftp/file_private.h"

enum {
    STEP_US = 2000,
    STEP_ENTRIES_MIN = 64, /* also in a transaction that has removed much already */
};

struct purge_step {
    struct store_txn *txn;
    size_t entries_max; /* removed by the transaction */
    uint64_t until_us;
};

static bool is_over(const struct purge_step *step) {
    return step->txn->removed_parts >= step->entries_max || clock_monotonic_us() >= step->until_us;
}

/* Whether none of the recipients of the file is left. */
static bool remove_recipients(struct purge_step *step, struct slice sender_id) {
    struct lmdb_txn *lmdb = step->txn->lmdb;
    struct file_key from = file_recipient_key(sender_id, slice_of("", 0));
    struct slice key;
    bool found = lmdb_seek(lmdb, FILE_TABLE_FILE_RECIPIENTS, file_key_slice(&from), &key, NULL);
    for (; found; found = lmdb_next(lmdb, FILE_TABLE_FILE_RECIPIENTS, &key, NULL)) {
        struct slice owner;
        struct slice recipient;
        struct file_id id;
        if (!file_recipient_key_parse(key, &owner, &recipient) || file_id_set(&id, recipient) != SMQ_OK) {
            (void)store_txn_damaged(step->txn, "recipient");
            return false;
        }
        if (!slice_equal(owner, sender_id))
            return true;
        if (is_over(step) || !lmdb_remove(lmdb, FILE_TABLE_FILE_RECIPIENTS))
            return false;
        lmdb_remove_key(lmdb, FILE_TABLE_RECIPIENTS, file_id_slice(&id));
        step->txn->removed_parts += 2;
    }
    return store_txn_status(step->txn) == SMQ_OK;
}

bool file_purge_step(struct store_txn *txn) {
    size_t least = txn->removed_parts + STEP_ENTRIES_MIN;
    struct purge_step step = {.txn = txn,
                              .entries_max = least > STORE_REMOVED_PARTS ? least : STORE_REMOVED_PARTS,
                              .until_us = clock_monotonic_us() + STEP_US};
    struct slice key;
    while (lmdb_seek(txn->lmdb, FILE_TABLE_PURGE, slice_of("", 1), &key, NULL)) {
        struct file_id sender_id;
        if (file_id_set(&sender_id, key) != SMQ_OK) {
            (void)store_txn_damaged(txn, "purge");
            return true;
        }
        if (!remove_recipients(&step, file_id_slice(&sender_id)) ||
            !lmdb_remove_key(txn->lmdb, FILE_TABLE_PURGE, file_id_slice(&sender_id)))
            return true;
        if (is_over(&step))
            break;
    }
    return lmdb_table_size(txn->lmdb, FILE_TABLE_PURGE) > 0;
}
