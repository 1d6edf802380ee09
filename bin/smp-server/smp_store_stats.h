/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store stats. */
#pragma once

#include <stdbool.h>

/* Prints what the store in `folder` holds, also while a router uses it. Returns the exit code. */
int smp_store_stats(const char *folder, bool json);
