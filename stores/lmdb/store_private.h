/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every store is made of, for the files of stores/: its state, transactions with their figures, keys. A store of a
 * router brings a layout, and functions that read and write its tables. Private to stores/. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "queues/base/cursor.h"
#include "queues/base/magic.h"
#include "smq/result.h"
#include "stores/lmdb/lmdb.h"
#include "stores/lmdb/lmdb_room.h"
#include "stores/lmdb/store.h"

enum {
    STORE_TABLE_META = 0, /* the first table of every layout: text -> value; "schema", "figures" */
    STORE_FIGURES_MAX = 24,
    STORE_RECORD_MAX = 65536,
    /* As many entries removed by a transaction as leave the list of pages that it frees on one page. A longer list
     * needs a run of free pages, and LMDB looks for one in all of them. */
    STORE_REMOVED_PARTS = 400,
};

/* What is in a store. */
struct store_layout {
    const char *const *tables; /* names; the first is that of STORE_TABLE_META */
    unsigned table_count;
    uint32_t schema;      /* of what is written now; what is older is read as it is */
    const char *check;    /* what the operator runs when data is damaged */
    unsigned purge_table; /* not empty: there is something for purge_step; 0: the store has none */
    /* Removes some of what was deleted, a bounded step; whether there is more. A failure is the transaction's. */
    bool (*purge_step)(struct store_txn *txn);
    /* Numbers that every change keeps true, kept in one entry in this order, and what each is in a new store. Older
     * schemas may have had fewer of them. */
    unsigned figure_count;
    unsigned older_figure_count; /* 0: as many */
    const uint64_t *first_figures;
    /* What the layout does beside, on the writer's thread; NULL: nothing. */
    const struct store_hooks *hooks;
};

struct store_hooks {
    size_t own_size;                            /* of store->own, zeroed when the store is opened */
    void (*txn_begins)(struct store_txn *txn);  /* a writable one */
    void (*txn_commits)(struct store_txn *txn); /* is about to; a failure is the transaction's */
    void (*txn_committed)(struct store_txn *txn);
    void (*closes)(struct store *store);
    /* Bytes of tables that are kept for new data, and hold none. Any transaction. */
    uint64_t (*spare_bytes)(struct store_txn *txn);
};

struct store_txn {
    struct lmdb_txn *lmdb;
    struct store *store;
    uint8_t *gathered;                   /* the layout's: memory for a value, kept with the transaction */
    size_t removed_parts;                /* by a writable transaction */
    uint64_t figures[STORE_FIGURES_MAX]; /* of a writable transaction; written back by store_txn_commit */
    uint64_t figures_before[STORE_FIGURES_MAX];
};

struct store_pin {
    uint64_t snapshot; /* 0: none */
    pid_t process;
    uint64_t since_ms; /* first seen */
    uint64_t told_ms;  /* last warning; 0: none yet */
};

#define STORE_MAGIC MAGIC('S', 'T', 'O', 'R')

struct store {
    uint32_t magic;
    const struct store_layout *layout;
    struct lmdb *lmdb;
    int lock_file;
    uint64_t map_size;
    enum store_durability durability;
    uint32_t interval_ms;

    /* the writer's */
    struct store_txn writer;
    struct lmdb_txn *writer_view; /* read-only: looks at the free list */
    bool unsynced;
    struct store_pin pin; /* the oldest snapshot, when there is an old one: see room.c */
    uint64_t measured_ms; /* when used pages were counted, and readers looked at; 0: never */
    uint64_t tended_ms;
    unsigned failures;                 /* batches in a row of which nothing could be written */
    bool purge_pending;                /* the purge table may hold something */
    bool is_short;                     /* of room, when it was looked for last */
    uint64_t growth;                   /* pages that the batch asks for */
    void *own;                         /* the layout's */
    bool is_tight;                     /* expiry and touches are to wait: see room_allows_housekeeping */
    bool purge_failed;                 /* on damaged data: no more of it until the store is opened anew */
    uint8_t scratch[STORE_RECORD_MAX]; /* records on their way into the store */

    /* anybody's */
    _Atomic int condition; /* enum store_condition */
    _Atomic bool dead;
    _Atomic uint64_t commits;
    _Atomic uint64_t commit_failures;
    _Atomic uint64_t operations;
    _Atomic uint64_t refused;
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t limit_bytes;
    _Atomic uint64_t commit_us_total;
    _Atomic uint64_t commit_us_max;
};

/* Takes the lock of a store's folder, for as long as `lock_file` is open. SMQ_ERR_EXISTS: another one has it. */
enum smq_result store_lock(const char *directory, int *lock_file);

/* Declares the store dead, once, in the log. */
void store_die(struct store *store, const char *reason);

/* Begins, and commits or aborts, the writer's transaction. */
enum smq_result store_txn_begin(struct store *store, struct store_txn **out);
enum smq_result store_txn_commit(struct store_txn *txn);
void store_txn_abort(struct store_txn *txn);
/* SMQ_OK when `txn` may be written to and has not failed; else what to answer. */
enum smq_result store_txn_check_writable(const struct store_txn *txn);
/* SMQ_OK, or the transaction's error: what functions that write answer at their end. */
static inline enum smq_result store_txn_status(const struct store_txn *txn) {
    return lmdb_status(txn->lmdb);
}
/* Answers a look-up that found nothing: the transaction's error if it has one, else `otherwise`. */
static inline enum smq_result store_txn_missing(const struct store_txn *txn, enum smq_result otherwise) {
    enum smq_result status = lmdb_status(txn->lmdb);
    return status == SMQ_OK ? otherwise : status;
}
/* The figures as the transaction sees them; zeros when they cannot be read. */
void store_txn_figures(struct store_txn *txn, uint64_t *figures);
/* Writes them, to any data of that layout. A failure is the transaction's. */
void store_figures_put(struct lmdb_txn *txn, const struct store_layout *layout, const uint64_t *figures);
/* Remembers that the data does not decode, which fails the transaction. Always SMQ_ERR_STORE. */
enum smq_result store_txn_damaged(struct store_txn *txn, const char *what);

struct number_key {
    uint8_t bytes[8];
};
struct pair_key {
    uint8_t bytes[16];
};

static inline struct number_key number_key(uint64_t number) {
    struct number_key key;
    number = __builtin_bswap64(number);
    memcpy(key.bytes, &number, sizeof key.bytes);
    return key;
}

static inline struct pair_key pair_key(uint64_t first, uint64_t second) {
    struct pair_key key;
    first = __builtin_bswap64(first);
    second = __builtin_bswap64(second);
    memcpy(key.bytes, &first, 8);
    memcpy(key.bytes + 8, &second, 8);
    return key;
}

/* The slice of a key variable. */
#define KEY_SLICE(key) slice_of((key).bytes, sizeof(key).bytes)

/* Reads a stored pair; false when it has another length. */
bool pair_key_parse(struct slice key, uint64_t *first, uint64_t *second);
