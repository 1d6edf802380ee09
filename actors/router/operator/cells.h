/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cells: an array of numbers that many threads add to without sharing a cache line. Each thread adds to a row of its
 * own; who reads sums the rows. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

struct cells;

/* `count` cells, all 0. Rows that no thread adds to take no memory. SMQ_ERR_NO_MEMORY. */
enum smq_result cells_create(size_t count, struct cells **cells);
/* When nobody adds any more; NULL inside is allowed. */
void cells_destroy(struct cells **cells);

/* Adds `amount` (may be negative) to cell `index`. Any thread; a few nanoseconds. */
void cells_add(struct cells *cells, size_t index, int64_t amount);
/* The sum; additions of the same time may or may not be in it. Any thread. */
int64_t cells_read(const struct cells *cells, size_t index);
