/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bytes of committed values that are written anew where they are. Private to stores/.
 *
 * LMDB writes every page that a transaction changes to another place. A value longer than a page has a run of pages to
 * itself, which stays where it is until the value is changed or removed. Its bytes can be written through the file: the
 * map shows them at once, and the sync of the next commit, which comes before the new root page, makes them durable.
 * Snapshots see such writes, too: only bytes that no record names may be written. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/lmdb/lmdb.h"

enum {
    LMDB_RUN_HEADER = 16, /* of LMDB, before a value that has pages to itself */
    LMDB_PLACE_BYTES =
        64, /* a value whose place is looked for is longer than that, and begins with bytes like no other */
};

/* Where the run of pages that holds `value` (as a look-up of `txn` has answered it) begins in the data file; the value
 * follows LMDB_RUN_HEADER bytes later. Compares what the file has there with the value. 0 when that is something else:
 * `value` is of this transaction, or LMDB's format is another one. */
uint64_t lmdb_place(struct lmdb_txn *txn, struct slice value);

/* Writes `bytes` to `offset` of the data file. A failure is the transaction's. */
enum smq_result lmdb_overwrite(struct lmdb_txn *txn, uint64_t offset, struct slice bytes);
