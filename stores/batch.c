/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Group commit.
 *
 * The whole batch goes into one transaction. When it breaks, LMDB has undone it, and the operations are tried again in
 * smaller pieces: eight at a time, then one at a time, so that an operation is tried at most three times and what fails
 * is only what cannot be done. When it broke for want of room, the growing operations of the piece fail at once and the
 * rest, which frees room, is tried again.
 *
 * Running out of room is normally seen before it happens. The map is larger than what data may take, and the file is
 * allocated ahead of it; growing operations are refused when they would eat into that. LMDB writes pages anew rather
 * than in place, and uses a freed page again only when no older snapshot is open, so that freeing room needs room
 * first: that is what the reserves are for. */
#include "stores/batch.h"

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "stores/internal.h"

enum {
    ALLOWANCE_PAGES = 2,     /* what a growing operation takes beside its bytes */
    ALLOCATE_AHEAD = 2048,   /* pages asked from the file system at a time, beyond the reserve */
    SCATTERED_PAGES = 16384, /* free pages outside of runs that make messages be stored in parts, see queue_list.c */
    SURVEY_BATCHES = 1024,   /* how often the free pages are looked at, in batches that store something */
};

static const size_t piece_sizes[] = {SIZE_MAX, 8, 1};

void store_batch_add(struct store_batch *batch, struct store_operation *operation) {
    operation->next = NULL;
    if (batch->last == NULL)
        batch->first = operation;
    else
        batch->last->next = operation;
    batch->last = operation;
    batch->count++;
    batch->bytes += operation->bytes;
}

/* ---- room ---- */

static uint64_t pages_of(const struct store_operation *operation, uint64_t page_size) {
    return operation->bytes / page_size + ALLOWANCE_PAGES;
}

static uint64_t growth_of(const struct store_operation *first, uint64_t page_size) {
    uint64_t pages = 0;
    for (const struct store_operation *operation = first; operation != NULL; operation = operation->next)
        if (operation->grows)
            pages += pages_of(operation, page_size);
    return pages;
}

/* The page that data must end before, so that the reserves stay free. On a disk that is nearly full the file grows by
 * what there is, by halves. */
static uint64_t limit_of(struct store *store, struct lmdb_pages *pages, uint64_t growth) {
    uint64_t reserve = STORE_RESERVE_BYTES / pages->page_size;
    uint64_t limit = store->map_size / pages->page_size;
    if (pages->end + growth + reserve > pages->allocated) {
        uint64_t ahead = growth + ALLOCATE_AHEAD;
        while (ahead > 0 && lmdb_pages_allocate(store->lmdb, pages->end + reserve + ahead) != SMQ_OK)
            ahead /= 2;
        lmdb_pages_get(store->lmdb, pages);
    }
    uint64_t on_disk = pages->allocated > reserve ? pages->allocated - reserve : 0;
    return on_disk < limit ? on_disk : limit;
}

static struct lmdb_free look_at_free_pages(struct store *store) {
    struct lmdb_free found = {0};
    if (lmdb_begin(store->writer_view) != SMQ_OK)
        return found;
    found = lmdb_pages_free(store->writer_view);
    lmdb_abort(store->writer_view);
    store->scattered = found.scattered > SCATTERED_PAGES;
    return found;
}

/* How many pages growing operations may take now. The free list is walked when the end of the data is near
 * the limit, and otherwise now and then. */
static uint64_t find_room(struct store *store, const struct store_operation *first, uint64_t page_size) {
    uint64_t growth = growth_of(first, page_size);
    if (growth == 0)
        return 0;
    struct lmdb_pages pages;
    lmdb_pages_get(store->lmdb, &pages);
    uint64_t limit = limit_of(store, &pages, growth);
    uint64_t used = pages.end;
    if (used + growth > limit)
        used -= look_at_free_pages(store).usable;
    else if (store->batches++ % SURVEY_BATCHES == 0)
        (void)look_at_free_pages(store);
    atomic_store_explicit(&store->used_bytes, used * page_size, memory_order_relaxed);
    atomic_store_explicit(&store->limit_bytes, limit * page_size, memory_order_relaxed);
    return used < limit ? limit - used : 0;
}

/* ---- one piece ---- */

struct pass {
    struct store *store;
    uint64_t page_size;
    uint64_t room; /* pages that growing operations may still take */
    size_t piece_size;
    enum smq_result failure; /* why the last transaction broke */
    const char *failure_text;
};

static enum smq_result apply_one(struct pass *pass, struct store_operation *operation, struct store_txn *txn) {
    if (operation->grows) {
        uint64_t pages = pages_of(operation, pass->page_size);
        if (pages > pass->room)
            return SMQ_ERR_STORE_FULL;
        pass->room -= pages;
    }
    return operation->apply(operation, txn);
}

static void note_commit_time(struct store *store, uint64_t us) {
    atomic_fetch_add_explicit(&store->commits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->commit_us_total, us, memory_order_relaxed);
    if (us > atomic_load_explicit(&store->commit_us_max, memory_order_relaxed))
        atomic_store_explicit(&store->commit_us_max, us, memory_order_relaxed);
}

