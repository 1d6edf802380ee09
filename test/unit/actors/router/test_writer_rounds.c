/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What one commit takes of those who ask: in rounds by cost, each one's in order, what was refused before first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/router/writer.h"
#include "actors/router/writer_rounds.h"
#include "queues/base/memory.h"

enum { STORM = 100, EACH = 300 };

struct item {
    struct writer_request request; /* first */
    unsigned number;
};

static struct writer_rounds rounds;
static struct writer_source sources[STORM + 1];
static struct item *items;
static unsigned item_count;

static int setup(void **state) {
    (void)state;
    items = memory_zalloc((size_t)(STORM + 1) * EACH * sizeof *items);
    assert_non_null(items);
    rounds = (struct writer_rounds){0};
    for (unsigned i = 0; i <= STORM; i++)
        sources[i] = (struct writer_source){0};
    item_count = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    memory_free(items);
    return 0;
}

static struct item *ask(unsigned source, size_t bytes, uint32_t more_cost_us) {
    struct item *item = &items[item_count];
    item->number = item_count++;
    item->request.source = &sources[source];
    item->request.operation.bytes = bytes;
    item->request.more_cost_us = more_cost_us;
    writer_rounds_add(&rounds, &item->request);
    return item;
}

static struct item *item_of(struct store_operation *operation) {
    return (struct item *)(void *)writer_request_of(operation);
}

static struct store_batch gather(void) {
    struct store_batch batch = {0};
    writer_rounds_gather(&rounds, &batch);
    return batch;
}

static bool has(const struct store_batch *batch, const struct item *item) {
    for (struct store_operation *operation = batch->first; operation != NULL; operation = operation->next)
        if (item_of(operation) == item)
            return true;
    return false;
}

static void storm(uint32_t more_cost_us) {
    for (unsigned i = 0; i < EACH; i++)
        for (unsigned source = 0; source < STORM; source++)
            (void)ask(source, 100, more_cost_us);
}

static void test_newcomer_is_in_the_next_commit_whatever_others_ask_for(void **state) {
    (void)state;
    storm(75);
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned commit = 0; commit < 5; commit++)
            (void)gather();
        const struct item *honest = ask(STORM, 1000, 0);
        struct store_batch batch = gather();
        if (!has(&batch, honest)) { /* its quantum was used up: a round later */
            unsigned commits = 1;
            do {
                batch = gather();
                commits++;
            } while (!has(&batch, honest));
            assert_in_range(commits, 2, 4);
        }
    }
}

static void test_a_commit_is_bounded_in_count_cost_and_bytes(void **state) {
    (void)state;
    for (unsigned i = 0; i < EACH; i++)
        (void)ask(0, 0, 0);
    struct store_batch batch = gather();
    assert_int_equal(256, batch.count);
    batch = gather();
    assert_int_equal(EACH - 256, batch.count);
    for (unsigned i = 0; i < EACH; i++)
        (void)ask(1, 0, 975);
    batch = gather();
    assert_int_equal(10, batch.count);
    while (rounds.count > 0)
        (void)gather();
    (void)ask(2, 3 << 20, 0);
    (void)ask(3, 3 << 20, 0);
    (void)ask(4, 100, 0);
    assert_true(writer_rounds_fill_a_commit(&rounds));
    batch = gather();
    assert_in_range(batch.count, 1, 2);
    assert_int_equal(3, batch.count + gather().count + gather().count);
    assert_int_equal(0, rounds.count);
    assert_int_equal(0, rounds.bytes);
}

static void test_full_bodies_of_many_share_a_commit(void **state) {
    (void)state;
    enum { SENDERS = 100, BODY = 16384 };
    for (unsigned i = 0; i < SENDERS; i++)
        (void)ask(i, BODY, 0);
    struct store_batch batch = gather();
    assert_int_equal(SENDERS, batch.count);
}

static void test_what_one_asks_for_keeps_its_order(void **state) {
    (void)state;
    unsigned last[STORM] = {0};
    storm(0);
    unsigned taken = 0;
    while (rounds.count > 0) {
        struct store_batch batch = gather();
        for (struct store_operation *operation = batch.first; operation != NULL; operation = operation->next) {
            const struct item *item = item_of(operation);
            unsigned source = (unsigned)(item->request.source - sources);
            assert_true(taken == 0 || item->number >= last[source]);
            last[source] = item->number;
            taken++;
        }
    }
    assert_int_equal(STORM * EACH, taken);
}

static void test_what_was_refused_before_goes_first(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        (void)ask(0, 0, 0);
    struct item *first = ask(1, 0, 0);
    struct item *second = ask(1, 0, 0);
    first->request.again = second->request.again = true;
    struct store_batch batch = gather();
    assert_int_equal(5, batch.count);
    assert_ptr_equal(first, item_of(batch.first));
    assert_ptr_equal(second, item_of(batch.first->next));
    assert_null(batch.last->next);
}

static void test_all_that_waits_can_be_given_back(void **state) {
    (void)state;
    unsigned taken = 0;
    storm(0);
    (void)gather();
    size_t waiting = rounds.count;
    while (writer_rounds_take(&rounds) != NULL)
        taken++;
    assert_int_equal(waiting, taken);
    assert_int_equal(0, rounds.count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_newcomer_is_in_the_next_commit_whatever_others_ask_for),
        TEST(test_a_commit_is_bounded_in_count_cost_and_bytes),
        TEST(test_full_bodies_of_many_share_a_commit),
        TEST(test_what_one_asks_for_keeps_its_order),
        TEST(test_what_was_refused_before_goes_first),
        TEST(test_all_that_waits_can_be_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
