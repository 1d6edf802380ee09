/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router's counters: rows of a table, named as the reference names them, and added to by any role. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

enum counter_kind {
    COUNTER_PERIOD, /* of the present day: emptied by the daily line, kept over restarts */
    COUNTER_TOTAL,  /* since the router was made: kept over restarts */
    COUNTER_NOW,    /* of this run, or how many there are now: not kept */
};

struct counter_row {
    const char *name;  /* as in the statistics file */
    const char *scope; /* the block of that file that it is in; NULL: none */
    enum counter_kind kind;
};

struct counters;

/* `rows` are borrowed. SMQ_ERR_NO_MEMORY. */
enum smq_result counters_create(const struct counter_row *rows, size_t count, struct counters **counters);
/* When nobody counts any more; NULL inside is allowed. */
void counters_destroy(struct counters **counters);

/* Adds to the counter of row `index`. Any thread; a few nanoseconds, no shared cache line. */
void counters_add(struct counters *counters, size_t index, int64_t amount);
/* Its value; additions of the same time may or may not be in it. Any thread. */
int64_t counters_read(const struct counters *counters, size_t index);

/* Adds to what the counter shows, without having counted it: what an earlier run had counted, or, negative, what was
 * written down and is over. counters_add may run meanwhile. Any thread. */
void counters_restore(struct counters *counters, size_t index, int64_t amount);

size_t counters_count(const struct counters *counters);
const struct counter_row *counters_row(const struct counters *counters, size_t index);
