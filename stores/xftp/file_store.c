/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Changes of files and recipients. */
#include "stores/xftp/file_store.h"

#include "stores/xftp/file_private.h"

/* ---- recipients ---- */

static bool id_is_valid(struct slice id) {
    return id.length > 0 && id.length <= FILE_ID_MAX;
}

static bool is_among(const struct file_recipient *recipients, size_t count, struct slice id) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal(recipients[i].id, id))
            return true;
    return false;
}

/* At most 255 come in a command. */
static enum smq_result check_recipients(struct store_txn *txn, const struct file_recipient *recipients, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!id_is_valid(recipients[i].id) || recipients[i].key.length == 0 || recipients[i].key.length > UINT8_MAX)
            return SMQ_ERR_INVALID;
        if (is_among(recipients, i, recipients[i].id) ||
            lmdb_find(txn->lmdb, FILE_TABLE_RECIPIENTS, recipients[i].id, NULL))
            return SMQ_ERR_EXISTS;
    }
    return store_txn_status(txn);
}

static void put_recipient(struct store_txn *txn, struct slice sender_id, const struct file_recipient *recipient) {
    uint8_t value[1 + FILE_ID_MAX + UINT8_MAX];
    struct writer writer = writer_of(value, sizeof value);
    struct file_key key = file_recipient_key(sender_id, recipient->id);
    write_short(&writer, sender_id);
    write_slice(&writer, recipient->key);
    lmdb_put(txn->lmdb, FILE_TABLE_RECIPIENTS, recipient->id, slice_of(value, writer_length(&writer)));
    lmdb_put(txn->lmdb, FILE_TABLE_FILE_RECIPIENTS, file_key_slice(&key), slice_of("", 0));
}

static void put_recipients(struct store_txn *txn, struct slice sender_id, const struct file_recipient *recipients,
                           size_t count) {
    for (size_t i = 0; i < count; i++)
        put_recipient(txn, sender_id, &recipients[i]);
    file_figures(txn)->recipients += count;
}

/* ---- files ---- */

static bool record_is_valid(const struct file_record *record) {
    return id_is_valid(record->sender_id) && record->sender_key.length > 0 && record->sender_key.length <= UINT8_MAX &&
           record->digest.length <= UINT8_MAX && record->size > 0 && record->created >= 0 &&
           record->status < FILE_STATUS_COUNT;
}

enum smq_result file_store_create(struct store_txn *txn, const struct file_record *record,
                                  const struct file_recipient *recipients, size_t count) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result != SMQ_OK)
        return result;
    if (!record_is_valid(record) || count > UINT32_MAX)
        return SMQ_ERR_INVALID;
    if (lmdb_find(txn->lmdb, FILE_TABLE_FILES, record->sender_id, NULL) ||
        lmdb_find(txn->lmdb, FILE_TABLE_PURGE, record->sender_id, NULL) ||
        lmdb_find(txn->lmdb, FILE_TABLE_REMOVALS, record->sender_id, NULL))
        return SMQ_ERR_EXISTS;
    result = check_recipients(txn, recipients, count);
    struct file_record stored = *record;
    stored.has_chunk = false;
    stored.recipient_count = (uint32_t)count;
    if (result == SMQ_OK)
        result = file_record_save(txn, &stored);
    if (result != SMQ_OK)
        return result;
    struct file_key expiry = file_expiry_key(record->created, record->sender_id);
    lmdb_put(txn->lmdb, FILE_TABLE_EXPIRY, file_key_slice(&expiry), slice_of("", 0));
    put_recipients(txn, record->sender_id, recipients, count);
    file_figures(txn)->files++;
    file_figures(txn)->blocked += record->status == FILE_BLOCKED;
    return store_txn_status(txn);
}

/* A record that a command is to change. */
static enum smq_result load_active(struct store_txn *txn, struct slice sender_id, struct file_record *record) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = file_record_load(txn, sender_id, record);
    return result == SMQ_OK && record->status != FILE_ACTIVE ? SMQ_ERR_AUTH : result;
}

enum smq_result file_store_add_recipients(struct store_txn *txn, struct slice sender_id,
                                          const struct file_recipient *recipients, size_t count) {
    struct file_record record;
    enum smq_result result = load_active(txn, sender_id, &record);
    if (result == SMQ_OK && count > UINT32_MAX - record.recipient_count)
        result = SMQ_ERR_TOO_LARGE;
    if (result == SMQ_OK)
        result = check_recipients(txn, recipients, count);
    if (result != SMQ_OK)
        return result;
    record.recipient_count += (uint32_t)count;
    result = file_record_save(txn, &record);
    if (result == SMQ_OK)
        put_recipients(txn, sender_id, recipients, count);
    return result == SMQ_OK ? store_txn_status(txn) : result;
}

enum smq_result file_store_set_uploaded(struct store_txn *txn, struct slice sender_id) {
    struct file_record record;
    enum smq_result result = load_active(txn, sender_id, &record);
    if (result != SMQ_OK)
        return result;
    if (record.has_chunk)
        return SMQ_ERR_EXISTS;
    record.has_chunk = true;
    file_figures(txn)->chunks++;
    file_figures(txn)->chunk_bytes += record.size;
    return file_record_save(txn, &record);
}

