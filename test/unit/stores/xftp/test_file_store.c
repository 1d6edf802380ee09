/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files, recipients, expiry and totals in the XFTP router's store. */
#include "file_fixture.h"

#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum { HOUR = 3600, MANY = 2000, PURGE_STEPS_MAX = 10000 };

static void run_to_the_end_of_purge(struct fixture *fixture) {
    for (unsigned steps = 0; store_has_to_purge(fixture->store); steps++) {
        struct store_batch batch = {0};
        assert_true(steps < PURGE_STEPS_MAX);
        store_batch_run(fixture->store, &batch);
    }
}

static void test_a_file_and_its_recipients_are_found(void **state) {
    struct fixture *fixture = *state;
    struct file_record record;
    struct file_recipient recipient;
    struct test_id id = test_id('r', 1001);
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 7200, 3), SMQ_OK);
    write_commit(fixture);
    read_begin(fixture);
    assert_int_equal(find_file(fixture, 1, &record), SMQ_OK);
    assert_int_equal(record.size, TEST_CHUNK_SIZE);
    assert_int_equal(record.created, 7200);
    assert_int_equal(record.recipient_count, 3);
    assert_int_equal(record.status, FILE_ACTIVE);
    assert_false(record.has_chunk);
    assert_true(slice_equal(record.sender_key, slice_of_text("sender key")));
    assert_true(slice_equal(record.digest, slice_of_text("digest")));
    assert_int_equal(file_store_find_recipient(fixture->txn, ID_SLICE(id), &recipient, &record), SMQ_OK);
    assert_true(slice_equal(recipient.key, slice_of_text("recipient key")));
    struct test_id sender = test_id('s', 1);
    assert_true(slice_equal(record.sender_id, ID_SLICE(sender)));
    assert_int_equal(find_file(fixture, 2, &record), SMQ_ERR_NOT_FOUND);
    assert_int_equal(find_recipient(fixture, 1003, &record), SMQ_ERR_NOT_FOUND);
    assert_int_equal(file_store_find(fixture->txn, slice_of("", 0), &record), SMQ_ERR_NOT_FOUND);
    read_end(fixture);
    expect_whole(fixture);
}

static void test_an_id_that_is_taken_changes_nothing(void **state) {
    struct fixture *fixture = *state;
    struct test_id ids[2] = {test_id('r', 5), test_id('r', 1000)};
    struct test_id sender = test_id('s', 1);
    struct test_id other = test_id('s', 2);
    struct file_recipient recipients[2] = {{ID_SLICE(ids[0]), slice_of_text("k")},
                                           {ID_SLICE(ids[1]), slice_of_text("k")}};
    struct file_record record = {
        .sender_id = ID_SLICE(other), .sender_key = slice_of_text("k"), .size = 1, .created = 0};
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 0, 1), SMQ_OK);
    assert_int_equal(create_file(fixture, 1, 0, 0), SMQ_ERR_EXISTS);
    assert_int_equal(file_store_create(fixture->txn, &record, recipients, 2), SMQ_ERR_EXISTS);
    assert_int_equal(file_store_add_recipients(fixture->txn, ID_SLICE(sender), recipients, 2), SMQ_ERR_EXISTS);
    recipients[1] = recipients[0];
    assert_int_equal(file_store_create(fixture->txn, &record, recipients, 2), SMQ_ERR_EXISTS);
    recipients[0].id = slice_of("", 0);
    assert_int_equal(file_store_create(fixture->txn, &record, recipients, 1), SMQ_ERR_INVALID);
    record.size = 0;
    assert_int_equal(file_store_create(fixture->txn, &record, NULL, 0), SMQ_ERR_INVALID);
    write_commit(fixture);
    assert_int_equal(totals_of(fixture).files, 1);
    assert_int_equal(totals_of(fixture).recipients, 1);
    expect_whole(fixture);
}

static void test_recipients_are_added_and_acknowledge(void **state) {
    struct fixture *fixture = *state;
    struct file_record record;
    struct test_id sender = test_id('s', 1);
    struct test_id added = test_id('r', 7);
    struct file_recipient recipient = {ID_SLICE(added), slice_of_text("k")};
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 0, 1), SMQ_OK);
    assert_int_equal(file_store_add_recipients(fixture->txn, ID_SLICE(sender), &recipient, 1), SMQ_OK);
    write_commit(fixture);
    assert_int_equal(totals_of(fixture).recipients, 2);
    write_begin(fixture);
    assert_int_equal(file_store_remove_recipient(fixture->txn, ID_SLICE(added)), SMQ_OK);
    assert_int_equal(file_store_remove_recipient(fixture->txn, ID_SLICE(added)), SMQ_ERR_NOT_FOUND);
    assert_int_equal(find_recipient(fixture, 7, &record), SMQ_ERR_NOT_FOUND);
    assert_int_equal(find_recipient(fixture, 1000, &record), SMQ_OK);
    assert_int_equal(record.recipient_count, 1);
    write_commit(fixture);
    assert_int_equal(totals_of(fixture).recipients, 1);
    expect_whole(fixture);
}

