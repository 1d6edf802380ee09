/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Behaviours 6, 7, 8, 10 and 14 of the facts (xftp.md, section 8): authorization, blocking, expiry, and the ids that
 * operators use. */
#include "test/integration/xftp/xftp_tests.h"

#include "stores/lmdb/batch.h"
#include "stores/xftp/file_store.h"

enum { EXPIRED = 10 };

/* ---- 6 ---- */

static uint64_t verifications(void) {
    return xftp_fixture_statistics(&fixture).verifications;
}

static void test_6_what_is_unknown_costs_what_is_wrong_costs(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    uint8_t unknown[16] = {9};
    start();
    struct xftp_peer_file file = uploaded(1);
    for (unsigned i = 0; i < 3; i++) {
        struct key_pair key;
        assert_int_equal(key_pair_generate(algorithms[i], &key), SMQ_OK);
        uint64_t before = verifications();
        EXPECT_ERROR(xftp_peer_error(&peer, &key, slice_of(unknown, 16), XFTP_FDEL, NO_BYTES), AUTH);
        assert_int_equal(verifications(), before + 1);
        EXPECT_ERROR(xftp_peer_error(&peer, &key, xftp_file_sender(&file), XFTP_FDEL, NO_BYTES), AUTH);
        assert_int_equal(verifications(), before + 2);
        EXPECT_ERROR(xftp_peer_error(&peer, &key, xftp_file_recipient(&file, 0), XFTP_FGET, NO_BYTES), AUTH);
        assert_int_equal(verifications(), before + 3);
    }
    EXPECT_ERROR(xftp_peer_error(&peer, &file.sender, xftp_file_recipient(&file, 0), XFTP_FDEL, NO_BYTES), AUTH);
    EXPECT_ERROR(xftp_peer_error(&peer, &file.recipients[0], xftp_file_sender(&file), XFTP_FGET, NO_BYTES), AUTH);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
}

static void test_keys_of_all_kinds_authorize(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    start();
    for (unsigned i = 0; i < 3; i++) {
        struct xftp_peer_file file;
        assert_int_equal(key_pair_generate(algorithms[i], &file.sender), SMQ_OK);
        EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
        EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    }
}

static void test_a_password_is_asked_for(void **state) {
    (void)state;
    struct xftp_peer_file file;
    assert_int_equal(password_parse(slice_of_text("secret"), &fixture.config.create_password), SMQ_OK);
    start();
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), AUTH);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, "wrong", &file), AUTH);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, "secret", &file), NONE);
    stop();
    fixture.config.new_files = false;
    start();
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, "secret", &file), AUTH);
}

/* ---- 7, 8, 14 ---- */

static void expect_blocked(struct xftp_error error, enum smp_blocking_reason reason) {
    assert_int_equal(error.code, XFTP_ERROR_BLOCKED);
    assert_int_equal(error.blocked.reason, reason);
}

static void test_7_blocked_is_told_and_off_is_not(void **state) {
    (void)state;
    struct key_pair stranger;
    start();
    struct xftp_peer_file file = uploaded(1);
    assert_int_equal(key_pair_generate(KEY_ED25519, &stranger), SMQ_OK);
    assert_int_equal(
        xftp_router_block_file(fixture.router, xftp_file_recipient(&file, 0), slice_of_text("reason=spam")), SMQ_OK);
    expect_blocked(xftp_peer_get(&peer, &file, 0), SMP_BLOCKED_SPAM);
    expect_blocked(AS_SENDER(file, XFTP_FDEL), SMP_BLOCKED_SPAM);
    expect_blocked(AS_SENDER(file, XFTP_FPUT), SMP_BLOCKED_SPAM);
    expect_blocked(AS_RECIPIENT(file, 1, XFTP_FACK), SMP_BLOCKED_SPAM);
    expect_blocked(xftp_peer_error(&peer, &stranger, xftp_file_sender(&file), XFTP_FDEL, NO_BYTES), SMP_BLOCKED_SPAM);
    expect_pong(&peer);
    for (uint16_t version = 1; version <= 2; version++) {
        xftp_peer_close(&peer);
        xftp_fixture_connect_raw(&fixture, "xftp/1", &peer);
        struct xftp_stream *hello = xftp_peer_begin(&peer, "POST", NULL, NULL, 0, true);
        xftp_peer_finish(&peer, hello);
        xftp_stream_forget(hello);
        xftp_peer_accept(&peer, fixture.fingerprint, version);
        EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), AUTH);
    }
}

