/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values in parts. */
#include "stores/smp/parts.h"

#include "queues/base/memory.h"

/* Pieces being copied one after the other. */
struct pieces {
    const struct slice *piece;
    size_t offset;
};

static void copy_pieces(struct pieces *from, uint8_t *to, size_t length) {
    while (length > 0) {
        size_t left = from->piece->length - from->offset;
        size_t step = left < length ? left : length;
        if (step > 0)
            memcpy(to, from->piece->bytes + from->offset, step);
        to += step;
        length -= step;
        from->offset += step;
        if (from->offset == from->piece->length && length > 0) {
            from->piece++;
            from->offset = 0;
        }
    }
}

void parts_put(struct store_txn *txn, enum store_table table, struct slice key,
               const struct slice pieces[PARTS_PIECES_MAX]) {
    uint8_t part_key[PARTS_KEY_MAX + 1];
    struct pieces from = {.piece = pieces};
    size_t left = 0;
    for (size_t i = 0; i < PARTS_PIECES_MAX; i++)
        left += pieces[i].length;
    memcpy(part_key, key.bytes, key.length);
    for (unsigned part = 0; part == 0 || left > 0; part++) {
        size_t length = left < PART_SIZE ? left : PART_SIZE;
        part_key[key.length] = (uint8_t)part;
        uint8_t *room = lmdb_reserve(txn->lmdb, table, slice_of(part_key, key.length + (part > 0)), length);
        if (room == NULL)
            return;
        copy_pieces(&from, room, length);
        left -= length;
    }
}

/* The next part. When it is not there the transaction has failed, or the data is damaged. */
static bool next_part(struct store_txn *txn, enum store_table table, size_t key_length, size_t most,
                      struct slice *value) {
    struct slice key;
    return lmdb_next(txn->lmdb, table, &key, value) && key.length == key_length + 1 && value->length > 0 &&
           value->length <= most;
}

static enum smq_result broken(struct store_txn *txn) {
    enum smq_result status = store_txn_status(txn);
    return status != SMQ_OK ? status : store_txn_damaged(txn, "a value's parts");
}

static size_t key_length_of(enum store_table table) {
    return table == TABLE_LINK_DATA ? sizeof(struct number_key) : sizeof(struct pair_key);
}

enum smq_result parts_read(struct store_txn *txn, enum store_table table, struct writer *rest) {
    struct slice value;
    while (writer_room(rest) > 0) {
        if (!next_part(txn, table, key_length_of(table), writer_room(rest), &value))
            return broken(txn);
        write_slice(rest, value);
    }
    return writer_finish(rest) == SMQ_OK ? SMQ_OK : broken(txn);
}

enum smq_result parts_gather(struct store_txn *txn, enum store_table table, struct slice start, size_t length,
                             struct slice *whole) {
    if (start.length == length) {
        *whole = start;
        return SMQ_OK;
    }
    if (start.length > length || length > PARTS_GATHERED_MAX)
        return broken(txn);
    if (txn->gathered == NULL)
        txn->gathered = memory_alloc(PARTS_GATHERED_MAX);
    if (txn->gathered == NULL)
        return SMQ_ERR_NO_MEMORY;
    struct writer writer = writer_of(txn->gathered, length);
    write_slice(&writer, start);
    *whole = slice_of(txn->gathered, length);
    return parts_read(txn, table, &writer);
}

enum smq_result parts_remove(struct store_txn *txn, enum store_table table, size_t rest) {
    struct slice value;
    if (!lmdb_remove(txn->lmdb, table))
        return broken(txn);
    txn->removed_parts++;
    while (rest > 0) {
        if (!next_part(txn, table, key_length_of(table), rest, &value))
            return broken(txn);
        rest -= value.length;
        if (!lmdb_remove(txn->lmdb, table))
            return broken(txn);
        txn->removed_parts++;
    }
    return SMQ_OK;
}
