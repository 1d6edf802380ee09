/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store writer. Each turn takes what the mailbox holds to where it waits, and commits as much of that as a commit
 * takes at the end of the turn. */
#include "actors/router/writer.h"

#include <time.h>

#include "actors/router/post.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

enum {
    COMMIT_PAUSE_US = 2000, /* least time from one commit to the next, unless enough waits for one */
    MESSAGES_A_TURN = 65536,
    /* What nobody waits for. */
    LAZY_A_COMMIT = 16, /* that join what is committed anyway */
    LAZY_ALONE = 64,    /* that are committed by themselves */
    LAZY_PAUSE_MS = 100 /* ... and how long after they came, or after the last */
};

struct store_writer {
    struct router *router;
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
    /* What nobody waits for, oldest first. */
    struct writer_request *first_lazy;
    struct writer_request *last_lazy;
    struct wheel_timer lazy_timer;
};

/* ---- what nobody waits for ---- */

static void keep_lazy(struct store_writer *writer, struct writer_request *request) {
    request->next = NULL;
    if (writer->first_lazy == NULL)
        writer->first_lazy = request;
    else
        writer->last_lazy->next = request;
    writer->last_lazy = request;
    if (!wheel_timer_is_active(&writer->lazy_timer))
        wheel_add(actor_wheel(writer->actor), &writer->lazy_timer, clock_monotonic_ms() + LAZY_PAUSE_MS);
}

/* Moves at most `most` of them into the batch. */
static void add_lazy(struct store_writer *writer, size_t most) {
    for (; writer->first_lazy != NULL && most > 0; most--) {
        struct writer_request *request = writer->first_lazy;
        writer->first_lazy = request->next;
        store_batch_add(&writer->batch, &request->operation);
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
        add_lazy(writer, LAZY_A_COMMIT);
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
    struct writer_request *request = owner_of(message, struct writer_request, message);
    if (atomic_load_explicit(&writer->router->is_drained, memory_order_relaxed)) {
        request->operation.completed(&request->operation, SMQ_ERR_CANCELLED);
        return;
    }
    if (request->lazy) {
        keep_lazy(writer, request);
        return;
    }
    if (request->source == NULL)
        request->source = &writer->roles;
    writer_rounds_add(&writer->rounds, request);
}

/* Those that nothing took along go by themselves, some at a time; the turn's end commits them. */
static void writer_lazy(struct wheel_timer *timer) {
    struct store_writer *writer = owner_of(timer, struct store_writer, lazy_timer);
    add_lazy(writer, LAZY_ALONE);
    if (writer->first_lazy != NULL)
        wheel_add(actor_wheel(writer->actor), timer, clock_monotonic_ms() + LAZY_PAUSE_MS);
}

static void writer_sync(struct wheel_timer *timer) {
    struct store_writer *writer = owner_of(timer, struct store_writer, sync);
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
    writer->lazy_timer.fire = writer_lazy;
    wheel_add(actor_wheel(writer->actor), &writer->turn, 0); /* looks whether there is something to purge */
    if (interval > 0)
        wheel_add(actor_wheel(writer->actor), &writer->sync, clock_monotonic_ms() + interval);
    return SMQ_OK;
}

static void writer_stop(void *state) {
    struct store_writer *writer = state;
    do {
        add_lazy(writer, LAZY_ALONE);
        writer_commit(writer);
    } while (writer->first_lazy != NULL || writer->rounds.count > 0);
    wheel_cancel(actor_wheel(writer->actor), &writer->lazy_timer);
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

enum smq_result writer_create(struct router *router, struct store_writer **out) {
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
