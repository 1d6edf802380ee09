/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Maps: keys, uniqueness, references, removal, walks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "queues/base/fault.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/map.h"

struct item {
    struct map_node node;
    _Atomic int references;
    uint32_t number;
    char key[24];
    size_t key_length;
};

static _Atomic int live_items;
static bool refuse_references;

static struct slice key_of(const struct map_node *node) {
    const struct item *item = caa_container_of(node, const struct item, node);
    return slice_of(item->key, item->key_length);
}

static bool try_reference(struct map_node *node) {
    if (refuse_references)
        return false;
    atomic_fetch_add(&caa_container_of(node, struct item, node)->references, 1);
    return true;
}

static void release(struct map_node *node) {
    struct item *item = caa_container_of(node, struct item, node);
    if (atomic_fetch_sub(&item->references, 1) == 1) {
        memory_free(item);
        atomic_fetch_sub(&live_items, 1);
    }
}

static const struct map_options counted = {.key = key_of, .try_reference = try_reference, .release = release};

static struct item *new_item(uint32_t number) {
    struct item *item = memory_zalloc(sizeof(*item));
    assert_non_null(item);
    item->references = 1;
    item->number = number;
    memcpy(item->key, &number, sizeof(number));
    item->key_length = sizeof(number);
    atomic_fetch_add(&live_items, 1);
    return item;
}

static struct map *make(void) {
    struct map *map = NULL;
    assert_int_equal(live_items, 0);
    assert_int_equal(map_create(&counted, &map), SMQ_OK);
    return map;
}

static void insert(struct map *map, uint32_t number) {
    assert_int_equal(map_insert(map, &new_item(number)->node), SMQ_OK);
}

static struct item *find(struct map *map, uint32_t number) {
    struct map_node *node = map_find(map, slice_of(&number, sizeof(number)));
    return node != NULL ? caa_container_of(node, struct item, node) : NULL;
}

static void test_objects_are_found_by_key_and_referenced(void **state) {
    (void)state;
    struct map *map = make();
    insert(map, 1);
    insert(map, 2);
    struct item *item = find(map, 2);
    assert_non_null(item);
    assert_int_equal(item->number, 2);
    assert_int_equal(item->references, 2);
    assert_null(find(map, 3));
    assert_int_equal(map_count(map), 2);
    release(&item->node);
    map_destroy(&map);
    assert_null(map);
    assert_int_equal(live_items, 0);
}

static void test_keys_of_other_lengths_differ(void **state) {
    (void)state;
    struct map *map = make();
    const char key[8] = {0};
    for (size_t length = 0; length <= sizeof(key); length++) {
        struct item *item = new_item((uint32_t)length);
        memcpy(item->key, key, length);
        item->key_length = length;
        assert_int_equal(map_insert(map, &item->node), SMQ_OK);
    }
    for (size_t length = 0; length <= sizeof(key); length++) {
        struct map_node *node = map_find(map, slice_of(length > 0 ? key : NULL, length));
        assert_non_null(node);
        assert_int_equal(caa_container_of(node, struct item, node)->number, length);
        release(node);
    }
    map_destroy(&map);
    assert_int_equal(live_items, 0);
}

static void test_second_object_with_a_key_is_refused(void **state) {
    (void)state;
    struct map *map = make();
    insert(map, 1);
    struct item *second = new_item(1);
    assert_int_equal(map_insert(map, &second->node), SMQ_ERR_EXISTS);
    struct map_node *found = NULL;
    assert_int_equal(map_insert_or_find(map, &second->node, &found), SMQ_ERR_EXISTS);
    assert_non_null(found);
    assert_ptr_not_equal(found, &second->node);
    release(found);
    refuse_references = true;
    assert_int_equal(map_insert_or_find(map, &second->node, &found), SMQ_ERR_AGAIN);
    assert_null(find(map, 1));
    refuse_references = false;
    release(&second->node);
    assert_int_equal(map_count(map), 1);
    map_destroy(&map);
    assert_int_equal(live_items, 0);
}

static void test_insert_or_find_inserts_a_new_key(void **state) {
    (void)state;
    struct map *map = make();
    struct map_node *found = NULL;
    assert_int_equal(map_insert_or_find(map, &new_item(1)->node, &found), SMQ_OK);
    assert_null(found);
    map_destroy(&map);
    assert_int_equal(live_items, 0);
}

static void test_only_one_removal_wins_and_releases(void **state) {
    (void)state;
    struct map *map = make();
    insert(map, 1);
    struct item *item = find(map, 1);
    assert_true(map_remove(map, &item->node));
    assert_false(map_remove(map, &item->node));
    uint32_t number = 1;
    assert_false(map_remove_key(map, slice_of(&number, sizeof(number))));
    assert_null(find(map, 1));
    assert_int_equal(map_count(map), 0);
    reclaim_barrier();
    assert_int_equal(item->references, 1);
    release(&item->node);
    assert_int_equal(live_items, 0);
    insert(map, 1);
    assert_true(map_remove_key(map, slice_of(&number, sizeof(number))));
    reclaim_barrier();
    assert_int_equal(live_items, 0);
    map_destroy(&map);
}

