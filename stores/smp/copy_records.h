/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store's records, written anew. Private to stores/. */
#pragma once

#include "smq/result.h"
#include "stores/smp/internal.h"

/* Copies what `store`, which was opened to be read, holds in its last commit to the empty `file`, as a data file:
 * records in order, without free pages, and bodies without what was deleted between them. Nothing is synced. Blocks;
 * the snapshot is open until it ends. A body that is not what was stored is copied as it is, with a warning. Logs the
 * reason of a failure. SMQ_ERR_STORE_FULL, SMQ_ERR_STORE, SMQ_ERR_NO_MEMORY. */
enum smq_result copy_records(struct store *store, int file);
