/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `delete` of every router. */
#pragma once

#include "bin/common/server_files.h"

/* Asks, and then removes what the router made, by its exact names. Refuses while a process has the store open, and
 * keeps it from being opened meanwhile (`lock` in its folder, stores/lmdb). Returns the exit code. */
int server_delete(const struct server_files *files);
