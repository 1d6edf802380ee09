/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Touches. When all clients come back, every queue gets one, and each rewrites a page: they are the writer's lazy
 * requests. A queue that was touched not long ago is remembered, so that it is not touched twice on one day. */
#include "actors/smp/touch.h"

#include <stdatomic.h>

#include "actors/router/post.h"
#include "actors/router/writer.h"
#include "queues/base/memory.h"
#include "queues/base/owner.h"

enum {
    TOUCHES_MAX = 16384, /* that wait; a queue beyond that is touched by its next use */
    TOUCH_MEMORY = 4096, /* queues that are remembered */
    TOUCH_DAY_BITS = 16
};

struct touch {
    struct writer_request request;
    struct toucher *toucher;
    struct queue_reference queue;
    uint32_t day;
    enum smq_result outcome; /* of the last time it was applied */
};

struct toucher {
    struct smp_router *router;
    _Atomic uint32_t waiting;               /* touches with the writer or on their way */
    _Atomic uint64_t touched[TOUCH_MEMORY]; /* mark_of, by number of the queue */
};

enum smq_result toucher_create(struct smp_router *router, struct toucher **out) {
    struct toucher *toucher = memory_zalloc(sizeof *toucher);
    if (toucher == NULL)
        return SMQ_ERR_NO_MEMORY;
    toucher->router = router;
    *out = toucher;
    return SMQ_OK;
}

void toucher_destroy(struct toucher **toucher) {
    memory_free(*toucher);
    *toucher = NULL;
}

/* The queue and the low bits of the day in one word; never 0, as numbers begin with 1. */
static uint64_t mark_of(struct queue_reference queue, uint32_t day) {
    return queue.number << TOUCH_DAY_BITS | (day & ((1U << TOUCH_DAY_BITS) - 1));
}

static _Atomic uint64_t *place_of(struct toucher *toucher, struct queue_reference queue) {
    return &toucher->touched[queue.number % TOUCH_MEMORY];
}

static struct touch *touch_of(struct store_operation *operation) {
    return owner_of(writer_request_of(operation), struct touch, request);
}

static enum smq_result touch_apply(struct store_operation *operation, struct store_txn *txn) {
    struct touch *touch = touch_of(operation);
    touch->outcome = queue_store_touch(txn, touch->queue, touch->day);
    return SMQ_OK;
}

/* A queue that could not be touched, or that changed or went meanwhile, is touched by its next use. */
static void forget(const struct touch *touch) {
    uint64_t mark = mark_of(touch->queue, touch->day);
    (void)atomic_compare_exchange_strong(place_of(touch->toucher, touch->queue), &mark, 0);
}

/* On the writer's thread, or on that of the sender when the writer has stopped. */
static void touch_completed(struct store_operation *operation, enum smq_result result) {
    struct touch *touch = touch_of(operation);
    if (result != SMQ_OK || touch->outcome != SMQ_OK)
        forget(touch);
    atomic_fetch_sub_explicit(&touch->toucher->waiting, 1, memory_order_relaxed);
    memory_free(touch);
}

static struct touch *make(struct toucher *toucher, struct queue_reference queue, uint32_t day) {
    struct touch *touch = memory_zalloc(sizeof *touch);
    if (touch == NULL)
        return NULL;
    touch->toucher = toucher;
    touch->queue = queue;
    touch->day = day;
    touch->request.lazy = true;
    touch->request.operation = (struct store_operation){.apply = touch_apply, .completed = touch_completed};
    return touch;
}

void touch_queue(struct toucher *toucher, struct queue_reference queue, uint32_t day) {
    if (atomic_load_explicit(place_of(toucher, queue), memory_order_relaxed) == mark_of(queue, day))
        return;
    bool has_room = atomic_fetch_add_explicit(&toucher->waiting, 1, memory_order_relaxed) < TOUCHES_MAX;
    struct touch *touch = has_room ? make(toucher, queue, day) : NULL;
    if (touch == NULL) {
        atomic_fetch_sub_explicit(&toucher->waiting, 1, memory_order_relaxed);
        return;
    }
    atomic_store_explicit(place_of(toucher, queue), mark_of(queue, day), memory_order_relaxed);
    post_writer(&toucher->router->base, &touch->request);
}
