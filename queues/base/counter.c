/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each thread adds to the shard that it was dealt at its first addition. */
#include "queues/base/counter.h"

#include <stddef.h>

static _Atomic uint32_t next_shard;
static _Thread_local uint32_t own_shard = UINT32_MAX;

void counter_add(struct counter *counter, int64_t amount) {
    if (own_shard == UINT32_MAX)
        own_shard = atomic_fetch_add_explicit(&next_shard, 1, memory_order_relaxed) % COUNTER_SHARDS;
    atomic_fetch_add_explicit(&counter->shards[own_shard].value, amount, memory_order_relaxed);
}

int64_t counter_read(const struct counter *counter) {
    int64_t sum = 0;
    for (size_t i = 0; i < COUNTER_SHARDS; i++)
        sum += atomic_load_explicit(&counter->shards[i].value, memory_order_relaxed);
    return sum;
}

int64_t counter_take(struct counter *counter) {
    int64_t sum = 0;
    for (size_t i = 0; i < COUNTER_SHARDS; i++)
        sum += atomic_exchange_explicit(&counter->shards[i].value, 0, memory_order_relaxed);
    return sum;
}
