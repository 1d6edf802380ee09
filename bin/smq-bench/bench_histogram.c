/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Log-linear buckets: values below 128 have one each, every further power of two is divided into 128. */
#include "bin/smq-bench/bench_histogram.h"

#include <stddef.h>

static const uint64_t value_limit = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;
static const uint64_t steps = UINT64_C(1) << HISTOGRAM_STEP_BITS;

static size_t bucket_of(uint64_t value) {
    if (value < steps)
        return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return (size_t)((shift << HISTOGRAM_STEP_BITS) + (value >> shift));
}

static uint64_t upper_edge(size_t bucket) {
    if (bucket < 2 * steps)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_STEP_BITS) - 1;
    uint64_t top = (bucket & (steps - 1)) + steps;
    return ((top + 1) << shift) - 1;
}

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value) {
    histogram->buckets[bucket_of(value < value_limit ? value : value_limit)]++;
    histogram->count++;
    if (value > histogram->maximum)
        histogram->maximum = value;
}

uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double fraction) {
    uint64_t seen = 0;
    double wanted = fraction * (double)histogram->count;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS && fraction < 1; bucket++) {
        seen += histogram->buckets[bucket];
        if (histogram->buckets[bucket] == 0 || (double)seen < wanted)
            continue;
        uint64_t edge = upper_edge(bucket);
        return edge < histogram->maximum ? edge : histogram->maximum;
    }
    return histogram->maximum;
}
