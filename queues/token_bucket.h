/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Token bucket: so many at once, and so many a second. Any number of threads share one without a lock. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What it allows may be another with each call, and counts from then on. */
struct token_rate {
    uint32_t rate;  /* tokens a second; 0: any number */
    uint32_t burst; /* that a full bucket holds; 0: as many as a second brings */
};

/* All zero: full. */
struct token_bucket {
    _Atomic uint64_t full_ns; /* when it will be full, on the clock of `now_us` */
};

/* Whether there was a token, which is taken; otherwise one comes in `*wait_us` (may be NULL: not wanted). Any thread,
 * never blocks. `now_us` never goes back by more than threads differ. */
bool token_bucket_take(struct token_bucket *bucket, struct token_rate allowed, uint64_t now_us, uint64_t *wait_us);
/* When it will be full if nothing is taken. */
uint64_t token_bucket_full_us(const struct token_bucket *bucket);
