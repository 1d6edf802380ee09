/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Transactions with their figures, readers, durability and condition of a store. */
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "stores/lmdb/store_private.h"

struct store_reader {
    struct store_txn txn;
};

/* ---- figures ---- */

enum { FIGURES_FORMAT = 1, FIGURES_SIZE = 1 + 8 * STORE_FIGURES_MAX };

static struct slice figures_key(void) {
    return slice_of_text("figures");
}

static enum smq_result figures_load(struct store_txn *txn, uint64_t *figures) {
    const struct store_layout *layout = txn->store->layout;
    struct slice value;
    memcpy(figures, layout->first_figures, layout->figure_count * sizeof figures[0]);
    if (!lmdb_find(txn->lmdb, STORE_TABLE_META, figures_key(), &value))
        return store_txn_status(txn);
    struct reader reader = reader_of(value);
    if (read_u8(&reader) != FIGURES_FORMAT)
        reader_fail(&reader);
    bool is_older = reader_left(&reader) == layout->older_figure_count * sizeof figures[0];
    for (unsigned i = 0; i < (is_older ? layout->older_figure_count : layout->figure_count); i++)
        figures[i] = (uint64_t)read_i64(&reader);
    return reader_finish(&reader) == SMQ_OK ? SMQ_OK : store_txn_damaged(txn, "figures");
}

void store_figures_put(struct lmdb_txn *txn, const struct store_layout *layout, const uint64_t *figures) {
    uint8_t bytes[FIGURES_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, FIGURES_FORMAT);
    for (unsigned i = 0; i < layout->figure_count; i++)
        write_i64(&writer, (int64_t)figures[i]);
    lmdb_put(txn, STORE_TABLE_META, figures_key(), slice_of(bytes, writer_length(&writer)));
}

void store_txn_figures(struct store_txn *txn, uint64_t *figures) {
    size_t size = txn->store->layout->figure_count * sizeof figures[0];
    if (lmdb_is_writable(txn->lmdb))
        memcpy(figures, txn->figures, size);
    else if (figures_load(txn, figures) != SMQ_OK)
        memset(figures, 0, size);
}

/* ---- transactions ---- */

enum smq_result store_txn_begin(struct store *store, struct store_txn **out) {
    struct store_txn *txn = &store->writer;
    enum smq_result result = lmdb_begin(txn->lmdb);
    if (result != SMQ_OK)
        return result;
    result = figures_load(txn, txn->figures);
    if (result != SMQ_OK) {
        lmdb_abort(txn->lmdb);
        return result;
    }
    memcpy(txn->figures_before, txn->figures, sizeof txn->figures);
    txn->removed_parts = 0;
    if (store->layout->hooks != NULL)
        store->layout->hooks->txn_begins(txn);
    *out = txn;
    return SMQ_OK;
}

enum smq_result store_txn_commit(struct store_txn *txn) {
    const struct store_hooks *hooks = txn->store->layout->hooks;
    if (hooks != NULL)
        hooks->txn_commits(txn);
    if (memcmp(txn->figures, txn->figures_before, sizeof txn->figures) != 0)
        store_figures_put(txn->lmdb, txn->store->layout, txn->figures);
    enum smq_result result = lmdb_commit(txn->lmdb);
    if (result == SMQ_OK && hooks != NULL)
        hooks->txn_committed(txn);
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

enum smq_result store_sync(struct store *store) {
    if (store_is_dead(store))
        return SMQ_ERR_STORE;
    if (!store->unsynced)
        return SMQ_OK;
    if (FAULT(store_sync) || lmdb_sync(store->lmdb) != SMQ_OK) {
        store_die(store, "what was committed cannot be made durable");
        return SMQ_ERR_STORE;
    }
    store->unsynced = false;
    return SMQ_OK;
}

bool store_is_dead(const struct store *store) {
    return atomic_load_explicit(&store->dead, memory_order_relaxed);
}

void store_die(struct store *store, const char *reason) {
    if (!atomic_exchange_explicit(&store->dead, true, memory_order_relaxed))
        log_error("store: nothing can be written until it is opened anew: %s", reason);
}

uint32_t store_interval_ms(const struct store *store) {
    return store->interval_ms;
}

/* ---- readers ---- */

enum smq_result store_reader_create(struct store *store, struct store_reader **out) {
    MAGIC_CHECK(store, STORE_MAGIC);
    struct store_reader *reader = memory_zalloc(sizeof *reader);
    if (reader == NULL)
        return SMQ_ERR_NO_MEMORY;
    reader->txn.store = store;
    enum smq_result result = lmdb_txn_create(store->lmdb, false, &reader->txn.lmdb);
    if (result != SMQ_OK) {
        memory_free(reader);
        return result;
    }
    *out = reader;
    return SMQ_OK;
}

void store_reader_destroy(struct store_reader **reader) {
    if (*reader == NULL)
        return;
    lmdb_txn_destroy(&(*reader)->txn.lmdb);
    memory_free((*reader)->txn.gathered);
    memory_free(*reader);
    *reader = NULL;
}

enum smq_result store_reader_begin(struct store_reader *reader, struct store_txn **out) {
    enum smq_result result = lmdb_begin(reader->txn.lmdb);
    if (result == SMQ_OK)
        *out = &reader->txn;
    return result;
}

void store_reader_end(struct store_reader *reader) {
    lmdb_abort(reader->txn.lmdb);
}

/* ---- condition ---- */

enum store_condition store_condition(const struct store *store) {
    return (enum store_condition)atomic_load_explicit(&store->condition, memory_order_relaxed);
}

void store_statistics_get(const struct store *store, struct store_statistics *out) {
    *out = (struct store_statistics){
        .commits = atomic_load_explicit(&store->commits, memory_order_relaxed),
        .commit_failures = atomic_load_explicit(&store->commit_failures, memory_order_relaxed),
        .operations = atomic_load_explicit(&store->operations, memory_order_relaxed),
        .refused = atomic_load_explicit(&store->refused, memory_order_relaxed),
        .used_bytes = atomic_load_explicit(&store->used_bytes, memory_order_relaxed),
        .limit_bytes = atomic_load_explicit(&store->limit_bytes, memory_order_relaxed),
        .commit_us_total = atomic_load_explicit(&store->commit_us_total, memory_order_relaxed),
        .commit_us_max = atomic_load_explicit(&store->commit_us_max, memory_order_relaxed),
    };
}
