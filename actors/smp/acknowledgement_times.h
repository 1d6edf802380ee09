/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How long recipients took to acknowledge messages (reference: Server/Stats.hs, TimeBuckets). */
#pragma once

#include "actors/router/operator/ages.h"
#include "actors/router/operator/histogram.h"
#include "actors/router/operator/metrics.h"

/* A histogram of seconds, with the reference's ranges up to an hour; then each is an hour, up to three weeks.
 * SMQ_ERR_NO_MEMORY. */
enum smq_result acknowledgement_times_create(struct histogram **times);

/* The samples of the reference's histogram: ranges that something was in, and what comes before them. `count` is its
 * number of acknowledged messages, which includes those of the runs before. */
void acknowledgement_times_write(struct metrics_text *metrics, const struct histogram *times, int64_t count);
/* How many took up to a minute, 5 minutes, 20 minutes, an hour; and longer. */
void acknowledgement_times_periods(const struct histogram *times, int64_t counts[AGE_PERIODS]);
