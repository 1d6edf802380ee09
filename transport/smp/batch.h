/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP batches: how transmissions share blocks, and the content of a block (a count, then so many `ls` transmissions,
 * nothing after). Pure and re-entrant: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/smp/limits.h"

/* Iterates over the transmissions of one block's content. */
struct smp_content {
    uint8_t count; /* 1..255 */
    uint8_t left;
    struct reader reader;
};
/* SMQ_ERR_SYNTAX when the content is not a non-empty list of `ls` with nothing after: one BLOCK error answers the
 * whole block. */
enum smq_result smp_content_open(struct slice bytes, struct smp_content *content);
bool smp_content_next(struct smp_content *content, struct slice *transmission);

/* One block of a batch, or one item that fits no block. */
struct smp_batch_part {
    size_t count;   /* items */
    bool too_large; /* the one item exceeds SMP_BATCH_BYTES_MAX and must not be sent */
};
/* Splits `count` items of `sizes` (encoded transmissions with their 2-byte length) into blocks as the reference does:
 * packed from the end, so that the first block holds the remainder; order kept; an oversized item splits the batch
 * around it. `parts` has room for `count`. Returns the number of parts. Writing is bound by the block, not by this
 * split: a receiver never relies on it. */
size_t smp_batch_split(const size_t *sizes, size_t count, struct smp_batch_part *parts);
/* The same for blocks that have room for `bytes_max` bytes of items, such as those of other protocols. */
size_t smp_batch_split_within(size_t bytes_max, const size_t *sizes, size_t count, struct smp_batch_part *parts);
