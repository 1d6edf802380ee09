/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rings: order, removal anywhere, and what an all-zero head and node are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/ring.h"

enum { COUNT = 5 };

static void check(const struct ring *head, struct ring *const expected[], size_t count) {
    const struct ring *node = ring_first(head);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(expected[i], node);
        assert_true(ring_is_member(node));
        node = ring_next(head, node);
    }
    assert_null(node);
    assert_int_equal(count == 0, ring_is_empty(head));
}

static void test_zeroed_head_is_empty_and_zeroed_node_is_no_member(void **state) {
    (void)state;
    struct ring head = {0};
    struct ring node = {0};
    check(&head, NULL, 0);
    assert_false(ring_is_member(&node));
}

static void test_nodes_come_in_the_order_in_which_they_were_added(void **state) {
    (void)state;
    struct ring head = {0};
    struct ring nodes[COUNT] = {0};
    struct ring *expected[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        ring_append(&head, &nodes[i]);
        expected[i] = &nodes[i];
        check(&head, expected, i + 1);
    }
}

static void test_any_node_can_be_removed_and_added_again(void **state) {
    (void)state;
    struct ring head = {0};
    struct ring nodes[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++)
        ring_append(&head, &nodes[i]);
    ring_remove(&nodes[2]);
    ring_remove(&nodes[0]);
    ring_remove(&nodes[4]);
    assert_false(ring_is_member(&nodes[2]));
    check(&head, (struct ring *const[]){&nodes[1], &nodes[3]}, 2);
    ring_append(&head, &nodes[0]);
    ring_remove(&nodes[1]);
    check(&head, (struct ring *const[]){&nodes[3], &nodes[0]}, 2);
    ring_remove(&nodes[3]);
    ring_remove(&nodes[0]);
    check(&head, NULL, 0);
    ring_append(&head, &nodes[2]);
    check(&head, (struct ring *const[]){&nodes[2]}, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_head_is_empty_and_zeroed_node_is_no_member),
        cmocka_unit_test(test_nodes_come_in_the_order_in_which_they_were_added),
        cmocka_unit_test(test_any_node_can_be_removed_and_added_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