static enum smq_result commit(struct store *store, struct store_txn *txn) {
    uint64_t start = clock_monotonic_us();
    if (FAULT(store_commit_full))
        lmdb_fail(txn->lmdb, SMQ_ERR_STORE_FULL);
    if (FAULT(store_commit_io))
        lmdb_fail(txn->lmdb, SMQ_ERR_STORE);
    enum smq_result result = store_txn_commit(txn);
    if (result != SMQ_OK)
        return result;
    note_commit_time(store, clock_monotonic_us() - start);
    store->unsynced = store->durability != STORE_DURABILITY_COMMIT;
    return SMQ_OK;
}

/* Tries the unfinished operations from `first` on, at most a piece of them. `end` gets where it stopped. */
static enum smq_result try_piece(struct pass *pass, struct store_operation *first, struct store_operation **end) {
    struct store_txn *txn;
    struct store_operation *operation = first;
    enum smq_result failure = store_txn_begin(pass->store, &txn);
    if (failure != SMQ_OK) {
        *end = NULL;
        return failure;
    }
    for (size_t count = 0; operation != NULL && count < pass->piece_size; operation = operation->next) {
        if (operation->finished)
            continue;
        operation->result = apply_one(pass, operation, txn);
        count++;
        if (store_txn_status(txn) != SMQ_OK) {
            operation = operation->next;
            break;
        }
    }
    *end = operation;
    return commit(pass->store, txn);
}

static void finish_piece(struct store_operation *first, const struct store_operation *end) {
    for (struct store_operation *operation = first; operation != end; operation = operation->next)
        operation->finished = true;
}

/* The transaction broke and is undone: those that took room fail for want of room, the rest stays to be tried. */
static void refuse_growing(struct store_operation *first, const struct store_operation *end) {
    for (struct store_operation *operation = first; operation != end; operation = operation->next) {
        if (operation->finished || !operation->grows)
            continue;
        operation->result = SMQ_ERR_STORE_FULL;
        operation->finished = true;
    }
}

/* Goes over the whole list once. False when nothing is left to try. */
static bool run_pass(struct pass *pass, struct store_operation *list) {
    bool left = false;
    struct store_operation *end;
    for (struct store_operation *first = list; first != NULL; first = end) {
        if (first->finished) {
            end = first->next;
            continue;
        }
        uint64_t room = pass->room;
        enum smq_result result = try_piece(pass, first, &end);
        if (result == SMQ_OK) {
            finish_piece(first, end);
            continue;
        }
        pass->room = room;
        pass->failure = result;
        pass->failure_text = lmdb_error_text(pass->store->writer.lmdb);
        atomic_fetch_add_explicit(&pass->store->commit_failures, 1, memory_order_relaxed);
        if (result == SMQ_ERR_STORE_FULL)
            refuse_growing(first, pass->piece_size == SIZE_MAX ? NULL : end);
        left = true;
    }
    return left;
}

/* ---- the batch ---- */

static void note_condition(struct store *store, enum store_condition condition, const char *failure_text) {
    int before = atomic_exchange_explicit(&store->condition, (int)condition, memory_order_relaxed);
    if (before == (int)condition)
        return;
    if (condition == STORE_CONDITION_GOOD)
        log_info("store: takes new data again");
    else if (condition == STORE_CONDITION_FULL)
        log_error("store: full; reading and deleting go on, new data is refused");
    else
        log_error("store: a transaction failed: %s", failure_text);
}

/* The store is good when something that grows it went well, and full until then. */
static void judge(struct store *store, const struct store_operation *list, const char *failure_text) {
    bool grown = false;
    bool refused = false;
    bool failed = false;
    uint64_t count = 0;
    uint64_t refusals = 0;
    for (const struct store_operation *operation = list; operation != NULL; operation = operation->next) {
        count++;
        grown |= operation->grows && operation->result == SMQ_OK;
        refused |= operation->result == SMQ_ERR_STORE_FULL;
        failed |= operation->result == SMQ_ERR_STORE || operation->result == SMQ_ERR_NO_MEMORY;
        refusals += operation->result == SMQ_ERR_STORE_FULL;
    }
    atomic_fetch_add_explicit(&store->operations, count, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->refused, refusals, memory_order_relaxed);
    if (failed)
        note_condition(store, STORE_CONDITION_FAILED, failure_text);
    else if (refused)
        note_condition(store, STORE_CONDITION_FULL, failure_text);
    else if (grown)
        note_condition(store, STORE_CONDITION_GOOD, failure_text);
}

void store_batch_run(struct store *store, struct store_batch *batch) {
    struct store_operation *list = batch->first;
    *batch = (struct store_batch){0};
    if (list == NULL)
        return;
    for (struct store_operation *operation = list; operation != NULL; operation = operation->next)
        operation->finished = false;
    struct lmdb_pages pages;
    lmdb_pages_get(store->lmdb, &pages);
    struct pass pass = {.store = store, .page_size = pages.page_size, .failure_text = ""};
    pass.room = find_room(store, list, pages.page_size);
    bool left = true;
    for (size_t i = 0; left && i < sizeof piece_sizes / sizeof piece_sizes[0]; i++) {
        pass.piece_size = piece_sizes[i];
        left = run_pass(&pass, list);
    }
    for (struct store_operation *operation = list; left && operation != NULL; operation = operation->next)
        if (!operation->finished)
            operation->result = pass.failure;
    judge(store, list, pass.failure_text);
    while (list != NULL) {
        struct store_operation *operation = list;
        list = operation->next;
        operation->completed(operation, operation->result);
    }
}
