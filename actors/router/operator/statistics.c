/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/statistics.h"

#include <string.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum smq_result statistics_create(const struct statistics_table *table, struct statistics **statistics) {
    CHECK(table->active_count <= STATISTICS_ACTIVE_MAX && table->value_count <= STATISTICS_VALUES_MAX);
    struct statistics *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->table = *table;
    atomic_init(&created->from_ns, clock_realtime_ns());
    enum smq_result result = counters_create(table->counters, table->counter_count, &created->counters);
    for (size_t i = 0; i < table->active_count && result == SMQ_OK; i++)
        result = active_create(&created->active[i]);
    if (result != SMQ_OK) {
        statistics_destroy(&created);
        return result;
    }
    *statistics = created;
    return SMQ_OK;
}

void statistics_destroy(struct statistics **statistics) {
    if (*statistics == NULL)
        return;
    counters_destroy(&(*statistics)->counters);
    for (size_t i = 0; i < STATISTICS_ACTIVE_MAX; i++)
        active_destroy(&(*statistics)->active[i]);
    memory_free(*statistics);
    *statistics = NULL;
}

void statistics_sample(const struct statistics *statistics, int64_t *values) {
    memset(values, 0, STATISTICS_VALUES_MAX * sizeof *values);
    if (statistics->table.sample != NULL)
        statistics->table.sample(statistics->table.context, values);
}

int64_t statistics_read(const struct statistics *statistics, struct statistic statistic, const int64_t *values) {
    switch (statistic.kind) {
    case STATISTIC_COUNTER:
        return counters_read(statistics->counters, statistic.index);
    case STATISTIC_VALUE:
        return values[statistic.index];
    case STATISTIC_ACTIVE:
        return (int64_t)active_count(statistics->active[statistic.index], statistic.period);
    case STATISTIC_NOTHING:
        break;
    }
    return 0;
}
