/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `xftp-server start`. */
#pragma once

#include "bin/common/server_files.h"

struct xftp_start_options {
    int log_level;          /* index into settings_log_levels; -1: that of the INI file */
    int confirm_migrations; /* accepted: there are none */
};

/* Serves until SIGINT or SIGTERM. Returns the exit code. */
int xftp_start(const struct server_files *files, const struct xftp_start_options *options);
