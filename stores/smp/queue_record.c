/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Stored queue records: a summary of fixed length, the fields, and spare room.
 *
 * The spare room holds a sender key or a notifier's fields, so that securing a queue rewrites its record in place: the
 * pages of the table are filled to the brim by appending, and a record that grows would split its page. */
#include "stores/smp/queue_record.h"

#include "queues/base/secret.h"

enum {
    RECORD_FORMAT = 1,
    SPARE = 48,   /* a sender key of 44 bytes */
    GRANULE = 32, /* stored lengths are multiples */
    FLAG_SECURED = 1,
    FLAG_LINK = 2,
    FLAG_NOTIFIER = 4,
};

/* ---- decoding ---- */

static void read_summary(struct reader *reader, struct queue_summary *summary) {
    if (read_u8(reader) != RECORD_FORMAT)
        reader_fail(reader);
    summary->auth_version = read_u32(reader);
    uint8_t status = read_u8(reader);
    summary->mode = (char)read_u8(reader);
    uint8_t flags = read_u8(reader);
    if (status >= QUEUE_STATUS_COUNT)
        reader_fail(reader);
    summary->status = (enum queue_status)status;
    summary->secured = (flags & FLAG_SECURED) != 0;
    summary->has_link = (flags & FLAG_LINK) != 0;
    summary->has_notifier = (flags & FLAG_NOTIFIER) != 0;
}

enum smq_result queue_record_summary(struct store_txn *txn, uint64_t number, struct queue_summary *summary) {
    struct number_key key = number_key(number);
    struct slice stored;
    if (!lmdb_find(txn->lmdb, TABLE_QUEUES, KEY_SLICE(key), &stored))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    struct reader reader = reader_of(stored);
    read_summary(&reader, summary);
    return reader_status(&reader) == SMQ_OK ? SMQ_OK : store_txn_damaged(txn, "queue record");
}

enum smq_result queue_record_check(struct store_txn *txn, struct queue_reference queue, struct queue_summary *summary) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = queue_record_summary(txn, queue.number, summary);
    if (result == SMQ_OK && summary->auth_version != queue.auth_version)
        result = SMQ_ERR_AGAIN;
    return result;
}

enum smq_result queue_record_decode(struct slice stored, struct queue_record *record) {
    struct reader reader = reader_of(stored);
    struct queue_summary summary;
    read_summary(&reader, &summary);
    *record = (struct queue_record){
        .auth_version = summary.auth_version,
        .status = summary.status,
        .mode = summary.mode,
    };
    record->updated_day = read_u32(&reader);
    record->recipient_dh_secret = read_bytes(&reader, QUEUE_SECRET_SIZE).bytes;
    record->recipient_id = read_short(&reader);
    record->sender_id = read_short(&reader);
    record->link_id = read_short(&reader);
    record->recipient_keys = read_large(&reader);
    record->sender_key = read_large(&reader);
    record->notifier.id = read_short(&reader);
    if (record->notifier.id.length > 0) {
        record->notifier.key = read_large(&reader);
        record->notifier.dh_secret = read_bytes(&reader, QUEUE_SECRET_SIZE).bytes;
        record->notifier.service_id = read_short(&reader);
    }
    record->recipient_service_id = read_short(&reader);
    record->status_info = read_large(&reader);
    return reader_status(&reader) == SMQ_OK ? SMQ_OK : SMQ_ERR_STORE;
}

enum smq_result queue_record_load(struct store_txn *txn, uint64_t number, struct queue_record *record,
                                  size_t *stored_length) {
    struct number_key key = number_key(number);
    struct slice stored;
    if (!lmdb_find(txn->lmdb, TABLE_QUEUES, KEY_SLICE(key), &stored))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    if (queue_record_decode(stored, record) != SMQ_OK)
        return store_txn_damaged(txn, "queue record");
    record->number = number;
    *stored_length = stored.length;
    return SMQ_OK;
}

/* ---- encoding ---- */

static void write_record(struct writer *writer, const struct queue_record *record) {
    bool has_notifier = record->notifier.id.length > 0;
    write_u8(writer, RECORD_FORMAT);
    write_u32(writer, record->auth_version);
    write_u8(writer, (uint8_t)record->status);
    write_u8(writer, (uint8_t)record->mode);
    write_u8(writer, (uint8_t)((record->sender_key.length > 0 ? FLAG_SECURED : 0) |
                               (record->link_id.length > 0 ? FLAG_LINK : 0) | (has_notifier ? FLAG_NOTIFIER : 0)));
    write_u32(writer, record->updated_day);
    write_bytes(writer, record->recipient_dh_secret, QUEUE_SECRET_SIZE);
    write_short(writer, record->recipient_id);
    write_short(writer, record->sender_id);
    write_short(writer, record->link_id);
    write_large(writer, record->recipient_keys);
    write_large(writer, record->sender_key);
    write_short(writer, record->notifier.id);
    if (has_notifier) {
        write_large(writer, record->notifier.key);
        write_bytes(writer, record->notifier.dh_secret, QUEUE_SECRET_SIZE);
        write_short(writer, record->notifier.service_id);
    }
    write_short(writer, record->recipient_service_id);
    write_large(writer, record->status_info);
}

/* The record in the store's scratch, zero-filled to the length it gets. */
static enum smq_result encode(struct store_txn *txn, const struct queue_record *record, size_t stored_length,
                              struct slice *out) {
    struct writer writer = writer_of(txn->store->scratch, RECORD_MAX);
    write_record(&writer, record);
    if (writer_length(&writer) > stored_length)
        stored_length = (writer_length(&writer) + SPARE + GRANULE - 1) / GRANULE * GRANULE;
    uint8_t *rest = write_reserve(&writer, stored_length - writer_length(&writer));
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    memset(rest, 0, (size_t)(writer.position - rest));
    *out = slice_of(txn->store->scratch, stored_length);
    return SMQ_OK;
}

static enum smq_result store_encoded(struct store_txn *txn, const struct queue_record *record, size_t stored_length,
                                     bool (*store)(struct lmdb_txn *, unsigned, struct slice, struct slice)) {
    struct slice encoded;
    enum smq_result result = encode(txn, record, stored_length, &encoded);
    if (result == SMQ_OK) {
        struct number_key key = number_key(record->number);
        store(txn->lmdb, TABLE_QUEUES, KEY_SLICE(key), encoded);
        result = store_txn_status(txn);
        secret_wipe(txn->store->scratch, encoded.length);
    }
    return result;
}

enum smq_result queue_record_append(struct store_txn *txn, const struct queue_record *record) {
    return store_encoded(txn, record, 0, lmdb_append);
}

enum smq_result queue_record_replace(struct store_txn *txn, const struct queue_record *record, size_t stored_length) {
    return store_encoded(txn, record, stored_length, lmdb_put);
}

/* ---- ids by value ---- */

enum smq_result queue_id_set(struct queue_id *id, struct slice bytes) {
    if (bytes.length > QUEUE_ID_MAX)
        return SMQ_ERR_TOO_LARGE;
    id->length = (uint8_t)bytes.length;
    if (bytes.length > 0)
        memcpy(id->bytes, bytes.bytes, bytes.length);
    return SMQ_OK;
}

struct slice queue_id_slice(const struct queue_id *id) {
    return slice_of(id->bytes, id->length);
}
