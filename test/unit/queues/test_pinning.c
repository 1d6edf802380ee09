/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Pinning: even, stable, and different for every key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/base/setup.h"
#include "queues/pinning.h"

enum { LANES = 4, RUNS = 500 };

static void test_each_run_of_numbers_goes_over_all_lanes(void **state) {
    (void)state;
    struct pinning pinning;
    pinning_init(&pinning, LANES);
    for (uint64_t run = 0; run < RUNS; run++) {
        unsigned seen = 0;
        for (uint64_t i = 0; i < LANES; i++) {
            unsigned lane = pinning_lane(&pinning, run * LANES + i);
            assert_true(lane < LANES);
            assert_int_equal(lane, pinning_lane(&pinning, run * LANES + i));
            seen |= 1U << lane;
        }
        assert_int_equal(seen, (1U << LANES) - 1);
    }
}

/* Whoever knows the numbers, and opens every fourth connection, still meets every lane. */
static void test_no_choice_of_numbers_is_a_choice_of_a_lane(void **state) {
    (void)state;
    struct pinning first, second;
    unsigned counts[LANES] = {0};
    unsigned same = 0;
    pinning_init(&first, LANES);
    pinning_init(&second, LANES);
    for (uint64_t run = 0; run < RUNS; run++) {
        unsigned lane = pinning_lane(&first, run * LANES);
        counts[lane]++;
        same += lane == pinning_lane(&second, run * LANES);
    }
    for (unsigned lane = 0; lane < LANES; lane++)
        assert_in_range(counts[lane], RUNS / LANES / 2, RUNS / LANES * 2);
    assert_in_range(same, RUNS / LANES / 2, RUNS / LANES * 2);
}

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_run_of_numbers_goes_over_all_lanes),
        cmocka_unit_test(test_no_choice_of_numbers_is_a_choice_of_a_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
