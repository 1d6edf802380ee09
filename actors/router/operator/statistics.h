/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router's statistics: its counters, who was active, and values that are asked for when they are needed. What a
 * router counts, and where which figure is written, is in tables that it brings. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/router/operator/active.h"
#include "actors/router/operator/counters.h"
#include "smq/result.h"

enum { STATISTICS_ACTIVE_MAX = 4, STATISTICS_VALUES_MAX = 128 };

/* Which figure; made by the macros below. */
enum statistic_kind {
    STATISTIC_COUNTER, /* a counter by its row */
    STATISTIC_VALUE,   /* a value by its index in what `sample` fills */
    STATISTIC_ACTIVE,  /* how many were active */
    STATISTIC_NOTHING  /* of a column that is empty by now */
};
struct statistic {
    enum statistic_kind kind;
    unsigned index; /* of the counter, the value, or the set of active ones */
    enum active_period period;
};
#define OF_COUNTER(row)                                                                                                \
    { STATISTIC_COUNTER, row, 0 }
#define OF_VALUE(value)                                                                                                \
    { STATISTIC_VALUE, value, 0 }
#define OF_ACTIVE(set, period)                                                                                         \
    { STATISTIC_ACTIVE, set, period }
#define OF_NOTHING                                                                                                     \
    { STATISTIC_NOTHING, 0, 0 }

/* A line, or a block of lines, of the statistics file, in its order. A line of a counter has the counter's name and is
 * in the block of its scope; OF_ACTIVE is a block of three lines with the set's name. */
struct statistics_file_row {
    struct statistic statistic;
    const char *name; /* of values */
};
/* Names of older files that stand for a row of today's, or for nothing. */
struct statistics_alias {
    const char *name;           /* of a line; or of a block, with its ':' */
    struct statistic statistic; /* OF_NOTHING: read over */
};

struct statistics_table {
    const struct counter_row *counters;
    size_t counter_count;
    const char *const *active; /* names of the sets */
    size_t active_count;       /* at most STATISTICS_ACTIVE_MAX */
    size_t value_count;        /* at most STATISTICS_VALUES_MAX */
    const struct statistics_file_row *file;
    size_t file_count;
    const struct statistics_alias *aliases;
    size_t alias_count;
    const struct statistic *columns; /* of the daily line, after the day */
    size_t column_count;
    /* Fills in the values, of now. Any attached thread; looks at most some milliseconds. */
    void (*sample)(void *context, int64_t *values);
    void *context;
};

struct statistics {
    struct statistics_table table;
    struct counters *counters;
    struct active *active[STATISTICS_ACTIVE_MAX];
    _Atomic int64_t from_ns; /* when the present period began */
};

/* `table` is copied, what it points to is borrowed. SMQ_ERR_NO_MEMORY, or what base_setup returns. */
enum smq_result statistics_create(const struct statistics_table *table, struct statistics **statistics);
/* NULL inside is allowed. */
void statistics_destroy(struct statistics **statistics);

/* The values of now. `values` has room for STATISTICS_VALUES_MAX. */
void statistics_sample(const struct statistics *statistics, int64_t *values);
/* The figure; `values` are those of statistics_sample. Any thread. */
int64_t statistics_read(const struct statistics *statistics, struct statistic statistic, const int64_t *values);
