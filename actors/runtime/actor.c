/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The actor loop. */
#include "actors/runtime/actor.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "actors/runtime/watch.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/promise.h"

#define ACTOR_MAGIC MAGIC('A', 'C', 'T', 'R')

enum { NAME_BYTES = 16, BATCH_LIMIT_DEFAULT = 256 };

struct actor {
    /* Set before the thread starts. */
    uint32_t magic;
    uint32_t batch_limit;
    const struct actor_ops *ops;
    void *state;
    struct mailbox *mailbox;
    struct wheel *wheel;
    struct thread *thread;
    struct promise *started;
    void (*report_failure)(void *context, struct actor *actor);
    void *report_context;
    char name[NAME_BYTES];
    /* Written by the actor. */
    _Alignas(64) uint64_t now_ms;
    _Atomic uint32_t failure; /* enum smq_result */
    struct watched turns;
    /* Written by all. */
    _Alignas(64) struct waker waker;
};

static enum smq_result make_parts(struct actor *actor) {
    enum smq_result result = SMQ_OK;
    if (actor->ops->wait != NULL)
        result = waker_init_eventfd(&actor->waker);
    else
        waker_init_futex(&actor->waker);
    if (result == SMQ_OK)
        result = mailbox_create(&actor->waker, &actor->mailbox);
    if (result == SMQ_OK)
        result = wheel_create(clock_monotonic_ms(), &actor->wheel);
    return result;
}

static void free_parts(struct actor *actor) {
    wheel_destroy(&actor->wheel);
    mailbox_destroy(&actor->mailbox);
    waker_destroy(&actor->waker);
}

enum smq_result actor_create(const struct actor_ops *ops, void *state, int lane, struct actor **actor) {
    enum smq_result result = base_setup();
    if (result != SMQ_OK)
        return result;
    struct actor *created = memory_zalloc_aligned(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->ops = ops;
    created->state = state;
    created->batch_limit = ops->batch_limit > 0 ? ops->batch_limit : BATCH_LIMIT_DEFAULT;
    if (lane >= 0)
        snprintf(created->name, sizeof(created->name), "%.11s-%d", ops->role, lane % 1000);
    else
        snprintf(created->name, sizeof(created->name), "%s", ops->role);
    created->turns.name = created->name;
    result = make_parts(created);
    if (result != SMQ_OK) {
        free_parts(created);
        memory_free(created);
        return result;
    }
    MAGIC_SET(created, ACTOR_MAGIC);
    *actor = created;
    return SMQ_OK;
}

/* Of a number that only this actor writes. */
static void grow(_Atomic uint64_t *number, uint64_t amount) {
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + amount, memory_order_relaxed);
}

static void receive(void *context, struct mailbox_node *node) {
    struct actor *actor = context;
    grow(&actor->turns.received, 1);
    actor->ops->receive(actor->state, caa_container_of(node, struct message, node));
}

static enum actor_rest rest_of(const struct actor *actor) {
    if (actor->ops->wait == NULL)
        return ACTOR_MAY_SLEEP;
    return actor->ops->rest == NULL ? ACTOR_MUST_POLL : actor->ops->rest(actor->state);
}

static void begin_turn(struct actor *actor, uint64_t now_ms) {
    atomic_store_explicit(&actor->turns.began_ms, now_ms, memory_order_relaxed);
}

static void end_turn(struct actor *actor, uint64_t now_ms) {
    uint64_t took_ms = now_ms - atomic_load_explicit(&actor->turns.began_ms, memory_order_relaxed);
    begin_turn(actor, 0);
    grow(&actor->turns.busy_ms, took_ms);
    grow(&actor->turns.turns, 1);
    if (took_ms > atomic_load_explicit(&actor->turns.longest_ms, memory_order_relaxed))
        atomic_store_explicit(&actor->turns.longest_ms, took_ms, memory_order_relaxed);
}

void actor_wakes(struct actor *actor, uint64_t now_ms) {
    begin_turn(actor, now_ms);
}

static void wait_for_work(struct actor *actor, bool more) {
    enum actor_rest rest = rest_of(actor);
    uint64_t now_ms = clock_monotonic_ms();
    int timeout_ms = 0;
    if (!more && rest != ACTOR_MUST_GO_ON)
        timeout_ms = wheel_count(actor->wheel) > 0 ? wheel_next_timeout_ms(actor->wheel, now_ms) : -1;
    waiting_begins();
    end_turn(actor, now_ms);
    if (rest != ACTOR_MUST_POLL) {
        if (timeout_ms != 0)
            waker_wait(&actor->waker, timeout_ms);
        return;
    }
    bool may_sleep = timeout_ms != 0 && waker_prepare(&actor->waker);
    actor->ops->wait(actor->state, may_sleep ? timeout_ms : 0);
    waker_clear(&actor->waker);
}

