/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue records, ids, keys, links, notifiers, status. Each test is a row or two of the command table. */
#include "store_fixture.h"

#include "stores/smp/purge.h"

static void test_a_created_queue_is_found_by_all_its_ids(void **state) {
    struct fixture *fixture = *state;
    uint8_t notifier_secret[QUEUE_SECRET_SIZE];
    memset(notifier_secret, 0x11, sizeof notifier_secret);
    struct queue_record record = make_record(fixture, "r1", "s1", 'M');
    record.link_id = text("l1");
    record.updated_day = 20000;
    record.notifier = (struct queue_notifier){.id = text("n1"), .key = text("ntf key"), .dh_secret = notifier_secret};
    struct queue_link_data link = {.fixed = text("fixed"), .user = text("user")};
    uint64_t number;
    write_begin(fixture);
    assert_int_equal(queue_store_create(fixture->txn, &record, &link, &number), SMQ_OK);
    write_commit(fixture);
    fixture_reopen(fixture);
    read_begin(fixture);
    static const char *const ids[QUEUE_PARTY_COUNT] = {"r1", "s1", "n1", "l1"};
    for (int party = 0; party < QUEUE_PARTY_COUNT; party++) {
        struct queue_record found;
        assert_int_equal(queue_store_find_record(fixture->txn, (enum queue_party)party, text(ids[party]), &found),
                         SMQ_OK);
        assert_int_equal(found.number, number);
        assert_int_equal(found.auth_version, 0);
        assert_int_equal(found.mode, 'M');
        assert_int_equal(found.status, QUEUE_ACTIVE);
        assert_int_equal(found.updated_day, 20000);
        assert_slice(found.recipient_id, "r1");
        assert_slice(found.sender_id, "s1");
        assert_slice(found.link_id, "l1");
        assert_slice(found.recipient_keys, "recipient keys");
        assert_memory_equal(found.recipient_dh_secret, fixture->secret, QUEUE_SECRET_SIZE);
        assert_slice(found.sender_key, "");
        assert_slice(found.notifier.id, "n1");
        assert_slice(found.notifier.key, "ntf key");
        assert_memory_equal(found.notifier.dh_secret, notifier_secret, QUEUE_SECRET_SIZE);
        assert_slice(found.notifier.service_id, "");
        assert_slice(found.recipient_service_id, "");
        assert_slice(found.status_info, "");
        assert_int_equal(queue_store_find_record(fixture->txn, (enum queue_party)party, text("x"), &found),
                         SMQ_ERR_NOT_FOUND);
        assert_int_equal(queue_store_find_record(fixture->txn, (enum queue_party)party, text(""), &found),
                         SMQ_ERR_NOT_FOUND);
    }
    struct queue_link_data stored;
    assert_int_equal(queue_store_link_get(fixture->txn, number, &stored), SMQ_OK);
    assert_slice(stored.fixed, "fixed");
    assert_slice(stored.user, "user");
    struct store_totals totals = totals_of(fixture);
    assert_int_equal(totals.queues, 1);
    assert_int_equal(totals.notifiers, 1);
    assert_int_equal(totals.links, 1);
    assert_int_equal(totals.queues_secured, 0);
    read_end(fixture);
}

