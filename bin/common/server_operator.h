/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What operators see of a router, as its settings and files have it. */
#pragma once

#include "actors/router/operator/operator.h"
#include "bin/common/server_files.h"
#include "bin/common/settings_operator.h"

/* Borrows from all. `version`: of the program. */
struct operator_options server_operator_options(const struct server_files *files, const char *version,
                                                const struct statistics_settings *statistics,
                                                const struct control_settings *control);

/* Lines about it at the start, on stdout. */
void server_operator_print(const struct operator_options *options);
