/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Segments: where bodies of messages lie one after the other. Private to stores/. Writer thread.
 *
 * LMDB gives a transaction the pages that were freed first. In a store with much free room bodies would go to pages
 * that nobody has touched for long, one here and one there: each a page fault, a page of the page cache that is not at
 * hand, a write of its own. (Measured, bodies in pages of LMDB: 16 messages of 16 KB in 0.6 ms on a fresh store, 1.7
 * to 3.0 on one that had held 4 GB.) So bodies have segments of a megabyte, each one value of TABLE_BODY_SEGMENTS that
 * LMDB never moves, and they are written to them in place (stores/lmdb/lmdb_overwrite.h), one write a commit, in the
 * order in which they come. LMDB's commit makes them durable: there is no second file, and no second sync. They go
 * where no record of any snapshot leads, and count only once a commit has stored the record that names them.
 *
 * One segment is written to at a time. Of those that hold something TABLE_BODY_USE tells how much of it messages have;
 * the others are in TABLE_BODY_EMPTY. The one that became empty last is the next to be written to, since it is the
 * most likely to be at hand, but only once no snapshot that may need its bodies is open, in any process: the same rule
 * by which LMDB uses pages again. Without an empty one the first bodies of a new segment go into it as its value. When
 * room is short empty segments are given back to LMDB, oldest first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/lmdb/lmdb_overwrite.h"
#include "stores/smp/internal.h"

enum {
    SEGMENT_SIZE = 1 << 20, /* with LMDB's header */
    SEGMENT_VALUE = SEGMENT_SIZE - LMDB_RUN_HEADER,
    SEGMENT_PAGE = 4096, /* what a transaction writes begins on one, so that nothing that counts is written twice */
    SEGMENTS_LEAST = 8,  /* of them at least the map holds, or bodies go to pages: a segment gives its room back late */
    SEGMENT_FIRST = SEGMENT_PAGE, /* offset of the first body; the segment's own bytes are before it */
};

/* What of a segment is used. */
struct segment_use {
    uint32_t live; /* bytes that records name */
    uint32_t end;  /* offset behind its last body; behind that is what was not committed, or is older */
};
/* Any transaction. False when the segment is empty, or the row is damaged, which fails the transaction. */
bool segment_use_get(struct store_txn *txn, uint64_t segment, struct segment_use *use);
bool segment_use_parse(struct store_txn *txn, struct slice value, struct segment_use *use);
/* Counts bytes that records name no more. */
void segment_forget(struct store_txn *txn, uint64_t segment, uint32_t bytes);

/* At the begin of a transaction, and before its commit. */
void segments_begin(struct store_txn *txn);
void segments_finish(struct store_txn *txn);
void segments_close(struct store *store);

/* Takes `size` bytes of the segment that is written to, the next one if they do not fit, and answers where to put
 * them, at once. NULL when there is no segment, and no room for a new one, or the transaction has failed. */
uint8_t *segments_take(struct store_txn *txn, uint32_t size, uint64_t *segment, uint32_t *offset);
/* The bytes of a segment. Any transaction. False when they are not there. */
bool segment_bytes(struct store_txn *txn, uint64_t segment, uint32_t offset, uint32_t size, const uint8_t **bytes);

/* What a segment begins with: its number and chance, which tell it from everything else. */
void segment_mark(uint8_t bytes[SEGMENT_FIRST], uint64_t segment);

/* Gives the segment that has been empty for the longest back to LMDB. False when there is none. */
bool segments_give_back(struct store_txn *txn);
/* How many segments there are, and empty ones. Any transaction. */
uint64_t segments_count(struct store_txn *txn);
uint64_t segments_empty(struct store_txn *txn);
/* Whether bodies are to be moved (body_tidy.h). `txn` is the open writable transaction. */
bool segments_are_sparse(struct store_txn *txn);
/* Whether an old snapshot keeps empty segments from being used again. */
bool segments_are_pinned(struct store_txn *txn);