struct insertion {
    struct store_operation operation;
    struct file_record record;
    struct file_recipient recipients[EXPIRED];
    size_t count;
};

static enum smq_result apply_insertion(struct store_operation *operation, struct store_txn *txn) {
    struct insertion *insertion = (struct insertion *)(void *)operation;
    return file_store_create(txn, &insertion->record, insertion->recipients, insertion->count);
}

static void inserted(struct store_operation *operation, enum smq_result result) {
    (void)operation;
    assert_int_equal(result, SMQ_OK);
}

/* While no router has the store. */
static void insert(const struct file_record *record, const struct file_recipient *recipient) {
    const struct store_options options = {.directory = fixture.config.store_directory,
                                          .map_size = fixture.config.map_size};
    struct store *store = NULL;
    struct store_batch batch = {0};
    struct insertion insertion = {.record = *record, .count = recipient != NULL};
    if (recipient != NULL)
        insertion.recipients[0] = *recipient;
    insertion.operation =
        (struct store_operation){.grows = true, .bytes = 1000, .apply = apply_insertion, .completed = inserted};
    assert_int_equal(store_open(&file_store_layout, &options, &store), SMQ_OK);
    store_batch_add(&batch, &insertion.operation);
    store_batch_run(store, &batch);
    store_close(&store);
}

static void test_7_a_file_that_is_off_is_as_if_it_did_not_exist(void **state) {
    (void)state;
    uint8_t der[KEY_SPKI_MAX];
    struct writer writer = writer_of(der, sizeof der);
    struct xftp_peer_file file = {.size = 65536, .sender_id = {1}, .recipient_ids = {{2}}};
    assert_int_equal(key_pair_generate(KEY_ED25519, &file.sender), SMQ_OK);
    file.recipients[0] = file.sender;
    write_public_key_der(&writer, &file.sender.public_key);
    const struct file_record record = {.sender_id = xftp_file_sender(&file),
                                       .sender_key = slice_of(der, writer_length(&writer)),
                                       .size = 65536,
                                       .created = clock_realtime_s(),
                                       .status = FILE_OFF};
    const struct file_recipient recipient = {xftp_file_recipient(&file, 0), record.sender_key};
    insert(&record, &recipient);
    start();
    EXPECT_ERROR(AS_SENDER(file, XFTP_FDEL), AUTH);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), AUTH);
    EXPECT_ERROR(AS_RECIPIENT(file, 0, XFTP_FACK), AUTH);
}

static bool no_chunk_files(void) {
    return xftp_fixture_chunk_files(&fixture) == 0;
}

static void test_8_blocking_removes_the_chunk_and_keeps_the_record(void **state) {
    (void)state;
    start();
    struct xftp_peer_file file = uploaded(1);
    struct slice id = xftp_file_recipient(&file, 0);
    assert_int_equal(xftp_router_block_file(fixture.router, id, slice_of_text("reason=spam")), SMQ_OK);
    await(no_chunk_files);
    struct xftp_statistics statistics = xftp_fixture_statistics(&fixture);
    assert_int_equal(statistics.files_blocked, 1);
    assert_int_equal(statistics.files_deleted, 0);
    assert_int_equal(statistics.quota_used, 0);
    assert_int_equal(statistics.files, 1);
    assert_int_equal(statistics.recipients, 2);
    assert_int_equal(xftp_router_block_file(fixture.router, id, slice_of_text("reason=content,notice={\"ttl\":60}")),
                     SMQ_OK);
    assert_int_equal(xftp_fixture_statistics(&fixture).quota_used, 0); /* once */
    stop();
    start();
    struct xftp_error error = xftp_peer_get(&peer, &file, 1);
    expect_blocked(error, SMP_BLOCKED_CONTENT);
    assert_true(error.blocked.has_notice && error.blocked.has_ttl);
    assert_int_equal(error.blocked.ttl_seconds, 60);
    expect_blocked(AS_SENDER(file, XFTP_FDEL), SMP_BLOCKED_CONTENT);
    assert_int_equal(xftp_router_delete_file(fixture.router, id), SMQ_OK); /* also of a blocked one */
    assert_int_equal(xftp_fixture_statistics(&fixture).files, 0);
}