static void test_a_chunk_counts_from_upload_to_deletion(void **state) {
    struct fixture *fixture = *state;
    struct file_removed removed;
    struct file_id id;
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 0, 2), SMQ_OK);
    assert_int_equal(put_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(set_uploaded(fixture, 1), SMQ_OK);
    assert_int_equal(set_uploaded(fixture, 1), SMQ_ERR_EXISTS);
    assert_int_equal(set_uploaded(fixture, 2), SMQ_ERR_NOT_FOUND);
    write_commit(fixture);
    struct file_totals totals = totals_of(fixture);
    assert_int_equal(totals.chunks, 1);
    assert_int_equal(totals.chunk_bytes, TEST_CHUNK_SIZE);
    expect_whole(fixture);

    write_begin(fixture);
    assert_int_equal(delete_file(fixture, 1, &removed), SMQ_OK);
    assert_true(removed.had_chunk);
    assert_int_equal(removed.size, TEST_CHUNK_SIZE);
    assert_int_equal(delete_file(fixture, 1, &removed), SMQ_ERR_NOT_FOUND);
    assert_int_equal(create_file(fixture, 1, 0, 0), SMQ_ERR_EXISTS); /* while its chunk file is to be removed */
    write_commit(fixture);
    run_to_the_end_of_purge(fixture);
    totals = totals_of(fixture);
    assert_int_equal(totals.files + totals.recipients + totals.chunks + totals.chunk_bytes, 0);
    assert_int_equal(file_store_next_removal(read_begin(fixture), slice_of("", 0), &id), SMQ_OK);
    read_end(fixture);
    assert_int_equal(chunk_remove(fixture->folder, file_id_slice(&id)), SMQ_OK);
    write_begin(fixture);
    assert_int_equal(file_store_removal_done(fixture->txn, file_id_slice(&id)), SMQ_OK);
    assert_int_equal(file_store_next_removal(fixture->txn, slice_of("", 0), &id), SMQ_ERR_EMPTY);
    for (unsigned table = FILE_TABLE_FILES; table < FILE_TABLE_COUNT; table++)
        assert_int_equal(lmdb_table_size(fixture->txn->lmdb, table), 0);
    write_commit(fixture);
}

static void test_8_a_blocked_file_gives_up_its_chunk_once(void **state) {
    struct fixture *fixture = *state;
    struct file_record record;
    struct file_removed removed;
    struct test_id id = test_id('s', 1);
    struct test_id recipient = test_id('r', 1000);
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 0, 2), SMQ_OK);
    assert_int_equal(set_uploaded(fixture, 1), SMQ_OK);
    assert_int_equal(file_store_block(fixture->txn, ID_SLICE(id), slice_of_text("reason=spam"), &removed), SMQ_OK);
    assert_true(removed.had_chunk);
    assert_int_equal(file_store_block(fixture->txn, ID_SLICE(id), slice_of_text("reason=content"), &removed), SMQ_OK);
    assert_false(removed.had_chunk);
    assert_int_equal(find_recipient(fixture, 1001, &record), SMQ_OK);
    assert_int_equal(record.status, FILE_BLOCKED);
    assert_true(slice_equal(record.status_info, slice_of_text("reason=content")));
    assert_int_equal(set_uploaded(fixture, 1), SMQ_ERR_AUTH);
    assert_int_equal(file_store_add_recipients(fixture->txn, ID_SLICE(id), NULL, 0), SMQ_ERR_AUTH);
    assert_int_equal(file_store_remove_recipient(fixture->txn, ID_SLICE(recipient)), SMQ_ERR_AUTH);
    write_commit(fixture);
    struct file_totals totals = totals_of(fixture);
    assert_int_equal(totals.blocked, 1);
    assert_int_equal(totals.chunks + totals.chunk_bytes, 0);
    assert_int_equal(totals.recipients, 2);
    expect_whole(fixture);
    write_begin(fixture);
    assert_int_equal(delete_file(fixture, 1, &removed), SMQ_OK);
    assert_false(removed.had_chunk);
    write_commit(fixture);
    assert_int_equal(totals_of(fixture).blocked, 0);
    expect_whole(fixture);
}

