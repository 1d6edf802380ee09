/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store filled from outside. It is made beside the place of the store, without waiting for the disk, and put there
 * with one rename when it is whole and durable. So an import that was killed has left nothing but a folder that the
 * next one empties, and it needs no marks of how far it got: it begins anew, which takes less than a minute for a
 * million queues. Blocks for the disk; one thread. Reasons of failures are logged. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"
#include "stores/lmdb/store.h"

struct store_import;

/* Takes the lock of the store in `directory` (which is made when it is missing), so that no router runs, and opens an
 * empty store in `directory`/import.part. Errors of store_open, among them SMQ_ERR_EXISTS: a router, or another import,
 * is running; SMQ_ERR_VERSION: the store there is of a newer program; and SMQ_ERR_INVALID: it is not empty. */
enum smq_result store_import_begin(const struct store_layout *layout, const char *directory, uint64_t map_size,
                                   struct store_import **out);

/* Calls `step` in one transaction and commits it; once, whatever comes of it. `bytes`: about how much it stores.
 * Errors: what `step` returns, SMQ_ERR_STORE_FULL, SMQ_ERR_STORE, SMQ_ERR_NO_MEMORY. */
enum smq_result store_import_run(struct store_import *import, size_t bytes,
                                 enum smq_result (*step)(void *context, struct store_txn *txn), void *context);

/* The store itself, for readers, which are to be destroyed before the import ends. */
struct store *store_import_store(struct store_import *import);

/* Makes it durable and puts it in place. Ends the import also when that fails. */
enum smq_result store_import_finish(struct store_import **import);
/* Removes it. NULL inside is allowed. */
void store_import_abandon(struct store_import **import);
