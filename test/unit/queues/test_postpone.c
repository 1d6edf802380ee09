/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Postponing: what is owed is done once, in time, and before anybody's grace period ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "queues/base/postpone.h"
#include "queues/base/rcu.h"
#include "queues/base/thread.h"

static _Atomic int calls[16];

static void count(void *subject) {
    atomic_fetch_add(&calls[*(const int *)subject], 1);
}

static int subjects[16];

static int reset(void **state) {
    (void)state;
    for (int i = 0; i < 16; i++) {
        subjects[i] = i;
        atomic_store(&calls[i], 0);
    }
    return 0;
}

/* Threads of the tests: each runs one scene, since a thread that postpones does so for good. */
static void run_scene(void (*scene)(void *)) {
    struct thread *thread = NULL;
    assert_int_equal(thread_create(&thread, "scene", scene, NULL), SMQ_OK);
    thread_join(&thread);
}

static void test_other_threads_do_everything_at_once(void **state) {
    (void)state;
    postpone(count, &subjects[0]);
    assert_int_equal(calls[0], 1);
    assert_false(read_section_is_open());
}

static int calls_before_run;

static void owe_twice(void *argument) {
    (void)argument;
    postpone_begin();
    postpone(count, &subjects[1]);
    postpone(count, &subjects[1]);
    postpone(count, &subjects[2]);
    calls_before_run = calls[1] + calls[2];
    postponed_run();
    postponed_run();
}

static void test_the_same_is_owed_once(void **state) {
    (void)state;
    run_scene(owe_twice);
    assert_int_equal(calls_before_run, 0);
    assert_int_equal(calls[1], 1);
    assert_int_equal(calls[2], 1);
}

static int additions;

static void add_until_done(void *argument) {
    (void)argument;
    postpone_begin();
    postpone(count, &subjects[3]);
    for (additions = 0; calls[3] == 0 && additions < 100; additions++)
        postponed_more();
}

static void test_others_are_not_kept_waiting_for_a_long_turn(void **state) {
    (void)state;
    run_scene(add_until_done);
    assert_in_range(additions, 1, 16);
}

static void owe_to_many(void *argument) {
    (void)argument;
    postpone_begin();
    for (int i = 0; i < 16; i++)
        postpone(count, &subjects[i]);
    postponed_run();
}

static void test_any_number_may_be_owed(void **state) {
    (void)state;
    run_scene(owe_to_many);
    for (int i = 0; i < 16; i++)
        assert_int_equal(calls[i], 1);
}

static void owe_and_wait(void *argument) {
    (void)argument;
    postpone_begin();
    postpone(count, &subjects[5]);
    grace_period_wait(); /* aborts unless what is owed, and its read section, are settled first */
    calls_before_run = calls[5];
    postpone(count, &subjects[6]); /* settled by the end of the thread */
}

static void test_waiting_and_ending_settle_what_is_owed(void **state) {
    (void)state;
    run_scene(owe_and_wait);
    assert_int_equal(calls_before_run, 1);
    assert_int_equal(calls[6], 1);
}

static _Atomic bool owes, may_settle, waited;

static void owe_for_long(void *argument) {
    (void)argument;
    postpone_begin();
    postpone(count, &subjects[7]);
    atomic_store(&owes, true);
    while (!atomic_load(&may_settle))
        continue;
    postponed_run();
}

static void wait_for_grace_period(void *argument) {
    (void)argument;
    grace_period_wait();
    calls_before_run = calls[7];
    atomic_store(&waited, true);
}

static void test_a_grace_period_waits_for_what_is_owed(void **state) {
    (void)state;
    struct thread *debtor = NULL, *waiting = NULL;
    assert_int_equal(thread_create(&debtor, "debtor", owe_for_long, NULL), SMQ_OK);
    while (!atomic_load(&owes))
        continue;
    assert_int_equal(thread_create(&waiting, "waiting", wait_for_grace_period, NULL), SMQ_OK);
    assert_false(atomic_load(&waited));
    atomic_store(&may_settle, true);
    thread_join(&waiting);
    thread_join(&debtor);
    assert_true(atomic_load(&waited));
    assert_int_equal(calls_before_run, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_other_threads_do_everything_at_once, reset),
        cmocka_unit_test_setup(test_the_same_is_owed_once, reset),
        cmocka_unit_test_setup(test_others_are_not_kept_waiting_for_a_long_turn, reset),
        cmocka_unit_test_setup(test_any_number_may_be_owed, reset),
        cmocka_unit_test_setup(test_waiting_and_ending_settle_what_is_owed, reset),
        cmocka_unit_test_setup(test_a_grace_period_waits_for_what_is_owed, reset),
    };
    thread_attach();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
