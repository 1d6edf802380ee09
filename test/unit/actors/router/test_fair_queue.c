/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Deficit round robin: equal shares by cost, and newcomers first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/router/fair_queue.h"

/* Serves the next member with pieces of its cost until its quantum is used up. */
static unsigned serve(struct fair_queue *queue, struct fair_member *members, const uint32_t *costs, uint64_t *used) {
    struct fair_member *member = fair_queue_take(queue);
    unsigned index = (unsigned)(member - members);
    do
        used[index] += costs[index];
    while (fair_member_pay(member, costs[index]));
    fair_queue_put_back(queue, member);
    return index;
}

static void test_members_get_equal_shares_whatever_their_pieces_cost(void **state) {
    (void)state;
    enum { COUNT = 4, ROUNDS = 4000 };
    static const uint32_t costs[COUNT] = {5, 90, 260, 76000};
    struct fair_queue queue = {0};
    struct fair_member members[COUNT] = {0};
    uint64_t used[COUNT] = {0};
    for (unsigned i = 0; i < COUNT; i++)
        fair_queue_add(&queue, &members[i]);
    for (unsigned i = 0; i < ROUNDS; i++)
        serve(&queue, members, costs, used);
    for (unsigned i = 1; i < COUNT; i++)
        assert_in_range(used[i], used[0] - 2 * costs[3], used[0] + 2 * costs[3]);
}

static void test_who_comes_with_a_quantum_goes_before_those_in_debt(void **state) {
    (void)state;
    enum { COUNT = 33 };
    uint32_t costs[COUNT];
    struct fair_queue queue = {0};
    struct fair_member members[COUNT] = {0};
    uint64_t used[COUNT] = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        costs[i] = 2600;
        if (i + 1 < COUNT)
            fair_queue_add(&queue, &members[i]);
    }
    for (unsigned i = 0; i < 100; i++)
        serve(&queue, members, costs, used);
    fair_queue_add(&queue, &members[COUNT - 1]);
    fair_queue_add(&queue, &members[COUNT - 1]);
    assert_int_equal(COUNT - 1, serve(&queue, members, costs, used));
    assert_int_not_equal(COUNT - 1, serve(&queue, members, costs, used));
}

static void test_debt_outlives_an_idle_time(void **state) {
    (void)state;
    struct fair_queue queue = {0};
    struct fair_member members[2] = {0};
    fair_queue_add(&queue, &members[0]);
    assert_ptr_equal(&members[0], fair_queue_take(&queue));
    assert_false(fair_member_pay(&members[0], 10 * FAIR_QUANTUM_US));
    assert_true(fair_queue_is_empty(&queue));
    fair_queue_add(&queue, &members[0]);
    fair_queue_add(&queue, &members[1]);
    assert_ptr_equal(&members[1], fair_queue_take(&queue));
    assert_ptr_equal(&members[0], fair_queue_take(&queue));
    assert_null(fair_queue_take(&queue));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_get_equal_shares_whatever_their_pieces_cost),
        cmocka_unit_test(test_who_comes_with_a_quantum_goes_before_those_in_debt),
        cmocka_unit_test(test_debt_outlives_an_idle_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
