/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sending under a quota, acknowledging, expiring. Each test is a row or two of the protocol's tables. */
#include "store_fixture.h"

enum { QUOTA = 3 };

static struct msg_sent send_with(struct fixture *fixture, struct queue_reference queue, const char *id,
                                 struct msg_send send) {
    struct msg_sent sent;
    send.id = text(id);
    send.body = text(id);
    if (send.quota == 0)
        send.quota = QUOTA;
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
    return sent;
}

static struct msg_sent send_at(struct fixture *fixture, struct queue_reference queue, const char *id, int64_t second) {
    return send_with(fixture, queue, id, (struct msg_send){.timestamp = second});
}

static struct msg_acknowledged acknowledge(struct fixture *fixture, struct queue_reference queue, const char *id) {
    struct msg_acknowledged acknowledged;
    assert_int_equal(msg_store_acknowledge(fixture->txn, queue, text(id), &acknowledged), SMQ_OK);
    return acknowledged;
}

static void assert_state(struct fixture *fixture, struct queue_reference queue, uint32_t count, bool can_write) {
    struct msg_state state;
    assert_int_equal(msg_store_state(fixture->txn, queue.number, &state), SMQ_OK);
    assert_int_equal(state.count, count);
    assert_int_equal(state.can_write, can_write);
    assert_int_equal(totals_of(fixture).messages, count);
}

static size_t table_size(struct fixture *fixture, unsigned table) {
    struct slice key;
    size_t count = 0;
    bool found = lmdb_seek(fixture->txn->lmdb, table, slice_of("\0", 1), &key, NULL);
    for (; found; found = lmdb_next(fixture->txn->lmdb, table, &key, NULL))
        count++;
    return count;
}

static void test_a_sent_message_is_read_as_sent(void **state) {
    struct fixture *fixture = *state;
    static uint8_t body[16088];
    struct msg_view view;
    struct msg_sent sent;
    memset(body, 0xab, sizeof body);
    struct msg_send send = {
        .id = text("id1"), .timestamp = 1234, .notify = true, .body = slice_of(body, sizeof body), .quota = QUOTA};
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_ERR_EMPTY);
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
    assert_int_equal(sent.outcome, MSG_SENT);
    assert_true(sent.was_empty);
    assert_false(sent.marker);
    assert_false(sent.link_deleted);
    write_commit(fixture);
    fixture_reopen(fixture);
    read_begin(fixture);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_int_equal(view.sequence, sent.sequence);
    assert_int_equal(view.timestamp, 1234);
    assert_true(view.notify);
    assert_false(view.is_marker);
    assert_slice(view.id, "id1");
    assert_int_equal(view.body_length, sizeof body);
    assert_int_equal(msg_store_get(fixture->txn, queue.number, sent.sequence, &view), SMQ_OK);
    assert_slice(view.id, "id1");
    assert_true(slice_equal(body_of(fixture, &view), send.body));
    assert_int_equal(msg_store_get(fixture->txn, queue.number, sent.sequence + 1, &view), SMQ_ERR_NOT_FOUND);
    assert_int_equal(msg_store_get(fixture->txn, queue.number, 0, &view), SMQ_ERR_NOT_FOUND);
    assert_int_equal(msg_store_next(fixture->txn, queue.number, sent.sequence, &view), SMQ_ERR_EMPTY);
    read_end(fixture);
}

/* A message as stores of schema 1 have it: one value of any length. */
static void put_in_one_piece(struct fixture *fixture, uint64_t number, uint64_t sequence) {
    static uint8_t bytes[2 * MSG_BODY_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct pair_key key = pair_key(number, sequence);
    struct slice at = KEY_SLICE(key);
    struct slice value;
    bool found = lmdb_find(fixture->txn->lmdb, TABLE_MESSAGES, at, &value);
    while (found && at.length >= sizeof key && memcmp(at.bytes, key.bytes, sizeof key) == 0) {
        write_slice(&writer, value);
        assert_true(lmdb_remove(fixture->txn->lmdb, TABLE_MESSAGES));
        found = lmdb_next(fixture->txn->lmdb, TABLE_MESSAGES, &at, &value);
    }
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_MESSAGES, KEY_SLICE(key), slice_of(bytes, writer_length(&writer))));
}