static void test_14_operators_use_recipient_ids(void **state) {
    (void)state;
    start();
    struct xftp_peer_file file = uploaded(1);
    EXPECT_ERROR(AS_RECIPIENT(file, 0, XFTP_FACK), NONE);
    assert_int_equal(xftp_router_delete_file(fixture.router, xftp_file_sender(&file)), SMQ_ERR_NOT_FOUND);
    assert_int_equal(xftp_router_delete_file(fixture.router, xftp_file_recipient(&file, 0)), SMQ_ERR_NOT_FOUND);
    assert_int_equal(xftp_router_delete_file(fixture.router, xftp_file_recipient(&file, 1)), SMQ_OK);
    await(no_chunk_files);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), AUTH);
}

/* ---- 10 ---- */

static void insert_files(int64_t created) {
    for (unsigned i = 0; i < EXPIRED; i++) {
        uint8_t id[16] = {(uint8_t)i};
        const struct file_record record = {
            .sender_id = slice_of(id, 16), .sender_key = slice_of_text("key"), .size = 65536, .created = created};
        insert(&record, NULL);
    }
}

static void test_10_what_expired_is_gone_before_the_port_is_open(void **state) {
    (void)state;
    insert_files(clock_realtime_s() - fixture.config.file_ttl_s - 3600 - 5);
    xftp_fixture_start(&fixture);
    assert_int_equal(xftp_fixture_statistics(&fixture).files, 0);
    assert_int_equal(xftp_fixture_statistics(&fixture).files_expired, EXPIRED);
}

static void test_10_later_files_expire_one_at_a_time(void **state) {
    (void)state;
    fixture.config.expire_interval_s = 2;
    insert_files(clock_realtime_s() - fixture.config.file_ttl_s - 3600 + 2);
    start();
    assert_int_equal(xftp_fixture_statistics(&fixture).files, EXPIRED);
    uint64_t until_ms = clock_monotonic_ms() + 30000, began_ms = 0, now_ms;
    while (xftp_fixture_statistics(&fixture).files_expired < EXPIRED) {
        expect_pong(&peer);
        now_ms = clock_monotonic_ms();
        assert_true(now_ms < until_ms);
        if (began_ms == 0 && xftp_fixture_statistics(&fixture).files_expired > 0)
            began_ms = now_ms;
    }
    assert_true(clock_monotonic_ms() - began_ms >= (EXPIRED - 2) * 100);
    assert_int_equal(xftp_fixture_statistics(&fixture).files, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_6_what_is_unknown_costs_what_is_wrong_costs),
        ROUTER_TEST(test_keys_of_all_kinds_authorize),
        ROUTER_TEST(test_a_password_is_asked_for),
        ROUTER_TEST(test_7_blocked_is_told_and_off_is_not),
        ROUTER_TEST(test_7_a_file_that_is_off_is_as_if_it_did_not_exist),
        ROUTER_TEST(test_8_blocking_removes_the_chunk_and_keeps_the_record),
        ROUTER_TEST(test_14_operators_use_recipient_ids),
        ROUTER_TEST(test_10_what_expired_is_gone_before_the_port_is_open),
        ROUTER_TEST(test_10_later_files_expire_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
