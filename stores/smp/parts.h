/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values longer than a page, cut into parts of a page each: link data, and bodies for which there is no segment
 * (body_segments.h). Private to stores/.
 *
 * LMDB puts a value that is longer than half a page on pages of its own, and one that is longer than a page on a run of
 * consecutive pages. To find a run it tries all free pages that it knows of, reads up to 60 more records of the free
 * list for each page of the run, and writes them all back with the commit: work that grows with what the file has been
 * through, for every single message. A single page it takes off the end of the list. So no value takes a run,
 * but segments, which are made once and used for ever.
 * (Measured with 16 KB bodies stored and removed in a file with little history, microseconds of processor time a
 * message at 32 / 128 operations a commit: runs 43 / 62, parts 13 / 10. Pieces of half a page, two to a tree page,
 * need twice the nodes, and removing them copies every page first.)
 *
 * Part 0 has the key of the value, the following ones that key and a byte. They are neighbours, so one look-up finds
 * them all. How long the whole value is must be told by its start. Values of earlier versions of the store are in one
 * piece, of any length; both forms are read and removed alike. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/internal.h"

enum {
    PART_SIZE = 4080, /* what LMDB can put on one page of its own */
    PARTS_KEY_MAX = 16,
    PARTS_PIECES_MAX = 4,
    PARTS_GATHERED_MAX = 2 * 65535 + 64,
};

/* Stores the pieces, one after the other, as the value of `key` (at most PARTS_KEY_MAX bytes), which must be new, or
 * have a value without further parts. At most 255 parts. A failure is the transaction's. */
void parts_put(struct store_txn *txn, enum store_table table, struct slice key,
               const struct slice pieces[PARTS_PIECES_MAX]);
/* The whole value that starts with `start`, at the table's position, and is `length` bytes long: `start` itself, or in
 * a buffer of `txn`, valid until the next call. Errors: SMQ_ERR_STORE, SMQ_ERR_NO_MEMORY. */
enum smq_result parts_gather(struct store_txn *txn, enum store_table table, struct slice start, size_t length,
                             struct slice *whole);
/* Fills `rest` with the parts that follow the table's position, which is at part 0 or a later one.
 * SMQ_ERR_STORE when they are not as long as its room. */
enum smq_result parts_read(struct store_txn *txn, enum store_table table, struct writer *rest);
/* Removes part 0, at the table's position, and those that follow it, `rest` bytes in all. */
enum smq_result parts_remove(struct store_txn *txn, enum store_table table, size_t rest);
