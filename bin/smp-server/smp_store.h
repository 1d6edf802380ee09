/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store ACTION: backup, check, compact, export, import, restore, stats. */
#pragma once

#include <stdbool.h>

#include "bin/common/server_files.h"
#include "bin/smp-server/smp_import.h"

struct smp_store_options {
    bool json;                        /* stats */
    struct smp_import_options import; /* import */
    const char *out;                  /* export */
};

/* Runs the action that the words name. Returns the exit code; mistakes are told on stderr. No other thread may run. */
int smp_store(const struct server_files *files, const struct smp_store_options *options, int count, char **words);

/* `check` of the router's store. */
int smp_store_check(const struct server_files *files);
