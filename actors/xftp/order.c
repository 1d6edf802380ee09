/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Orders of the operator: a change of the store, then the chunk file. */
#include "actors/xftp/order.h"

#include <string.h>

#include "actors/router/operator/date.h"
#include "actors/router/operator/operator.h"
#include "actors/xftp/disk.h"
#include "actors/xftp/metrics.h"
#include "actors/xftp/post.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/promise.h"

enum { WAIT_MS = 30000 };

struct order_change {
    struct change change; /* first */
    struct order order;
    struct file_removed removed;
    uint8_t bytes[]; /* id, info */
};

/* ---- the quota of a day ---- */

static bool may_block(struct xftp_router *router) {
    int32_t quota = operator_block_quota(router->operator);
    int64_t today = date_day(clock_realtime_s());
    if (router->blocked.day != today) {
        router->blocked.day = today;
        router->blocked.count = 0;
    }
    return quota == 0 || router->blocked.count < quota;
}

/* ---- the change ---- */

static enum smq_result apply(struct store_operation *operation, struct store_txn *txn) {
    struct order_change *change = (struct order_change *)(void *)change_of(operation);
    struct order *order = &change->order;
    struct file_recipient recipient;
    struct file_record record;
    struct file_id file;
    enum smq_result result = file_store_find_recipient(txn, order->recipient_id, &recipient, &record);
    if (result == SMQ_OK)
        result = file_id_set(&file, record.sender_id);
    if (result != SMQ_OK)
        return result;
    if (!order->is_block)
        return file_store_delete(txn, file_id_slice(&file), &change->removed);
    return may_block(order->router) ? file_store_block(txn, file_id_slice(&file), order->info, &change->removed)
                                    : SMQ_ERR_NO_CREDIT;
}

static void remove_chunk(struct xftp_router *router, const struct file_removed *removed) {
    struct removal *removal = removal_create(&removed->sender_id);
    if (removed->had_chunk)
        file_quota_give_back(&router->quota, removed->size);
    if (removal != NULL && post_unlink(router, removal) != SMQ_OK)
        memory_free(removal);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    struct order_change *change = (struct order_change *)(void *)change_of(operation);
    struct order *order = &change->order;
    if (result == SMQ_OK) {
        remove_chunk(order->router, &change->removed);
        counters_add(order->router->counters, order->is_block ? COUNT_FILES_BLOCKED : COUNT_FILES_DELETED, 1);
        order->router->blocked.count += order->is_block;
    }
    order->done(order->context, result);
    memory_free(change);
}

void order_give(const struct order *order) {
    struct order_change *change = memory_zalloc(sizeof *change + order->recipient_id.length + order->info.length);
    if (change == NULL) {
        order->done(order->context, SMQ_ERR_NO_MEMORY);
        return;
    }
    struct writer writer = writer_of(change->bytes, order->recipient_id.length + order->info.length);
    write_slice(&writer, order->recipient_id);
    write_slice(&writer, order->info);
    change->order = *order;
    change->order.recipient_id = slice_of(change->bytes, order->recipient_id.length);
    change->order.info = slice_of(change->bytes + order->recipient_id.length, order->info.length);
    change->change.operation = (struct store_operation){
        .grows = order->is_block, .bytes = order->info.length, .apply = apply, .completed = completed};
    if (post_change(order->router, &change->change) != SMQ_OK)
        completed(&change->change.operation, SMQ_ERR_CLOSED);
}

/* ---- for those who can wait ---- */

static void decide(void *context, enum smq_result result) {
    struct promise *promise = context;
    (void)promise_set(promise, result, NULL);
    promise_release(&promise);
}

static enum smq_result give_and_wait(struct order *order) {
    struct promise *promise = NULL;
    void *value = NULL;
    enum smq_result result = promise_create(NULL, &promise);
    if (result != SMQ_OK)
        return result;
    order->done = decide;
    order->context = promise;
    order_give(order);
    result = promise_wait(promise, WAIT_MS, &value);
    promise_release(&promise);
    return result;
}

enum smq_result xftp_router_delete_file(struct xftp_router *router, struct slice recipient_id) {
    struct order order = {.router = router, .recipient_id = recipient_id};
    return give_and_wait(&order);
}

enum smq_result xftp_router_block_file(struct xftp_router *router, struct slice recipient_id, struct slice info) {
    struct order order = {.router = router, .recipient_id = recipient_id, .is_block = true, .info = info};
    return give_and_wait(&order);
}
