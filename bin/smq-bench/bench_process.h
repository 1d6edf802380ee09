/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CPU time and memory of the router process that is measured. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "smq/result.h"

/* Microseconds of CPU, user and system, of all threads that the process has or had; precise, not counted in ticks.
 * SMQ_ERR_SYSTEM: there is no such process. */
enum smq_result bench_process_cpu_us(pid_t process, uint64_t *microseconds);

/* RssAnon of /proc/PID/status: bytes of heap, stacks and the like in memory; not of mapped files, thus not of LMDB's
 * map. SMQ_ERR_SYSTEM, SMQ_ERR_SYNTAX. */
enum smq_result bench_process_rss_anon(pid_t process, uint64_t *bytes);
