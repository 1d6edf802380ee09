/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Why a queue is blocked: the detail of the BLOCKED error, also a field of store logs. Pure and re-entrant: any
 * thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum smp_blocking_reason { SMP_BLOCKED_SPAM, SMP_BLOCKED_CONTENT };

struct smp_blocking_info {
    enum smp_blocking_reason reason;
    bool has_notice;
    bool has_ttl;        /* a notice without one is indefinite */
    int64_t ttl_seconds; /* for has_ttl */
};

/* The reason's word, as in "spam". */
const char *smp_blocking_reason_text(enum smp_blocking_reason reason);
bool smp_blocking_info_equal(const struct smp_blocking_info *a, const struct smp_blocking_info *b);

/* `reason=spam`, or `reason=content,notice={"ttl":86400}`; the notice, JSON, runs to the end of the input. Reading it
 * allocates for a moment, and fails the reader when memory is short. */
void smp_blocking_info_read(struct reader *reader, struct smp_blocking_info *info);
void smp_blocking_info_write(struct writer *writer, const struct smp_blocking_info *info);
