/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `xftp-server ctl`. */
#pragma once

#include "bin/common/server_ctl.h"

/* The exit code. */
int xftp_ctl(const struct server_files *files, const struct server_ctl_options *options, int count, char **words);
