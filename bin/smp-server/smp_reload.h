/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading smp-server.ini and the certificates again while the router serves. */
#pragma once

#include "bin/common/server_files.h"
#include "bin/smp-server/smp_settings.h"

struct smp_reload {
    const struct server_files *files;
    int log_level;                      /* of the command line: index into settings_log_levels; -1: the file's counts */
    const struct smp_settings *started; /* with which the router was made */
    struct smp_settings current;        /* read last; owned once `has_current`, until then `started` is current */
    bool has_current;
};

/* All of it or, when a file is not as it should be, nothing. The log says what was taken over, what needs a restart, or
 * why nothing changed. Main thread; blocks for the files. */
void smp_reload(struct smp_reload *reload, struct smp_router *router);
void smp_reload_end(struct smp_reload *reload);

/* The configuration of a router with these files and settings. Borrows both. */
struct smp_router_config smp_reload_config(const struct server_files *files, const struct smp_settings *settings);
