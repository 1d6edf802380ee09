/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of stores/ share: tables, transactions with their totals, keys. Private to stores/. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/lmdb/lmdb.h"
#include "stores/lmdb/lmdb_room.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store.h"

/* 2: link data may be in parts. 3: what was deleted may be left to remove (purge.h). 4: bodies may be in segments
 * (body_segments.h). */
enum { STORE_SCHEMA = 4 };

/* Keys: "id" is a byte string, "number" a big-endian u64, "pair" two of them. Names are in store.c. */
enum store_table {
    TABLE_META,       /* text -> value */
    TABLE_QUEUES,     /* number -> record */
    TABLE_RECIPIENTS, /* id -> number; the four of enum queue_party, in its order */
    TABLE_SENDERS,
    TABLE_NOTIFIERS,
    TABLE_LINKS,
    TABLE_LINK_DATA,           /* number -> blobs */
    TABLE_MESSAGES,            /* pair (number, sequence) -> message, and its parts; (number, 0) -> state of the list.
                                * Long bodies are in segments */
    TABLE_MESSAGE_EXPIRY,      /* pair (second, number) -> nothing */
    TABLE_NOTIFICATIONS,       /* as messages */
    TABLE_NOTIFICATION_EXPIRY, /* as messages */
    TABLE_SERVICES,            /* id -> record */
    TABLE_SERVICE_FINGERPRINTS, /* fingerprint -> id */
    TABLE_SERVICE_COUNTS,       /* id -> counts */
    TABLE_PURGE,                /* number -> what is left of it to remove; see purge.h */
    TABLE_BODY_SEGMENTS,        /* number of a segment -> its bytes; see body_segments.h */
    TABLE_BODY_USE,             /* number of a segment -> what of it is used */
    TABLE_BODY_EMPTY,           /* pair (transaction that emptied it, number of a segment) -> nothing */
    TABLE_COUNT
};

/* The figures that every change keeps true; one entry of TABLE_META. */
struct store_figures {
    uint64_t next_number;   /* of queues */
    uint64_t next_sequence; /* of messages and notifications */
    uint64_t next_segment;
    uint64_t body_segment; /* that bodies are written to; 0: none yet */
    uint64_t body_end;     /* offset in it */
    uint64_t body_bytes;   /* of all segments: what records name */
    struct store_totals totals;
};

struct store_txn {
    struct lmdb_txn *lmdb;
    struct store *store;
    uint8_t *gathered;            /* where parts_gather puts values together; made when first needed */
    size_t removed_parts;         /* by a writable transaction */
    struct store_figures figures; /* of a writable transaction; written back by store_txn_commit */
    struct store_figures figures_before;
};

enum {
    RECORD_MAX = 65536,
    /* As many parts removed by a transaction as leave the list of pages that it frees on one page. A longer list
     * needs a run of free pages, and LMDB looks for one in all of them (parts.h). */
    STORE_REMOVED_PARTS = 400,
};

/* How bodies are written: body_segments.c. */
struct segment_writer {
    uint8_t *bytes;      /* the segment that is written to; made when first needed */
    bool has_begun;      /* in this transaction */
    bool is_new;         /* made by this transaction, and only here */
    uint32_t written;    /* what is before this offset is in the file */
    uint64_t made;       /* segments, by this transaction */
    uint64_t placed;     /* segment whose place in the file is known; 0: none */
    uint64_t place;      /* it */
    bool is_unusable;    /* LMDB keeps values in another way than we know */
};

/* Which body is looked at next: body_tidy.c. */
struct tidy_hand {
    uint64_t segment;
    uint32_t offset;
    bool is_uncommitted; /* the hand has moved with a transaction that is not committed yet */
};

struct store_pin {
    uint64_t snapshot; /* 0: none */
    pid_t process;
    uint64_t since_ms; /* first seen */
    uint64_t told_ms;  /* last warning; 0: none yet */
};

struct store {
    uint32_t magic;
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
    unsigned failures;           /* batches in a row of which nothing could be written */
    bool purge_pending;          /* TABLE_PURGE may hold something */
    bool is_tight;               /* expiry and touches are to wait: see room_allows_housekeeping */
    struct segment_writer segments;
    struct tidy_hand tidy;
    bool tidy_failed;            /* as purge_failed */
    bool is_short;               /* of room, when it was looked for last */
    uint64_t growth;             /* pages that the batch asks for */
    bool purge_failed;           /* on damaged data: no more of it until the store is opened anew */
    uint8_t scratch[RECORD_MAX]; /* records on their way into the store */

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

/* The figures of any transaction's snapshot. */
enum smq_result store_figures_load(struct store_txn *txn, struct store_figures *figures);

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
