/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The clocks. Durations and deadlines use the monotonic ones, dates the real-time ones. All: any thread, never fail, no
 * system call on Linux. */
#pragma once

#include <stdint.h>

/* Since an arbitrary start; never goes back. Milliseconds, microseconds, nanoseconds. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
uint64_t clock_monotonic_ns(void);

/* Since 1970-01-01T00:00:00Z; may jump. Seconds, nanoseconds. */
int64_t clock_realtime_s(void);
int64_t clock_realtime_ns(void);
