/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* LMDB behind a small interface: environment, tables, transactions with a sticky error, one cursor for each table of a
 * transaction. Private to stores/. Only stores/lmdb*.c include <lmdb.h>. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

struct lmdb;
struct lmdb_txn;

enum { LMDB_MAX_TABLES = 24, LMDB_MAX_KEY = 511 };

struct lmdb_options {
    const char *directory;
    bool is_file;      /* `directory` is the data file itself, which nobody else opens; without a sync */
    uint64_t map_size; /* raised so that map_reserve bytes are left beyond the existing data */
    uint64_t map_reserve;
    unsigned max_readers;
    bool sync;      /* false: commits reach the disk with lmdb_sync */
    bool read_only; /* beside another process, which may be writing: no sizes */
};

/* Opens or creates the environment. Logs the reason of a failure.
 * Errors: SMQ_ERR_STORE_FULL, SMQ_ERR_STORE, SMQ_ERR_VERSION (of LMDB's format), SMQ_ERR_NO_MEMORY. */
enum smq_result lmdb_open(const struct lmdb_options *options, struct lmdb **out);
/* Opens the tables with the given names, creating missing ones (read-only: they are empty then); a table is then
 * called by its place: 0 for the first ever opened. No transaction may be open. Errors as lmdb_open. */
enum smq_result lmdb_open_tables(struct lmdb *lmdb, const char *const *names, unsigned count);
void lmdb_close(struct lmdb **lmdb);
enum smq_result lmdb_sync(struct lmdb *lmdb);

/* A transaction object, used again for one transaction after another. Read-only ones belong to one thread at a time.
 * SMQ_ERR_NO_CREDIT when max_readers are in use, found at the first lmdb_begin; SMQ_ERR_NO_MEMORY. */
enum smq_result lmdb_txn_create(struct lmdb *lmdb, bool writable, struct lmdb_txn **out);
void lmdb_txn_destroy(struct lmdb_txn **txn);
enum smq_result lmdb_begin(struct lmdb_txn *txn);
/* Commits and ends the transaction. A transaction with an error is aborted, and the error is answered. */
enum smq_result lmdb_commit(struct lmdb_txn *txn);
/* Ends the transaction without effect. Nothing happens when none is open. */
void lmdb_abort(struct lmdb_txn *txn);
bool lmdb_is_open(const struct lmdb_txn *txn);
bool lmdb_is_writable(const struct lmdb_txn *txn);
/* Number of the open transaction: of the commit that a read-only one shows, or that a writable one becomes. */
uint64_t lmdb_number(const struct lmdb_txn *txn);

/* How many keys a table has. */
uint64_t lmdb_table_size(struct lmdb_txn *txn, unsigned table);

/* The first error since lmdb_begin. Once there is one, every function below answers false or NULL and does nothing. */
enum smq_result lmdb_status(const struct lmdb_txn *txn);
void lmdb_fail(struct lmdb_txn *txn, enum smq_result error);
/* Whether the first error was that the data does not decode (lmdb_fail), and none of the disk. */
bool lmdb_is_damaged(const struct lmdb_txn *txn);
/* Whether LMDB has given up the environment: it could not write its root page. */
bool lmdb_is_broken(const struct lmdb_txn *txn);
/* What LMDB or the system said about the last error of `txn`; never NULL. */
const char *lmdb_error_text(const struct lmdb_txn *txn);

/* Values are valid until the next write of the transaction, or its end. `key` and `value` of look-ups may be NULL.
 * lmdb_find: the exact key. lmdb_seek: the first key not below. lmdb_next: the one after the table's position, or,
 * after lmdb_remove, the one that followed the removed. All leave the table's position at what they found. */
bool lmdb_find(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice *value);
bool lmdb_seek(struct lmdb_txn *txn, unsigned table, struct slice from, struct slice *key, struct slice *value);
bool lmdb_next(struct lmdb_txn *txn, unsigned table, struct slice *key, struct slice *value);
/* The last key below `below`. */
bool lmdb_before(struct lmdb_txn *txn, unsigned table, struct slice below, struct slice *key);
/* Writes a value, replacing what the key had. */
bool lmdb_put(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice value);
/* As lmdb_put, for keys that mostly come in ascending order: fills pages wholly. The key must be new. */
bool lmdb_append(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice value);
/* Makes the value of a key `length` bytes long and answers where to write them, at once. NULL on error. */
uint8_t *lmdb_reserve(struct lmdb_txn *txn, unsigned table, struct slice key, size_t length);
/* Rewrites the value at the table's position with one of the same length; `key` is the key there. */
bool lmdb_rewrite(struct lmdb_txn *txn, unsigned table, struct slice key, struct slice value);
/* Removes the entry at the table's position. */
bool lmdb_remove(struct lmdb_txn *txn, unsigned table);
/* Removes a key; false also when there is none. */
bool lmdb_remove_key(struct lmdb_txn *txn, unsigned table, struct slice key);
