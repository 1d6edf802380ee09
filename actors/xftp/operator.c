/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the operator asks for by the control port: a file is deleted, or blocked, by the id of one of its recipients.
 * The caller waits for the commit; the work does not wait for the caller. */
#include <string.h>

#include "actors/xftp/disk.h"
#include "actors/xftp/post.h"
#include "queues/base/memory.h"
#include "queues/promise.h"

enum { WAIT_MS = 30000 };

struct order {
    struct change change; /* first */
    struct xftp_router *router;
    struct promise *promise;
    struct file_id recipient;
    struct file_removed removed;
    bool is_block;
    size_t info_length;
    uint8_t info[];
};

static enum smq_result apply(struct store_operation *operation, struct store_txn *txn) {
    struct order *order = (struct order *)(void *)change_of(operation);
    struct file_recipient recipient;
    struct file_record record;
    struct file_id file;
    enum smq_result result = file_store_find_recipient(txn, file_id_slice(&order->recipient), &recipient, &record);
    if (result == SMQ_OK)
        result = file_id_set(&file, record.sender_id);
    if (result != SMQ_OK)
        return result;
    if (order->is_block)
        return file_store_block(txn, file_id_slice(&file), slice_of(order->info, order->info_length), &order->removed);
    return file_store_delete(txn, file_id_slice(&file), &order->removed);
}

static void remove_chunk(struct order *order) {
    struct removal *removal = removal_create(&order->removed.sender_id);
    if (order->removed.had_chunk)
        file_quota_give_back(&order->router->quota, order->removed.size);
    if (removal != NULL && post_unlink(order->router, removal) != SMQ_OK)
        memory_free(removal);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    struct order *order = (struct order *)(void *)change_of(operation);
    struct xftp_counters *counters = &order->router->counters;
    if (result == SMQ_OK) {
        remove_chunk(order);
        counter_add(order->is_block ? &counters->files_blocked : &counters->files_deleted, 1);
    }
    (void)promise_set(order->promise, result, NULL);
    promise_release(&order->promise);
    memory_free(order);
}

static enum smq_result run(struct xftp_router *router, struct slice recipient_id, bool is_block, struct slice info) {
    struct order *order = memory_zalloc(sizeof *order + info.length);
    struct promise *promise = NULL;
    if (order == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = file_id_set(&order->recipient, recipient_id);
    if (result == SMQ_OK)
        result = promise_create(NULL, &promise);
    if (result != SMQ_OK) {
        memory_free(order);
        return result == SMQ_ERR_TOO_LARGE ? SMQ_ERR_NOT_FOUND : result;
    }
    order->router = router;
    order->promise = promise;
    order->is_block = is_block;
    order->info_length = info.length;
    if (info.length > 0)
        memcpy(order->info, info.bytes, info.length);
    order->change.operation =
        (struct store_operation){.grows = is_block, .bytes = info.length, .apply = apply, .completed = completed};
    if (post_change(router, &order->change) != SMQ_OK)
        order->change.operation.completed(&order->change.operation, SMQ_ERR_CLOSED);
    void *value = NULL;
    result = promise_wait(promise, WAIT_MS, &value);
    promise_release(&promise);
    return result;
}

enum smq_result xftp_router_delete_file(struct xftp_router *router, struct slice recipient_id) {
    return run(router, recipient_id, false, slice_of(NULL, 0));
}

enum smq_result xftp_router_block_file(struct xftp_router *router, struct slice recipient_id, struct slice info) {
    return run(router, recipient_id, true, info);
}
