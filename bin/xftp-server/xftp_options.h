/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The options of xftp-server's commands: the reference's, and our own. */
#pragma once

#include "bin/common/cli.h"
#include "bin/common/server_cert.h"
#include "bin/common/server_ctl.h"
#include "bin/xftp-server/xftp_init.h"
#include "bin/xftp-server/xftp_start.h"

/* What options are stored into. */
struct xftp_arguments {
    struct server_files files;
    struct xftp_init_options init;
    struct server_cert_options cert;
    struct xftp_start_options start;
    struct server_ctl_options ctl;
};

extern const struct cli_option_list xftp_init_option_list, xftp_cert_option_list, xftp_start_option_list,
    xftp_ctl_option_list;
