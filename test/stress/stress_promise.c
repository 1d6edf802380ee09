/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two threads that set, one that cancels and one that waits with a short timeout: each promise is decided exactly once,
 * and every value has one owner at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/mailbox.h"
#include "queues/promise.h"
#include "test/stress/stress.h"

enum { DECIDERS = 3, SETTERS = 2, WINDOW = 16 };

/* A promise on its way to the deciders; each gets its own letter. */
struct task {
    struct mailbox_node node;
    struct promise *promise;
};

struct decider {
    struct waker waker;
    struct mailbox *mailbox;
    unsigned index;
    uint64_t seed;
    uint64_t won;
    uint64_t lost;
};

static _Atomic uint64_t values_made;
static _Atomic uint64_t values_discarded;
static _Atomic uint64_t completions;

static void discard(void *value) {
    atomic_fetch_add(&values_discarded, 1);
    memory_free(value);
}

static void completed(void *context, enum smq_result result, void *value) {
    (void)context;
    CHECK((result == SMQ_OK) == (value != NULL));
    atomic_fetch_add(&completions, 1);
    if (value != NULL)
        discard(value);
}

static void decide(void *context, struct mailbox_node *node) {
    struct decider *decider = context;
    struct task *task = caa_container_of(node, struct task, node);
    for (uint32_t i = stress_random(&decider->seed) % 500; i > 0; i--)
        caa_cpu_relax();
    bool won;
    if (decider->index < SETTERS) {
        uint64_t *value = memory_alloc(sizeof(*value));
        CHECK(value != NULL);
        *value = decider->index;
        atomic_fetch_add(&values_made, 1);
        won = promise_set(task->promise, SMQ_OK, value);
        if (!won)
            discard(value);
    } else {
        won = stress_random(&decider->seed) % 4 == 0 && promise_cancel(task->promise);
    }
    decider->won += won;
    decider->lost += !won;
    promise_release(&task->promise);
    memory_free(task);
}

static void run_decider(void *argument) {
    struct decider *decider = argument;
    for (;;) {
        bool more = mailbox_drain(decider->mailbox, decide, decider, 10);
        if (mailbox_is_finished(decider->mailbox))
            return;
        if (!more)
            CHECK(waker_wait(&decider->waker, STRESS_PATIENCE_MS));
    }
}

struct counts {
    uint64_t promises;
    uint64_t set;
    uint64_t cancelled;
    uint64_t timed_out;
    uint64_t with_function;
    uint64_t dropped;
    uint64_t taken;
};

/* A promise that all deciders race for; returned with the waiting side's reference. */
static struct promise *issue(struct decider *deciders, const struct promise_options *options) {
    struct promise *promise = NULL;
    assert_int_equal(promise_create(options, &promise), SMQ_OK);
    for (int i = 0; i < DECIDERS; i++) {
        struct task *task = memory_zalloc(sizeof(*task));
        assert_non_null(task);
        task->promise = promise_reference(promise);
        assert_int_equal(mailbox_send(deciders[i].mailbox, &task->node), SMQ_OK);
    }
    struct promise *second = promise;
    promise_release(&second);
    return promise;
}

static void settle(struct promise **promise, uint64_t *seed, struct counts *counts) {
    counts->promises++;
    if (stress_random(seed) % 8 == 0) {
        /* Nobody waits: a value that comes has to be discarded. */
        counts->dropped++;
        promise_release(promise);
        return;
    }
    void *value = NULL;
    enum smq_result result = promise_wait(*promise, (int)(stress_random(seed) % 3), &value);
    counts->set += result == SMQ_OK;
    counts->cancelled += result == SMQ_ERR_CANCELLED;
    counts->timed_out += result == SMQ_ERR_TIMEOUT;
    assert_true((result == SMQ_OK) == (value != NULL));
    if (value != NULL) {
        assert_true(*(uint64_t *)value < SETTERS);
        memory_free(value);
        counts->taken++;
    }
    promise_release(promise);
}

static void start(struct decider *deciders, struct thread **threads) {
    for (unsigned i = 0; i < DECIDERS; i++) {
        deciders[i] = (struct decider){.index = i, .seed = i + 1};
        waker_init_futex(&deciders[i].waker);
        assert_int_equal(mailbox_create(&deciders[i].waker, &deciders[i].mailbox), SMQ_OK);
        assert_int_equal(thread_create(&threads[i], "decider", run_decider, &deciders[i]), SMQ_OK);
    }
}

static void test_each_promise_is_decided_exactly_once(void **state) {
    (void)state;
    static struct decider deciders[DECIDERS];
    struct thread *threads[DECIDERS];
    const struct promise_options waiting = {.discard = discard};
    const struct promise_options calling = {.completed = completed};
    struct counts counts = {0};
    uint64_t seed = 99;
    start(deciders, threads);
    uint64_t end = clock_monotonic_ms() + stress_ms(1, 1);
    while (clock_monotonic_ms() < end) {
        struct promise *window[WINDOW];
        for (int i = 0; i < WINDOW; i++)
            window[i] = issue(deciders, &waiting);
        for (int i = 0; i < WINDOW; i++)
            settle(&window[i], &seed, &counts);
        struct promise *promise = issue(deciders, &calling);
        counts.with_function++;
        promise_release(&promise);
    }
    uint64_t won = 0;
    uint64_t lost = 0;
    for (int i = 0; i < DECIDERS; i++) {
        mailbox_close(deciders[i].mailbox);
        thread_join(&threads[i]);
        mailbox_destroy(&deciders[i].mailbox);
        won += deciders[i].won;
        lost += deciders[i].lost;
    }
    assert_int_equal(counts.promises, counts.set + counts.cancelled + counts.timed_out + counts.dropped);
    /* Two setters always try, so every promise that did not time out was decided by a decider, and by one only. */
    assert_int_equal(won, counts.promises + counts.with_function - counts.timed_out);
    assert_int_equal(won + lost, DECIDERS * (counts.promises + counts.with_function));
    assert_int_equal(completions, counts.with_function);
    assert_int_equal(values_made, values_discarded + counts.taken);
    printf("promise: %llu promises, each decided once: %llu set, %llu cancelled, %llu timed out, %llu not waited for; "
           "%llu with a "
           "function, each called once; %llu values: made = taken + discarded\n",
           (unsigned long long)counts.promises, (unsigned long long)counts.set, (unsigned long long)counts.cancelled,
           (unsigned long long)counts.timed_out, (unsigned long long)counts.dropped,
           (unsigned long long)counts.with_function, (unsigned long long)values_made);
}

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_promise_is_decided_exactly_once)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
