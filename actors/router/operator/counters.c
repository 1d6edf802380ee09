/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cells only grow by what was counted; what was taken out of a counter, or brought from an earlier run, is its base. */
#include "actors/router/operator/counters.h"

#include <stdatomic.h>

#include "actors/router/operator/cells.h"
#include "queues/base/memory.h"

struct base {
    _Atomic int64_t value; /* to be subtracted */
};

struct counters {
    const struct counter_row *rows;
    size_t count;
    struct cells *cells;
    struct base *bases;
};

enum smq_result counters_create(const struct counter_row *rows, size_t count, struct counters **counters) {
    struct counters *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->rows = rows;
    created->count = count;
    created->bases = memory_zalloc_array(count, sizeof *created->bases);
    if (created->bases == NULL || cells_create(count, &created->cells) != SMQ_OK) {
        counters_destroy(&created);
        return SMQ_ERR_NO_MEMORY;
    }
    *counters = created;
    return SMQ_OK;
}

void counters_destroy(struct counters **counters) {
    if (*counters == NULL)
        return;
    cells_destroy(&(*counters)->cells);
    memory_free((*counters)->bases);
    memory_free(*counters);
    *counters = NULL;
}

void counters_add(struct counters *counters, size_t index, int64_t amount) {
    cells_add(counters->cells, index, amount);
}

int64_t counters_read(const struct counters *counters, size_t index) {
    return cells_read(counters->cells, index) -
           atomic_load_explicit(&counters->bases[index].value, memory_order_relaxed);
}

void counters_restore(struct counters *counters, size_t index, int64_t amount) {
    atomic_fetch_sub_explicit(&counters->bases[index].value, amount, memory_order_relaxed);
}

size_t counters_count(const struct counters *counters) {
    return counters->count;
}

const struct counter_row *counters_row(const struct counters *counters, size_t index) {
    return &counters->rows[index];
}
