/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names for what is received: in the chosen folder and nowhere else, and of a file that was not there. Any thread;
 * block for the disk. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/xftp/file_name.h"

enum {
    OUTPUT_NAME_SIZE = XFTP_FILE_NAME_MAX + 1,
    OUTPUT_TRIES = 10000, /* names that are looked at before giving up */
};

/* The `number`th name to try for `name`: 0 is the name itself, then _1, _2 and so on stand before its first dot. What
 * would be longer than OUTPUT_NAME_SIZE allows is cut before the mark, between characters. */
void output_name_variant(const char *name, unsigned number, char variant[OUTPUT_NAME_SIZE]);

/* Makes an empty file in `folder` (a descriptor) under `name`, which is a single component of a path, or the first
 * variant of it that is free, and tells which. `exact`: only under that name. It is to be renamed over, or removed.
 * SMQ_ERR_EXISTS; SMQ_ERR_INVALID: not a single component; SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM. */
enum smq_result output_name_claim(int folder, const char *name, bool exact, char claimed[OUTPUT_NAME_SIZE]);
/* The same, but for a folder. */
enum smq_result output_folder_claim(int folder, const char *name, char claimed[OUTPUT_NAME_SIZE]);
