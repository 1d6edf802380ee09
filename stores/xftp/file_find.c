/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Looking up files and recipients. */
#include "stores/xftp/file_private.h"

static const char damaged_recipient[] = "recipient";

enum smq_result file_store_find(struct store_txn *txn, struct slice sender_id, struct file_record *record) {
    return file_record_load(txn, sender_id, record);
}

enum smq_result file_store_find_recipient(struct store_txn *txn, struct slice id, struct file_recipient *recipient,
                                          struct file_record *record) {
    struct slice value;
    struct slice sender_id;
    if (!lmdb_find(txn->lmdb, FILE_TABLE_RECIPIENTS, id, &value))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    recipient->id = id;
    if (!file_recipient_parse(value, &sender_id, &recipient->key))
        return store_txn_damaged(txn, damaged_recipient);
    return file_record_load(txn, sender_id, record);
}

/* The first key above `after`; `after` may be where the table's position is. */
static bool seek_above(struct store_txn *txn, enum file_table table, struct slice after, struct slice *key) {
    if (after.length == 0)
        return lmdb_seek(txn->lmdb, table, slice_of("", 1), key, NULL);
    if (!lmdb_seek(txn->lmdb, table, after, key, NULL))
        return false;
    return !slice_equal(*key, after) || lmdb_next(txn->lmdb, table, key, NULL);
}

enum smq_result file_store_next(struct store_txn *txn, struct slice after, struct file_record *record) {
    struct slice sender_id;
    if (!seek_above(txn, FILE_TABLE_FILES, after, &sender_id))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    return file_record_load(txn, sender_id, record);
}

enum smq_result file_store_next_recipient(struct store_txn *txn, struct slice sender_id, struct slice after,
                                          struct file_recipient *recipient) {
    struct file_key from = file_recipient_key(sender_id, after);
    struct slice key;
    struct slice owner;
    struct slice value;
    if (!seek_above(txn, FILE_TABLE_FILE_RECIPIENTS, file_key_slice(&from), &key))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    if (!file_recipient_key_parse(key, &owner, &recipient->id))
        return store_txn_damaged(txn, damaged_recipient);
    if (!slice_equal(owner, sender_id))
        return SMQ_ERR_EMPTY;
    if (!lmdb_find(txn->lmdb, FILE_TABLE_RECIPIENTS, recipient->id, &value) ||
        !file_recipient_parse(value, &owner, &recipient->key))
        return store_txn_damaged(txn, damaged_recipient);
    return SMQ_OK;
}

uint64_t file_store_count_expired(struct store_txn *txn, int64_t before, uint64_t limit) {
    uint64_t count = 0;
    struct slice key;
    struct slice sender_id;
    int64_t created;
    bool found = lmdb_seek(txn->lmdb, FILE_TABLE_EXPIRY, slice_of("", 1), &key, NULL);
    for (; found && count < limit; found = lmdb_next(txn->lmdb, FILE_TABLE_EXPIRY, &key, NULL)) {
        if (!file_expiry_key_parse(key, &created, &sender_id) || created >= before)
            break;
        count++;
    }
    return count;
}

enum smq_result file_store_next_removal(struct store_txn *txn, struct slice after, struct file_id *sender_id) {
    struct slice key;
    if (!seek_above(txn, FILE_TABLE_REMOVALS, after, &key))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    return file_id_set(sender_id, key) == SMQ_OK ? SMQ_OK : store_txn_damaged(txn, "removal");
}
