/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Removal of chunk files that a process left behind when it was killed: those whose record does not know of them, and
 * those whose record is gone. */
#pragma once

#include "stores/xftp/file_store.h"

struct file_sweep {
    uint64_t seen;    /* chunk files in the folder */
    uint64_t removed; /* of which no router would ever make use again */
    uint64_t unknown; /* of no record, but so young that the record may be in another store: left alone */
};

/* Looks at the whole folder with the snapshot `txn`. A file without any record is removed when it is older than
 * `before` (seconds): then its record, wherever that is, has expired. Before uploads begin; blocks for the disk.
 * SMQ_ERR_SYSTEM, SMQ_ERR_STORE, SMQ_ERR_NO_MEMORY. */
enum smq_result file_sweep_run(struct store_txn *txn, struct chunk_folder *folder, int64_t before,
                               struct file_sweep *sweep);