static void test_removed_object_stays_until_the_read_section_ends(void **state) {
    (void)state;
    struct map_options uncounted = counted;
    uncounted.try_reference = NULL;
    struct map *map = NULL;
    assert_int_equal(map_create(&uncounted, &map), SMQ_OK);
    insert(map, 1);
    read_section_begin();
    struct item *item = find(map, 1);
    assert_int_equal(item->references, 1);
    assert_true(map_remove(map, &item->node));
    assert_int_equal(item->number, 1);
    assert_int_equal(live_items, 1);
    read_section_end();
    reclaim_barrier();
    assert_int_equal(live_items, 0);
    map_destroy(&map);
}

enum { MANY = 5000 };

struct walk {
    struct map *map;
    uint8_t visits[MANY];
    size_t left;
    bool removes;
    bool removes_the_next;
};

static bool visit(void *context, struct map_node *node) {
    struct walk *walk = context;
    uint32_t number = caa_container_of(node, struct item, node)->number;
    assert_true(number < MANY);
    assert_false(read_section_is_open());
    walk->visits[number]++;
    if (walk->removes)
        assert_true(map_remove(walk->map, node));
    if (walk->removes_the_next) {
        uint32_t next = (number + 1) % MANY;
        map_remove_key(walk->map, slice_of(&next, sizeof(next)));
    }
    return --walk->left > 0;
}

static void test_walk_visits_all_exactly_once(void **state) {
    (void)state;
    static struct walk walk;
    walk = (struct walk){.map = make(), .left = SIZE_MAX};
    for (uint32_t i = 0; i < MANY; i++)
        insert(walk.map, i);
    map_each(walk.map, visit, &walk);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(walk.visits[i], 1);
    walk.left = 10;
    map_each(walk.map, visit, &walk);
    assert_int_equal(walk.left, 0);
    map_destroy(&walk.map);
    assert_int_equal(live_items, 0);
}

static void test_walk_may_remove_what_it_visits(void **state) {
    (void)state;
    static struct walk walk;
    walk = (struct walk){.map = make(), .left = SIZE_MAX, .removes = true};
    for (uint32_t i = 0; i < MANY; i++)
        insert(walk.map, i);
    map_each(walk.map, visit, &walk);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(walk.visits[i], 1);
    assert_int_equal(map_count(walk.map), 0);
    map_each(walk.map, visit, &walk);
    map_destroy(&walk.map);
    assert_int_equal(live_items, 0);
}

static void test_walk_survives_the_removal_of_others(void **state) {
    (void)state;
    static struct walk walk;
    walk = (struct walk){.map = make(), .left = SIZE_MAX, .removes_the_next = true};
    for (uint32_t i = 0; i < MANY; i++)
        insert(walk.map, i);
    map_each(walk.map, visit, &walk);
    for (uint32_t i = 0; i < MANY; i++) {
        struct item *item = find(walk.map, i);
        if (item == NULL)
            continue;
        assert_true(walk.visits[i] > 0);
        release(&item->node);
    }
    map_destroy(&walk.map);
    assert_int_equal(live_items, 0);
}

static void test_table_grows_and_is_destroyed_full(void **state) {
    (void)state;
    struct map *map = make();
    for (uint32_t i = 0; i < 100000; i++)
        insert(map, i);
    assert_int_equal(map_count(map), 100000);
    map_destroy(&map);
    assert_int_equal(live_items, 0);
}

#ifdef DEBUG_FAULTS
static void test_create_without_memory_is_an_error(void **state) {
    (void)state;
    struct map *map = NULL;
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(map_create(&counted, &map), SMQ_ERR_NO_MEMORY);
    fault_disarm_all();
    assert_null(map);
    map_destroy(&map);
}
#endif

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_found_by_key_and_referenced),
        cmocka_unit_test(test_keys_of_other_lengths_differ),
        cmocka_unit_test(test_second_object_with_a_key_is_refused),
        cmocka_unit_test(test_insert_or_find_inserts_a_new_key),
        cmocka_unit_test(test_only_one_removal_wins_and_releases),
        cmocka_unit_test(test_removed_object_stays_until_the_read_section_ends),
        cmocka_unit_test(test_walk_visits_all_exactly_once),
        cmocka_unit_test(test_walk_may_remove_what_it_visits),
        cmocka_unit_test(test_walk_survives_the_removal_of_others),
        cmocka_unit_test(test_table_grows_and_is_destroyed_full),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_create_without_memory_is_an_error),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
