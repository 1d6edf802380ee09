/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How long things took: counts by ranges of time, added to by any thread without a shared cache line. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

struct histogram;

/* `bounds`: the upper ends of the ranges, included, ascending, in a unit of the caller's; borrowed. What is longer than
 * the last is counted, too. SMQ_ERR_NO_MEMORY. */
enum smq_result histogram_create(const uint64_t *bounds, size_t count, struct histogram **histogram);
/* When nobody adds any more; NULL inside is allowed. */
void histogram_destroy(struct histogram **histogram);

/* Counts one that took `value`. Any thread; some nanoseconds. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* Any thread; not a snapshot of one instant. */
size_t histogram_bounds(const struct histogram *histogram, const uint64_t **bounds);
/* How many were in range `index`; histogram_bounds of them, and one more for those beyond. */
uint64_t histogram_in_range(const struct histogram *histogram, size_t index);
uint64_t histogram_sum(const struct histogram *histogram); /* of all values */
