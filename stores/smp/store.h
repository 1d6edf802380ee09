/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP router's store: its layout and its totals. What is in it: queue_store.h and its neighbours. Opening it,
 * reading it, and changing it: stores/lmdb/store.h, stores/lmdb/batch.h. */
#pragma once

#include "stores/lmdb/store.h"

/* For store_open and store_open_to_read. */
extern const struct store_layout smp_store_layout;

/* How many of everything there are; kept with each change, so that asking costs one look-up. */
struct store_totals {
    uint64_t queues;
    uint64_t queues_by_status[3]; /* index: enum queue_status */
    uint64_t queues_secured;      /* with a sender key */
    uint64_t notifiers;           /* queues with a notifier */
    uint64_t links;               /* queues with link data */
    uint64_t messages;            /* with quota markers */
    uint64_t notifications;
    uint64_t services[3];              /* index: enum service_role */
    uint64_t recipient_service_queues; /* queues with a recipient service */
    uint64_t notifier_service_queues;  /* queues whose notifier has a service */
};
void store_totals_get(struct store_txn *txn, struct store_totals *out);

/* What the file holds and who reads it, for a store that was opened with store_open_to_read. Errors: SMQ_ERR_STORE,
 * SMQ_ERR_NO_CREDIT. */
struct store_space {
    uint64_t file_bytes; /* up to the last page in use */
    uint64_t used_bytes;
    uint64_t free_bytes;     /* of pages in between, and of segments of bodies */
    uint64_t body_bytes;     /* of used_bytes: bodies in segments */
    uint64_t segments;       /* of a megabyte each */
    uint64_t empty_segments; /* of those */
    uint64_t purges;         /* queues of which something deleted is still to be removed, and in used_bytes */
    uint64_t readers;        /* of all processes */
    uint64_t snapshots;      /* of those, open now */
    uint64_t oldest_commits; /* how many commits ago the oldest snapshot was taken */
    uint64_t oldest_process; /* and by which process; 0: none */
};
enum smq_result store_space_get(struct store *store, struct store_space *space, struct store_totals *totals);