static void test_new_with_a_taken_id_is_refused_and_leaves_nothing(void **state) {
    struct fixture *fixture = *state;
    struct queue_link_data link = {.fixed = text("f"), .user = text("u")};
    uint64_t number;
    write_begin(fixture);
    struct queue_record first = make_record(fixture, "r1", "s1", 'M');
    first.link_id = text("l1");
    first.notifier = (struct queue_notifier){.id = text("n1"), .key = text("k"), .dh_secret = fixture->secret};
    assert_int_equal(queue_store_create(fixture->txn, &first, &link, &number), SMQ_OK);
    for (int taken = 0; taken < QUEUE_PARTY_COUNT; taken++) {
        struct queue_record second = make_record(fixture, "r2", "s2", 'M');
        second.link_id = text("l2");
        second.notifier = (struct queue_notifier){.id = text("n2"), .key = text("k"), .dh_secret = fixture->secret};
        if (taken == QUEUE_RECIPIENT)
            second.recipient_id = text("r1");
        if (taken == QUEUE_SENDER)
            second.sender_id = text("s1");
        if (taken == QUEUE_NOTIFIER)
            second.notifier.id = text("n1");
        if (taken == QUEUE_LINK)
            second.link_id = text("l1");
        assert_int_equal(queue_store_create(fixture->txn, &second, &link, &number), SMQ_ERR_EXISTS);
        assert_int_equal(totals_of(fixture).queues, 1);
    }
    /* the four kinds of ids are separate */
    struct queue_record crossed = make_record(fixture, "s1", "r1", 'C');
    assert_int_equal(queue_store_create(fixture->txn, &crossed, NULL, &number), SMQ_OK);
    assert_int_equal(number, 2);
    write_commit(fixture);
}

static void test_new_with_bad_arguments_is_refused(void **state) {
    struct fixture *fixture = *state;
    static uint8_t large[70000];
    uint64_t number;
    write_begin(fixture);
    struct queue_record record = make_record(fixture, "", "s", 'M');
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_ERR_INVALID);
    record = make_record(fixture, "r", "s", 'M');
    record.sender_id = slice_of(large, 256);
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_ERR_INVALID);
    record = make_record(fixture, "r", "s", 'M');
    record.link_id = text("l");
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_ERR_INVALID);
    struct queue_link_data link = {.fixed = slice_of(large, 65536), .user = text("")};
    assert_int_equal(queue_store_create(fixture->txn, &record, &link, &number), SMQ_ERR_TOO_LARGE);
    record = make_record(fixture, "r", "s", 'M');
    record.recipient_keys = slice_of(large, sizeof large);
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_ERR_TOO_LARGE);
    record = make_record(fixture, "r", "s", 'M');
    record.recipient_service_id = text("unknown");
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_ERR_INVALID);
    assert_int_equal(totals_of(fixture).queues, 0);
    write_commit(fixture);
}

static void test_ids_of_255_bytes_work(void **state) {
    struct fixture *fixture = *state;
    uint8_t id[255];
    memset(id, 'i', sizeof id);
    uint64_t number;
    uint64_t found;
    write_begin(fixture);
    struct queue_record record = make_record(fixture, "r", "s", 'M');
    record.recipient_id = slice_of(id, sizeof id);
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_OK);
    assert_int_equal(queue_store_find(fixture->txn, QUEUE_RECIPIENT, slice_of(id, sizeof id), &found), SMQ_OK);
    assert_int_equal(queue_store_find(fixture->txn, QUEUE_RECIPIENT, slice_of(id, 254), &found), SMQ_ERR_NOT_FOUND);
    write_commit(fixture);
}

