/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the check of a store finds: counters that are wrong, and what belongs to no queue. */
#include "store_fixture.h"

#include "stores/smp/purge.h"
#include "stores/smp/queue_list.h"
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

/* In place of what queue 2 has. */
static void put_state(struct fixture *fixture, const struct list_state *list_state) {
    struct list_state state = *list_state;
    write_begin(fixture);
    list_state_put(fixture->txn, &message_list, 2, &state);
    write_commit(fixture);
}

static void test_a_message_more_than_is_counted_is_found(void **state) {
    struct fixture *fixture = *state;
    struct list_state stored;
    fill(fixture);
    assert_int_equal(list_state_get(read_begin(fixture), &message_list, 2, &stored), SMQ_OK);
    read_end(fixture);
    struct list_state counts_less = stored;
    counts_less.count = 1;
    put_state(fixture, &counts_less);
    expect_fault(fixture, "queue 2: 1 messages are counted, 2 are there\n");
    put_state(fixture, &stored);
    expect_whole(fixture);
}

static void test_messages_that_no_list_holds_are_found(void **state) {
    struct fixture *fixture = *state;
    struct list_state stored;
    fill(fixture);
    assert_int_equal(list_state_get(read_begin(fixture), &message_list, 2, &stored), SMQ_OK);
    read_end(fixture);
    struct list_state begins_later = stored;
    begins_later.first++;
    put_state(fixture, &begins_later);
    assert_true(faults(fixture) > 0);
    assert_non_null(strstr(told, "queue 2: 2 messages are counted, 1 are there\n"));
    assert_non_null(strstr(told, "queue 2 is not there, or has no messages, but there are some\n"));
    write_begin(fixture);
    assert_int_equal(list_drop(fixture->txn, &message_list, 2), 2);
    write_commit(fixture);
    expect_fault(fixture, "queue 2 is not there, or has no messages, but there are some\n");
}

/* Whole before a step, between steps, and after them. */
static void test_what_waits_for_the_purge_is_no_fault(void **state) {
    struct fixture *fixture = *state;
    struct queue_deleted deleted;
    fill(fixture);
    write_begin(fixture);
    assert_int_equal(queue_store_delete(fixture->txn, refer(fixture, 1), &deleted), SMQ_OK);
    write_commit(fixture);
    expect_whole(fixture);
    for (bool more = true; more;) {
        write_begin(fixture);
        fixture->txn->removed_parts = STORE_REMOVED_PARTS; /* as little as a step may do */
        more = purge_step(fixture->txn);
        write_commit(fixture);
        expect_whole(fixture);
    }
}

static void test_a_purge_of_what_was_not_deleted_is_found(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        uint64_t number;
        uint64_t through;
        const char *fault;
    } rows[] = {{2, PURGE_QUEUE, "queue 2: what is to be removed of it is not what was deleted\n"},
                {7, 1, "queue 7: what is to be removed of it is not what was deleted\n"}};
    fill(fixture);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct number_key key = number_key(rows[i].number);
        write_begin(fixture);
        purge_add(fixture->txn, rows[i].number, rows[i].through);
        write_commit(fixture);
        expect_fault(fixture, rows[i].fault);
        write_begin(fixture);
        assert_true(lmdb_remove_key(fixture->txn->lmdb, TABLE_PURGE, KEY_SLICE(key)));
        write_commit(fixture);
    }
    struct number_key key = number_key(7);
    put(fixture, TABLE_PURGE, KEY_SLICE(key));
    expect_fault(fixture, "what is to be removed cannot be read\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_whole_store_has_no_faults),
        STORE_TEST(test_what_belongs_to_a_queue_that_is_gone_is_found),
        STORE_TEST(test_link_data_of_a_queue_without_a_link_is_found),
        STORE_TEST(test_parts_of_nothing_are_found),
        STORE_TEST(test_a_message_more_than_is_counted_is_found),
        STORE_TEST(test_messages_that_no_list_holds_are_found),
        STORE_TEST(test_what_waits_for_the_purge_is_no_fault),
        STORE_TEST(test_a_purge_of_what_was_not_deleted_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
