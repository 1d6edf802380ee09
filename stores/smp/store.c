/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The layout of the SMP router's store, and its totals. */
#include "stores/smp/store.h"

#include <signal.h>

#include "queues/base/fault.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/body_tidy.h"
#include "stores/smp/internal.h"
#include "stores/smp/purge.h"

static const char *const table_names[TABLE_COUNT] = {
    [TABLE_META] = "meta",
    [TABLE_QUEUES] = "queues",
    [TABLE_RECIPIENTS] = "recipients",
    [TABLE_SENDERS] = "senders",
    [TABLE_NOTIFIERS] = "notifiers",
    [TABLE_LINKS] = "links",
    [TABLE_LINK_DATA] = "link_data",
    [TABLE_MESSAGES] = "messages",
    [TABLE_MESSAGE_EXPIRY] = "message_expiry",
    [TABLE_NOTIFICATIONS] = "notifications",
    [TABLE_NOTIFICATION_EXPIRY] = "notification_expiry",
    [TABLE_SERVICES] = "services",
    [TABLE_SERVICE_FINGERPRINTS] = "service_fingerprints",
    [TABLE_SERVICE_COUNTS] = "service_counts",
    [TABLE_PURGE] = "purge",
    [TABLE_BODY_SEGMENTS] = "body_segments",
    [TABLE_BODY_USE] = "body_use",
    [TABLE_BODY_EMPTY] = "body_empty",
};

enum { FIGURE_COUNT = sizeof(struct store_figures) / sizeof(uint64_t) };
_Static_assert(FIGURE_COUNT == 20, "as stores keep them");
enum { NEXT_SEGMENT = offsetof(struct store_figures, next_segment) / sizeof(uint64_t) };

static const uint64_t first_figures[FIGURE_COUNT] = {[0] = 1, [1] = 1, [NEXT_SEGMENT] = 1}; /* number, sequence */

static void txn_begins(struct store_txn *txn) {
    segments_begin(txn);
    body_tidy_begin(txn);
}

static void txn_commits(struct store_txn *txn) {
    segments_finish(txn);
    if (FAULT(store_body_kill))
        (void)raise(SIGKILL);
}

static uint64_t spare_bytes(struct store_txn *txn) {
    struct store_figures figures;
    uint64_t bytes = segments_count(txn) * SEGMENT_SIZE;
    store_txn_figures(txn, (uint64_t *)(void *)&figures);
    return bytes > figures.body_bytes ? bytes - figures.body_bytes : 0;
}

static const struct store_hooks hooks = {
    .own_size = sizeof(struct body_writer),
    .txn_begins = txn_begins,
    .txn_commits = txn_commits,
    .txn_committed = body_tidy_committed,
    .closes = segments_close,
    .spare_bytes = spare_bytes,
};

const struct store_layout smp_store_layout = {
    .tables = table_names,
    .table_count = TABLE_COUNT,
    .schema = STORE_SCHEMA,
    .check = "smp-server store check",
    .purge_table = TABLE_PURGE,
    .purge_step = purge_step,
    .figure_count = FIGURE_COUNT,
    .older_figure_count = NEXT_SEGMENT,
    .first_figures = first_figures,
    .hooks = &hooks,
};

void store_totals_get(struct store_txn *txn, struct store_totals *out) {
    struct store_figures figures;
    store_txn_figures(txn, (uint64_t *)(void *)&figures);
    *out = figures.totals;
}

enum smq_result store_space_get(struct store *store, struct store_space *space, struct store_totals *totals) {
    struct lmdb_pages pages;
    struct lmdb_readers readers;
    struct store_txn txn = {.lmdb = store->writer_view, .store = store};
    lmdb_readers_get(store->lmdb, &readers);
    lmdb_pages_get(store->lmdb, &pages);
    enum smq_result result = lmdb_begin(store->writer_view);
    if (result != SMQ_OK)
        return result;
    uint64_t used = lmdb_pages_used(store->writer_view);
    uint64_t spare = spare_bytes(&txn);
    uint64_t spare_pages = spare / pages.page_size;
    used -= spare_pages < used ? spare_pages : used;
    uint64_t segments = segments_count(&txn);
    uint64_t empty_segments = segments_empty(&txn);
    uint64_t purges = lmdb_table_size(store->writer_view, TABLE_PURGE);
    store_totals_get(&txn, totals);
    result = lmdb_status(store->writer_view);
    lmdb_abort(store->writer_view);
    *space = (struct store_space){
        .file_bytes = pages.end * pages.page_size,
        .used_bytes = used * pages.page_size,
        .free_bytes = (pages.end > used ? pages.end - used : 0) * pages.page_size,
        .body_bytes = segments * SEGMENT_SIZE - spare,
        .segments = segments,
        .empty_segments = empty_segments,
        .purges = purges,
        .readers = readers.places > 0 ? readers.places - 1 : 0, /* but for this one; none where nobody can write */
        .snapshots = readers.open,
        .oldest_commits = readers.oldest < pages.commit ? pages.commit - readers.oldest : 0,
        .oldest_process = readers.open > 0 ? (uint64_t)readers.oldest_process : 0,
    };
    return result;
}
