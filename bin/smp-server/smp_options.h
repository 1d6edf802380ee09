/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The options of smp-server's commands: the reference's, and our own. */
#pragma once

#include "bin/common/cli.h"
#include "bin/common/server_cert.h"
#include "bin/smp-server/smp_ctl.h"
#include "bin/smp-server/smp_init.h"
#include "bin/smp-server/smp_start.h"
#include "bin/smp-server/smp_store.h"

/* What options are stored into. */
struct smp_arguments {
    struct server_files files;
    struct smp_init_options init;
    struct server_cert_options cert;
    struct smp_start_options start;
    struct smp_store_options store;
    struct server_ctl_options ctl;
    struct smp_reference_options {
        const char *table, *database, *schema, *pool_size;
    } reference; /* of `database` */
};

extern const struct cli_option_list smp_init_option_list, smp_cert_option_list, smp_start_option_list,
    smp_store_option_list, smp_ctl_option_list, smp_database_option_list;
