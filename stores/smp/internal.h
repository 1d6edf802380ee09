/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of stores/smp share: tables, figures. Private to stores/. */
#pragma once

#include <stdint.h>

#include "stores/lmdb/store_private.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store.h"

/* 2: link data may be in parts. 3: what was deleted may be left to remove (purge.h). */
enum { STORE_SCHEMA = 3 };

/* Keys: "id" is a byte string, "number" a big-endian u64, "pair" two of them. Names are in store.c. */
enum store_table {
    TABLE_META = STORE_TABLE_META,
    TABLE_QUEUES,     /* number -> record */
    TABLE_RECIPIENTS, /* id -> number; the four of enum queue_party, in its order */
    TABLE_SENDERS,
    TABLE_NOTIFIERS,
    TABLE_LINKS,
    TABLE_LINK_DATA,           /* number -> blobs */
    TABLE_MESSAGES,            /* pair (number, sequence) -> message, and its parts; (number, 0) -> state of the list */
    TABLE_MESSAGE_EXPIRY,      /* pair (second, number) -> nothing */
    TABLE_NOTIFICATIONS,       /* as messages */
    TABLE_NOTIFICATION_EXPIRY, /* as messages */
    TABLE_SERVICES,            /* id -> record */
    TABLE_SERVICE_FINGERPRINTS, /* fingerprint -> id */
    TABLE_SERVICE_COUNTS,       /* id -> counts */
    TABLE_PURGE,                /* number -> what is left of it to remove; see purge.h */
    TABLE_COUNT
};

/* The figures that every change keeps true, in the order in which they are kept. */
struct store_figures {
    uint64_t next_number;   /* of queues */
    uint64_t next_sequence; /* of messages and notifications */
    struct store_totals totals;
};

/* Those of a writable transaction. */
static inline struct store_figures *figures_of(struct store_txn *txn) {
    return (struct store_figures *)(void *)txn->figures;
}

enum { RECORD_MAX = STORE_RECORD_MAX };
