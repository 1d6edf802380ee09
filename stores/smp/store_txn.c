/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Transactions and the figures that each of them keeps true. */
#include <signal.h>

#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/body_tidy.h"
#include "stores/smp/internal.h"

/* ---- figures ---- */

enum {
    FIGURES_FORMAT = 2,
    FIGURES_FORMAT_1 = 1, /* without what is about segments */
    FIGURE_COUNT = 20,
    FIGURE_COUNT_1 = 16,
    FIGURES_SIZE = 1 + 8 * FIGURE_COUNT
};

static struct slice figures_key(void) {
    return slice_of_text("figures");
}

/* All figures, in their order in the entry. */
static void figures_list(struct store_figures *figures, uint64_t *list[FIGURE_COUNT]) {
    struct store_totals *totals = &figures->totals;
    uint64_t *all[FIGURE_COUNT] = {
        &figures->next_number,
        &figures->next_sequence,
        &totals->queues,
        &totals->queues_by_status[QUEUE_ACTIVE],
        &totals->queues_by_status[QUEUE_OFF],
        &totals->queues_by_status[QUEUE_BLOCKED],
        &totals->queues_secured,
        &totals->notifiers,
        &totals->links,
        &totals->messages,
        &totals->notifications,
        &totals->services[0],
        &totals->services[1],
        &totals->services[2],
        &totals->recipient_service_queues,
        &totals->notifier_service_queues,
        &figures->next_segment,
        &figures->body_segment,
        &figures->body_end,
        &figures->body_bytes,
    };
    memcpy(list, all, sizeof all);
}

enum smq_result store_figures_load(struct store_txn *txn, struct store_figures *figures) {
    *figures = (struct store_figures){.next_number = 1, .next_sequence = 1, .next_segment = 1};
    struct slice value;
    if (!lmdb_find(txn->lmdb, TABLE_META, figures_key(), &value))
        return store_txn_status(txn);
    uint64_t *list[FIGURE_COUNT];
    figures_list(figures, list);
    struct reader reader = reader_of(value);
    uint8_t format = read_u8(&reader);
    if (format != FIGURES_FORMAT && format != FIGURES_FORMAT_1)
        reader_fail(&reader);
    for (size_t i = 0; i < (format == FIGURES_FORMAT_1 ? FIGURE_COUNT_1 : FIGURE_COUNT); i++)
        *list[i] = (uint64_t)read_i64(&reader);
    if (reader_finish(&reader) != SMQ_OK || figures->body_end > SEGMENT_SIZE)
        return store_txn_damaged(txn, "figures");
    return SMQ_OK;
}

static void figures_save(struct store_txn *txn) {
    uint64_t *list[FIGURE_COUNT];
    figures_list(&txn->figures, list);
    uint8_t bytes[FIGURES_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, FIGURES_FORMAT);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        write_i64(&writer, (int64_t)*list[i]);
    lmdb_put(txn->lmdb, TABLE_META, figures_key(), slice_of(bytes, sizeof bytes));
}

void store_totals_get(struct store_txn *txn, struct store_totals *out) {
    struct store_figures figures = txn->figures;
    if (!lmdb_is_writable(txn->lmdb) && store_figures_load(txn, &figures) != SMQ_OK)
        figures = (struct store_figures){0};
    *out = figures.totals;
}

/* ---- transactions ---- */

enum smq_result store_txn_begin(struct store *store, struct store_txn **out) {
    struct store_txn *txn = &store->writer;
    enum smq_result result = lmdb_begin(txn->lmdb);
    if (result != SMQ_OK)
        return result;
    result = store_figures_load(txn, &txn->figures);
    if (result != SMQ_OK) {
        lmdb_abort(txn->lmdb);
        return result;
    }
    txn->figures_before = txn->figures;
    txn->removed_parts = 0;
    segments_begin(txn);
    body_tidy_begin(store);
    *out = txn;
    return SMQ_OK;
}

enum smq_result store_txn_commit(struct store_txn *txn) {
    segments_finish(txn);
    if (FAULT(store_body_kill))
        (void)raise(SIGKILL);
    if (memcmp(&txn->figures, &txn->figures_before, sizeof txn->figures) != 0)
        figures_save(txn);
    enum smq_result result = lmdb_commit(txn->lmdb);
    if (result == SMQ_OK)
        body_tidy_committed(txn->store);
    return result;
}

void store_txn_abort(struct store_txn *txn) {
    lmdb_abort(txn->lmdb);
}

enum smq_result store_txn_check_writable(const struct store_txn *txn) {
    return lmdb_is_writable(txn->lmdb) ? lmdb_status(txn->lmdb) : SMQ_ERR_INVALID;
}

enum smq_result store_txn_damaged(struct store_txn *txn, const char *what) {
    log_error("store: damaged data: %s", what);
    lmdb_fail(txn->lmdb, SMQ_ERR_STORE);
    return SMQ_ERR_STORE;
}

bool pair_key_parse(struct slice key, uint64_t *first, uint64_t *second) {
    struct reader reader = reader_of(key);
    *first = (uint64_t)read_i64(&reader);
    *second = (uint64_t)read_i64(&reader);
    return reader_finish(&reader) == SMQ_OK;
}
