/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is done before the roles of the router start: files that expired are removed, without a pace, and chunk files
 * that nobody would remove any more. */
#include <inttypes.h>

#include "actors/xftp/metrics.h"
#include "actors/xftp/roles.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "stores/lmdb/batch.h"
#include "stores/xftp/file_store.h"
#include "stores/xftp/file_sweep.h"

enum { FILES_A_COMMIT = 200 };

/* One commit's work, of either kind. */
struct tidy {
    struct store_operation operation;
    struct xftp_router *router;
    int64_t before;
    uint64_t count; /* by the last that was applied */
    uint64_t all;
    enum smq_result result;
};

static void completed(struct store_operation *operation, enum smq_result result) {
    struct tidy *tidy = (struct tidy *)(void *)operation;
    tidy->result = result;
    tidy->all += result == SMQ_OK ? tidy->count : 0;
}

static enum smq_result apply_expiry(struct store_operation *operation, struct store_txn *txn) {
    struct tidy *tidy = (struct tidy *)(void *)operation;
    struct file_removed removed;
    for (tidy->count = 0; tidy->count < FILES_A_COMMIT; tidy->count++) {
        enum smq_result result = file_store_expire(txn, tidy->before, &removed);
        if (result != SMQ_OK)
            return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
    }
    return SMQ_OK;
}

/* The files are gone, durably, before the list forgets them. */
static enum smq_result apply_removals(struct store_operation *operation, struct store_txn *txn) {
    struct tidy *tidy = (struct tidy *)(void *)operation;
    struct chunk_folder *folder = tidy->router->folder;
    struct file_id file;
    enum smq_result result = SMQ_OK;
    for (tidy->count = 0; tidy->count < FILES_A_COMMIT && result == SMQ_OK; tidy->count++) {
        if (file_store_next_removal(txn, slice_of(NULL, 0), &file) != SMQ_OK)
            break;
        result = chunk_remove(folder, file_id_slice(&file));
        if (result == SMQ_OK || result == SMQ_ERR_NOT_FOUND)
            result = file_store_removal_done(txn, file_id_slice(&file));
    }
    if (result == SMQ_OK && tidy->count > 0)
        result = chunk_folder_sync(folder);
    return result;
}

static enum smq_result run_all(struct xftp_router *router, struct tidy *tidy,
                               enum smq_result (*apply)(struct store_operation *operation, struct store_txn *txn)) {
    do {
        struct store_batch batch = {0};
        tidy->operation = (struct store_operation){.apply = apply, .completed = completed};
        store_batch_add(&batch, &tidy->operation);
        store_batch_run(router->store, &batch);
    } while (tidy->result == SMQ_OK && tidy->count == FILES_A_COMMIT);
    return tidy->result;
}

static enum smq_result expire(struct xftp_router *router) {
    struct tidy tidy = {.router = router, .before = xftp_expiry_limit(&router->config, clock_realtime_s())};
    enum smq_result result = run_all(router, &tidy, apply_expiry);
    if (tidy.all > 0)
        log_info("Expiration check: %" PRIu64 " files", tidy.all);
    counters_add(router->counters, COUNT_FILES_EXPIRED, (int64_t)tidy.all);
    return result;
}

/* A chunk file that cannot be removed does not keep the router from starting. */
static void remove_files(struct xftp_router *router) {
    struct tidy tidy = {.router = router};
    if (run_all(router, &tidy, apply_removals) != SMQ_OK)
        log_warn("some chunk files could not be removed; that is tried again");
}

static enum smq_result sweep(struct xftp_router *router) {
    struct store_reader *reader;
    struct store_txn *txn;
    struct file_sweep sweep = {0};
    if (!chunk_folder_was_left(router->folder))
        return SMQ_OK;
    enum smq_result result = store_reader_create(router->store, &reader);
    if (result != SMQ_OK)
        return result;
    result = store_reader_begin(reader, &txn);
    if (result == SMQ_OK)
        result = file_sweep_run(txn, router->folder, xftp_expiry_limit(&router->config, clock_realtime_s()), &sweep);
    store_reader_destroy(&reader);
    log_info("chunk files: looked at %" PRIu64 " after a stop without order, removed %" PRIu64, sweep.seen,
             sweep.removed);
    if (sweep.unknown > 0)
        log_warn("chunk files: %" PRIu64 " are of no record, and were left alone", sweep.unknown);
    return result;
}

enum smq_result xftp_tidy_at_start(struct xftp_router *router) {
    enum smq_result result = expire(router);
    if (result == SMQ_OK)
        remove_files(router);
    return result == SMQ_OK ? sweep(router) : result;
}
