/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router's durable store: opening, closing, read snapshots and condition. What is in it, the router's folder beside
 * this one says: a layout, and functions that read and write.
 *
 *   who                 thread                          may call
 *   owner               any one, before and after use   store_open, store_close
 *   writer actor        the one writer thread           store_batch_run, store_sync, and what takes a writable
 * store_txn everybody else      any                             a store_reader of its own, store_condition,
 * store_statistics
 *
 * Readers never wait for the writer and the writer never waits for readers. A store lives in a directory of its own:
 * `data.mdb`, `lock.mdb` (LMDB's) and `lock` (held while a process has the store open). The heap that a store takes
 * does not depend on what is stored. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

struct store;
struct store_layout; /* stores/smp/store.h and its like name one */

/* A view of the store in which nothing changes but by its own writes. Read functions accept any transaction; functions
 * that write need the one that the batch engine hands to an operation (SMQ_ERR_INVALID otherwise). Slices that read
 * functions give point into the store: they are valid until store_reader_end, or in an operation until its next write.
 */
struct store_txn;

/* A thread's own entry in the table of readers. Not thread-safe. */
struct store_reader;

enum store_durability {
    STORE_DURABILITY_COMMIT,   /* every commit is on the disk before its operations complete */
    STORE_DURABILITY_INTERVAL, /* commits reach the disk at each store_sync. A process death loses nothing; a power cut
                                * loses what came after the last store_sync, and may damage the store on a file system
                                * that reorders writes */
};

enum {
    STORE_MAX_READERS = 1024,              /* store_reader objects at one time */
    STORE_RESERVE_BYTES = 8 * 1024 * 1024, /* of disk, kept for operations that free space while the store is full */
    STORE_MIN_MAP_SIZE = 1024 * 1024,
};
/* Of the map beyond map_size, for the same while snapshots are open: then even freeing space makes the file grow. */
#define STORE_RESERVE_ADDRESSES (UINT64_C(16) << 30)

struct store_options {
    const char *directory; /* created, mode 0700, when missing; its parent must be there */
    uint64_t map_size; /* bytes that stored data may take, at least STORE_MIN_MAP_SIZE; may be raised or lowered between
                          runs */
    enum store_durability durability;
    uint32_t interval_ms; /* with STORE_DURABILITY_INTERVAL: how often the writer means to call store_sync */
};

/* Opens or creates the store. Blocks for disk reads only; the time does not depend on the amount of data. Logs the
 * reason of a failure. Errors: SMQ_ERR_INVALID (options), SMQ_ERR_EXISTS (another process, or this one, has it open),
 * SMQ_ERR_VERSION (written by a newer program), SMQ_ERR_STORE_FULL, SMQ_ERR_STORE (damaged), SMQ_ERR_SYSTEM (errno),
 * SMQ_ERR_NO_MEMORY. */
enum smq_result store_open(const struct store_layout *layout, const struct store_options *options, struct store **out);

/* Opens an existing store for reading only, also beside a router that has it open: for store_reader_create, and the
 * functions of store_copy.h. Errors as store_open. One of an older version is read as it is. */
enum smq_result store_open_to_read(const struct store_layout *layout, const char *directory, struct store **out);

/* Makes everything durable and closes. All readers must have been destroyed. Takes ownership and nulls the pointer;
 * NULL inside is allowed. */
void store_close(struct store **store);

/* With STORE_DURABILITY_INTERVAL makes the commits so far durable; otherwise, or when there are none, does nothing.
 * Writer thread; blocks for the disk. SMQ_ERR_STORE when the store is dead, also from this failure on: a system that
 * could not write pages once has forgotten them and reports success later. */
enum smq_result store_sync(struct store *store);

uint32_t store_interval_ms(const struct store *store); /* 0 with STORE_DURABILITY_COMMIT */

/* Makes a reader. It may be used by one thread at a time. Errors: SMQ_ERR_NO_CREDIT (STORE_MAX_READERS in use),
 * SMQ_ERR_NO_MEMORY. */
enum smq_result store_reader_create(struct store *store, struct store_reader **out);
/* Takes ownership and nulls the pointer; ends an open snapshot. */
void store_reader_destroy(struct store_reader **reader);

/* Takes a snapshot of the last commit, in well under a microsecond. End it soon: space freed after an open snapshot
 * cannot be used again. Errors: SMQ_ERR_INVALID (begun already), SMQ_ERR_STORE. */
enum smq_result store_reader_begin(struct store_reader *reader, struct store_txn **out);
/* Ends the snapshot; its transaction and slices are no longer valid. Nothing happens when none is open. */
void store_reader_end(struct store_reader *reader);

/* A step of expiry: it ends when one of the limits is reached, after a record at least. */
struct store_expiry {
    int64_t before;    /* seconds: what is older expires */
    uint64_t until_us; /* clock_monotonic_us */
    uint32_t max_queues;
    uint32_t max_records;
};

/* Whether nothing can be written any more until the store is opened anew: LMDB could not write its root page, commits
 * have failed for a while for other reasons than room, or a store_sync has failed. Reading goes on. Any thread. */
bool store_is_dead(const struct store *store);

/* Whether the store takes what grows it. Any thread. */
enum store_condition {
    STORE_CONDITION_GOOD,
    STORE_CONDITION_FULL, /* the last operation that needed room was refused; reads and operations that free space work
                           */
    STORE_CONDITION_FAILED, /* the last write transaction failed for another reason */
};
enum store_condition store_condition(const struct store *store);

/* Figures since the store was opened. Any thread; each is exact, together they need not be of one instant. */
struct store_statistics {
    uint64_t commits;
    uint64_t commit_failures; /* transactions that broke, counting each attempt */
    uint64_t operations;      /* completed with any result */
    uint64_t refused;         /* completed with SMQ_ERR_STORE_FULL */
    uint64_t used_bytes;      /* of pages that hold something, not long ago */
    uint64_t limit_bytes;
    uint64_t commit_us_total; /* wall time inside commits */
    uint64_t commit_us_max;
};
void store_statistics_get(const struct store *store, struct store_statistics *out);
