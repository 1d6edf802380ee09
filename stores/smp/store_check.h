/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Compares what a store counts and looks up by with what it holds. */
#pragma once

#include "stores/smp/store.h"

/* Reads everything in the snapshot `txn` and tells each thing that does not agree in a line without an end. Answers how
 * many there were. A file with damaged pages may end the process (SIGBUS, SIGSEGV, SIGABRT in LMDB): run it in one of
 * its own. */
uint64_t store_check(struct store_txn *txn, void (*tell)(void *context, const char *line), void *context);
