/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications that wait for delivery. */
#include "store_fixture.h"

static struct queue_reference create_with_notifier(struct fixture *fixture, const char *name) {
    struct queue_record record = make_record(fixture, name, name, 'M');
    struct queue_reference queue = {0};
    record.notifier = (struct queue_notifier){.id = text(name), .key = text("k"), .dh_secret = fixture->secret};
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &queue.number), SMQ_OK);
    return queue;
}

static uint64_t append(struct fixture *fixture, struct queue_reference queue, const char *bytes, int64_t second) {
    uint64_t sequence;
    assert_int_equal(ntf_store_append(fixture->txn, queue.number, second, text(bytes), &sequence), SMQ_OK);
    return sequence;
}

static void test_notifications_come_oldest_first_and_stay_until_deleted(void **state) {
    struct fixture *fixture = *state;
    struct ntf_view view;
    uint64_t deleted;
    write_begin(fixture);
    struct queue_reference queue = create_with_notifier(fixture, "1");
    struct queue_reference other = create_with_notifier(fixture, "2");
    uint64_t first = append(fixture, queue, "one", 10);
    uint64_t second = append(fixture, queue, "two", 11);
    append(fixture, other, "other", 12);
    uint64_t third = append(fixture, queue, "", 13);
    write_commit(fixture);
    fixture_reopen(fixture);
    read_begin(fixture);
    assert_int_equal(ntf_store_next(fixture->txn, queue.number, 0, &view), SMQ_OK);
    assert_int_equal(view.sequence, first);
    assert_int_equal(view.timestamp, 10);
    assert_slice(view.bytes, "one");
    assert_int_equal(ntf_store_next(fixture->txn, queue.number, first, &view), SMQ_OK);
    assert_slice(view.bytes, "two");
    assert_int_equal(ntf_store_next(fixture->txn, queue.number, second, &view), SMQ_OK);
    assert_slice(view.bytes, "");
    assert_int_equal(ntf_store_next(fixture->txn, queue.number, third, &view), SMQ_ERR_EMPTY);
    read_end(fixture);
    write_begin(fixture);
    assert_int_equal(ntf_store_delete_through(fixture->txn, queue.number, second, &deleted), SMQ_OK);
    assert_int_equal(deleted, 2);
    assert_int_equal(ntf_store_delete_through(fixture->txn, queue.number, second, &deleted), SMQ_OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(totals_of(fixture).notifications, 2);
    assert_int_equal(ntf_store_delete_through(fixture->txn, queue.number, UINT64_MAX, &deleted), SMQ_OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(ntf_store_delete_through(fixture->txn, 99, UINT64_MAX, &deleted), SMQ_OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(totals_of(fixture).notifications, 1);
    write_commit(fixture);
}

static void test_queues_with_notifications_are_listed(void **state) {
    struct fixture *fixture = *state;
    uint64_t number;
    write_begin(fixture);
    struct queue_reference first = create_with_notifier(fixture, "1");
    create_with_notifier(fixture, "2");
    struct queue_reference third = create_with_notifier(fixture, "3");
    assert_int_equal(ntf_store_next_queue(fixture->txn, 0, &number), SMQ_ERR_EMPTY);
    append(fixture, third, "x", 1);
    append(fixture, first, "x", 1);
    append(fixture, first, "x", 1);
    assert_int_equal(ntf_store_next_queue(fixture->txn, 0, &number), SMQ_OK);
    assert_int_equal(number, first.number);
    assert_int_equal(ntf_store_next_queue(fixture->txn, number, &number), SMQ_OK);
    assert_int_equal(number, third.number);
    assert_int_equal(ntf_store_next_queue(fixture->txn, number, &number), SMQ_ERR_EMPTY);
    write_commit(fixture);
}

static void test_notifications_need_a_notifier(void **state) {
    struct fixture *fixture = *state;
    uint64_t sequence;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(ntf_store_append(fixture->txn, queue.number, 1, text("x"), &sequence), SMQ_ERR_NOT_FOUND);
    assert_int_equal(ntf_store_append(fixture->txn, 99, 1, text("x"), &sequence), SMQ_ERR_NOT_FOUND);
    write_commit(fixture);
    read_begin(fixture);
    assert_int_equal(ntf_store_append(fixture->txn, queue.number, 1, text("x"), &sequence), SMQ_ERR_INVALID);
    read_end(fixture);
}

static void test_old_notifications_expire(void **state) {
    struct fixture *fixture = *state;
    struct ntf_expired expired;
    struct ntf_view view;
    write_begin(fixture);
    struct queue_reference first = create_with_notifier(fixture, "1");
    struct queue_reference second = create_with_notifier(fixture, "2");
    append(fixture, first, "old", 10);
    append(fixture, first, "new", 20);
    append(fixture, second, "old", 10);
    assert_int_equal(ntf_store_expire(fixture->txn, &(struct store_expiry){20, UINT64_MAX, 1, 10}, &expired), SMQ_OK);
    assert_int_equal(expired.notifications, 1);
    assert_true(expired.more);
    assert_int_equal(ntf_store_expire(fixture->txn, &(struct store_expiry){20, UINT64_MAX, 10, 10}, &expired), SMQ_OK);
    assert_int_equal(expired.queues, 1);
    assert_int_equal(expired.notifications, 1);
    assert_false(expired.more);
    assert_int_equal(ntf_store_next(fixture->txn, first.number, 0, &view), SMQ_OK);
    assert_slice(view.bytes, "new");
    assert_int_equal(ntf_store_next(fixture->txn, second.number, 0, &view), SMQ_ERR_EMPTY);
    assert_int_equal(totals_of(fixture).notifications, 1);
    write_commit(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_notifications_come_oldest_first_and_stay_until_deleted),
        STORE_TEST(test_queues_with_notifications_are_listed),
        STORE_TEST(test_notifications_need_a_notifier),
        STORE_TEST(test_old_notifications_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
