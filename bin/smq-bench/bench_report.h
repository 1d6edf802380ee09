/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What smq-bench prints at the end. */
#pragma once

#include "bin/smq-bench/bench.h"

/* To stdout: text for people, or one JSON object. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result bench_report(const struct bench *bench);