static void test_key_same_again_is_ok_and_another_is_auth(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(queue_store_secure(fixture->txn, queue, text("key one")), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(queue.auth_version, 1);
    assert_int_equal(queue_store_secure(fixture->txn, queue, text("key one")), SMQ_OK);
    assert_int_equal(queue_store_secure(fixture->txn, queue, text("key two")), SMQ_ERR_AUTH);
    assert_int_equal(queue_store_secure(fixture->txn, queue, text("")), SMQ_ERR_INVALID);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_slice(record.sender_key, "key one");
    assert_int_equal(record.auth_version, 1);
    assert_int_equal(totals_of(fixture).queues_secured, 1);
    write_commit(fixture);
}

static void test_another_version_is_asked_to_verify_again(void **state) {
    struct fixture *fixture = *state;
    struct queue_id id;
    bool was_active;
    struct queue_deleted deleted;
    struct msg_sent sent;
    struct msg_acknowledged acknowledged;
    struct queue_notifier notifier = {.id = text("n"), .key = text("k"), .dh_secret = fixture->secret};
    struct queue_link_data link = {.fixed = text("f"), .user = text("u")};
    struct msg_send send = {.id = text("m"), .body = text("b"), .quota = 1};
    write_begin(fixture);
    struct queue_reference live = create_queue(fixture, "r", "s", 'M');
    struct queue_reference stale = {.number = live.number, .auth_version = 7};
    struct queue_reference gone = {.number = 99};
    for (int round = 0; round < 2; round++) {
        struct queue_reference queue = round == 0 ? stale : gone;
        enum smq_result expected = round == 0 ? SMQ_ERR_AGAIN : SMQ_ERR_NOT_FOUND;
        assert_int_equal(queue_store_secure(fixture->txn, queue, text("key")), expected);
        assert_int_equal(queue_store_set_recipient_keys(fixture->txn, queue, text("key")), expected);
        assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &link), expected);
        assert_int_equal(queue_store_link_delete(fixture->txn, queue), expected);
        assert_int_equal(queue_store_notifier_set(fixture->txn, queue, &notifier, &id), expected);
        assert_int_equal(queue_store_notifier_delete(fixture->txn, queue, &id), expected);
        assert_int_equal(queue_store_notifier_service(fixture->txn, queue, text(""), &id), expected);
        assert_int_equal(queue_store_suspend(fixture->txn, queue), expected);
        assert_int_equal(queue_store_block(fixture->txn, queue, text("i"), &was_active), expected);
        assert_int_equal(queue_store_unblock(fixture->txn, queue), expected);
        assert_int_equal(queue_store_touch(fixture->txn, queue, 5), expected);
        assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), expected);
        assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), expected);
        assert_int_equal(msg_store_acknowledge(fixture->txn, queue, text("m"), &acknowledged), expected);
    }
    assert_int_equal(refer(fixture, live.number).auth_version, 0);
    write_commit(fixture);
}

static void test_rkey_replaces_the_whole_list(void **state) {
    struct fixture *fixture = *state;
    static uint8_t many[5000];
    struct queue_record record;
    memset(many, 'k', sizeof many);
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'C');
    create_queue(fixture, "r2", "s2", 'C');
    assert_int_equal(queue_store_set_recipient_keys(fixture->txn, queue, text("")), SMQ_ERR_INVALID);
    assert_int_equal(queue_store_set_recipient_keys(fixture->txn, queue, slice_of(many, sizeof many)), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(queue.auth_version, 1);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_true(slice_equal(record.recipient_keys, slice_of(many, sizeof many)));
    assert_slice(record.sender_id, "s");
    assert_int_equal(queue_store_set_recipient_keys(fixture->txn, queue, text("one")), SMQ_OK);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_slice(record.recipient_keys, "one");
    write_commit(fixture);
}

static void test_lset_keeps_id_and_fixed_data(void **state) {
    struct fixture *fixture = *state;
    struct queue_link_data data;
    struct queue_record record;
    struct queue_link_data first = {.fixed = text("fixed"), .user = text("user one")};
    struct queue_link_data second = {.fixed = text("fixed"), .user = text("user two, longer")};
    struct queue_link_data other = {.fixed = text("other"), .user = text("u")};
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'C');
    assert_int_equal(queue_store_link_get(fixture->txn, queue.number, &data), SMQ_ERR_NOT_FOUND);
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text(""), &first), SMQ_ERR_INVALID);
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &first), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(queue.auth_version, 1);
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &second), SMQ_OK);
    assert_int_equal(refer(fixture, queue.number).auth_version, 1);
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &other), SMQ_ERR_AUTH);
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l2"), &second), SMQ_ERR_AUTH);
    assert_int_equal(queue_store_link_get(fixture->txn, queue.number, &data), SMQ_OK);
    assert_slice(data.fixed, "fixed");
    assert_slice(data.user, "user two, longer");
    assert_int_equal(queue_store_find_record(fixture->txn, QUEUE_LINK, text("l"), &record), SMQ_OK);
    struct queue_reference another = create_queue(fixture, "r2", "s2", 'C');
    assert_int_equal(queue_store_link_set(fixture->txn, another, text("l"), &first), SMQ_ERR_EXISTS);
    assert_int_equal(totals_of(fixture).links, 1);
    write_commit(fixture);
}