/* Bodies around the sizes of pages, each stored whole and in parts; read, then deleted. */
static void test_bodies_of_all_sizes_are_kept_whole_and_in_parts(void **state) {
    struct fixture *fixture = *state;
    keep_bodies_in_pages(fixture);
    static uint8_t body[MSG_BODY_MAX];
    static const size_t sizes[] = {0,    1,    1980, 2100, 4035,  4036,  4037,
                                   8100, 8115, 8116, 8117, 16048, 16088, MSG_BODY_MAX};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    uint64_t sequences[2 * COUNT];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 13 + i / 256);
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    struct queue_reference other = create_queue(fixture, "r2", "s2", 'M');
    for (size_t i = 0; i < 2 * COUNT; i++) {
        struct msg_send send = {
            .id = text("m"), .body = slice_of(body + i, sizes[i / 2] - (i < sizes[i / 2] ? i : 0)), .quota = 100};
        struct msg_sent sent;
        assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
        if (i % 2 == 1)
            put_in_one_piece(fixture, queue.number, sent.sequence);
        sequences[i] = sent.sequence;
    }
    send_at(fixture, other, "other", 1);
    write_commit(fixture);
    read_begin(fixture);
    uint64_t after = 0;
    for (size_t i = 0; i < 2 * COUNT; i++) {
        struct msg_view view;
        assert_int_equal(msg_store_next(fixture->txn, queue.number, after, &view), SMQ_OK);
        assert_int_equal(view.sequence, sequences[i]);
        size_t length = sizes[i / 2] - (i < sizes[i / 2] ? i : 0);
        assert_int_equal(view.body_length, length);
        assert_int_equal(msg_store_get(fixture->txn, queue.number, view.sequence, &view), SMQ_OK);
        assert_true(slice_equal(body_of(fixture, &view), slice_of(body + i, length)));
        after = view.sequence;
    }
    read_end(fixture);
    write_begin(fixture);
    for (size_t i = 0; i < 2 * COUNT; i++)
        assert_true(acknowledge(fixture, queue, "m").deleted);
    assert_int_equal(table_size(fixture, TABLE_MESSAGES), 2); /* the other queue's */
    write_commit(fixture);
}

static void test_a_message_without_its_parts_is_damage(void **state) {
    struct fixture *fixture = *state;
    keep_bodies_in_pages(fixture);
    static uint8_t body[16048];
    struct msg_send send = {.id = text("m"), .body = slice_of(body, sizeof body), .quota = 100};
    struct msg_sent sent;
    struct msg_view view;
    struct slice key;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
    struct pair_key last = pair_key(queue.number, sent.sequence + 1);
    assert_false(lmdb_seek(fixture->txn->lmdb, TABLE_MESSAGES, KEY_SLICE(last), &key, NULL));
    struct pair_key message = pair_key(queue.number, sent.sequence);
    assert_true(lmdb_find(fixture->txn->lmdb, TABLE_MESSAGES, KEY_SLICE(message), NULL));
    assert_true(lmdb_next(fixture->txn->lmdb, TABLE_MESSAGES, &key, NULL));
    assert_true(lmdb_remove(fixture->txn->lmdb, TABLE_MESSAGES));
    write_commit(fixture);
    read_begin(fixture);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_int_equal(msg_store_get(fixture->txn, queue.number, sent.sequence, &view), SMQ_OK);
    struct writer writer = writer_of(body, sizeof body);
    assert_int_equal(msg_store_body(fixture->txn, &view, &writer), SMQ_ERR_STORE);
    read_end(fixture);
}

static void test_an_empty_body_is_a_message(void **state) {
    struct fixture *fixture = *state;
    struct msg_view view;
    struct msg_sent sent;
    struct msg_send send = {.id = text("m"), .quota = QUOTA};
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_int_equal(view.body_length, 0);
    assert_false(view.is_marker);
    write_commit(fixture);
}

static void test_only_the_first_message_finds_the_queue_empty(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    struct queue_reference other = create_queue(fixture, "r2", "s2", 'M');
    assert_true(send_at(fixture, queue, "m1", 1).was_empty);
    assert_false(send_at(fixture, queue, "m2", 1).was_empty);
    assert_true(send_at(fixture, other, "m3", 1).was_empty);
    acknowledge(fixture, queue, "m1");
    acknowledge(fixture, queue, "m2");
    assert_true(send_at(fixture, queue, "m4", 1).was_empty);
    write_commit(fixture);
}

