/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `cert` of every router: a new online certificate and key, signed by its CA. */
#pragma once

#include "bin/common/server_files.h"

struct server_cert_options {
    int algorithm;           /* index into server_algorithms; -1: as before */
    const char *common_name; /* NULL: as before */
};

/* Both files are replaced or none; they keep owner, group and mode. One at a time: a second one waits. Returns the exit
 * code; mistakes are told on stderr in one line. */
int server_cert(const struct server_files *files, const struct server_cert_options *options);
