/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A bucket is the time at which it will be full: a token is worth the time in which one comes, and taking it moves the
 * bucket's time on by that. */
#include "queues/token_bucket.h"

#include <stddef.h>

static const uint64_t second_ns = 1000000000;

bool token_bucket_take(struct token_bucket *bucket, struct token_rate allowed, uint64_t now_us, uint64_t *wait_us) {
    if (allowed.rate == 0)
        return true;
    uint64_t now_ns = now_us * 1000;
    uint64_t token_ns = second_ns / allowed.rate;
    uint64_t empty_ns = now_ns + token_ns * (allowed.burst == 0 ? allowed.rate : allowed.burst);
    uint64_t full_ns = atomic_load_explicit(&bucket->full_ns, memory_order_relaxed);
    uint64_t taken_ns;
    do {
        uint64_t start_ns = full_ns < now_ns ? now_ns : full_ns;
        if (start_ns > empty_ns)
            start_ns = empty_ns; /* it was larger, or slower */
        taken_ns = start_ns + token_ns;
        if (taken_ns > empty_ns) {
            if (wait_us != NULL)
                *wait_us = (taken_ns - empty_ns + 999) / 1000;
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&bucket->full_ns, &full_ns, taken_ns, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

uint64_t token_bucket_full_us(const struct token_bucket *bucket) {
    return (atomic_load_explicit(&bucket->full_ns, memory_order_relaxed) + 999) / 1000;
}
