/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `xftp-server init`: folders, certificates and file-server.ini of a new router. */
#pragma once

#include <stdbool.h>

#include "bin/common/server_files.h"

/* Options of the command line; texts may be NULL when they were not given. */
struct xftp_init_options {
    bool disable_store_log;
    int algorithm; /* index into server_algorithms */
    const char *ip, *fqdn, *path, *quota, *web_path;
};

/* Makes everything and prints what the reference prints. Returns the exit code; mistakes are told on stderr in one line
 * each, and what was made is removed. */
int xftp_init(const struct server_files *files, const struct xftp_init_options *options);
