/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Token buckets: bursts, rates, changes of both, and many threads at one bucket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/token_bucket.h"

enum { START_US = 1000000, SECOND_US = 1000000, THREADS = 4, TRIES = 20000 };

static unsigned take_all(struct token_bucket *bucket, struct token_rate allowed, uint64_t now_us) {
    unsigned taken = 0;
    while (taken < TRIES && token_bucket_take(bucket, allowed, now_us, NULL))
        taken++;
    return taken;
}

static void test_a_full_bucket_holds_the_burst_and_fills_at_the_rate(void **state) {
    (void)state;
    const struct token_rate allowed = {.rate = 10, .burst = 3};
    struct token_bucket bucket = {0};
    uint64_t wait_us = 0;
    assert_int_equal(take_all(&bucket, allowed, START_US), 3);
    assert_int_equal(token_bucket_full_us(&bucket), START_US + 300000);
    assert_false(token_bucket_take(&bucket, allowed, START_US + 20000, &wait_us));
    assert_int_equal(wait_us, 80000);
    assert_int_equal(take_all(&bucket, allowed, START_US + 99999), 0);
    assert_int_equal(take_all(&bucket, allowed, START_US + 100000), 1);
    assert_int_equal(take_all(&bucket, allowed, START_US + 350000), 2);
    assert_int_equal(take_all(&bucket, allowed, START_US + 100 * SECOND_US), 3); /* and no more for the long time */
}

static void test_without_a_burst_it_holds_what_a_second_brings(void **state) {
    (void)state;
    static const uint32_t rates[] = {1, 3, 7, 1000, 1999};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct token_bucket bucket = {0};
        assert_int_equal(take_all(&bucket, (struct token_rate){.rate = rates[i]}, START_US), rates[i]);
        assert_int_equal(take_all(&bucket, (struct token_rate){.rate = rates[i]}, START_US + SECOND_US), rates[i]);
    }
}

static void test_no_rate_is_no_limit(void **state) {
    (void)state;
    struct token_bucket bucket = {0};
    assert_int_equal(take_all(&bucket, (struct token_rate){.burst = 1}, START_US), TRIES);
}

static void test_an_empty_bucket_follows_a_new_rate_at_once(void **state) {
    (void)state;
    struct token_bucket bucket = {0};
    uint64_t wait_us = 0;
    assert_int_equal(take_all(&bucket, (struct token_rate){.rate = 1, .burst = 1000}, START_US), 1000);
    const struct token_rate faster = {.rate = 100, .burst = 1000};
    assert_false(token_bucket_take(&bucket, faster, START_US, &wait_us));
    assert_int_equal(wait_us, 10000);
    assert_true(token_bucket_take(&bucket, (struct token_rate){0}, START_US, NULL));
}

struct taker {
    struct thread *thread;
    struct token_bucket *bucket;
    unsigned taken;
};

static void take_many(void *argument) {
    struct taker *taker = argument;
    const struct token_rate allowed = {.rate = 10, .burst = TRIES / 2};
    for (unsigned i = 0; i < TRIES; i++)
        taker->taken += token_bucket_take(taker->bucket, allowed, START_US, NULL);
}

static void test_threads_share_a_bucket(void **state) {
    (void)state;
    struct token_bucket bucket = {0};
    struct taker takers[THREADS] = {{0}};
    unsigned taken = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        takers[i].bucket = &bucket;
        assert_int_equal(thread_create(&takers[i].thread, "taker", take_many, &takers[i]), SMQ_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&takers[i].thread);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, TRIES / 2);
}

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_bucket_holds_the_burst_and_fills_at_the_rate),
        cmocka_unit_test(test_without_a_burst_it_holds_what_a_second_brings),
        cmocka_unit_test(test_no_rate_is_no_limit),
        cmocka_unit_test(test_an_empty_bucket_follows_a_new_rate_at_once),
        cmocka_unit_test(test_threads_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
