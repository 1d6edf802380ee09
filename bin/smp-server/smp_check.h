/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server check`: whether the files are such that `start` would go well. */
#pragma once

#include "bin/common/server_files.h"

/* Says what it found: on stdout what is well, with counts, a line each for INI file, certificates and store; on stderr
 * a line for each mistake. A router may be running. Returns the exit code: 1 if there was a mistake. No thread but the
 * log's may run. */
int smp_check(const struct server_files *files);
