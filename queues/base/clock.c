/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clock_gettime in the units of the project. */
#include "queues/base/clock.h"

#include <stdlib.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t clock_ns(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        abort(); /* what CHECK would log needs the time */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_us(void) {
    return clock_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_monotonic_ms(void) {
    return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_realtime_ns(void) {
    return (int64_t)clock_ns(CLOCK_REALTIME);
}

int64_t clock_realtime_s(void) {
    return (int64_t)(clock_ns(CLOCK_REALTIME) / NS_PER_S);
}
