/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Promises: decided once, waited for with a deadline, values never lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/thread.h"
#include "queues/promise.h"

enum { PATIENCE_MS = 10000 };

static int discarded;

static void discard(void *value) {
    (void)value;
    discarded++;
}

static const struct promise_options discarding = {.discard = discard};

static struct promise *make(const struct promise_options *options) {
    struct promise *promise = NULL;
    discarded = 0;
    assert_int_equal(promise_create(options, &promise), SMQ_OK);
    assert_false(promise_is_decided(promise));
    return promise;
}

static void drop_both(struct promise *promise) {
    struct promise *other = promise;
    promise_release(&promise);
    assert_null(promise);
    promise_release(&other);
}

static void test_value_that_was_set_is_waited_for(void **state) {
    (void)state;
    int answer = 42;
    void *value = NULL;
    struct promise *promise = make(&discarding);
    assert_true(promise_set(promise, SMQ_OK, &answer));
    assert_true(promise_is_decided(promise));
    assert_int_equal(promise_wait(promise, 0, &value), SMQ_OK);
    assert_ptr_equal(value, &answer);
    drop_both(promise);
    assert_int_equal(discarded, 0);
}

static void test_second_decision_loses(void **state) {
    (void)state;
    int answer = 42;
    void *value = NULL;
    struct promise *promise = make(&discarding);
    assert_true(promise_set(promise, SMQ_ERR_AUTH, NULL));
    assert_false(promise_set(promise, SMQ_OK, &answer));
    assert_false(promise_cancel(promise));
    assert_int_equal(promise_wait(promise, PATIENCE_MS, &value), SMQ_ERR_AUTH);
    assert_null(value);
    drop_both(promise);
    assert_int_equal(discarded, 0);
}

static void test_timeout_decides(void **state) {
    (void)state;
    int answer = 42;
    void *value = &answer;
    struct promise *promise = make(&discarding);
    uint64_t start = clock_monotonic_ms();
    assert_int_equal(promise_wait(promise, 20, &value), SMQ_ERR_TIMEOUT);
    assert_true(clock_monotonic_ms() - start >= 19);
    assert_null(value);
    assert_false(promise_set(promise, SMQ_OK, &answer));
    drop_both(promise);
}

static void test_cancel_decides(void **state) {
    (void)state;
    void *value = NULL;
    struct promise *promise = make(NULL);
    assert_true(promise_cancel(promise));
    assert_int_equal(promise_wait(promise, PATIENCE_MS, &value), SMQ_ERR_CANCELLED);
    drop_both(promise);
}

static void test_value_that_nobody_took_is_discarded(void **state) {
    (void)state;
    int answer = 42;
    struct promise *promise = make(&discarding);
    assert_true(promise_set(promise, SMQ_OK, &answer));
    drop_both(promise);
    assert_int_equal(discarded, 1);
}

static void set_soon(void *argument) {
    struct promise *promise = argument;
    static int answer = 7;
    promise_set(promise, SMQ_OK, &answer);
    promise_release(&promise);
}

static void test_waiting_thread_is_woken(void **state) {
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct promise *promise = make(NULL);
        struct thread *thread = NULL;
        void *value = NULL;
        assert_int_equal(thread_create(&thread, "set", set_soon, promise), SMQ_OK);
        assert_int_equal(promise_wait(promise, PATIENCE_MS, &value), SMQ_OK);
        assert_int_equal(*(int *)value, 7);
        promise_release(&promise);
        thread_join(&thread);
    }
}

struct outcome {
    int calls;
    enum smq_result result;
    void *value;
};

static void completed(void *context, enum smq_result result, void *value) {
    struct outcome *outcome = context;
    outcome->calls++;
    outcome->result = result;
    outcome->value = value;
}

static void test_completion_function_gets_the_outcome_once(void **state) {
    (void)state;
    int answer = 42;
    struct outcome outcome = {0};
    const struct promise_options options = {.completed = completed, .context = &outcome, .discard = discard};
    struct promise *promise = make(&options);
    assert_true(promise_set(promise, SMQ_OK, &answer));
    assert_false(promise_cancel(promise));
    drop_both(promise);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.result, SMQ_OK);
    assert_ptr_equal(outcome.value, &answer);
    assert_int_equal(discarded, 0);
}

static void test_further_references_keep_it_alive(void **state) {
    (void)state;
    struct promise *promise = make(NULL);
    struct promise *third = promise_reference(promise);
    drop_both(promise);
    assert_true(promise_cancel(third));
    promise_release(&third);
    promise_release(&third);
}

#ifdef DEBUG_FAULTS
static void test_create_without_memory_is_an_error(void **state) {
    (void)state;
    struct promise *promise = NULL;
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(promise_create(NULL, &promise), SMQ_ERR_NO_MEMORY);
    fault_disarm_all();
    assert_null(promise);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_that_was_set_is_waited_for),
        cmocka_unit_test(test_second_decision_loses),
        cmocka_unit_test(test_timeout_decides),
        cmocka_unit_test(test_cancel_decides),
        cmocka_unit_test(test_value_that_nobody_took_is_discarded),
        cmocka_unit_test(test_waiting_thread_is_woken),
        cmocka_unit_test(test_completion_function_gets_the_outcome_once),
        cmocka_unit_test(test_further_references_keep_it_alive),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_create_without_memory_is_an_error),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
