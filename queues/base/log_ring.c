/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A bounded queue of many producers and one consumer: each place carries the number of the turn that may use it next. A
 * producer takes a number when its place is free, fills the place, and hands it over by the place's number. */
#include "queues/base/log_ring.h"

#include <stdatomic.h>
#include <string.h>

struct place {
    _Atomic uint64_t turn; /* minus its index: position to be put; + 1: to be taken */
    size_t length;
    char line[LOG_LINE_MAX];
};

static struct place places[LOG_RING_LINES];
static _Atomic uint64_t put_position;
static uint64_t take_position;

bool log_ring_put(const char *line, size_t length) {
    uint64_t position = atomic_load_explicit(&put_position, memory_order_relaxed);
    for (;;) {
        struct place *place = &places[position % LOG_RING_LINES];
        uint64_t round = position - position % LOG_RING_LINES;
        uint64_t turn = atomic_load_explicit(&place->turn, memory_order_acquire);
        if (turn < round)
            return false;
        if (turn > round) {
            position = atomic_load_explicit(&put_position, memory_order_relaxed);
            continue;
        }
        if (!atomic_compare_exchange_weak_explicit(&put_position, &position, position + 1, memory_order_relaxed,
                                                   memory_order_relaxed))
            continue;
        memcpy(place->line, line, length);
        place->length = length;
        atomic_store_explicit(&place->turn, round + 1, memory_order_release);
        return true;
    }
}

size_t log_ring_take(char line[LOG_LINE_MAX]) {
    struct place *place = &places[take_position % LOG_RING_LINES];
    uint64_t round = take_position - take_position % LOG_RING_LINES;
    if (atomic_load_explicit(&place->turn, memory_order_acquire) != round + 1)
        return 0;
    size_t length = place->length;
    memcpy(line, place->line, length);
    atomic_store_explicit(&place->turn, round + LOG_RING_LINES, memory_order_release);
    take_position++;
    return length;
}

uint64_t log_ring_put_count(void) {
    return atomic_load(&put_position);
}
