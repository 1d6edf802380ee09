/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names and folders of the reference (Main.hs, CLI.hs), and the files that this router makes. */
#include "bin/smp-server/smp_kind.h"

#include "bin/smp-server/smp_settings.h"

/* The reference's own store, whose files were imported and not made here, stays. */
static const char *const data_names[] = {"store/data.mdb",
                                         "store/lock.mdb",
                                         "store/lock",
                                         "store/data.mdb.part",
                                         "store/data.mdb.before-restore",
                                         "smp-server-stats.log",
                                         "smp-server-stats.log.bak",
                                         "smp-server-stats.log.bad",
                                         "smp-server-stats.log.part",
                                         "smp-server-stats.daily.log",
                                         "smp-server-metrics.txt",
                                         "smp-server-metrics.txt.part",
                                         NULL};

const struct server_kind smp_server_kind = {
    .program = "smp-server",
    .version = "SMP server v" SMQ_VERSION,
    .initialized = "Server initialized, please provide additional server information in",
    .scheme = ADDRESS_SMP,
    .default_port = SMP_DEFAULT_PORT,
    .ini_name = "smp-server.ini",
    .settings = &smp_settings_table,
    .settings_size = sizeof(struct smp_settings),
    .configuration_variable = "SMP_SERVER_CFG_PATH",
    .configuration_folder = "/etc/opt/simplex",
    .data_variable = "SMP_SERVER_LOG_PATH",
    .data_folder = "/var/opt/simplex",
    .statistics_name = "smp-server-stats.log",
    .daily_name = "smp-server-stats.daily.log",
    .metrics_name = "smp-server-metrics.txt",
    .data_names = data_names,
};
