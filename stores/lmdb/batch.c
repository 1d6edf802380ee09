/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Group commit.
 *
 * The whole batch goes into one transaction. When it breaks, LMDB has undone it, and its operations are tried again in
 * smaller pieces: eight at a time, then one at a time, so that an operation is tried at most three times and what
 * fails is only what cannot be done. None is applied before those that were asked for earlier are done. When it broke
 * for want of room, the growing operations of the piece fail at once and the rest, which frees room, is tried again.
 *
 * Running out of room is normally seen before it happens (room.h): growing operations are refused when they would eat
 * into what is kept for the others. */
#include "stores/lmdb/batch.h"

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "stores/lmdb/room.h"
#include "stores/lmdb/store_private.h"

enum {
    ALLOWANCE_PAGES = 2,   /* what a growing operation takes beside its bytes */
    PIECE_TIME_US = 10000, /* then a transaction takes no more operations: the rest goes into another one */
    DEAD_AFTER = 8,        /* batches in a row of which nothing could be written */
    PURGES_FOR_ROOM = 8,   /* steps of the purge before growing operations are refused for want of room */
};

static const size_t piece_sizes[] = {SIZE_MAX, 8, 1};
enum { LEVELS = sizeof piece_sizes / sizeof piece_sizes[0] };

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