static void test_files_expire_in_the_order_of_their_creation(void **state) {
    struct fixture *fixture = *state;
    struct file_removed removed;
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 3 * HOUR, 1), SMQ_OK);
    assert_int_equal(create_file(fixture, 2, HOUR, 1), SMQ_OK);
    assert_int_equal(create_file(fixture, 3, 2 * HOUR, 1), SMQ_OK);
    assert_int_equal(file_store_count_expired(fixture->txn, 3 * HOUR, 10), 2);
    assert_int_equal(file_store_count_expired(fixture->txn, 3 * HOUR, 1), 1);
    assert_int_equal(file_store_expire(fixture->txn, 3 * HOUR, &removed), SMQ_OK);
    struct test_id second = test_id('s', 2);
    assert_true(slice_equal(file_id_slice(&removed.sender_id), ID_SLICE(second)));
    assert_int_equal(file_store_expire(fixture->txn, 3 * HOUR, &removed), SMQ_OK);
    assert_int_equal(file_store_expire(fixture->txn, 3 * HOUR, &removed), SMQ_ERR_EMPTY);
    write_commit(fixture);
    assert_int_equal(totals_of(fixture).files, 1);
    expect_whole(fixture);
}

static void test_the_cost_of_a_deletion_does_not_grow_with_recipients(void **state) {
    struct fixture *fixture = *state;
    struct test_id sender = test_id('s', 1);
    struct file_record record;
    struct file_removed removed;
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 0, 0), SMQ_OK);
    for (uint64_t i = 0; i < MANY; i++) {
        struct test_id id = test_id('r', i);
        struct file_recipient recipient = {ID_SLICE(id), slice_of_text("k")};
        assert_int_equal(file_store_add_recipients(fixture->txn, ID_SLICE(sender), &recipient, 1), SMQ_OK);
    }
    write_commit(fixture);
    write_begin(fixture);
    assert_int_equal(delete_file(fixture, 1, &removed), SMQ_OK);
    write_commit(fixture);
    read_begin(fixture);
    assert_int_equal(lmdb_table_size(fixture->txn->lmdb, FILE_TABLE_RECIPIENTS), MANY);
    assert_int_equal(find_recipient(fixture, 5, &record), SMQ_ERR_NOT_FOUND);
    read_end(fixture);
    expect_whole(fixture);
    assert_true(store_has_to_purge(fixture->store));
    fixture_close(fixture);
    fixture_open(fixture); /* it is remembered */
    run_to_the_end_of_purge(fixture);
    read_begin(fixture);
    assert_int_equal(lmdb_table_size(fixture->txn->lmdb, FILE_TABLE_RECIPIENTS), 0);
    read_end(fixture);
    expect_whole(fixture);
}

static void test_files_and_recipients_are_walked_in_order_of_ids(void **state) {
    struct fixture *fixture = *state;
    struct file_record record;
    struct file_recipient recipient;
    struct file_id last = {0};
    write_begin(fixture);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(create_file(fixture, i, 0, 3), SMQ_OK);
    write_commit(fixture);
    read_begin(fixture);
    uint64_t files = 0;
    uint64_t recipients = 0;
    while (file_store_next(fixture->txn, file_id_slice(&last), &record) == SMQ_OK) {
        struct file_id seen = {0};
        assert_int_equal(file_id_set(&last, record.sender_id), SMQ_OK);
        files++;
        while (file_store_next_recipient(fixture->txn, file_id_slice(&last), file_id_slice(&seen), &recipient) ==
               SMQ_OK) {
            assert_int_equal(file_id_set(&seen, recipient.id), SMQ_OK);
            recipients++;
        }
    }
    assert_int_equal(files, 5);
    assert_int_equal(recipients, 15);
    read_end(fixture);
}

static void test_a_quota_is_claimed_and_given_back(void **state) {
    (void)state;
    struct file_quota quota;
    file_quota_begin(&quota, 100, 30);
    assert_true(file_quota_claim(&quota, 70));
    assert_false(file_quota_claim(&quota, 1));
    file_quota_give_back(&quota, 70);
    assert_int_equal(file_quota_used(&quota), 30);
    file_quota_begin(&quota, 100, 130); /* lowered by the operator */
    assert_false(file_quota_claim(&quota, 1));
    file_quota_begin(&quota, FILE_QUOTA_NONE, 0);
    assert_true(file_quota_claim(&quota, UINT32_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_a_file_and_its_recipients_are_found),
        FILE_TEST(test_an_id_that_is_taken_changes_nothing),
        FILE_TEST(test_recipients_are_added_and_acknowledge),
        FILE_TEST(test_a_chunk_counts_from_upload_to_deletion),
        FILE_TEST(test_8_a_blocked_file_gives_up_its_chunk_once),
        FILE_TEST(test_files_expire_in_the_order_of_their_creation),
        FILE_TEST(test_the_cost_of_a_deletion_does_not_grow_with_recipients),
        FILE_TEST(test_files_and_recipients_are_walked_in_order_of_ids),
        FILE_TEST(test_a_quota_is_claimed_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
