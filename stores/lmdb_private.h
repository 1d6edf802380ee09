/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What stores/lmdb.c and stores/lmdb_access.c share. */
#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "stores/lmdb.h"

struct lmdb {
    MDB_env *env;
    MDB_dbi tables[LMDB_MAX_TABLES];
    unsigned table_count;
    uint64_t page_size;
    uint64_t allocated; /* bytes of the data file; UINT64_MAX when the file system cannot allocate ahead */
    pthread_mutex_t readers_lock;
    struct lmdb_txn *readers; /* all read-only transactions, under readers_lock */
};

struct lmdb_txn {
    struct lmdb *lmdb;
    struct lmdb_txn *next; /* in the list of readers */
    struct lmdb_txn *previous;
    _Atomic size_t snapshot; /* of an open read-only one: the number of the write transaction that it sees; else 0 */
    MDB_txn *txn;            /* a read-only one is kept, reset, between transactions */
    bool writable;
    bool open;
    int code; /* of LMDB or errno; 0 when the error came from lmdb_fail */
    enum smq_result error;
    MDB_cursor *cursors[LMDB_MAX_TABLES]; /* of read-only transactions: kept between transactions */
    uint32_t current;                     /* bit by table: the cursor belongs to the open transaction */
};

/* Remembers the first error. Always false, for `return`. */
bool lmdb_txn_fail_code(struct lmdb_txn *txn, int code);