void store_batch_append(struct store_batch *batch, struct store_batch *other) {
    if (other->first == NULL)
        return;
    if (batch->last == NULL)
        batch->first = other->first;
    else
        batch->last->next = other->first;
    batch->last = other->last;
    batch->count += other->count;
    batch->bytes += other->bytes;
    *other = (struct store_batch){0};
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

/* ---- one piece ---- */

struct pass {
    struct store *store;
    uint64_t page_size;
    uint64_t room;  /* pages that growing operations may still take */
    bool committed; /* a transaction went well */
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

static bool may_purge(struct store *store) {
    return store_has_to_purge(store) && room_allows_housekeeping(store);
}

/* A step of the purge. Damaged data must not break every batch to come. */
static bool purge_some(struct store_txn *txn) {
    if (store_txn_status(txn) != SMQ_OK)
        return true;
    bool more = txn->store->layout->purge_step(txn);
    if (lmdb_is_damaged(txn->lmdb)) {
        log_error("store: what was deleted cannot be removed; run `%s`", txn->store->layout->check);
        txn->store->purge_failed = true;
    }
    return more;
}

/* Tries the unfinished operations from `first` on, at most a piece of them, and before `limit`. `end` gets where it
 * stopped. */
static enum smq_result try_piece(struct pass *pass, struct store_operation *first, struct store_operation *limit,
                                 struct store_operation **end) {
    struct store_txn *txn;
    struct store_operation *operation = first;
    enum smq_result failure = store_txn_begin(pass->store, &txn);
    if (failure != SMQ_OK) {
        *end = limit;
        return failure;
    }
    uint64_t start_us = clock_monotonic_us();
    for (size_t count = 0; operation != limit && count < pass->piece_size; operation = operation->next) {
        if (operation->finished)
            continue;
        if (txn->removed_parts >= STORE_REMOVED_PARTS || (count > 0 && clock_monotonic_us() - start_us > PIECE_TIME_US))
            break;
        operation->result = apply_one(pass, operation, txn);
        count++;
        if (store_txn_status(txn) != SMQ_OK) {
            operation = operation->next;
            break;
        }
    }
    *end = operation;
    bool purges = operation == NULL && pass->piece_size == SIZE_MAX && may_purge(pass->store);
    bool purge_left = purges && purge_some(txn);
    failure = commit(pass->store, txn);
    if (purges && failure == SMQ_OK)
        pass->store->purge_pending = purge_left;
    return failure;
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

static void note_failure(struct pass *pass, enum smq_result result) {
    const struct lmdb_txn *txn = pass->store->writer.lmdb;
    pass->failure = result;
    pass->failure_text = lmdb_error_text(txn);
    if (lmdb_is_broken(txn))
        store_die(pass->store, pass->failure_text);
    atomic_fetch_add_explicit(&pass->store->commit_failures, 1, memory_order_relaxed);
}

/* A single operation that cannot be done. */
static void fail_piece(struct store_operation *first, const struct store_operation *end, enum smq_result failure) {
    for (struct store_operation *operation = first; operation != end; operation = operation->next) {
        if (operation->finished)
            continue;
        operation->result = failure;
        operation->finished = true;
    }
}

/* What became of the piece. */
static void settle_piece(struct pass *pass, struct store_operation *first, struct store_operation *end, size_t level,
                         enum smq_result result) {
    if (result == SMQ_OK) {
        finish_piece(first, end);
        pass->committed = true;
        return;
    }
    note_failure(pass, result);
    if (result == SMQ_ERR_STORE_FULL) {
        refuse_growing(first, level == 0 ? NULL : end);
        room_look_for_dead_readers(pass->store);
    }
    if (level + 1 == LEVELS)
        fail_piece(first, end, result);
}

/* Goes over the list in order. Within a piece that broke it goes in smaller ones, up to its end. */
static void run_list(struct pass *pass, struct store_operation *list) {
    struct store_operation *limits[LEVELS] = {NULL};
    struct store_operation *end;
    size_t level = 0;
    for (struct store_operation *first = list; first != NULL;) {
        while (level > 0 && first == limits[level])
            level--;
        if (first->finished) {
            first = first->next;
            continue;
        }
        uint64_t room = pass->room;
        pass->piece_size = piece_sizes[level];
        enum smq_result result = try_piece(pass, first, limits[level], &end);
        settle_piece(pass, first, end, level, result);
        if (result != SMQ_OK)
            pass->room = room;
        if (result == SMQ_OK || level + 1 == LEVELS)
            first = end;
        else
            limits[++level] = end;
    }
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

/* A disk may have one bad moment. One that fails batch after batch is dead. */
static void count_failures(struct store *store, const struct pass *pass) {
    if (pass->committed)
        store->failures = 0;
    else if (pass->failure == SMQ_ERR_STORE && ++store->failures >= DEAD_AFTER)
        store_die(store, pass->failure_text);
}

bool store_has_to_purge(const struct store *store) {
    return store->purge_pending && !store->purge_failed && !store_is_dead(store);
}

/* A batch without operations: a step of the purge by itself. False when there is nothing to do, no room
 * for it, or it could not be committed. */
static bool run_purge(struct pass *pass) {
    struct store_operation *end;
    pass->piece_size = SIZE_MAX;
    if (!may_purge(pass->store))
        return false;
    enum smq_result result = try_piece(pass, NULL, NULL, &end);
    pass->committed |= result == SMQ_OK;
    if (result != SMQ_OK)
        note_failure(pass, result);
    return result == SMQ_OK;
}

/* Room for the batch: what was deleted gives way before new data is refused. */
static uint64_t find_room(struct pass *pass, uint64_t growth) {
    uint64_t room = room_find(pass->store, growth);
    for (unsigned i = 0; i < PURGES_FOR_ROOM && room < growth && run_purge(pass); i++)
        room = room_find(pass->store, growth);
    return room;
}

void store_batch_run(struct store *store, struct store_batch *batch) {
    struct store_operation *list = batch->first;
    *batch = (struct store_batch){0};
    if (list == NULL && !store_has_to_purge(store))
        return;
    for (struct store_operation *operation = list; operation != NULL; operation = operation->next)
        operation->finished = false;
    struct lmdb_pages pages;
    lmdb_pages_get(store->lmdb, &pages);
    struct pass pass = {.store = store, .page_size = pages.page_size, .failure_text = ""};
    pass.room = find_room(&pass, growth_of(list, pages.page_size));
    store->is_tight = !room_allows_housekeeping(store);
    if (list == NULL)
        (void)run_purge(&pass);
    run_list(&pass, list);
    judge(store, list, pass.failure_text);
    count_failures(store, &pass);
    while (list != NULL) {
        struct store_operation *operation = list;
        list = operation->next;
        operation->completed(operation, operation->result);
    }
}
