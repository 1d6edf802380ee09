/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the check of a store finds: counters that are wrong, and what belongs to no queue. */
#include "store_fixture.h"

#include "stores/smp/store_check.h"

enum { BODY_SIZE = 10000 };

static uint8_t body[BODY_SIZE];
static char told[4096];

static void tell(void *context, const char *line) {
    (void)context;
    size_t length = strlen(told);
    (void)snprintf(told + length, sizeof told - length, "%s\n", line);
}

static uint64_t faults(struct fixture *fixture) {
    told[0] = '\0';
    uint64_t found = store_check(read_begin(fixture), tell, NULL);
    read_end(fixture);
    return found;
}

static void expect_whole(struct fixture *fixture) {
    uint64_t found = faults(fixture);
    assert_string_equal(told, "");
    assert_int_equal(found, 0);
}

static void expect_fault(struct fixture *fixture, const char *line) {
    assert_int_equal(faults(fixture), 1);
    assert_string_equal(told, line);
}

/* Two queues with link data in parts and two messages each. */
static void fill(struct fixture *fixture) {
    static const char *const names[2][3] = {{"r1", "s1", "l1"}, {"r2", "s2", "l2"}};
    struct queue_link_data link = {.fixed = text("fixed"), .user = slice_of(body, sizeof body)};
    struct msg_send send = {.id = text("m"), .timestamp = 1, .body = slice_of(body, sizeof body), .quota = 10};
    struct msg_sent sent;
    write_begin(fixture);
    for (size_t i = 0; i < 2; i++) {
        struct queue_reference queue = create_queue(fixture, names[i][0], names[i][1], 'C');
        assert_int_equal(queue_store_link_set(fixture->txn, queue, text(names[i][2]), &link), SMQ_OK);
        queue = refer(fixture, queue.number);
        assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
        assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
    }
    write_commit(fixture);
    expect_whole(fixture);
}

static void put(struct fixture *fixture, enum store_table table, struct slice key) {
    write_begin(fixture);
    assert_true(lmdb_put(fixture->txn->lmdb, table, key, slice_of(body, 100)));
    write_commit(fixture);
}

static void test_a_whole_store_has_no_faults(void **state) {
    struct fixture *fixture = *state;
    expect_whole(fixture);
    fill(fixture);
}

static void test_what_belongs_to_a_queue_that_is_gone_is_found(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        enum store_table table;
        const char *fault;
    } rows[] = {{TABLE_MESSAGES, "queue 7 is not there, or has no messages, but there are some\n"},
                {TABLE_NOTIFICATIONS, "queue 7 is not there, or has no notifications, but there are some\n"},
                {TABLE_LINK_DATA, "queue 7 is not there, or has no link data, but there are some\n"}};
    fill(fixture);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_key pair = pair_key(7, 1);
        struct number_key number = number_key(7);
        struct slice key = rows[i].table == TABLE_LINK_DATA ? KEY_SLICE(number) : KEY_SLICE(pair);
        put(fixture, rows[i].table, key);
        expect_fault(fixture, rows[i].fault);
        write_begin(fixture);
        assert_true(lmdb_remove_key(fixture->txn->lmdb, rows[i].table, key));
        write_commit(fixture);
    }
    expect_whole(fixture);
}

static void test_link_data_of_a_queue_without_a_link_is_found(void **state) {
    struct fixture *fixture = *state;
    fill(fixture);
    write_begin(fixture);
    assert_int_equal(queue_store_link_delete(fixture->txn, refer(fixture, 1)), SMQ_OK);
    write_commit(fixture);
    expect_whole(fixture);
    struct number_key number = number_key(1);
    put(fixture, TABLE_LINK_DATA, KEY_SLICE(number));
    expect_fault(fixture, "queue 1 is not there, or has no link data, but there are some\n");
}

static void test_parts_of_nothing_are_found(void **state) {
    struct fixture *fixture = *state;
    fill(fixture);
    struct number_key number = number_key(7);
    uint8_t key[sizeof number.bytes + 1];
    memcpy(key, number.bytes, sizeof number.bytes);
    key[sizeof number.bytes] = 1;
    put(fixture, TABLE_LINK_DATA, slice_of(key, sizeof key));
    expect_fault(fixture, "after queue 2: a part of link data that belongs to nothing\n");
}

static void test_a_message_more_than_is_counted_is_found(void **state) {
    struct fixture *fixture = *state;
    fill(fixture);
    struct pair_key key = pair_key(2, 0);
    write_begin(fixture);
    assert_true(lmdb_remove_key(fixture->txn->lmdb, TABLE_MESSAGES, KEY_SLICE(key)));
    write_commit(fixture);
    assert_true(faults(fixture) > 0);
    assert_non_null(strstr(told, "queue 2: 0 messages are counted, 2 are there\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_whole_store_has_no_faults),
        STORE_TEST(test_what_belongs_to_a_queue_that_is_gone_is_found),
        STORE_TEST(test_link_data_of_a_queue_without_a_link_is_found),
        STORE_TEST(test_parts_of_nothing_are_found),
        STORE_TEST(test_a_message_more_than_is_counted_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
