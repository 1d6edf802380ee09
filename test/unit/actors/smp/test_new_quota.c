/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Unused queues, counted by a bit each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/smp/new_quota.h"
#include "queues/base/memory.h"

enum { FIRST = 1234567, MANY = 200000 };

static struct new_quota *quota;

static int setup(void **state) {
    static const uint8_t key[16] = {7};
    (void)state;
    quota = memory_zalloc(sizeof *quota);
    if (quota == NULL)
        return -1;
    new_quota_init(quota, key);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    new_quota_clear(quota);
    memory_free(quota);
    return 0;
}

static size_t pages_held(void) {
    size_t held = 0;
    for (size_t i = 0; i < quota->unused.page_count; i++)
        held += quota->unused.pages[i] != NULL;
    return held;
}

static void test_each_queue_counts_once_until_it_is_used(void **state) {
    (void)state;
    for (uint64_t queue = FIRST; queue < FIRST + MANY; queue++)
        unused_queues_add(&quota->unused, queue);
    unused_queues_add(&quota->unused, FIRST); /* again */
    assert_int_equal(unused_queues_count(&quota->unused), MANY);
    unused_queues_remove(&quota->unused, FIRST + 5);
    unused_queues_remove(&quota->unused, FIRST + 5);
    assert_int_equal(unused_queues_count(&quota->unused), MANY - 1);
}

static void test_queues_of_earlier_runs_and_of_none_do_not_count(void **state) {
    (void)state;
    unused_queues_remove(&quota->unused, 1);
    unused_queues_add(&quota->unused, FIRST);
    unused_queues_add(&quota->unused, FIRST - 1);
    unused_queues_remove(&quota->unused, FIRST - 1);
    unused_queues_remove(&quota->unused, FIRST + 10 * MANY);
    unused_queues_remove(&quota->unused, UINT64_MAX);
    assert_int_equal(unused_queues_count(&quota->unused), 1);
}

static void test_memory_of_used_queues_is_given_back(void **state) {
    (void)state;
    for (uint64_t queue = FIRST; queue < FIRST + MANY; queue++)
        unused_queues_add(&quota->unused, queue);
    size_t most = pages_held();
    for (uint64_t queue = FIRST; queue < FIRST + MANY; queue++)
        unused_queues_remove(&quota->unused, queue);
    assert_int_equal(unused_queues_count(&quota->unused), 0);
    assert_true(most >= 6);
    assert_int_equal(pages_held(), 1); /* the one that goes on being filled */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_each_queue_counts_once_until_it_is_used),
        CASE(test_queues_of_earlier_runs_and_of_none_do_not_count),
        CASE(test_memory_of_used_queues_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