static void test_lset_on_a_secured_messaging_queue_is_auth(void **state) {
    struct fixture *fixture = *state;
    struct queue_link_data data = {.fixed = text("f"), .user = text("u")};
    static const struct {
        char mode;
        enum smq_result expected;
    } rows[] = {{'M', SMQ_ERR_AUTH}, {0, SMQ_ERR_AUTH}, {'C', SMQ_OK}};
    static const char *const names[] = {"1", "2", "3"};
    write_begin(fixture);
    for (size_t i = 0; i < 3; i++) {
        struct queue_reference queue = create_queue(fixture, names[i], names[i], rows[i].mode);
        assert_int_equal(queue_store_secure(fixture->txn, queue, text("key")), SMQ_OK);
        queue = refer(fixture, queue.number);
        assert_int_equal(queue_store_link_set(fixture->txn, queue, text(names[i]), &data), rows[i].expected);
    }
    write_commit(fixture);
}

/* Link data as stores of schema 1 have it: each blob after its length, in one value. */
static void put_link_data_of_schema_1(struct fixture *fixture, uint64_t number, const struct queue_link_data *data) {
    static uint8_t bytes[32768];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct number_key key = number_key(number);
    write_large(&writer, data->fixed);
    write_large(&writer, data->user);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    struct slice at = KEY_SLICE(key);
    bool found = lmdb_find(fixture->txn->lmdb, TABLE_LINK_DATA, at, NULL);
    for (; found; found = lmdb_next(fixture->txn->lmdb, TABLE_LINK_DATA, NULL, NULL))
        assert_true(lmdb_remove(fixture->txn->lmdb, TABLE_LINK_DATA));
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_LINK_DATA, at, slice_of(bytes, writer_length(&writer))));
    put_schema(fixture, 1);
}

static void check_link_data(struct fixture *fixture, uint64_t number, const struct queue_link_data *expected) {
    struct queue_link_data data;
    read_begin(fixture);
    assert_int_equal(queue_store_link_get(fixture->txn, number, &data), SMQ_OK);
    assert_true(slice_equal(data.fixed, expected->fixed));
    assert_true(slice_equal(data.user, expected->user));
    read_end(fixture);
}

static void test_link_data_of_schema_1_is_read_replaced_and_removed(void **state) {
    struct fixture *fixture = *state;
    static uint8_t bytes[20000];
    static const size_t sizes[] = {1, 1000, 4070, 4080, 4090, 13784};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct queue_link_data first = {.fixed = slice_of(bytes, 2000), .user = slice_of(bytes + 100, sizes[i])};
        struct queue_link_data second = {.fixed = first.fixed, .user = slice_of(bytes + 200, 13784)};
        write_begin(fixture);
        struct queue_reference queue = create_queue(fixture, "r", "s", 'C');
        assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &first), SMQ_OK);
        put_link_data_of_schema_1(fixture, queue.number, &first);
        write_commit(fixture);
        fixture_reopen(fixture);
        check_link_data(fixture, queue.number, &first);
        write_begin(fixture);
        assert_int_equal(queue_store_link_set(fixture->txn, refer(fixture, queue.number), text("l"), &second), SMQ_OK);
        write_commit(fixture);
        check_link_data(fixture, queue.number, &second);
        write_begin(fixture);
        put_link_data_of_schema_1(fixture, queue.number, &first);
        struct queue_deleted deleted;
        assert_int_equal(queue_store_delete(fixture->txn, refer(fixture, queue.number), &deleted), SMQ_OK);
        assert_false(purge_step(fixture->txn));
        assert_int_equal(lmdb_table_size(fixture->txn->lmdb, TABLE_LINK_DATA), 0);
        write_commit(fixture);
    }
}

