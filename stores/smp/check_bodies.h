/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The part of the check of a store that is about segments. Private to stores/. */
#pragma once

#include "stores/smp/internal.h"

/* Compares segments, with all bodies in them, with the records that name these. Tells each fault in a line. A checksum
 * that is wrong is seen by whoever reads the message. */
void check_bodies(struct store_txn *txn, void (*tell)(void *context, const char *line), void *context);
