/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Segments of which little lives. Private to stores/. Writer thread.
 *
 * A segment is empty when the last of its bodies is gone, which may be long after the others. When segments hold more
 * than twice what lives in them, bodies of those that are more than half dead are moved to where bodies are written, in
 * steps, until these segments are empty. A step may be undone with its transaction, like everything else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/smp/internal.h"

/* Moves some bodies, until `until_us` (clock_monotonic_us); when room is short, gives an empty segment back to LMDB.
 * Answers whether there is more to do. A failure is the transaction's. */
bool body_tidy_step(struct store_txn *txn, uint64_t until_us);

/* A transaction begins, and what the one before it has moved counts: it was committed. */
void body_tidy_begin(struct store_txn *txn);
void body_tidy_committed(struct store_txn *txn);