static void test_send_with_bad_arguments_is_refused(void **state) {
    struct fixture *fixture = *state;
    static uint8_t id[256];
    static uint8_t large[MSG_BODY_MAX + 1];
    struct msg_sent sent;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    struct msg_send send = {.id = text(""), .quota = 1};
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_ERR_INVALID);
    send.id = slice_of(id, sizeof id);
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_ERR_INVALID);
    send = (struct msg_send){.id = text("m"), .quota = 0};
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_ERR_INVALID);
    send = (struct msg_send){.id = text("m"), .quota = 1, .body = slice_of(large, sizeof large)};
    assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_ERR_TOO_LARGE);
    assert_state(fixture, queue, 0, true);
    write_commit(fixture);
}

static void test_a_full_queue_gets_one_marker_and_stays_shut_until_it_is_empty(void **state) {
    struct fixture *fixture = *state;
    struct msg_view view;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    for (const char *const *id = (const char *const[]){"m1", "m2", "m3", NULL}; *id != NULL; id++)
        assert_int_equal(send_at(fixture, queue, *id, 5).outcome, MSG_SENT);
    assert_state(fixture, queue, 3, true);
    struct msg_sent refused = send_at(fixture, queue, "m4", 6);
    assert_int_equal(refused.outcome, MSG_QUOTA);
    assert_true(refused.marker);
    assert_state(fixture, queue, 4, false);
    refused = send_at(fixture, queue, "m5", 7);
    assert_int_equal(refused.outcome, MSG_QUOTA);
    assert_false(refused.marker);
    assert_state(fixture, queue, 4, false);

    assert_false(acknowledge(fixture, queue, "m1").next_is_marker);
    acknowledge(fixture, queue, "m2");
    struct msg_acknowledged acknowledged = acknowledge(fixture, queue, "m3");
    assert_true(acknowledged.has_next);
    assert_true(acknowledged.next_is_marker);
    assert_id(&acknowledged.next_id, "m4"); /* id and time of the refused message, no body */
    assert_int_equal(acknowledged.next_timestamp, 6);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_true(view.is_marker);
    assert_int_equal(view.body_length, 0);

    assert_int_equal(send_at(fixture, queue, "m6", 8).outcome, MSG_QUOTA);
    acknowledged = acknowledge(fixture, queue, "m4");
    assert_true(acknowledged.deleted);
    assert_true(acknowledged.was_marker);
    assert_false(acknowledged.has_next);
    assert_state(fixture, queue, 0, true);
    struct msg_sent sent = send_at(fixture, queue, "m7", 9);
    assert_int_equal(sent.outcome, MSG_SENT);
    assert_true(sent.was_empty);
    assert_state(fixture, queue, 1, true);
    write_commit(fixture);
}

static void test_a_lowered_quota_refuses_with_a_marker(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", 1);
    send_at(fixture, queue, "m2", 1);
    struct msg_sent sent = send_with(fixture, queue, "m3", (struct msg_send){.timestamp = 1, .quota = 1});
    assert_int_equal(sent.outcome, MSG_QUOTA);
    assert_true(sent.marker);
    assert_state(fixture, queue, 3, false);
    write_commit(fixture);
}

