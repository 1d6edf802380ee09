/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How long things have been waiting, without a look at each: they are counted by when they began. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

/* One writer, any number of readers. Recent begins are told apart by ten seconds, older ones by the hour. */
struct ages;

enum { AGE_PERIODS = 5 };

/* Added up over several `ages`. */
struct age_counts {
    int64_t counts[AGE_PERIODS]; /* younger than a minute, 5 minutes, 20 minutes, an hour; and older */
    int64_t oldest_s;
};

/* SMQ_ERR_NO_MEMORY. */
enum smq_result ages_create(struct ages **ages);
/* NULL inside is allowed. */
void ages_destroy(struct ages **ages);

/* One begins to wait at `second`, and ends to, with the second that it began at. The writer. */
void ages_begin(struct ages *ages, uint32_t second);
void ages_end(struct ages *ages, uint32_t second);

/* Adds those of now to `counts`. Any thread. */
void ages_read(const struct ages *ages, uint32_t now, struct age_counts *counts);
