/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Group commit: many operations, one durable write transaction. Driven by the writer actor, on its thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "smq/result.h"
#include "stores/lmdb/store.h"

/* One change of the store, embedded in the request that asks for it. The owner of the request fills the fields below
 * the line before store_batch_add and does not touch the operation until `completed`. */
struct store_operation {
    struct store_operation *next; /* the batch's */
    enum smq_result result;       /* the batch's */
    bool finished;                /* the batch's */
    /* ---- */
    bool grows; /* it needs room that stays used (SEND, NEW, ...); false for what frees room or rewrites in place (ACK,
                   DEL, OFF, expiry) */
    size_t bytes; /* about how much it stores: bodies, blobs, keys; the engine adds its own allowance */
    /* Does the work with the functions of the store's folder (stores/smp/queue_store.h and its neighbours). What the
     * protocol answers (quota, duplicate, wrong version, ...) is an outcome: the operation records it in itself and
     * returns SMQ_OK. Any other return value fails this operation alone and must come before its first write. May be
     * called again after a failed transaction (with that transaction's changes undone), so it sets every output each
     * time. A failure of the store itself need not be passed on: the transaction remembers it. */
    enum smq_result (*apply)(struct store_operation *operation, struct store_txn *txn);
    /* Called exactly once: after the commit (result SMQ_OK: durable, as the store's durability has it), or when the
     * operation could not be done: SMQ_ERR_STORE_FULL, SMQ_ERR_STORE, SMQ_ERR_NO_MEMORY, or what apply returned; then
     * the store is as if it had never been asked. May free the operation and may add to a batch. */
    void (*completed)(struct store_operation *operation, enum smq_result result);
};

/* Operations gathered for the next commit, in order of arrival. Zeroed is empty. */
struct store_batch {
    struct store_operation *first;
    struct store_operation *last;
    size_t count;
    size_t bytes;
};

/* Appends; never fails. The caller bounds a batch by looking at `count` and `bytes`. */
void store_batch_add(struct store_batch *batch, struct store_operation *operation);

/* Moves all operations of `other` to the end of `batch`. */
void store_batch_append(struct store_batch *batch, struct store_batch *other);

/* Applies all operations in order in one transaction, commits, then completes them in order. The batch is empty when
 * the first `completed` is called. Blocks for the disk. Each call also removes some of what was deleted, for two
 * milliseconds at most (store_has_to_purge); an empty batch does just that.
 *
 * When the store is full (map_size, disk, quota of the file system) the growing operations complete with
 * SMQ_ERR_STORE_FULL and the others are done (while there is something to purge, only after eight steps of that made no
 * room); when a transaction breaks in another way the operations are tried again
 * in smaller transactions, each operation at most three times in all, so that only what cannot be done fails. Logs when
 * the store becomes full or fails, and when it is good again.
 *
 * When LMDB cannot write its own root page, or nothing could be written for several batches in a row for another reason
 * than room, the store is dead (store_is_dead): the caller ends what it does, and opens the store anew or stops. */
void store_batch_run(struct store *store, struct store_batch *batch);

/* Whether deleted messages, notifications or link data are still to be removed: the caller goes on running batches, if
 * empty ones. False again when that failed on damaged data, which is logged. */
bool store_has_to_purge(const struct store *store);
