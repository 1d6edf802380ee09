/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server init`: folders, certificates and smp-server.ini of a new router. */
#pragma once

#include <stdbool.h>

#include "bin/common/server_files.h"

/* Options of the command line; texts may be NULL when they were not given. */
struct smp_init_options {
    bool disable_store_log, daily_stats, no_password, disable_web, scripted;
    int algorithm;                             /* index into server_algorithms */
    const char *database, *schema, *pool_size; /* of the reference's PostgreSQL store; written to the file */
    const char *ip, *fqdn, *password, *control_port, *socks_proxy, *own_domains, *source_code;
    const char *server_operator, *operator_country, *hosting, *hosting_country, *hosting_type, *server_country,
        *website;
    const char *web_path;
};

/* Initialises a router: asks for what matters unless options->scripted, then makes everything and prints what the
 * reference prints. Returns the exit code; mistakes are told on stderr in one line each, and what was made is
 * removed. */
int smp_init(const struct server_files *files, const struct smp_init_options *options);