static void test_ldel_also_without_a_link_is_ok(void **state) {
    struct fixture *fixture = *state;
    struct queue_link_data data = {.fixed = text("f"), .user = text("u")};
    uint64_t number;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'C');
    assert_int_equal(queue_store_link_delete(fixture->txn, queue), SMQ_OK);
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &data), SMQ_OK);
    assert_int_equal(queue_store_link_delete(fixture->txn, refer(fixture, queue.number)), SMQ_OK);
    assert_int_equal(queue_store_find(fixture->txn, QUEUE_LINK, text("l"), &number), SMQ_ERR_NOT_FOUND);
    assert_int_equal(queue_store_link_get(fixture->txn, queue.number, &data), SMQ_ERR_NOT_FOUND);
    assert_int_equal(totals_of(fixture).links, 0);
    assert_int_equal(refer(fixture, queue.number).auth_version, 2);
    write_commit(fixture);
}

static void test_link_data_of_full_size_is_kept(void **state) {
    struct fixture *fixture = *state;
    static uint8_t blob[65535];
    struct queue_link_data data = {.fixed = slice_of(blob, sizeof blob), .user = slice_of(blob, sizeof blob)};
    struct queue_link_data stored;
    memset(blob, 'b', sizeof blob);
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'C');
    assert_int_equal(queue_store_link_set(fixture->txn, queue, text("l"), &data), SMQ_OK);
    write_commit(fixture);
    read_begin(fixture);
    assert_int_equal(queue_store_link_get(fixture->txn, queue.number, &stored), SMQ_OK);
    assert_true(slice_equal(stored.fixed, data.fixed));
    assert_true(slice_equal(stored.user, data.user));
    read_end(fixture);
}

static void test_nkey_replaces_the_notifier_and_drops_its_notifications(void **state) {
    struct fixture *fixture = *state;
    struct queue_notifier first = {.id = text("n1"), .key = text("k1"), .dh_secret = fixture->secret};
    struct queue_notifier second = {.id = text("n2"), .key = text("k2"), .dh_secret = fixture->secret};
    struct queue_id removed;
    struct ntf_view notification;
    uint64_t sequence;
    uint64_t number;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(ntf_store_append(fixture->txn, queue.number, 1, text("x"), &sequence), SMQ_ERR_NOT_FOUND);
    assert_int_equal(queue_store_notifier_set(fixture->txn, queue, &first, &removed), SMQ_OK);
    assert_id(&removed, "");
    assert_int_equal(ntf_store_append(fixture->txn, queue.number, 1, text("x"), &sequence), SMQ_OK);
    queue = refer(fixture, queue.number);
    assert_int_equal(queue_store_notifier_set(fixture->txn, queue, &first, &removed), SMQ_ERR_EXISTS);
    assert_int_equal(queue_store_notifier_set(fixture->txn, queue, &second, &removed), SMQ_OK);
    assert_id(&removed, "n1");
    assert_int_equal(queue_store_find(fixture->txn, QUEUE_NOTIFIER, text("n1"), &number), SMQ_ERR_NOT_FOUND);
    assert_int_equal(queue_store_find(fixture->txn, QUEUE_NOTIFIER, text("n2"), &number), SMQ_OK);
    assert_int_equal(ntf_store_next(fixture->txn, queue.number, 0, &notification), SMQ_ERR_EMPTY);
    assert_int_equal(totals_of(fixture).notifications, 0);
    assert_int_equal(totals_of(fixture).notifiers, 1);
    write_commit(fixture);
}

static void test_ndel_also_without_a_notifier_is_ok(void **state) {
    struct fixture *fixture = *state;
    struct queue_notifier notifier = {.id = text("n1"), .key = text("k1"), .dh_secret = fixture->secret};
    struct queue_id removed;
    uint64_t number;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(queue_store_notifier_delete(fixture->txn, queue, &removed), SMQ_OK);
    assert_id(&removed, "");
    assert_int_equal(queue_store_notifier_set(fixture->txn, queue, &notifier, &removed), SMQ_OK);
    assert_int_equal(queue_store_notifier_delete(fixture->txn, refer(fixture, queue.number), &removed), SMQ_OK);
    assert_id(&removed, "n1");
    assert_int_equal(queue_store_find(fixture->txn, QUEUE_NOTIFIER, text("n1"), &number), SMQ_ERR_NOT_FOUND);
    assert_int_equal(totals_of(fixture).notifiers, 0);
    write_commit(fixture);
}

