/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What operators see of a router, as its settings and files have it. */
#pragma once

#include "actors/router/operator/operator.h"
#include "bin/common/server_files.h"

/* Completes what settings_operator_options made with the files' paths, which it borrows, and the program's version. */
void server_operator_locate(struct operator_options *options, const struct server_files *files, const char *version);

/* Lines about it at the start, on stdout. */
void server_operator_print(const struct operator_options *options);
