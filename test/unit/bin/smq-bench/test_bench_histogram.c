/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The histogram of smq-bench: percentiles are right to 1 part in 128 and never too small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bin/smq-bench/bench_histogram.h"

static struct bench_histogram histogram;

static int setup(void **state) {
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    return 0;
}

static void test_an_empty_histogram_has_zero_percentiles(void **state) {
    (void)state;
    assert_int_equal(bench_histogram_percentile(&histogram, 0.5), 0);
    assert_int_equal(bench_histogram_percentile(&histogram, 1), 0);
}

static void test_small_values_are_exact(void **state) {
    (void)state;
    for (uint64_t value = 1; value <= 200; value++)
        bench_histogram_add(&histogram, value);
    assert_int_equal(bench_histogram_percentile(&histogram, 0.5), 100);
    assert_int_equal(bench_histogram_percentile(&histogram, 0.99), 198);
    assert_int_equal(bench_histogram_percentile(&histogram, 1), 200);
}

static void test_a_percentile_is_at_most_one_part_in_128_above_the_value(void **state) {
    (void)state;
    for (unsigned shift = 0; shift < 39; shift++) {
        for (uint64_t offset = 0; offset < 3; offset++) {
            uint64_t value = (UINT64_C(1) << shift) + offset * (UINT64_C(1) << shift) / 3;
            setup(NULL);
            bench_histogram_add(&histogram, value);
            bench_histogram_add(&histogram, UINT64_C(1) << 39);
            uint64_t percentile = bench_histogram_percentile(&histogram, 0.5);
            assert_true(percentile >= value);
            assert_true(percentile - value <= value / 128);
        }
    }
}

static void test_percentiles_match_the_sorted_values(void **state) {
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    static const double fractions[] = {0.01, 0.5, 0.9, 0.99, 0.999};
    uint64_t seed = 1;
    (void)state;
    for (size_t index = 0; index < COUNT; index++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t value = seed >> (34 + index % 20);
        size_t place = index;
        for (; place > 0 && values[place - 1] > value; place--)
            values[place] = values[place - 1];
        values[place] = value;
        bench_histogram_add(&histogram, value);
    }
    for (size_t index = 0; index < sizeof fractions / sizeof fractions[0]; index++) {
        uint64_t exact = values[(size_t)(fractions[index] * COUNT + 0.5) - 1];
        uint64_t percentile = bench_histogram_percentile(&histogram, fractions[index]);
        assert_true(percentile >= exact && percentile <= exact + exact / 128 + 1);
    }
    assert_int_equal(bench_histogram_percentile(&histogram, 1), values[COUNT - 1]);
}

static void test_huge_values_are_counted_and_the_maximum_is_exact(void **state) {
    (void)state;
    bench_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(bench_histogram_percentile(&histogram, 1), UINT64_MAX);
    assert_int_equal(bench_histogram_percentile(&histogram, 0.5), (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_empty_histogram_has_zero_percentiles, setup),
        cmocka_unit_test_setup(test_small_values_are_exact, setup),
        cmocka_unit_test_setup(test_a_percentile_is_at_most_one_part_in_128_above_the_value, setup),
        cmocka_unit_test_setup(test_percentiles_match_the_sorted_values, setup),
        cmocka_unit_test_setup(test_huge_values_are_counted_and_the_maximum_is_exact, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
