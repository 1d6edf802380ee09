/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Compares what the XFTP router's store counts and looks up by with what it holds, and with the chunk files. */
#pragma once

#include "stores/xftp/file_store.h"

/* Reads everything in the snapshot `txn` and tells each thing that does not agree in a line without an end. Answers how
 * many there were. `folder`: also whether each chunk file is there, with the right size; NULL: not. */
uint64_t file_store_check(struct store_txn *txn, struct chunk_folder *folder,
                          void (*tell)(void *context, const char *line), void *context);
