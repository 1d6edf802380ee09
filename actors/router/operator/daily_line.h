/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The daily line: a line of comma-separated figures a day, in a file that scripts of operators read. */
#pragma once

#include <stdint.h>

#include "actors/router/operator/statistics.h"
#include "actors/router/operator/text_buffer.h"

/* Adds the line of the period that ends now to the file at `path`, and begins the next: counters of the day are taken,
 * and who was active in the day, in the week when a Monday came, in the month when its first came. When the line cannot
 * be written nothing is taken: the next one is for both. SMQ_ERR_SYSTEM (errno), SMQ_ERR_NO_MEMORY. Attached thread,
 * the one that takes; blocks for the disk. */
enum smq_result daily_line_append(struct statistics *statistics, const char *path, int64_t now_ns);

/* When the next line is due, in seconds since 1970: the midnight (UTC) after `now`. */
int64_t daily_line_due(int64_t now);
