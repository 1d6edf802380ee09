/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store writer. Each turn takes what the mailbox holds to where it waits, and commits as much of that as a commit
 * takes at the end of the turn. */
#include "actors/router/writer.h"

#include <time.h>

#include "actors/smp/post.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

enum {
    COMMIT_PAUSE_US = 2000, /* least time from one commit to the next, unless enough waits for one */
    MESSAGES_A_TURN = 65536,
    /* Touches: when all clients come back, every queue gets one. Each rewrites a page. */
    TOUCHES_MAX = 16384,   /* that wait; a queue beyond that is touched by its next use */
    TOUCHES_A_COMMIT = 16, /* that join what is committed anyway */
    TOUCHES_ALONE = 64,    /* that are committed by themselves */
    TOUCH_PAUSE_MS = 100,  /* ... and how long after they came, or after the last */
    TOUCH_MEMORY = 4096    /* queues that are remembered as touched, so that they are not touched twice */
};

struct touch {
    struct writer_request request;
    struct touch *next;
    struct store_writer *writer;
    struct queue_reference queue;
    uint32_t day;
    bool is_remembered;      /* in `touched` */
    enum smq_result outcome; /* of the last time it was applied */
};

struct store_writer {
    struct smp_router *router;
    struct actor *actor;
    struct writer_rounds rounds;
    struct writer_source roles; /* those of the router that ask */
    struct store_batch batch;   /* the next commit */
    struct wheel_timer sync;    /* with interval durability */
    bool has_failed;            /* told the supervisor that the store is dead */
    uint64_t order;             /* the last that writer_next_order gave */
    /* Pacing, see writer_batch_end. */
    uint64_t committed_us; /* when the last commit ended */
    bool paced;            /* the pause before this batch was made */
    struct wheel_timer turn;
    /* Touches, oldest first. */
    struct touch *first_touch;
    struct touch *last_touch;
    struct wheel_timer touch_timer;
    struct {
        uint64_t queue;
        uint32_t day;
    } touched[TOUCH_MEMORY];  /* by number of the queue */
    _Atomic uint32_t touches; /* with the writer or on their way; any thread */
};

struct writer_request *writer_request_of(struct store_operation *operation) {
    return (struct writer_request *)(void *)((char *)operation - offsetof(struct writer_request, operation));
}

/* ---- touches ---- */

static enum smq_result touch_apply(struct store_operation *operation, struct store_txn *txn) {
    struct touch *touch = (struct touch *)(void *)writer_request_of(operation);
    touch->outcome = queue_store_touch(txn, touch->queue, touch->day);
    return SMQ_OK;
}

/* A queue that could not be touched, or that changed or went meanwhile, is touched by its next use. */
static void forget_touch(struct store_writer *writer, const struct touch *touch) {
    uint64_t place = touch->queue.number % TOUCH_MEMORY;
    if (writer->touched[place].queue == touch->queue.number)
        writer->touched[place].queue = 0;
}

/* On the writer's thread, or on that of the sender when the writer has stopped. */
static void touch_completed(struct store_operation *operation, enum smq_result result) {
    struct touch *touch = (struct touch *)(void *)writer_request_of(operation);
    if (touch->is_remembered && (result != SMQ_OK || touch->outcome != SMQ_OK))
        forget_touch(touch->writer, touch);
    atomic_fetch_sub_explicit(&touch->writer->touches, 1, memory_order_relaxed);
    memory_free(touch);
}

static void keep_touch(struct store_writer *writer, struct touch *touch) {
    uint64_t place = touch->queue.number % TOUCH_MEMORY;
    if (writer->touched[place].queue == touch->queue.number && writer->touched[place].day == touch->day) {
        touch_completed(&touch->request.operation, SMQ_OK);
        return;
    }
    writer->touched[place].queue = touch->queue.number;
    writer->touched[place].day = touch->day;
    touch->is_remembered = true;
    if (writer->last_touch == NULL)
        writer->first_touch = touch;
    else
        writer->last_touch->next = touch;
    writer->last_touch = touch;
    if (!wheel_timer_is_active(&writer->touch_timer))
        wheel_add(actor_wheel(writer->actor), &writer->touch_timer, clock_monotonic_ms() + TOUCH_PAUSE_MS);
}

/* Moves at most `most` touches into the batch. */
static void add_touches(struct store_writer *writer, size_t most) {
    for (; writer->first_touch != NULL && most > 0; most--) {
        struct touch *touch = writer->first_touch;
        writer->first_touch = touch->next;
        if (writer->first_touch == NULL)
            writer->last_touch = NULL;
        store_batch_add(&writer->batch, &touch->request.operation);
    }
}

/* ---- commits ---- */

/* A store that cannot be written to ends the router: whoever runs it starts it again, and sees that it failed. */
static void look_whether_dead(struct store_writer *writer) {
    if (writer->has_failed || !store_is_dead(writer->router->store))
        return;
    writer->has_failed = true;
    actor_fail(writer->actor, SMQ_ERR_STORE, "the store cannot be written to");
}

/* Each commit also removes some of what was deleted; one without operations does just that. */
static void writer_commit(struct store_writer *writer) {
    writer_rounds_gather(&writer->rounds, &writer->batch);
    if (writer->batch.count == 0 && !store_has_to_purge(writer->router->store))
        return;
    if (writer->batch.count > 0)
        add_touches(writer, TOUCHES_A_COMMIT);
    waiting_begins();
    FAULT_DELAY(writer_slow);
    store_batch_run(writer->router->store, &writer->batch);
    look_whether_dead(writer);
    writer->committed_us = clock_monotonic_us();
    writer->paced = false;
}

