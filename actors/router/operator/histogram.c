/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/histogram.h"

#include "actors/router/operator/cells.h"
#include "queues/base/memory.h"

struct histogram {
    const uint64_t *bounds;
    size_t count;
    struct cells *cells; /* the ranges, those beyond, the sum */
};

enum smq_result histogram_create(const uint64_t *bounds, size_t count, struct histogram **histogram) {
    struct histogram *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->bounds = bounds;
    created->count = count;
    if (cells_create(count + 2, &created->cells) != SMQ_OK) {
        memory_free(created);
        return SMQ_ERR_NO_MEMORY;
    }
    *histogram = created;
    return SMQ_OK;
}

void histogram_destroy(struct histogram **histogram) {
    if (*histogram == NULL)
        return;
    cells_destroy(&(*histogram)->cells);
    memory_free(*histogram);
    *histogram = NULL;
}

/* The first range whose bound is not below the value. */
static size_t range_of(const struct histogram *histogram, uint64_t value) {
    size_t low = 0, high = histogram->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (histogram->bounds[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    cells_add(histogram->cells, range_of(histogram, value), 1);
    cells_add(histogram->cells, histogram->count + 1, (int64_t)value);
}

size_t histogram_bounds(const struct histogram *histogram, const uint64_t **bounds) {
    *bounds = histogram->bounds;
    return histogram->count;
}

uint64_t histogram_in_range(const struct histogram *histogram, size_t index) {
    return (uint64_t)cells_read(histogram->cells, index);
}

uint64_t histogram_sum(const struct histogram *histogram) {
    return (uint64_t)cells_read(histogram->cells, histogram->count + 1);
}
