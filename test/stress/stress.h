/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the stress tests share: how long they run, and cheap random numbers, one generator a thread. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "queues/base/clock.h"

enum { STRESS_PATIENCE_MS = 30000 };

/* The part `share` of `shares` of the time a program may run: SMQ_STRESS_SECONDS, 3 by default. */
static inline uint64_t stress_ms(unsigned share, unsigned shares) {
    const char *text = getenv("SMQ_STRESS_SECONDS");
    double seconds = text != NULL ? strtod(text, NULL) : 3;
    return (uint64_t)(seconds * 1000 * share / shares) + 1;
}

/* xorshift64*; the seed must not be 0. */
static inline uint32_t stress_random(uint64_t *seed) {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)((*seed * UINT64_C(2685821657736338717)) >> 32);
}
