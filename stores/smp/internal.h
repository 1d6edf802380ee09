/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of stores/smp share: tables, figures. Private to stores/. */
#pragma once

#include <stdint.h>

#include "stores/lmdb/store_private.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store.h"

/* 2: link data may be in parts. 3: what was deleted may be left to remove (purge.h). 4: bodies may be in segments
 * (body_segments.h). */
enum { STORE_SCHEMA = 4 };

/* Keys: "id" is a byte string, "number" a big-endian u64, "pair" two of them. Names are in store.c. */
enum store_table {
    TABLE_META = STORE_TABLE_META,
    TABLE_QUEUES,     /* number -> record */
    TABLE_RECIPIENTS, /* id -> number; the four of enum queue_party, in its order */
    TABLE_SENDERS,
    TABLE_NOTIFIERS,
    TABLE_LINKS,
    TABLE_LINK_DATA,            /* number -> blobs */
    TABLE_MESSAGES,             /* pair (number, sequence) -> message, and its parts; (number, 0) -> state of the list.
                                * Long bodies are in segments */
    TABLE_MESSAGE_EXPIRY,       /* pair (second, number) -> nothing */
    TABLE_NOTIFICATIONS,        /* as messages */
    TABLE_NOTIFICATION_EXPIRY,  /* as messages */
    TABLE_SERVICES,             /* id -> record */
    TABLE_SERVICE_FINGERPRINTS, /* fingerprint -> id */
    TABLE_SERVICE_COUNTS,       /* id -> counts */
    TABLE_PURGE,                /* number -> what is left of it to remove; see purge.h */
    TABLE_BODY_SEGMENTS,        /* number of a segment -> its bytes; see body_segments.h */
    TABLE_BODY_USE,             /* number of a segment -> what of it is used */
    TABLE_BODY_EMPTY,           /* pair (transaction that emptied it, number of a segment) -> nothing */
    TABLE_COUNT
};

/* The figures that every change keeps true, in the order in which they are kept. */
struct store_figures {
    uint64_t next_number;   /* of queues */
    uint64_t next_sequence; /* of messages and notifications */
    struct store_totals totals;
    uint64_t next_segment;
    uint64_t body_segment; /* that bodies are written to; 0: none yet */
    uint64_t body_end;     /* offset in it */
    uint64_t body_bytes;   /* of all segments: what records name */
};

/* Those of a writable transaction. */
static inline struct store_figures *figures_of(struct store_txn *txn) {
    return (struct store_figures *)(void *)txn->figures;
}

enum { RECORD_MAX = STORE_RECORD_MAX };

/* How bodies are written: body_segments.c. */
struct segment_writer {
    uint8_t *bytes;   /* of the segment that is written to, from `base` on; made when first needed */
    uint32_t base;    /* where this transaction began to write */
    bool has_begun;   /* in this transaction */
    bool has_no_room; /* in this transaction: for a new segment */
    bool is_new;      /* made by this transaction, and only here */
    uint32_t written; /* what is before this offset is in the file */
    uint64_t made;    /* segments, by this transaction */
    uint64_t placed;  /* segment whose place in the file is known; 0: none */
    uint64_t place;   /* it */
    bool is_unusable; /* LMDB keeps values in another way than we know */
};

/* Which body is looked at next: body_tidy.c. */
struct tidy_hand {
    uint64_t segment;
    uint32_t offset;
    uint64_t skipped;    /* segments that are not worth it, in a row */
    bool is_uncommitted; /* the hand has moved with a transaction that is not committed yet */
    bool has_failed;     /* on damaged data: no more of it until the store is opened anew */
};

/* What the writer keeps of bodies. */
struct body_writer {
    struct segment_writer segments;
    struct tidy_hand hand;
};
static inline struct body_writer *body_writer_of(const struct store_txn *txn) {
    return txn->store->own;
}
