/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A counter that many threads add to without sharing a cache line: statistics. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum { COUNTER_SHARDS = 8 };

/* All zero is a valid counter. The fields are private. */
struct counter {
    struct counter_shard {
        _Atomic int64_t value;
        uint8_t padding[64 - sizeof(_Atomic int64_t)];
    } shards[COUNTER_SHARDS];
};

/* Adds `amount` (may be negative). Any thread, a few nanoseconds. */
void counter_add(struct counter *counter, int64_t amount);
/* The sum; additions that run at the same time may or may not be in it. Any thread. */
int64_t counter_read(const struct counter *counter);
/* The sum, which is taken out of the counter: no addition is lost or counted twice between two takes. Any thread. */
int64_t counter_take(struct counter *counter);