static void test_off_and_blocked_queues_take_no_messages(void **state) {
    struct fixture *fixture = *state;
    bool was_active;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", 1);
    assert_int_equal(queue_store_block(fixture->txn, queue, text("reason=spam"), &was_active), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(send_at(fixture, queue, "m2", 1).outcome, MSG_BLOCKED);
    assert_int_equal(queue_store_suspend(fixture->txn, queue), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(send_at(fixture, queue, "m2", 1).outcome, MSG_OFF);
    assert_state(fixture, queue, 1, true);
    assert_true(acknowledge(fixture, queue, "m1").deleted); /* recipients go on */
    write_commit(fixture);
}

static void test_the_first_send_to_a_secured_messaging_queue_removes_its_link(void **state) {
    struct fixture *fixture = *state;
    struct queue_link_data link = {.fixed = text("f"), .user = text("u")};
    static const struct {
        char mode;
        bool secured;
        bool deleted;
    } rows[] = {{'M', false, false}, {'M', true, true}, {0, true, true}, {'C', true, false}};
    static const char *const names[] = {"1", "2", "3", "4"};
    write_begin(fixture);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue_record record = make_record(fixture, names[i], names[i], rows[i].mode);
        struct queue_reference queue = {0};
        record.link_id = text(names[i]);
        record.sender_key = text(rows[i].secured ? "key" : "");
        assert_int_equal(queue_store_create(fixture->txn, &record, &link, &queue.number), SMQ_OK);
        struct msg_sent sent = send_at(fixture, queue, "m", 1);
        assert_int_equal(sent.outcome, MSG_SENT);
        assert_int_equal(sent.link_deleted, rows[i].deleted);
        uint64_t number;
        assert_int_equal(queue_store_find(fixture->txn, QUEUE_LINK, text(names[i]), &number),
                         rows[i].deleted ? SMQ_ERR_NOT_FOUND : SMQ_OK);
        queue = refer(fixture, queue.number);
        assert_int_equal(queue.auth_version, rows[i].deleted ? 1 : 0);
        assert_false(send_at(fixture, queue, "m2", 1).link_deleted);
    }
    assert_int_equal(totals_of(fixture).links, 2);
    write_commit(fixture);
}

static void test_ack_deletes_only_the_head(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    struct queue_reference next_queue = create_queue(fixture, "r2", "s2", 'M');
    struct msg_acknowledged acknowledged = acknowledge(fixture, queue, "m1");
    assert_false(acknowledged.deleted);
    assert_false(acknowledged.has_next);
    send_at(fixture, next_queue, "other", 1);
    send_with(fixture, queue, "m1", (struct msg_send){.timestamp = 10, .notify = true});
    struct msg_sent second = send_at(fixture, queue, "m2", 11);
    static const char *const wrong[] = {"m2", "m", "m11", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        acknowledged = acknowledge(fixture, queue, wrong[i]);
        assert_false(acknowledged.deleted);
        assert_true(acknowledged.has_next);
        assert_true(acknowledged.next_notify);
        assert_id(&acknowledged.next_id, "m1");
    }
    acknowledged = acknowledge(fixture, queue, "m1");
    assert_true(acknowledged.deleted);
    assert_false(acknowledged.was_marker);
    assert_true(acknowledged.notify);
    assert_true(acknowledged.has_next);
    assert_false(acknowledged.next_notify);
    assert_int_equal(acknowledged.next_sequence, second.sequence);
    assert_int_equal(acknowledged.next_timestamp, 11);
    assert_id(&acknowledged.next_id, "m2");
    assert_false(acknowledge(fixture, queue, "m1").deleted);
    acknowledged = acknowledge(fixture, queue, "m2");
    assert_true(acknowledged.deleted);
    assert_false(acknowledged.has_next); /* not the other queue's message */
    assert_int_equal(totals_of(fixture).messages, 1);
    write_commit(fixture);
}

static void test_an_empty_queue_takes_no_room(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", 1);
    send_at(fixture, queue, "m2", 1);
    assert_int_equal(table_size(fixture, TABLE_MESSAGES), 3);
    assert_int_equal(table_size(fixture, TABLE_MESSAGE_EXPIRY), 1);
    acknowledge(fixture, queue, "m1");
    acknowledge(fixture, queue, "m2");
    assert_int_equal(table_size(fixture, TABLE_MESSAGES), 0);
    assert_int_equal(table_size(fixture, TABLE_MESSAGE_EXPIRY), 0);
    write_commit(fixture);
}

/* ---- expiry ---- */

static struct msg_expired expire(struct fixture *fixture, int64_t before, uint32_t max_queues, uint32_t max_messages) {
    struct msg_expired expired;
    assert_int_equal(
        msg_store_expire(fixture->txn, &(struct store_expiry){before, UINT64_MAX, max_queues, max_messages}, &expired),
        SMQ_OK);
    return expired;
}

static void test_expiry_takes_what_is_older_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    struct msg_view view;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", 10);
    send_at(fixture, queue, "m2", 19);
    send_at(fixture, queue, "m3", 20);
    struct msg_expired expired = expire(fixture, 10, 10, 10);
    assert_int_equal(expired.queues, 0);
    assert_int_equal(expired.messages, 0);
    expired = expire(fixture, 20, 10, 10);
    assert_int_equal(expired.queues, 1);
    assert_int_equal(expired.messages, 2);
    assert_false(expired.more);
    assert_state(fixture, queue, 1, true);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_slice(view.id, "m3");
    assert_int_equal(expire(fixture, 20, 10, 10).queues, 0);
    assert_int_equal(expire(fixture, 21, 10, 10).messages, 1);
    assert_state(fixture, queue, 0, true);
    assert_int_equal(table_size(fixture, TABLE_MESSAGE_EXPIRY), 0);
    assert_int_equal(table_size(fixture, TABLE_MESSAGES), 0);
    write_commit(fixture);
}

