/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Copies of a whole store: backup, compaction, putting a backup in place. Each leaves either what was there or the
 * whole copy, whenever it is killed: it writes DIRECTORY/data.mdb.part, makes it durable, and renames it. Reasons of
 * failures are logged. They block for the disk. */
#pragma once

#include "smq/result.h"

/* Copies the store in `directory`, which a router may be using, to `target`/data.mdb; makes the folder `target` when it
 * is missing, and gives the file the mode and, if it may, the owner of the original. The snapshot that it
 * reads keeps the router from using pages again that it frees meanwhile, until the copy is done or its process ends.
 * Errors: SMQ_ERR_EXISTS (`target` holds a store), SMQ_ERR_STORE_FULL, SMQ_ERR_STORE, SMQ_ERR_VERSION,
 * SMQ_ERR_SYSTEM. */
enum smq_result store_backup(const char *directory, const char *target);

/* Rewrites the data file without free pages. SMQ_ERR_EXISTS while a router runs; the rest as above. */
enum smq_result store_compact(const char *directory);

/* Puts the store in `source` in place of that in `directory`, whose data is kept as data.mdb.before-restore (an older
 * one of that name is not overwritten: SMQ_ERR_INVALID). The caller has checked `source`. Errors as above. */
enum smq_result store_restore(const char *directory, const char *source);
