/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Histogram of latencies: log-linear buckets, so that every percentile is known to 1 part in 128 at a fixed size. */
#pragma once

#include <stdint.h>

enum {
    HISTOGRAM_STEP_BITS = 7,   /* each power of two has 128 buckets */
    HISTOGRAM_VALUE_BITS = 40, /* larger values count as the largest: 12 days in microseconds */
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS,
};

/* All zero is an empty histogram. The fields are private. One thread. */
struct bench_histogram {
    uint64_t count;
    uint64_t maximum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value);
/* The value that `fraction` (0 to 1) of the values do not exceed, rounded up to its bucket's upper edge; 0 when
 * empty. 1 gives the exact maximum. */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double fraction);
