/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Stored forms: keys, records of files and of recipients. */
#include "stores/xftp/file_private.h"

enum { FILE_FORMAT = 1, FLAG_CHUNK = 1, STATUS_INFO_MAX = 16384 };

/* ---- ids and keys ---- */

struct slice file_id_slice(const struct file_id *id) {
    return slice_of(id->bytes, id->length);
}

enum smq_result file_id_set(struct file_id *id, struct slice bytes) {
    if (bytes.length > FILE_ID_MAX)
        return SMQ_ERR_TOO_LARGE;
    id->length = (uint8_t)bytes.length;
    if (bytes.length > 0)
        memcpy(id->bytes, bytes.bytes, bytes.length);
    return SMQ_OK;
}

struct file_key file_recipient_key(struct slice sender_id, struct slice recipient_id) {
    struct file_key key;
    struct writer writer = writer_of(key.bytes, sizeof key.bytes);
    write_short(&writer, sender_id);
    write_slice(&writer, recipient_id);
    key.length = (uint8_t)writer_length(&writer);
    return key;
}

bool file_recipient_key_parse(struct slice key, struct slice *sender_id, struct slice *recipient_id) {
    struct reader reader = reader_of(key);
    *sender_id = read_short(&reader);
    *recipient_id = read_tail(&reader);
    return reader_finish(&reader) == SMQ_OK && sender_id->length > 0;
}

struct file_key file_expiry_key(int64_t created, struct slice sender_id) {
    struct file_key key;
    struct writer writer = writer_of(key.bytes, sizeof key.bytes);
    write_i64(&writer, created);
    write_slice(&writer, sender_id);
    key.length = (uint8_t)writer_length(&writer);
    return key;
}

bool file_expiry_key_parse(struct slice key, int64_t *created, struct slice *sender_id) {
    struct reader reader = reader_of(key);
    *created = read_i64(&reader);
    *sender_id = read_tail(&reader);
    return reader_finish(&reader) == SMQ_OK && sender_id->length > 0;
}

/* ---- records ---- */

static enum smq_result decode(struct slice stored, struct file_record *record) {
    struct reader reader = reader_of(stored);
    if (read_u8(&reader) != FILE_FORMAT)
        reader_fail(&reader);
    uint8_t status = read_u8(&reader);
    record->status = (enum file_status)status;
    record->has_chunk = (read_u8(&reader) & FLAG_CHUNK) != 0;
    record->size = read_u32(&reader);
    record->created = read_i64(&reader);
    record->recipient_count = read_u32(&reader);
    record->sender_key = read_short(&reader);
    record->digest = read_short(&reader);
    record->status_info = read_large(&reader);
    return status < FILE_STATUS_COUNT ? reader_finish(&reader) : SMQ_ERR_SYNTAX;
}

enum smq_result file_record_load(struct store_txn *txn, struct slice sender_id, struct file_record *record) {
    struct slice stored;
    if (!lmdb_find(txn->lmdb, FILE_TABLE_FILES, sender_id, &stored))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    if (decode(stored, record) != SMQ_OK)
        return store_txn_damaged(txn, "file");
    record->sender_id = sender_id;
    return SMQ_OK;
}

enum smq_result file_record_save(struct store_txn *txn, const struct file_record *record) {
    struct writer writer = writer_of(txn->store->scratch, sizeof txn->store->scratch);
    write_u8(&writer, FILE_FORMAT);
    write_u8(&writer, (uint8_t)record->status);
    write_u8(&writer, record->has_chunk ? FLAG_CHUNK : 0);
    write_u32(&writer, record->size);
    write_i64(&writer, record->created);
    write_u32(&writer, record->recipient_count);
    write_short(&writer, record->sender_key);
    write_short(&writer, record->digest);
    write_large(&writer, record->status_info);
    if (writer_finish(&writer) != SMQ_OK || record->status_info.length > STATUS_INFO_MAX)
        return SMQ_ERR_TOO_LARGE;
    lmdb_put(txn->lmdb, FILE_TABLE_FILES, record->sender_id, slice_of(txn->store->scratch, writer_length(&writer)));
    return store_txn_status(txn);
}

bool file_recipient_parse(struct slice value, struct slice *sender_id, struct slice *key) {
    struct reader reader = reader_of(value);
    *sender_id = read_short(&reader);
    *key = read_tail(&reader);
    return reader_finish(&reader) == SMQ_OK && sender_id->length > 0;
}
