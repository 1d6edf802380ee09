/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Room in LMDB's file: pages in use, free, and kept from being used again by readers of any process. Private to
 * stores/. Writer thread. Nothing here costs more with the size of the file or of its free list. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "smq/result.h"
#include "stores/lmdb/lmdb.h"

/* Pages of the data file. */
struct lmdb_pages {
    uint64_t page_size;
    uint64_t end;       /* pages up to the last one in use */
    uint64_t allocated; /* pages that the file system has given; UINT64_MAX when it cannot tell */
    uint64_t map;       /* pages that the map can hold */
    uint64_t commit;    /* number of the last committed transaction */
};
void lmdb_pages_get(const struct lmdb *lmdb, struct lmdb_pages *out);
/* Asks the file system for room for the first `pages` pages of the file, so that writing them cannot fail for want of
 * space. SMQ_ERR_STORE_FULL when it has none. Does nothing on a file system that does not know how. */
enum smq_result lmdb_pages_allocate(struct lmdb *lmdb, uint64_t pages);

/* Pages that hold something; the others below `end` are free. `txn` is an open read-only one. */
uint64_t lmdb_pages_used(struct lmdb_txn *txn);
/* Free pages that are not to be used again while transaction `from` may still be read: those that it and later ones
 * freed. Looks at each such transaction once, as long as `from` stays the same. `txn` as above. */
uint64_t lmdb_pages_pinned(struct lmdb_txn *txn, uint64_t from);

/* The snapshots that are open now, in this process and others. */
struct lmdb_readers {
    unsigned places; /* in use in the table of readers, with or without a snapshot */
    unsigned open;   /* snapshots */
    uint64_t oldest; /* the transaction that the oldest one shows; UINT64_MAX without any */
    pid_t oldest_process;
};
void lmdb_readers_get(struct lmdb *lmdb, struct lmdb_readers *out);
/* Frees the places of processes that have died. Answers how many. */
unsigned lmdb_readers_check(struct lmdb *lmdb);
