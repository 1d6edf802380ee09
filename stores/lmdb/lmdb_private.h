/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files stores/lmdb*.c share. */
#pragma once

#include <lmdb.h>

#include "stores/lmdb/lmdb.h"

enum { NO_TABLE = 0 }; /* a table that a read-only environment lacks; this one is LMDB's own */

struct lmdb {
    MDB_env *env;
    MDB_dbi tables[LMDB_MAX_TABLES];
    unsigned table_count;
    uint64_t page_size;
    bool read_only;
    uint64_t allocated;   /* bytes of the data file; UINT64_MAX when the file system cannot allocate ahead */
    uint64_t pinned_from; /* lmdb_pages_pinned: the transactions that it has counted, and what they freed */
    uint64_t pinned_next;
    uint64_t pinned;
};

struct lmdb_txn {
    struct lmdb *lmdb;
    MDB_txn *txn; /* a read-only one is kept, reset, between transactions */
    bool writable;
    bool open;
    int code; /* of LMDB or errno; 0 when the error came from lmdb_fail */
    enum smq_result error;
    MDB_cursor *cursors[LMDB_MAX_TABLES]; /* of read-only transactions: kept between transactions */
    uint32_t current;                     /* bit by table: the cursor belongs to the open transaction */
};

enum smq_result lmdb_result_of(int code);
/* Remembers the first error. Always false, for `return`. */
bool lmdb_txn_fail_code(struct lmdb_txn *txn, int code);