static void another_turn(struct store_writer *writer, uint64_t at_ms) {
    wheel_add(actor_wheel(writer->actor), &writer->turn, at_ms);
}

/* What waits has a turn of its own; what was deleted is removed at the pace of commits, also when nothing else is to be
 * committed. */
static void go_on(struct store_writer *writer) {
    if (writer->rounds.count > 0)
        another_turn(writer, 0);
    else if (store_has_to_purge(writer->router->store))
        another_turn(writer, clock_monotonic_ms() + COMMIT_PAUSE_US / 1000);
}

/* What waits when the stop waits no longer. */
static void give_back(struct store_writer *writer) {
    struct writer_request *request;
    while ((request = writer_rounds_take(&writer->rounds)) != NULL)
        request->operation.completed(&request->operation, SMQ_ERR_CANCELLED);
}

/* Commits what waits. Under load, a commit that follows the last one too soon is put off for the rest of the pause, so
 * that what arrives meanwhile shares it: a commit costs its pages, its flush and a wake of every other lane, whether it
 * holds one operation or a hundred. The thread sleeps without being woken; then comes one turn more, which takes what
 * has arrived. After an idle time nothing is put off. */
static void writer_batch_end(void *state) {
    struct store_writer *writer = state;
    uint64_t due_us = writer->committed_us + COMMIT_PAUSE_US;
    uint64_t now_us = clock_monotonic_us();
    if (atomic_load_explicit(&writer->router->is_drained, memory_order_relaxed))
        give_back(writer);
    bool is_due = writer->paced || now_us >= due_us || writer_rounds_fill_a_commit(&writer->rounds);
    bool is_idle = writer->rounds.count == 0 && writer->batch.count == 0;
    if (is_due)
        writer_commit(writer);
    if (is_due || is_idle) {
        go_on(writer);
        return;
    }
    waiting_begins();
    struct timespec pause = {.tv_nsec = (long)(due_us - now_us) * 1000};
    (void)nanosleep(&pause, NULL);
    writer->paced = true;
    another_turn(writer, 0);
}

static void writer_turn(struct wheel_timer *timer) {
    (void)timer;
}

static void writer_receive(void *state, struct message *message) {
    struct store_writer *writer = state;
    struct writer_request *request =
        (struct writer_request *)(void *)((char *)message - offsetof(struct writer_request, message));
    if (atomic_load_explicit(&writer->router->is_drained, memory_order_relaxed)) {
        request->operation.completed(&request->operation, SMQ_ERR_CANCELLED);
        return;
    }
    if (request->operation.apply == touch_apply) {
        keep_touch(writer, (struct touch *)(void *)request);
        return;
    }
    if (request->source == NULL)
        request->source = &writer->roles;
    writer_rounds_add(&writer->rounds, request);
}

/* Touches that nothing took along go by themselves, some at a time; the turn's end commits them. */
static void writer_touch(struct wheel_timer *timer) {
    struct store_writer *writer =
        (struct store_writer *)(void *)((char *)timer - offsetof(struct store_writer, touch_timer));
    add_touches(writer, TOUCHES_ALONE);
    if (writer->first_touch != NULL)
        wheel_add(actor_wheel(writer->actor), timer, clock_monotonic_ms() + TOUCH_PAUSE_MS);
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
    writer->touch_timer.fire = writer_touch;
    wheel_add(actor_wheel(writer->actor), &writer->turn, 0); /* looks whether there is something to purge */
    if (interval > 0)
        wheel_add(actor_wheel(writer->actor), &writer->sync, clock_monotonic_ms() + interval);
    return SMQ_OK;
}

static void writer_stop(void *state) {
    struct store_writer *writer = state;
    do {
        add_touches(writer, TOUCHES_ALONE);
        writer_commit(writer);
    } while (writer->first_touch != NULL || writer->rounds.count > 0);
    wheel_cancel(actor_wheel(writer->actor), &writer->touch_timer);
    wheel_cancel(actor_wheel(writer->actor), &writer->sync);
    if (store_sync(writer->router->store) != SMQ_OK)
        log_error("the store could not be made durable at the stop");
}

static const struct actor_ops writer_ops = {
    .role = "writer",
    .start = writer_start,
    .receive = writer_receive,
    .batch_end = writer_batch_end,
    .stop = writer_stop,
    .batch_limit = MESSAGES_A_TURN,
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
    router->addresses.writer = writer->actor;
    return supervisor_start_actor(router->supervisor, writer->actor);
}

void writer_destroy(struct store_writer **writer) {
    memory_free(*writer);
    *writer = NULL;
}

uint64_t writer_next_order(struct store_writer *writer) {
    return ++writer->order;
}

void writer_touch_queue(struct store_writer *writer, struct queue_reference queue, uint32_t day) {
    if (atomic_fetch_add_explicit(&writer->touches, 1, memory_order_relaxed) >= TOUCHES_MAX) {
        atomic_fetch_sub_explicit(&writer->touches, 1, memory_order_relaxed);
        return;
    }
    struct touch *touch = memory_zalloc(sizeof *touch);
    if (touch == NULL) {
        atomic_fetch_sub_explicit(&writer->touches, 1, memory_order_relaxed);
        return;
    }
    touch->writer = writer;
    touch->queue = queue;
    touch->day = day;
    touch->request.operation.apply = touch_apply;
    touch->request.operation.completed = touch_completed;
    post_writer(writer->router, &touch->request);
}
