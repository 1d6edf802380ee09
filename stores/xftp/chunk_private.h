/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of the chunk folder share. Private to stores/xftp. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "stores/xftp/chunk_folder.h"

struct chunk_folder {
    int folder;
    int incoming;
    bool was_left;
    _Atomic uint64_t next_number; /* of names in `.incoming` */
};

/* What a failed system call means: SMQ_ERR_STORE_FULL or SMQ_ERR_STORE. Logs `what` with errno. */
enum smq_result chunk_failure(const char *what);
