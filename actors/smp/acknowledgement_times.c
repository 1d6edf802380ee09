/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/smp/acknowledgement_times.h"

#include <inttypes.h>
#include <stdio.h>

enum { MINUTE = 60, HOUR = 3600, HOURS_MAX = 21 * 24, BOUNDS_MAX = 6 + 5 + 3 + 4 + 57 + HOURS_MAX, LABEL_SIZE = 32 };

/* Ends of ranges: from 0 by 1 to 5, by 5 to 30, by 10 to a minute, by 30 to three, by a minute to an hour. */
static uint64_t next_bound(uint64_t bound) {
    if (bound < 5)
        return bound + 1;
    if (bound < 30)
        return bound + 5;
    if (bound < MINUTE)
        return bound + 10;
    if (bound < 3 * MINUTE)
        return bound + 30;
    return bound < HOUR ? bound + MINUTE : bound + HOUR;
}

enum smq_result acknowledgement_times_create(struct histogram **times) {
    static uint64_t bounds[BOUNDS_MAX]; /* the same for all routers of a process */
    size_t count = 0;
    for (uint64_t bound = 0; bound <= (uint64_t)HOURS_MAX * HOUR && count < BOUNDS_MAX; bound = next_bound(bound))
        bounds[count++] = bound;
    return histogram_create(bounds, count, times);
}

static void write_bucket(struct metrics_text *metrics, uint64_t bound, int64_t count) {
    char label[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "le=\"%" PRIu64 "\"", bound);
    metrics_sample(metrics, "_bucket", label, count, SCALE_ONE);
}

void acknowledgement_times_write(struct metrics_text *metrics, const struct histogram *times, int64_t count) {
    const uint64_t *bounds;
    size_t ranges = histogram_bounds(times, &bounds);
    int64_t total = 0;
    uint64_t previous = 0;
    metrics_sample(metrics, "_sum", NULL, (int64_t)histogram_sum(times), SCALE_ONE);
    metrics_sample(metrics, "_count", NULL, count, SCALE_ONE);
    for (size_t i = 0; i < ranges; i++) {
        int64_t in_range = (int64_t)histogram_in_range(times, i);
        if (in_range == 0)
            continue;
        if (bounds[i] > previous + MINUTE)
            write_bucket(metrics, bounds[i] - MINUTE, total);
        total += in_range;
        write_bucket(metrics, bounds[i], total);
        previous = bounds[i];
    }
    metrics_sample(metrics, "_bucket", "le=\"+Inf\"", count, SCALE_ONE);
}

void acknowledgement_times_periods(const struct histogram *times, int64_t counts[AGE_PERIODS]) {
    static const uint64_t ends[AGE_PERIODS - 1] = {60, 300, 1200, 3600};
    const uint64_t *bounds;
    size_t ranges = histogram_bounds(times, &bounds);
    for (int i = 0; i < AGE_PERIODS; i++)
        counts[i] = 0;
    for (size_t i = 0; i <= ranges; i++) {
        int period = 0;
        while (period < AGE_PERIODS - 1 && (i == ranges || bounds[i] >= ends[period]))
            period++;
        counts[period] += (int64_t)histogram_in_range(times, i);
    }
}