static void test_expiry_stops_at_a_young_head(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", 30);
    send_at(fixture, queue, "m2", 10); /* the clock went back */
    assert_int_equal(expire(fixture, 20, 10, 10).messages, 0);
    assert_state(fixture, queue, 2, true);
    write_commit(fixture);
}

static void test_a_queue_is_registered_once_whatever_passes_through(void **state) {
    struct fixture *fixture = *state;
    struct slice key;
    uint64_t second;
    uint64_t number;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", 10);
    for (int64_t i = 0; i < 20; i++) {
        send_at(fixture, queue, i % 2 == 0 ? "m2" : "m1", 11 + i);
        acknowledge(fixture, queue, i % 2 == 0 ? "m1" : "m2");
        assert_int_equal(table_size(fixture, TABLE_MESSAGE_EXPIRY), 1);
        assert_true(lmdb_seek(fixture->txn->lmdb, TABLE_MESSAGE_EXPIRY, slice_of("\0", 1), &key, NULL));
        assert_true(pair_key_parse(key, &second, &number));
        assert_int_equal(second, 10);
        assert_int_equal(number, queue.number);
    }
    struct msg_expired expired = expire(fixture, 15, 10, 10); /* due, but its head is young: registered anew */
    assert_int_equal(expired.queues, 1);
    assert_int_equal(expired.messages, 0);
    assert_true(lmdb_seek(fixture->txn->lmdb, TABLE_MESSAGE_EXPIRY, slice_of("\0", 1), &key, NULL));
    assert_true(pair_key_parse(key, &second, &number));
    assert_int_equal(second, 30);
    write_commit(fixture);
}

static void test_expiry_stops_at_a_marker_and_does_not_look_again(void **state) {
    struct fixture *fixture = *state;
    struct msg_view view;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    for (const char *const *id = (const char *const[]){"m1", "m2", "m3", "m4", NULL}; *id != NULL; id++)
        send_at(fixture, queue, *id, 10);
    assert_state(fixture, queue, 4, false);
    struct msg_expired expired = expire(fixture, 1000, 10, 10);
    assert_int_equal(expired.messages, 3);
    assert_state(fixture, queue, 1, false);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_true(view.is_marker);
    assert_int_equal(expire(fixture, 1000, 10, 10).queues, 0);
    assert_int_equal(send_at(fixture, queue, "m5", 20).outcome, MSG_QUOTA);
    assert_true(acknowledge(fixture, queue, "m4").was_marker);
    send_at(fixture, queue, "m6", 30);
    assert_int_equal(expire(fixture, 31, 10, 10).messages, 1);
    write_commit(fixture);
}

static void test_expiry_works_in_steps(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"1", "2", "3", "4", "5"};
    struct msg_expired expired;
    write_begin(fixture);
    for (size_t i = 0; i < 5; i++) {
        struct queue_reference queue = create_queue(fixture, names[i], names[i], 'M');
        for (int64_t j = 0; j < 3; j++)
            send_at(fixture, queue, "m", 10 + j);
    }
    assert_int_equal(msg_store_expire(fixture->txn, &(struct store_expiry){100, UINT64_MAX, 0, 1}, &expired),
                     SMQ_ERR_INVALID);
    assert_int_equal(msg_store_expire(fixture->txn, &(struct store_expiry){100, UINT64_MAX, 1, 0}, &expired),
                     SMQ_ERR_INVALID);
    expired = expire(fixture, 100, 2, 100);
    assert_int_equal(expired.queues, 2);
    assert_int_equal(expired.messages, 6);
    assert_true(expired.more);
    expired = expire(fixture, 100, 100, 4);
    assert_int_equal(expired.messages, 4);
    assert_true(expired.more);
    expired = expire(fixture, 100, 100, 100);
    assert_int_equal(expired.messages, 5);
    assert_false(expired.more);
    assert_int_equal(totals_of(fixture).messages, 0);
    write_commit(fixture);
}

