/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Threads that insert, find, remove and walk over few keys: inserted = removed + present, one object a key, and nothing
 * is used after it was reclaimed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/map.h"
#include "test/stress/stress.h"

enum { WORKERS = 4, KEYS_SMALL = 200, KEYS_LARGE = 50000, HOLD = 16 };
#define ALIVE UINT64_C(0x0123456789abcdef)
#define DEAD  UINT64_C(0xdeaddeaddeaddead)

struct item {
    uint64_t state;
    struct map_node node;
    _Atomic int references;
    uint32_t key;
    uint64_t payload; /* key * 3 */
};

static _Atomic int64_t live_items;

static struct item *item_of(struct map_node *node) {
    return caa_container_of(node, struct item, node);
}

static struct slice key_of(const struct map_node *node) {
    const struct item *item = caa_container_of(node, const struct item, node);
    CHECK(item->state == ALIVE);
    return slice_of(&item->key, sizeof(item->key));
}

static bool try_reference(struct map_node *node) {
    int references = atomic_load(&item_of(node)->references);
    do {
        /* The map's own reference lasts as long as the node can be found. */
        CHECK(references > 0);
    } while (!atomic_compare_exchange_weak(&item_of(node)->references, &references, references + 1));
    return true;
}

static void release(struct map_node *node) {
    struct item *item = item_of(node);
    CHECK(item->state == ALIVE);
    if (atomic_fetch_sub(&item->references, 1) > 1)
        return;
    item->state = DEAD;
    memory_free(item);
    atomic_fetch_sub(&live_items, 1);
}

struct worker {
    struct map *map;
    uint32_t keys;
    uint64_t seed;
    uint64_t end_ms;
    uint64_t inserted;
    uint64_t present_already;
    uint64_t removed;
    uint64_t found;
    uint64_t walked;
    struct item *held[HOLD];
};

static void check_item(const struct item *item) {
    CHECK(item->state == ALIVE && item->payload == (uint64_t)item->key * 3);
}

static void insert(struct worker *worker, uint32_t key) {
    struct item *item = memory_zalloc(sizeof(*item));
    CHECK(item != NULL);
    item->key = key;
    item->payload = (uint64_t)key * 3;
    item->references = 1;
    item->state = ALIVE;
    atomic_fetch_add(&live_items, 1);
    struct map_node *found = NULL;
    enum smq_result result = map_insert_or_find(worker->map, &item->node, &found);
    if (result == SMQ_OK) {
        worker->inserted++;
        return;
    }
    CHECK(result == SMQ_ERR_EXISTS);
    worker->present_already++;
    CHECK(item_of(found)->key == key);
    release(found);
    release(&item->node);
}

/* Keeps a found item for a while, and looks at it again when it is let go. */
static void find_and_hold(struct worker *worker, uint32_t key) {
    struct item **place = &worker->held[stress_random(&worker->seed) % HOLD];
    if (*place != NULL) {
        check_item(*place);
        if (stress_random(&worker->seed) % 2 == 0)
            worker->removed += map_remove(worker->map, &(*place)->node);
        release(&(*place)->node);
    }
    struct map_node *node = map_find(worker->map, slice_of(&key, sizeof(key)));
    *place = node != NULL ? item_of(node) : NULL;
    if (*place == NULL)
        return;
    worker->found++;
    CHECK((*place)->key == key);
    check_item(*place);
}

static bool visit(void *context, struct map_node *node) {
    struct worker *worker = context;
    check_item(item_of(node));
    worker->walked++;
    return stress_random(&worker->seed) % 5000 != 0;
}

static void work(void *argument) {
    struct worker *worker = argument;
    for (uint64_t step = 0; step % 64 != 0 || clock_monotonic_ms() < worker->end_ms; step++) {
        uint32_t key = stress_random(&worker->seed) % worker->keys;
        uint32_t action = stress_random(&worker->seed) % 100;
        if (action < 40)
            insert(worker, key);
        else if (action < 60)
            worker->removed += map_remove_key(worker->map, slice_of(&key, sizeof(key)));
        else
            find_and_hold(worker, key);
        if (step % 4096 == 0)
            map_each(worker->map, visit, worker);
    }
    for (int i = 0; i < HOLD; i++)
        if (worker->held[i] != NULL)
            release(&worker->held[i]->node);
}

static bool count_present(void *context, struct map_node *node) {
    check_item(item_of(node));
    (*(uint64_t *)context)++;
    return true;
}

static void run(uint32_t keys, uint64_t duration_ms) {
    const struct map_options options = {.key = key_of, .try_reference = try_reference, .release = release};
    struct map *map = NULL;
    struct thread *threads[WORKERS];
    static struct worker workers[WORKERS];
    assert_int_equal(map_create(&options, &map), SMQ_OK);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] =
            (struct worker){.map = map, .keys = keys, .seed = keys + i, .end_ms = clock_monotonic_ms() + duration_ms};
        assert_int_equal(thread_create(&threads[i], "worker", work, &workers[i]), SMQ_OK);
    }
    struct worker sum = {.map = map};
    for (int i = 0; i < WORKERS; i++) {
        thread_join(&threads[i]);
        sum.inserted += workers[i].inserted;
        sum.removed += workers[i].removed;
        sum.found += workers[i].found;
        sum.walked += workers[i].walked;
    }
    uint64_t present = 0;
    map_each(map, count_present, &present);
    assert_int_equal(sum.inserted, sum.removed + present);
    assert_int_equal(map_count(map), present);
    assert_true(present <= keys);
    reclaim_barrier();
    assert_int_equal(live_items, present);
    map_destroy(&map);
    assert_int_equal(live_items, 0);
    printf("map: %u keys: %llu inserted = %llu removed + %llu present; %llu found, %llu walked over, none used after "
           "reclaim; all "
           "freed\n",
           keys, (unsigned long long)sum.inserted, (unsigned long long)sum.removed, (unsigned long long)present,
           (unsigned long long)sum.found, (unsigned long long)sum.walked);
}

static void test_few_keys_are_fought_over(void **state) {
    (void)state;
    run(KEYS_SMALL, stress_ms(1, 2));
}

static void test_table_grows_and_shrinks_under_load(void **state) {
    (void)state;
    run(KEYS_LARGE, stress_ms(1, 2));
}

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_keys_are_fought_over),
        cmocka_unit_test(test_table_grows_and_shrinks_under_load),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
