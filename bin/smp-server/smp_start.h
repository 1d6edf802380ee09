/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server start`: runs a router until a signal asks it to stop. */
#pragma once

#include <stdbool.h>

#include "bin/common/server_files.h"
#include "bin/smp-server/smp_settings.h"

struct smp_start_options {
    bool maintenance;                /* open and close the store, serve nobody */
    int log_level;                   /* index into settings_log_levels; -1: as in smp-server.ini */
    bool compact_log, skip_warnings; /* of the reference's stores; nothing to do here */
    int confirm_migrations;
    bool yes; /* see smp_import_at_start */
};

/* Reads smp-server.ini, checks the certificates, prints what the reference prints, and serves until SIGINT or SIGTERM;
 * then stops in order. SIGHUP reads the files again. Main thread, before any other thread exists. Returns the exit
 * code; mistakes are told on stderr in one line. */
int smp_start(const struct server_files *files, const struct smp_start_options *options);
