/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How much growing operations may take. Private to stores/. Writer thread.
 *
 * LMDB writes pages anew rather than in place, and uses a freed page again only when no snapshot of before is open, so
 * freeing room needs room first. That is kept in reserve: the file is allocated STORE_RESERVE_BYTES ahead of the data,
 * and the map is larger than map_size. Growing operations never reach into either; free pages that a snapshot of any
 * process keeps from being used again do not count as free. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/lmdb/store_private.h"

/* Pages that growing operations may take in the batch to come, which asks for `growth` (0: it does not grow). Keeps the
 * reserve on the disk as large as the disk allows, notes what is used, and once a minute, or when room is short, frees
 * the places of readers that died and tells in the log which process keeps old pages. */
uint64_t room_find(struct store *store, uint64_t growth);
/* Whether a step of the purge, of expiry, or a touch leaves enough of the reserve to operations that somebody waits
 * for. Each takes some pages before it gives any back, and while an old snapshot is open nothing comes back. */
bool room_allows_housekeeping(struct store *store);
/* For a transaction that found no room: frees the places of readers that died. */
void room_look_for_dead_readers(struct store *store);
/* Whether an operation may store a value that takes a `run` of pages, which its batch has not asked for. `taken`: pages
 * of runs that this batch has got so before. */
bool room_allows_run(struct store *store, uint64_t run, uint64_t taken);
