/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two rings of counts. A place of the fine ring that is needed for a later time gives what is left in it to the coarse
 * one. Times that share a place of the coarse ring, six weeks apart, count as the later. */
#include "actors/router/operator/ages.h"

#include <stdatomic.h>

#include "queues/base/memory.h"

enum { FINE_S = 10, FINE_PLACES = 512, COARSE_S = 3600, COARSE_PLACES = 1024 };

struct place {
    _Atomic uint32_t stamp; /* the time, in widths of the ring */
    _Atomic int32_t count;
};

struct ages {
    struct place fine[FINE_PLACES];
    struct place coarse[COARSE_PLACES];
};

enum smq_result ages_create(struct ages **ages) {
    *ages = memory_zalloc(sizeof **ages);
    return *ages == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

void ages_destroy(struct ages **ages) {
    memory_free(*ages);
    *ages = NULL;
}

static void add(struct place *place, int32_t amount) {
    atomic_store_explicit(&place->count, atomic_load_explicit(&place->count, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

static void spill(struct ages *ages, struct place *place) {
    uint32_t hour = atomic_load_explicit(&place->stamp, memory_order_relaxed) / (COARSE_S / FINE_S);
    int32_t count = atomic_load_explicit(&place->count, memory_order_relaxed);
    struct place *coarse = &ages->coarse[hour % COARSE_PLACES];
    if (count == 0)
        return;
    atomic_store_explicit(&coarse->stamp, hour, memory_order_relaxed);
    add(coarse, count);
    add(place, -count);
}

void ages_begin(struct ages *ages, uint32_t second) {
    uint32_t stamp = second / FINE_S;
    struct place *place = &ages->fine[stamp % FINE_PLACES];
    if (atomic_load_explicit(&place->stamp, memory_order_relaxed) != stamp) {
        spill(ages, place);
        atomic_store_explicit(&place->stamp, stamp, memory_order_relaxed);
    }
    add(place, 1);
}

void ages_end(struct ages *ages, uint32_t second) {
    uint32_t stamp = second / FINE_S;
    struct place *place = &ages->fine[stamp % FINE_PLACES];
    if (atomic_load_explicit(&place->stamp, memory_order_relaxed) != stamp)
        place = &ages->coarse[second / COARSE_S % COARSE_PLACES];
    add(place, -1);
}

static void read_place(const struct place *place, uint32_t width_s, uint32_t now, struct age_counts *counts) {
    static const int64_t ends[AGE_PERIODS - 1] = {60, 300, 1200, 3600};
    int32_t count = atomic_load_explicit(&place->count, memory_order_relaxed);
    int64_t age = (int64_t)now - (int64_t)atomic_load_explicit(&place->stamp, memory_order_relaxed) * width_s;
    int period = 0;
    if (count <= 0)
        return;
    while (period < AGE_PERIODS - 1 && age >= ends[period])
        period++;
    counts->counts[period] += count;
    if (age > counts->oldest_s)
        counts->oldest_s = age;
}

void ages_read(const struct ages *ages, uint32_t now, struct age_counts *counts) {
    for (size_t i = 0; i < FINE_PLACES; i++)
        read_place(&ages->fine[i], FINE_S, now, counts);
    for (size_t i = 0; i < COARSE_PLACES; i++)
        read_place(&ages->coarse[i], COARSE_S, now, counts);
}
