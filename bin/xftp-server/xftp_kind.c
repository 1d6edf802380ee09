/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names and folders of the reference (FileTransfer/Server/Main.hs), and the files that this router makes. */
#include "bin/xftp-server/xftp_kind.h"

#include "bin/xftp-server/xftp_settings.h"

/* The reference's own store log stays, and so do the chunks, whose folder the operator chose. */
static const char *const data_names[] = {"store/data.mdb",
                                         "store/lock.mdb",
                                         "store/lock",
                                         "store/data.mdb.part",
                                         "store/data.mdb.before-restore",
                                         "file-server-stats.log",
                                         "file-server-stats.log.bak",
                                         "file-server-stats.log.bad",
                                         "file-server-stats.log.part",
                                         "file-server-stats.daily.log",
                                         "xftp-server-metrics.txt",
                                         "xftp-server-metrics.txt.part",
                                         NULL};

const struct server_kind xftp_server_kind = {
    .program = "xftp-server",
    .version = "SimpleX XFTP server v" SMQ_VERSION,
    .initialized = "Server initialized, you can modify configuration in",
    .scheme = ADDRESS_XFTP,
    .default_port = 443,
    .ini_name = "file-server.ini",
    .settings = &xftp_settings_table,
    .settings_size = sizeof(struct xftp_settings),
    .configuration_variable = "XFTP_SERVER_CFG_PATH",
    .configuration_folder = "/etc/opt/simplex-xftp",
    .data_variable = "XFTP_SERVER_LOG_PATH",
    .data_folder = "/var/opt/simplex-xftp",
    .data_names = data_names,
    .statistics_name = "file-server-stats.log",
    .daily_name = "file-server-stats.daily.log",
    .metrics_name = "xftp-server-metrics.txt",
};