enum smq_result file_store_remove_recipient(struct store_txn *txn, struct slice id) {
    struct file_recipient recipient;
    struct file_record record;
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = file_store_find_recipient(txn, id, &recipient, &record);
    if (result != SMQ_OK)
        return result;
    if (record.status != FILE_ACTIVE)
        return SMQ_ERR_AUTH;
    struct file_id sender_id;
    if (record.recipient_count == 0 || file_id_set(&sender_id, record.sender_id) != SMQ_OK)
        return store_txn_damaged(txn, "file");
    record.sender_id = file_id_slice(&sender_id);
    record.recipient_count--;
    (void)file_record_save(txn, &record);
    struct file_key key = file_recipient_key(record.sender_id, id);
    lmdb_remove_key(txn->lmdb, FILE_TABLE_FILE_RECIPIENTS, file_key_slice(&key));
    lmdb_remove_key(txn->lmdb, FILE_TABLE_RECIPIENTS, id);
    file_figures(txn)->recipients--;
    return store_txn_status(txn);
}

/* ---- removal ---- */

/* A record that goes, or is blocked: its chunk is not counted any more. Also without a chunk there may be a file, of an
 * upload that a crash came before the commit of. */
static void give_up_chunk(struct store_txn *txn, const struct file_record *record, struct file_removed *removed) {
    struct file_totals *totals = file_figures(txn);
    removed->size = record->size;
    removed->had_chunk = record->has_chunk;
    totals->chunks -= record->has_chunk;
    totals->chunk_bytes -= record->has_chunk ? record->size : 0;
    if (record->status != FILE_BLOCKED)
        lmdb_put(txn->lmdb, FILE_TABLE_REMOVALS, file_id_slice(&removed->sender_id), slice_of("", 0));
}

static enum smq_result load_any(struct store_txn *txn, struct slice sender_id, struct file_record *record,
                                struct file_removed *removed) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = file_id_set(&removed->sender_id, sender_id) == SMQ_OK ? SMQ_OK : SMQ_ERR_NOT_FOUND;
    return result == SMQ_OK ? file_record_load(txn, file_id_slice(&removed->sender_id), record) : result;
}

enum smq_result file_store_delete(struct store_txn *txn, struct slice sender_id, struct file_removed *removed) {
    struct file_record record;
    enum smq_result result = load_any(txn, sender_id, &record, removed);
    if (result != SMQ_OK)
        return result;
    struct slice id = file_id_slice(&removed->sender_id);
    struct file_key expiry = file_expiry_key(record.created, id);
    file_figures(txn)->files--;
    file_figures(txn)->blocked -= record.status == FILE_BLOCKED;
    file_figures(txn)->recipients -= record.recipient_count;
    give_up_chunk(txn, &record, removed);
    if (record.recipient_count > 0 && lmdb_put(txn->lmdb, FILE_TABLE_PURGE, id, slice_of("", 0)))
        txn->store->purge_pending = true;
    if (!lmdb_remove_key(txn->lmdb, FILE_TABLE_EXPIRY, file_key_slice(&expiry)) ||
        !lmdb_remove_key(txn->lmdb, FILE_TABLE_FILES, id))
        return store_txn_status(txn) == SMQ_OK ? store_txn_damaged(txn, "expiry") : store_txn_status(txn);
    return store_txn_status(txn);
}

enum smq_result file_store_block(struct store_txn *txn, struct slice sender_id, struct slice info,
                                 struct file_removed *removed) {
    struct file_record record;
    enum smq_result result = load_any(txn, sender_id, &record, removed);
    if (result != SMQ_OK)
        return result;
    struct file_record before = record;
    record.status = FILE_BLOCKED;
    record.status_info = info;
    record.has_chunk = false;
    result = file_record_save(txn, &record);
    if (result != SMQ_OK)
        return result;
    file_figures(txn)->blocked += before.status != FILE_BLOCKED;
    give_up_chunk(txn, &before, removed);
    return store_txn_status(txn);
}

enum smq_result file_store_expire(struct store_txn *txn, int64_t before, struct file_removed *removed) {
    struct slice key;
    struct slice sender_id;
    int64_t created;
    if (!lmdb_seek(txn->lmdb, FILE_TABLE_EXPIRY, slice_of("", 1), &key, NULL))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    if (!file_expiry_key_parse(key, &created, &sender_id))
        return store_txn_damaged(txn, "expiry");
    if (created >= before)
        return SMQ_ERR_EMPTY;
    enum smq_result result = file_store_delete(txn, sender_id, removed);
    return result == SMQ_ERR_NOT_FOUND ? store_txn_damaged(txn, "expiry") : result;
}

enum smq_result file_store_removal_done(struct store_txn *txn, struct slice sender_id) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        (void)lmdb_remove_key(txn->lmdb, FILE_TABLE_REMOVALS, sender_id);
    return result == SMQ_OK ? store_txn_status(txn) : result;
}
