/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store writer. Each turn gathers what the mailbox holds into one batch, bounded in count and bytes, and commits it
 * at the end of the turn. */
#include "actors/smp/writer.h"

#include <time.h>

#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

enum {
    BATCH_OPERATIONS_MAX = 256,
    COMMIT_PAUSE_US = 2000,           /* least time from one commit to the next, unless a batch is full */
    BATCH_BYTES_MAX = 4 * 1024 * 1024 /* one commit of this size stays near 10 ms on an ordinary SSD */
};

struct store_writer {
    struct smp_router *router;
    struct actor *actor;
    struct store_batch batch;
    struct wheel_timer sync; /* with interval durability */
    bool has_failed;         /* told the supervisor that the store is dead */
    uint64_t order;          /* the last that writer_next_order gave */
    /* Pacing, see writer_batch_end. */
    uint64_t committed_us; /* when the last commit ended */
    bool paced;            /* the pause before this batch was made */
    struct wheel_timer turn;
};

struct touch {
    struct writer_request request;
    struct queue_reference queue;
    uint32_t day;
};

struct writer_request *writer_request_of(struct store_operation *operation) {
    return (struct writer_request *)(void *)((char *)operation - offsetof(struct writer_request, operation));
}

/* A store that cannot be written to ends the router: whoever runs it starts it again, and sees that it failed. */
static void look_whether_dead(struct store_writer *writer) {
    if (writer->has_failed || !store_is_dead(writer->router->store))
        return;
    writer->has_failed = true;
    actor_fail(writer->actor, SMQ_ERR_STORE, "the store cannot be written to");
}

static void writer_commit(struct store_writer *writer) {
    if (writer->batch.count == 0)
        return;
    waiting_begins();
    store_batch_run(writer->router->store, &writer->batch);
    look_whether_dead(writer);
    writer->committed_us = clock_monotonic_us();
    writer->paced = false;
}

/* Commits what the turn gathered. Under load, a commit that follows the last one too soon is put off for the rest of
 * the pause, so that what arrives meanwhile shares it: a commit costs its pages, its flush and a wake of every other
 * lane, whether it holds one operation or a hundred. The thread sleeps without being woken; then comes one turn more,
 * which takes what has arrived. After an idle time nothing is put off. */
static void writer_batch_end(void *state) {
    struct store_writer *writer = state;
    uint64_t due_us = writer->committed_us + COMMIT_PAUSE_US;
    uint64_t now_us = clock_monotonic_us();
    if (writer->batch.count == 0)
        return;
    if (writer->paced || now_us >= due_us) {
        writer_commit(writer);
        return;
    }
    waiting_begins();
    struct timespec pause = {.tv_nsec = (long)(due_us - now_us) * 1000};
    (void)nanosleep(&pause, NULL);
    writer->paced = true;
    wheel_add(actor_wheel(writer->actor), &writer->turn, 0);
}

static void writer_turn(struct wheel_timer *timer) {
    (void)timer;
}

static void writer_receive(void *state, struct message *message) {
    struct store_writer *writer = state;
    struct writer_request *request =
        (struct writer_request *)(void *)((char *)message - offsetof(struct writer_request, message));
    store_batch_add(&writer->batch, &request->operation);
    if (writer->batch.count >= BATCH_OPERATIONS_MAX || writer->batch.bytes >= BATCH_BYTES_MAX)
        writer_commit(writer);
}

static void writer_sync(struct wheel_timer *timer) {
    struct store_writer *writer = (struct store_writer *)(void *)((char *)timer - offsetof(struct store_writer, sync));
    if (store_sync(writer->router->store) != SMQ_OK) {
        look_whether_dead(writer);
        return;
    }
    wheel_add(actor_wheel(writer->actor), timer, clock_monotonic_ms() + store_interval_ms(writer->router->store));
}

static enum smq_result writer_start(void *state) {
    struct store_writer *writer = state;
    uint32_t interval = store_interval_ms(writer->router->store);
    writer->sync.fire = writer_sync;
    writer->turn.fire = writer_turn;
    if (interval > 0)
        wheel_add(actor_wheel(writer->actor), &writer->sync, clock_monotonic_ms() + interval);
    return SMQ_OK;
}

static void writer_stop(void *state) {
    struct store_writer *writer = state;
    writer_commit(writer);
    wheel_cancel(actor_wheel(writer->actor), &writer->sync);
    wheel_cancel(actor_wheel(writer->actor), &writer->turn);
    if (store_sync(writer->router->store) != SMQ_OK)
        log_error("the store could not be made durable at the stop");
}

static const struct actor_ops writer_ops = {
    .role = "writer",
    .start = writer_start,
    .receive = writer_receive,
    .batch_end = writer_batch_end,
    .stop = writer_stop,
    .batch_limit = BATCH_OPERATIONS_MAX,
};

enum smq_result writer_create(struct smp_router *router, struct store_writer **out) {
    struct store_writer *writer = memory_zalloc(sizeof *writer);
    if (writer == NULL)
        return SMQ_ERR_NO_MEMORY;
    writer->router = router;
    enum smq_result result = actor_create(&writer_ops, writer, -1, &writer->actor);
    if (result != SMQ_OK) {
        memory_free(writer);
        return result;
    }
    *out = writer;
    return supervisor_start_actor(router->supervisor, writer->actor);
}

void writer_destroy(struct store_writer **writer) {
    memory_free(*writer);
    *writer = NULL;
}

void writer_submit(struct store_writer *writer, struct writer_request *request) {
    if (actor_send(writer->actor, &request->message) != SMQ_OK)
        request->operation.completed(&request->operation, SMQ_ERR_CANCELLED);
}

uint64_t writer_next_order(struct store_writer *writer) {
    return ++writer->order;
}

static enum smq_result touch_apply(struct store_operation *operation, struct store_txn *txn) {
    const struct touch *touch = (struct touch *)(void *)writer_request_of(operation);
    (void)queue_store_touch(txn, touch->queue,
                            touch->day); /* a queue that changed or went meanwhile is touched by its next use */
    return SMQ_OK;
}

static void touch_completed(struct store_operation *operation, enum smq_result result) {
    (void)result;
    memory_free(writer_request_of(operation));
}

void writer_touch_queue(struct store_writer *writer, struct queue_reference queue, uint32_t day) {
    struct touch *touch = memory_zalloc(sizeof *touch);
    if (touch == NULL)
        return;
    touch->queue = queue;
    touch->day = day;
    touch->request.operation.apply = touch_apply;
    touch->request.operation.completed = touch_completed;
    writer_submit(writer, &touch->request);
}
