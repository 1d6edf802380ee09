/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `ctl`: commands of the control port of a running router, for people. */
#pragma once

#include <stdbool.h>

#include "bin/common/server_files.h"
#include "bin/common/settings_operator.h"

struct server_ctl_options {
    bool json; /* answers as JSON */
    bool user; /* with the password of the user role; otherwise the admin's, where there is one */
};

/* Sends the words as one command, with the password of the settings, and prints the answer. The program's exit code: 1
 * when it was refused, or the router does not answer, which is told on stderr. Blocks for the answer. */
int server_ctl(const struct server_files *files, const struct control_settings *settings,
               const struct server_ctl_options *options, int count, char **words);
