/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What was deleted and is still to be removed. Private to stores/. Writer thread, but for purge_through.
 *
 * Deleting a queue, or the notifications of one, takes away its state: from then on nobody finds the entries, at a
 * cost that does not depend on how many there are. A record in TABLE_PURGE says which they are, in the same
 * transaction. Commits to come remove them in steps, also after a crash or a restart. A step is bounded in time, so
 * that nobody waits long for it, and in what it removes, so that the list of pages that the transaction frees fits on
 * a page. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/smp/internal.h"

/* Everything of a queue that is gone: messages, notifications, link data. */
#define PURGE_QUEUE UINT64_MAX

/* Has the notifications of the queue up to sequence `through` removed, or everything with PURGE_QUEUE. A failure is the
 * transaction's. */
void purge_add(struct store_txn *txn, uint64_t number, uint64_t through);
/* Up to which sequence the notifications of the queue are to be removed; PURGE_QUEUE: everything; 0: nothing. Any
 * transaction. */
uint64_t purge_through(struct store_txn *txn, uint64_t number);

/* Reads a record of TABLE_PURGE; false when it is damaged. */
bool purge_parse(struct slice key, struct slice value, uint64_t *number, uint64_t *through);

/* Removes some of what there is: as much as fits in what the transaction may remove (STORE_REMOVED_PARTS), a little in
 * any case, and until STEP_US have passed. Answers whether there is more. A failure is the transaction's. */
bool purge_step(struct store_txn *txn);