static void test_send_can_expire_first(void **state) {
    struct fixture *fixture = *state;
    struct msg_view view;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    for (const char *const *id = (const char *const[]){"m1", "m2", "m3", NULL}; *id != NULL; id++)
        send_at(fixture, queue, *id, 10);
    struct msg_sent sent =
        send_with(fixture, queue, "m4", (struct msg_send){.timestamp = 30, .expire = true, .expire_before = 10});
    assert_int_equal(sent.expired, 0);
    assert_int_equal(sent.outcome, MSG_QUOTA);
    assert_true(sent.marker);
    sent = send_with(fixture, queue, "m5", (struct msg_send){.timestamp = 30, .expire = true, .expire_before = 11});
    assert_int_equal(sent.expired, 3);
    assert_int_equal(sent.outcome, MSG_QUOTA); /* the marker still stands */
    assert_false(sent.marker);
    assert_state(fixture, queue, 1, false);
    acknowledge(fixture, queue, "m4");
    send_at(fixture, queue, "m6", 40);
    sent = send_with(fixture, queue, "m7", (struct msg_send){.timestamp = 60, .expire = true, .expire_before = 41});
    assert_int_equal(sent.expired, 1);
    assert_int_equal(sent.outcome, MSG_SENT);
    assert_true(sent.was_empty);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &view), SMQ_OK);
    assert_slice(view.id, "m7");
    assert_state(fixture, queue, 1, true);
    assert_int_equal(table_size(fixture, TABLE_MESSAGE_EXPIRY), 1);
    write_commit(fixture);
}

static void test_times_before_1970_do_not_expire_wrongly(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    send_at(fixture, queue, "m1", -5);
    assert_int_equal(expire(fixture, -1, 10, 10).queues, 0);
    assert_int_equal(expire(fixture, 0, 10, 10).queues, 0);
    assert_int_equal(expire(fixture, 1, 10, 10).messages, 1);
    write_commit(fixture);
}

static void test_a_step_of_expiry_ends_in_time(void **state) {
    struct fixture *fixture = *state;
    struct msg_expired expired;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    struct queue_reference other = create_queue(fixture, "r2", "s2", 'M');
    for (unsigned i = 0; i < 2; i++) {
        send_at(fixture, queue, "m", 1);
        send_at(fixture, other, "m", 1);
    }
    for (unsigned i = 0; i < 4; i++) { /* its time has passed already: one message a step */
        assert_int_equal(msg_store_expire(fixture->txn, &(struct store_expiry){100, 1, 1000, 1000}, &expired), SMQ_OK);
        assert_int_equal(expired.messages, 1);
        assert_int_equal(expired.queues, 1);
        assert_int_equal(expired.more, i < 3);
    }
    write_commit(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_step_of_expiry_ends_in_time),
        STORE_TEST(test_a_sent_message_is_read_as_sent),
        STORE_TEST(test_bodies_of_all_sizes_are_kept_whole_and_in_parts),
        STORE_TEST(test_a_message_without_its_parts_is_damage),
        STORE_TEST(test_an_empty_body_is_a_message),
        STORE_TEST(test_only_the_first_message_finds_the_queue_empty),
        STORE_TEST(test_send_with_bad_arguments_is_refused),
        STORE_TEST(test_a_full_queue_gets_one_marker_and_stays_shut_until_it_is_empty),
        STORE_TEST(test_a_lowered_quota_refuses_with_a_marker),
        STORE_TEST(test_off_and_blocked_queues_take_no_messages),
        STORE_TEST(test_the_first_send_to_a_secured_messaging_queue_removes_its_link),
        STORE_TEST(test_ack_deletes_only_the_head),
        STORE_TEST(test_an_empty_queue_takes_no_room),
        STORE_TEST(test_expiry_takes_what_is_older_and_nothing_else),
        STORE_TEST(test_expiry_stops_at_a_young_head),
        STORE_TEST(test_a_queue_is_registered_once_whatever_passes_through),
        STORE_TEST(test_expiry_stops_at_a_marker_and_does_not_look_again),
        STORE_TEST(test_expiry_works_in_steps),
        STORE_TEST(test_send_can_expire_first),
        STORE_TEST(test_times_before_1970_do_not_expire_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
