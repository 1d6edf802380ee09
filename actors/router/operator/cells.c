/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each thread is dealt a row at its first addition. There are more rows than threads on most machines; where there are
 * not, two threads share one, and the additions, which are atomic, stay right. */
#include "actors/router/operator/cells.h"

#include <stdatomic.h>

#include "queues/base/memory.h"

enum { ROWS = 64, LINE = 64 };

struct cell {
    _Atomic int64_t value;
};

struct cells {
    size_t count;
    size_t stride;     /* cells from one row to the next: whole cache lines */
    struct cell *rows; /* in `memory`, at the start of a cache line */
    void *memory;
};

static _Atomic uint32_t next_row;
static _Thread_local uint32_t own_row = UINT32_MAX;

enum smq_result cells_create(size_t count, struct cells **cells) {
    const size_t line = LINE / sizeof(int64_t);
    struct cells *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->count = count;
    created->stride = (count + line - 1) / line * line;
    created->memory = memory_zalloc(ROWS * created->stride * sizeof *created->rows + LINE);
    if (created->memory == NULL) {
        memory_free(created);
        return SMQ_ERR_NO_MEMORY;
    }
    created->rows = (struct cell *)(void *)(((uintptr_t)created->memory + LINE - 1) / LINE * LINE);
    *cells = created;
    return SMQ_OK;
}

void cells_destroy(struct cells **cells) {
    if (*cells == NULL)
        return;
    memory_free((*cells)->memory);
    memory_free(*cells);
    *cells = NULL;
}

void cells_add(struct cells *cells, size_t index, int64_t amount) {
    if (own_row == UINT32_MAX)
        own_row = atomic_fetch_add_explicit(&next_row, 1, memory_order_relaxed) % ROWS;
    atomic_fetch_add_explicit(&cells->rows[own_row * cells->stride + index].value, amount, memory_order_relaxed);
}

int64_t cells_read(const struct cells *cells, size_t index) {
    int64_t sum = 0;
    for (size_t row = 0; row < ROWS; row++)
        sum += atomic_load_explicit(&cells->rows[row * cells->stride + index].value, memory_order_relaxed);
    return sum;
}
