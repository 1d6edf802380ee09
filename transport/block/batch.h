/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How transmissions share blocks, and the content of a block (a count, then so many `ls` transmissions, nothing after).
 * Pure and re-entrant: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

enum { BLOCK_TRANSMISSIONS_MAX = 255 };

/* Iterates over the transmissions of one block's content. */
struct block_content {
    uint8_t count; /* 1..255 */
    uint8_t left;
    struct reader reader;
};
/* SMQ_ERR_SYNTAX when the content is not a non-empty list of `ls` with nothing after: one BLOCK error answers the
 * whole block. */
enum smq_result block_content_open(struct slice bytes, struct block_content *content);
bool block_content_next(struct block_content *content, struct slice *transmission);

/* One block of a batch, or one item that fits no block. */
struct block_part {
    size_t count;   /* items */
    bool too_large; /* the one item exceeds `bytes_max` and must not be sent */
};
/* Splits `count` items of `sizes` (encoded transmissions with their 2-byte length) into blocks as the reference does:
 * packed from the end, so that the first block holds the remainder; order kept; an oversized item splits the batch
 * around it. `parts` has room for `count`. `bytes_max`: room for items in a block. Returns the number of parts. Writing
 * is bound by the block, not by this split: a receiver never relies on it. */
size_t block_split(size_t bytes_max, const size_t *sizes, size_t count, struct block_part *parts);
