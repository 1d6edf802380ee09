/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The columns are a table of the router's. Figures are read, the line is written, and only then taken: by as much as
 * was written, so that what is counted meanwhile is of the next day. */
#include "actors/router/operator/daily_line.h"

#include <inttypes.h>

#include "actors/router/operator/date.h"
#include "actors/router/operator/file.h"
#include "queues/base/memory.h"

struct line {
    struct statistics *statistics;
    int64_t values[STATISTICS_VALUES_MAX];
    int64_t *counts; /* of every counter, as written */
    bool ends[ACTIVE_PERIOD_COUNT];
};

static void write_column(const struct line *line, struct statistic column, struct text_buffer *text) {
    text_add(text, ",");
    if (column.kind == STATISTIC_ACTIVE && !line->ends[column.period])
        return;
    int64_t value = column.kind == STATISTIC_COUNTER ? line->counts[column.index]
                                                     : statistics_read(line->statistics, column, line->values);
    text_add(text, "%" PRId64, value);
}

static void write_line(const struct line *line, int64_t from_ns, struct text_buffer *text) {
    const struct statistics_table *table = &line->statistics->table;
    char day[DATE_TEXT_SIZE];
    date_write(from_ns, DATE_DAY, day);
    text_add(text, "%s", day);
    for (size_t i = 0; i < table->column_count; i++)
        write_column(line, table->columns[i], text);
    text_add(text, "\n");
}

static void begin_next(const struct line *line, int64_t now_ns) {
    struct statistics *statistics = line->statistics;
    for (size_t i = 0; i < statistics->table.counter_count; i++)
        if (statistics->table.counters[i].kind == COUNTER_PERIOD)
            counters_restore(statistics->counters, i, -line->counts[i]);
    for (size_t i = 0; i < statistics->table.active_count; i++)
        for (int period = 0; period < ACTIVE_PERIOD_COUNT; period++)
            if (line->ends[period])
                (void)active_take(statistics->active[i], (enum active_period)period);
    atomic_store(&statistics->from_ns, now_ns);
}

enum smq_result daily_line_append(struct statistics *statistics, const char *path, int64_t now_ns) {
    int64_t from_ns = atomic_load(&statistics->from_ns);
    int64_t from = date_day(from_ns / 1000000000), to = date_day(now_ns / 1000000000);
    struct line line = {.statistics = statistics,
                        .ends = {true, date_week_began(from, to), date_month_began(from, to)}};
    struct text_buffer text = {0};
    line.counts = memory_zalloc_array(statistics->table.counter_count, sizeof *line.counts);
    if (line.counts == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (size_t i = 0; i < statistics->table.counter_count; i++)
        line.counts[i] = counters_read(statistics->counters, i);
    statistics_sample(statistics, line.values);
    write_line(&line, from_ns, &text);
    enum smq_result result = text_result(&text);
    if (result == SMQ_OK)
        result = file_append(path, slice_of(text.bytes, text.length));
    if (result == SMQ_OK)
        begin_next(&line, now_ns);
    text_free(&text);
    memory_free(line.counts);
    return result;
}

int64_t daily_line_due(int64_t now) {
    return (date_day(now) + 1) * DATE_DAY_S;
}
