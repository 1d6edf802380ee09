/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store export: the store as the reference's files, which its smp-server starts on. */
#pragma once

#include "bin/common/server_files.h"

/* Writes to the folder `out`, which is made when it is missing; nothing in it is overwritten. Each file gets its name
 * when all are whole and durable, the store log last. Of one snapshot; a router may be running. Returns the exit code;
 * mistakes are told on stderr. */
int smp_export(const struct server_files *files, const char *out);
