/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A command of the user's, such as one that restarts a router, run beside a measurement. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "smq/result.h"

/* Starts `text` with /bin/sh; what it prints goes to stderr. SMQ_ERR_SYSTEM. */
enum smq_result bench_command_start(const char *text, pid_t *process);

/* Whether it runs still; when it does not, `*status` is its exit code, or 128 and the signal. Does not block. */
bool bench_command_runs(pid_t process, int *status);