/* For the fault point: what takes long. */
static void stick(void) {
    static const struct timespec time = {.tv_sec = 4};
    (void)nanosleep(&time, NULL);
}

/* One turn; false when it was the last. */
static bool take_turn(struct actor *actor) {
    actor->now_ms = clock_monotonic_ms();
    if (atomic_load_explicit(&actor->turns.began_ms, memory_order_relaxed) == 0)
        begin_turn(actor, actor->now_ms);
    if (FAULT(actor_turn))
        stick();
    bool more = mailbox_drain(actor->mailbox, receive, actor, actor->batch_limit);
    wheel_advance(actor->wheel, actor->now_ms);
    if (actor->ops->batch_end != NULL)
        actor->ops->batch_end(actor->state);
    if (mailbox_is_finished(actor->mailbox))
        return false;
    wait_for_work(actor, more);
    return true;
}

/* A woken actor waits until the one that runs has ended its turn, as far as processors are scarce, instead of taking
 * its place at once: turns, and with them batches, become longer. Where it is not allowed things go on as before. */
static void prefer_long_turns(void) {
    const struct sched_param none = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}

static void run_actor(void *argument) {
    struct actor *actor = argument;
    struct promise *started = actor->started;
    actor->now_ms = clock_monotonic_ms();
    prefer_long_turns();
    postpone_begin();
    watch_begin(&actor->turns);
    begin_turn(actor, actor->now_ms);
    enum smq_result result = actor->ops->start != NULL ? actor->ops->start(actor->state) : SMQ_OK;
    promise_set(started, result, NULL);
    promise_release(&started);
    if (result == SMQ_OK) {
        while (take_turn(actor))
            continue;
        if (actor->ops->stop != NULL)
            actor->ops->stop(actor->state);
    }
    watch_end(&actor->turns);
}

enum smq_result actor_start(struct actor *actor) {
    MAGIC_CHECK(actor, ACTOR_MAGIC);
    CHECK(actor->thread == NULL);
    struct promise *started = NULL;
    enum smq_result result = promise_create(NULL, &started);
    if (result == SMQ_OK) {
        actor->started = started;
        result = thread_create(&actor->thread, actor->name, run_actor, actor);
        if (result == SMQ_OK) {
            void *nothing;
            result = promise_wait(started, -1, &nothing);
        } else {
            struct promise *unused = started;
            promise_release(&unused);
        }
        promise_release(&started);
    }
    if (result != SMQ_OK) {
        actor_stop(actor);
        actor_join(actor);
    }
    return result;
}

enum smq_result actor_send(struct actor *actor, struct message *message) {
    MAGIC_CHECK(actor, ACTOR_MAGIC);
    counter_add(&actor->turns.sent, 1);
    enum smq_result result = mailbox_send(actor->mailbox, &message->node);
    if (result != SMQ_OK)
        counter_add(&actor->turns.sent, -1);
    return result;
}

void actor_stop(struct actor *actor) {
    MAGIC_CHECK(actor, ACTOR_MAGIC);
    mailbox_close(actor->mailbox);
}

void actor_join(struct actor *actor) {
    MAGIC_CHECK(actor, ACTOR_MAGIC);
    thread_join(&actor->thread);
}

void actor_destroy(struct actor **actor) {
    if (*actor == NULL)
        return;
    MAGIC_CHECK(*actor, ACTOR_MAGIC);
    CHECK((*actor)->thread == NULL);
    MAGIC_CLEAR(*actor);
    free_parts(*actor);
    memory_free(*actor);
    *actor = NULL;
}

struct wheel *actor_wheel(struct actor *actor) {
    return actor->wheel;
}

uint64_t actor_now_ms(const struct actor *actor) {
    return actor->now_ms;
}

struct waker *actor_waker(struct actor *actor) {
    return &actor->waker;
}

const char *actor_name(const struct actor *actor) {
    return actor->name;
}

uint64_t actor_received(const struct actor *actor) {
    return atomic_load_explicit(&actor->turns.received, memory_order_relaxed);
}

enum smq_result actor_failure(const struct actor *actor) {
    return (enum smq_result)atomic_load(&actor->failure);
}

void actor_on_failure(struct actor *actor, void (*report)(void *context, struct actor *actor), void *context) {
    MAGIC_CHECK(actor, ACTOR_MAGIC);
    actor->report_failure = report;
    actor->report_context = context;
}

void actor_fail(struct actor *actor, enum smq_result reason, const char *what) {
    MAGIC_CHECK(actor, ACTOR_MAGIC);
    CHECK(reason != SMQ_OK);
    uint32_t expected = SMQ_OK;
    if (!atomic_compare_exchange_strong(&actor->failure, &expected, (uint32_t)reason))
        return;
    log_error("%s failed: %s: %s", actor->name, what, smq_result_text(reason));
    if (actor->report_failure != NULL)
        actor->report_failure(actor->report_context, actor);
}
