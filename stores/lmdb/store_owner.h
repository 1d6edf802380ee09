/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store that root looked after stays its router's: what root makes in it belongs to whom the folder belongs to. */
#pragma once

#include "smq/result.h"

/* Gives the files of the store in `directory` that are root's to the owner of `directory`. Does nothing unless called by root.
 * A failure is logged. */
void store_keep_owner(const char *directory);

/* Makes the folder when it is missing; one that root makes belongs to the owner of the folder above. Failures are
 * logged. SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM. */
enum smq_result store_make_directory(const char *directory);