static void test_off_is_idempotent_and_ends_a_block(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    bool was_active;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(queue_store_block(fixture->txn, queue, text("reason=spam"), &was_active), SMQ_OK);
    assert_true(was_active);
    assert_int_equal(totals_of(fixture).queues_by_status[QUEUE_BLOCKED], 1);
    queue = refer(fixture, queue.number);
    assert_int_equal(queue_store_block(fixture->txn, queue, text("reason=content"), &was_active), SMQ_OK);
    assert_false(was_active);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_slice(record.status_info, "reason=content");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(queue_store_suspend(fixture->txn, refer(fixture, queue.number)), SMQ_OK);
        assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
        assert_int_equal(record.status, QUEUE_OFF);
        assert_int_equal(record.auth_version, 3);
        assert_slice(record.status_info, "");
    }
    assert_int_equal(queue_store_unblock(fixture->txn, refer(fixture, queue.number)), SMQ_OK);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_int_equal(record.status, QUEUE_OFF);
    struct store_totals totals = totals_of(fixture);
    assert_int_equal(totals.queues_by_status[QUEUE_ACTIVE], 0);
    assert_int_equal(totals.queues_by_status[QUEUE_OFF], 1);
    assert_int_equal(totals.queues_by_status[QUEUE_BLOCKED], 0);
    write_commit(fixture);
}

static void test_unblock_makes_active(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    bool was_active;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(queue_store_block(fixture->txn, queue, text("reason=spam"), &was_active), SMQ_OK);
    assert_int_equal(queue_store_unblock(fixture->txn, refer(fixture, queue.number)), SMQ_OK);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_int_equal(record.status, QUEUE_ACTIVE);
    assert_slice(record.status_info, "");
    write_commit(fixture);
}

static void test_touch_changes_the_day_only(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r", "s", 'M');
    assert_int_equal(queue_store_touch(fixture->txn, queue, 20000), SMQ_OK);
    assert_int_equal(queue_store_touch(fixture->txn, queue, 20000), SMQ_OK);
    assert_int_equal(queue_store_touch(fixture->txn, queue, 20001), SMQ_OK);
    assert_int_equal(queue_store_get(fixture->txn, queue.number, &record), SMQ_OK);
    assert_int_equal(record.updated_day, 20001);
    assert_int_equal(record.auth_version, 0);
    write_commit(fixture);
}

static void test_del_removes_everything_and_frees_the_ids(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record = make_record(fixture, "r", "s", 'C');
    struct queue_link_data link = {.fixed = text("f"), .user = text("u")};
    struct msg_send send = {.id = text("m"), .body = text("body"), .quota = 5, .timestamp = 100};
    struct msg_sent sent;
    struct queue_deleted deleted;
    struct queue_reference queue = {0};
    uint64_t sequence;
    record.link_id = text("l");
    record.sender_key = text("sender key");
    record.notifier = (struct queue_notifier){.id = text("n"), .key = text("k"), .dh_secret = fixture->secret};
    write_begin(fixture);
    for (uint64_t round = 1; round <= 2; round++) {
        assert_int_equal(queue_store_create(fixture->txn, &record, &link, &queue.number), SMQ_OK);
        assert_int_equal(queue.number, round); /* numbers are not used again */
        for (int i = 0; i < 3; i++)
            assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
        assert_int_equal(ntf_store_append(fixture->txn, queue.number, 5, text("x"), &sequence), SMQ_OK);
        assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), SMQ_OK);
        assert_true(deleted.secured);
        assert_int_equal(deleted.messages, 3);
        assert_int_equal(deleted.notifications, 1);
        assert_id(&deleted.notifier, "n");
        assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), SMQ_ERR_NOT_FOUND);
    }
    struct store_totals totals = totals_of(fixture);
    struct store_totals none = {0};
    assert_memory_equal(&totals, &none, sizeof none);
    assert_false(purge_step(fixture->txn));
    for (unsigned table = TABLE_QUEUES; table < TABLE_COUNT; table++)
        assert_false(lmdb_next(fixture->txn->lmdb, table, NULL, NULL));
    write_commit(fixture);
}

