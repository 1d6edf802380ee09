/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service tables: finding, removing, and growing with and without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/smp/service_table.h"
#include "queues/base/fault.h"
#include "queues/base/random.h"

enum { COUNT = 1000 };

static struct service_table table;
static struct service_node nodes[COUNT];

static int setup(void **state) {
    (void)state;
    memset(nodes, 0, sizeof nodes);
    for (size_t i = 0; i < COUNT; i++)
        random_bytes(nodes[i].id, sizeof nodes[i].id);
    return service_table_init(&table) == SMQ_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    service_table_finish(&table);
    return 0;
}

static struct slice id_of(size_t i) {
    return slice_of(nodes[i].id, sizeof nodes[i].id);
}

static void check_all(size_t from) {
    assert_int_equal(COUNT - from, table.count);
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(i < from ? NULL : &nodes[i], service_table_find(&table, id_of(i)));
}

static void test_what_was_inserted_is_found_until_it_is_removed(void **state) {
    (void)state;
    assert_null(service_table_any(&table));
    for (size_t i = 0; i < COUNT; i++)
        service_table_insert(&table, &nodes[i]);
    assert_true(table.bucket_count >= COUNT);
    check_all(0);
    for (size_t i = 0; i < COUNT / 2; i++)
        service_table_remove(&table, &nodes[i]);
    check_all(COUNT / 2);
    struct service_node *node;
    while ((node = service_table_any(&table)) != NULL)
        service_table_remove(&table, node);
    check_all(COUNT);
}

static void test_ids_of_another_size_are_not_found(void **state) {
    (void)state;
    service_table_insert(&table, &nodes[0]);
    assert_null(service_table_find(&table, slice_of(nodes[0].id, sizeof nodes[0].id - 1)));
    assert_null(service_table_find(&table, slice_of(NULL, 0)));
}

static void test_table_that_cannot_grow_still_finds_everything(void **state) {
    (void)state;
    size_t buckets = table.bucket_count;
    fault_arm(FAULT_POINT_memory_alloc, 0, UINT64_MAX);
    for (size_t i = 0; i < COUNT; i++)
        service_table_insert(&table, &nodes[i]);
    fault_disarm_all();
    assert_int_equal(buckets, table.bucket_count);
    check_all(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_inserted_is_found_until_it_is_removed),
        TEST(test_ids_of_another_size_are_not_found),
        TEST(test_table_that_cannot_grow_still_finds_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
