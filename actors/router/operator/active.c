/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A set is a chain of hash tables, each twice as large as the one before, of slots that are taken by compare-and-swap.
 * A new hash goes to the newest table; nothing is ever moved, so nobody waits while a set grows. Two threads that add
 * the same hash just when a table is added may add it twice; it is then counted as two, once. */
#include "actors/router/operator/active.h"

#include <stdatomic.h>

#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"

enum { FIRST_SLOTS = 1024 };

struct table {
    struct reclaim reclaim;
    struct table *older;
    size_t mask;
    _Atomic size_t taken;
    _Atomic uint64_t slots[]; /* 0: free */
};

struct set {
    struct table *_Atomic newest; /* NULL: empty, so far without a table */
    _Atomic uint64_t count;
};

struct active {
    struct set sets[ACTIVE_PERIOD_COUNT];
};

uint64_t active_hash(struct slice id) {
    static const uint64_t basis = UINT64_C(0xcbf29ce484222325), prime = UINT64_C(0x100000001b3);
    uint64_t hash = basis * prime ^ id.length;
    for (size_t i = 0; i < id.length; i++)
        hash = hash * prime ^ id.bytes[i];
    return hash;
}

enum smq_result active_create(struct active **active) {
    enum smq_result result = base_setup();
    if (result != SMQ_OK)
        return result;
    *active = memory_zalloc(sizeof **active);
    return *active == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

static void free_tables(struct table *table) {
    while (table != NULL) {
        struct table *older = table->older;
        memory_free(table);
        table = older;
    }
}

void active_destroy(struct active **active) {
    if (*active == NULL)
        return;
    for (int period = 0; period < ACTIVE_PERIOD_COUNT; period++)
        free_tables(atomic_load(&(*active)->sets[period].newest));
    memory_free(*active);
    *active = NULL;
}

static size_t place_of(const struct table *table, uint64_t hash) {
    return (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 20) & table->mask;
}

static bool table_has(const struct table *table, uint64_t hash) {
    size_t place = place_of(table, hash);
    for (size_t left = table->mask + 1; left > 0; left--, place = (place + 1) & table->mask) {
        uint64_t found = atomic_load_explicit(&table->slots[place], memory_order_relaxed);
        if (found == hash)
            return true;
        if (found == 0)
            return false;
    }
    return false;
}

static bool chain_has(const struct table *table, uint64_t hash) {
    for (; table != NULL; table = table->older)
        if (table_has(table, hash))
            return true;
    return false;
}

/* Whether it was added: not when it is there, nor when the table is full. */
static bool table_add(struct table *table, uint64_t hash) {
    size_t place = place_of(table, hash);
    for (size_t left = table->mask + 1; left > 0; left--, place = (place + 1) & table->mask) {
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&table->slots[place], &found, hash))
            return true;
        if (found == hash)
            return false;
    }
    return false;
}

/* Puts an empty table before `newest`, unless somebody was faster. */
static void grow(struct set *set, struct table *newest) {
    size_t slots = newest == NULL ? FIRST_SLOTS : 2 * (newest->mask + 1);
    struct table *table = memory_zalloc(sizeof *table + slots * sizeof table->slots[0]);
    if (table == NULL)
        return;
    table->older = newest;
    table->mask = slots - 1;
    if (!atomic_compare_exchange_strong(&set->newest, &newest, table))
        memory_free(table);
}

static bool is_crowded(const struct table *table) {
    return table == NULL || atomic_load_explicit(&table->taken, memory_order_relaxed) > (table->mask + 1) / 8 * 5;
}

/* In a read section. */
static void set_add(struct set *set, uint64_t hash) {
    struct table *newest = atomic_load(&set->newest);
    if (chain_has(newest, hash))
        return;
    if (is_crowded(newest)) {
        grow(set, newest);
        newest = atomic_load(&set->newest);
    }
    if (newest == NULL || !table_add(newest, hash))
        return;
    atomic_fetch_add_explicit(&newest->taken, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&set->count, 1, memory_order_relaxed);
}

static uint64_t slot_value(uint64_t hash) {
    return hash == 0 ? 1 : hash;
}

void active_note(struct active *active, uint64_t hash) {
    hash = slot_value(hash);
    read_section_begin();
    /* The sets are emptied at the same times, the day's most often. */
    if (!chain_has(atomic_load(&active->sets[ACTIVE_DAY].newest), hash))
        for (int period = 0; period < ACTIVE_PERIOD_COUNT; period++)
            set_add(&active->sets[period], hash);
    read_section_end();
}

void active_restore(struct active *active, enum active_period period, uint64_t hash) {
    read_section_begin();
    set_add(&active->sets[period], slot_value(hash));
    read_section_end();
}

uint64_t active_count(const struct active *active, enum active_period period) {
    return atomic_load_explicit(&active->sets[period].count, memory_order_relaxed);
}

static void reclaim_table(struct reclaim *reclaim) {
    memory_free((char *)reclaim - offsetof(struct table, reclaim));
}

uint64_t active_take(struct active *active, enum active_period period) {
    struct set *set = &active->sets[period];
    struct table *table = atomic_exchange(&set->newest, NULL);
    uint64_t count = atomic_exchange(&set->count, 0);
    while (table != NULL) {
        struct table *older = table->older;
        reclaim_later(&table->reclaim, reclaim_table);
        table = older;
    }
    return count;
}

void active_each(const struct active *active, enum active_period period, void (*visit)(void *context, uint64_t hash),
                 void *context) {
    const struct table *table = atomic_load(&active->sets[period].newest);
    for (; table != NULL; table = table->older)
        for (size_t place = 0; place <= table->mask; place++) {
            uint64_t hash = atomic_load_explicit(&table->slots[place], memory_order_relaxed);
            if (hash != 0)
                visit(context, hash);
        }
}