static void test_next_lists_queues_by_number(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    struct queue_deleted deleted;
    write_begin(fixture);
    create_queue(fixture, "r1", "s1", 'M');
    struct queue_reference second = create_queue(fixture, "r2", "s2", 'M');
    create_queue(fixture, "r3", "s3", 'M');
    assert_int_equal(queue_store_delete(fixture->txn, second, &deleted), SMQ_OK);
    write_commit(fixture);
    read_begin(fixture);
    assert_int_equal(queue_store_next(fixture->txn, 0, &record), SMQ_OK);
    assert_slice(record.recipient_id, "r1");
    assert_int_equal(queue_store_next(fixture->txn, record.number, &record), SMQ_OK);
    assert_slice(record.recipient_id, "r3");
    assert_int_equal(queue_store_next(fixture->txn, record.number, &record), SMQ_ERR_EMPTY);
    assert_int_equal(queue_store_next(fixture->txn, UINT64_MAX, &record), SMQ_ERR_EMPTY);
    read_end(fixture);
}

static void test_kinds_of_queues(void **state) {
    (void)state;
    static const struct {
        char mode;
        bool secured;
        bool contact;
        bool secured_messaging;
    } rows[] = {
        {'M', false, false, false}, {'M', true, false, true}, {'C', false, true, false},
        {'C', true, true, false},   {0, false, true, false},  {0, true, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue_record record = {.mode = rows[i].mode, .sender_key = text(rows[i].secured ? "key" : "")};
        assert_int_equal(queue_record_is_contact(&record), rows[i].contact);
        assert_int_equal(queue_record_is_secured_messaging(&record), rows[i].secured_messaging);
    }
}

static void test_a_damaged_record_fails_the_transaction(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    struct number_key key = number_key(1);
    write_begin(fixture);
    create_queue(fixture, "r1", "s1", 'M');
    lmdb_put(fixture->txn->lmdb, TABLE_QUEUES, KEY_SLICE(key), text("\x01nonsense"));
    write_commit(fixture);
    write_begin(fixture);
    assert_int_equal(queue_store_get(fixture->txn, 1, &record), SMQ_ERR_STORE);
    assert_int_equal(store_txn_commit(fixture->txn), SMQ_ERR_STORE);
    read_begin(fixture);
    assert_int_equal(queue_store_get(fixture->txn, 1, &record), SMQ_ERR_STORE);
    read_end(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_created_queue_is_found_by_all_its_ids),
        STORE_TEST(test_new_with_a_taken_id_is_refused_and_leaves_nothing),
        STORE_TEST(test_new_with_bad_arguments_is_refused),
        STORE_TEST(test_ids_of_255_bytes_work),
        STORE_TEST(test_key_same_again_is_ok_and_another_is_auth),
        STORE_TEST(test_another_version_is_asked_to_verify_again),
        STORE_TEST(test_rkey_replaces_the_whole_list),
        STORE_TEST(test_lset_keeps_id_and_fixed_data),
        STORE_TEST(test_lset_on_a_secured_messaging_queue_is_auth),
        STORE_TEST(test_link_data_of_schema_1_is_read_replaced_and_removed),
        STORE_TEST(test_ldel_also_without_a_link_is_ok),
        STORE_TEST(test_link_data_of_full_size_is_kept),
        STORE_TEST(test_nkey_replaces_the_notifier_and_drops_its_notifications),
        STORE_TEST(test_ndel_also_without_a_notifier_is_ok),
        STORE_TEST(test_off_is_idempotent_and_ends_a_block),
        STORE_TEST(test_unblock_makes_active),
        STORE_TEST(test_touch_changes_the_day_only),
        STORE_TEST(test_del_removes_everything_and_frees_the_ids),
        STORE_TEST(test_next_lists_queues_by_number),
        STORE_TEST(test_a_damaged_record_fails_the_transaction),
        cmocka_unit_test(test_kinds_of_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
