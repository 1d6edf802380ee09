/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Look-ups and changes through one cursor a table: LMDB finds a key on the page where the cursor is without a descent
 * from the root. */
#include <string.h>

#include "stores/lmdb/lmdb.h"
#include "stores/lmdb/lmdb_private.h"

static MDB_val val_of(struct slice slice) {
    /* LMDB does not write through keys and values that it is given; its type has no const. */
    union {
        const void *constant;
        void *plain;
    } bytes = {.constant = slice.bytes};
    return (MDB_val){.mv_size = slice.length, .mv_data = bytes.plain};
}

static void slice_from(struct slice *slice, const MDB_val *value) {
    if (slice != NULL)
        *slice = slice_of(value->mv_data, value->mv_size);
}

/* The table's cursor in the open transaction; NULL when the transaction has failed, or there is no such table. */
static MDB_cursor *cursor_of(struct lmdb_txn *txn, unsigned table) {
    if (txn->error != SMQ_OK || !txn->open || txn->lmdb->tables[table] == NO_TABLE)
        return NULL;
    uint32_t bit = UINT32_C(1) << table;
    if ((txn->current & bit) != 0)
        return txn->cursors[table];
    int code;
    if (txn->cursors[table] != NULL)
        code = mdb_cursor_renew(txn->txn, txn->cursors[table]);
    else
        code = mdb_cursor_open(txn->txn, txn->lmdb->tables[table], &txn->cursors[table]);
    if (code != MDB_SUCCESS) {
        lmdb_txn_fail_code(txn, code);
        return NULL;
    }
    txn->current |= bit;
    return txn->cursors[table];
}

/* LMDB refuses these with MDB_BAD_VALSIZE; no such key can be stored. */
static bool key_is_possible(struct slice key) {
    return key.length > 0 && key.length <= LMDB_MAX_KEY;
}

static bool get(struct lmdb_txn *txn, unsigned table, MDB_cursor_op operation, struct slice *key, struct slice *value) {
    MDB_cursor *cursor = cursor_of(txn, table);
    if (cursor == NULL)
        return false;
    MDB_val found_key = key != NULL ? val_of(*key) : (MDB_val){0};
    MDB_val found = {0};
    int code = mdb_cursor_get(cursor, &found_key, &found, operation);
    if (code == MDB_SUCCESS) {
        slice_from(key, &found_key);
        slice_from(value, &found);
        return true;
    }
    return code == MDB_NOTFOUND ? false : lmdb_txn_fail_code(txn, code);
}

bool lmdb_find(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice *value) {
    return key_is_possible(key) && get(txn, table, MDB_SET, &key, value);
}

bool lmdb_seek(struct lmdb_txn *txn, unsigned table, struct slice from, struct slice *key, struct slice *value) {
    struct slice position = from;
    if (!get(txn, table, MDB_SET_RANGE, &position, value))
        return false;
    if (key != NULL)
        *key = position;
    return true;
}

bool lmdb_next(struct lmdb_txn *txn, unsigned table, struct slice *key, struct slice *value) {
    struct slice position = {0};
    if (!get(txn, table, MDB_NEXT, &position, value))
        return false;
    if (key != NULL)
        *key = position;
    return true;
}

bool lmdb_before(struct lmdb_txn *txn, unsigned table, struct slice below, struct slice *key) {
    struct slice position = below;
    bool is_above = get(txn, table, MDB_SET_RANGE, &position, NULL);
    return get(txn, table, is_above ? MDB_PREV : MDB_LAST, key, NULL);
}

static bool put(struct lmdb_txn *txn, unsigned table, struct slice key, MDB_val *value, unsigned flags) {
    MDB_cursor *cursor = cursor_of(txn, table);
    if (cursor == NULL)
        return false;
    MDB_val stored_key = val_of(key);
    int code = mdb_cursor_put(cursor, &stored_key, value, flags);
    return code == MDB_SUCCESS ? true : lmdb_txn_fail_code(txn, code);
}

bool lmdb_put(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice value) {
    MDB_val stored = val_of(value);
    return put(txn, table, key, &stored, 0);
}

bool lmdb_append(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice value) {
    MDB_cursor *cursor = cursor_of(txn, table);
    if (cursor == NULL)
        return false;
    MDB_val stored_key = val_of(key);
    MDB_val stored = val_of(value);
    int code = mdb_cursor_put(cursor, &stored_key, &stored, MDB_APPEND);
    if (code == MDB_KEYEXIST) /* not the highest key */
        code = mdb_cursor_put(cursor, &stored_key, &stored, 0);
    return code == MDB_SUCCESS ? true : lmdb_txn_fail_code(txn, code);
}

uint8_t *lmdb_reserve(struct lmdb_txn *txn, unsigned table, struct slice key, size_t length) {
    MDB_val room = {.mv_size = length};
    return put(txn, table, key, &room, MDB_RESERVE) ? room.mv_data : NULL;
}

bool lmdb_rewrite(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice value) {
    MDB_val stored = val_of(value);
    return put(txn, table, key, &stored, MDB_CURRENT);
}

bool lmdb_remove(struct lmdb_txn *txn, unsigned table) {
    MDB_cursor *cursor = cursor_of(txn, table);
    if (cursor == NULL)
        return false;
    int code = mdb_cursor_del(cursor, 0);
    return code == MDB_SUCCESS ? true : lmdb_txn_fail_code(txn, code);
}

bool lmdb_remove_key(struct lmdb_txn *txn, unsigned table, struct slice key) {
    return lmdb_find(txn, table, key, NULL) && lmdb_remove(txn, table);
}
