/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers, disks and operators at their worst: uploads that are slow, cut off, or meet each other; readers that do not
 * read; heads that are none; a disk that is full or fails. */
#include "test/integration/xftp/xftp_tests.h"

enum { SLOW_UPLOADS = 40 };

static bool has_claims(void) {
    struct xftp_statistics statistics = xftp_fixture_statistics(&fixture);
    return statistics.quota_used > statistics.chunk_bytes;
}

/* ---- uploads ---- */

static void test_an_upload_that_takes_too_long_is_told_so(void **state) {
    (void)state;
    fixture.config.file_timeout_ms = 300;
    start();
    struct xftp_peer_file file = created(1);
    struct xftp_stream *stream = begin_put(&peer, &file, 30000, false);
    assert_int_equal(error_of(&peer, stream), XFTP_ERROR_TIMEOUT);
    await(nothing_is_claimed);
    expect_pong(&peer);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
}

static void test_a_drained_upload_that_takes_too_long_is_told_so(void **state) {
    (void)state;
    fixture.config.file_timeout_ms = 300;
    start();
    struct xftp_peer_file file = uploaded(1);
    struct xftp_stream *stream = begin_put(&peer, &file, 30000, false);
    assert_int_equal(error_of(&peer, stream), XFTP_ERROR_TIMEOUT);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
}

static void test_a_client_that_leaves_takes_its_claim_along(void **state) {
    (void)state;
    struct xftp_peer other;
    start();
    struct xftp_peer_file file = created(1);
    xftp_fixture_connect(&fixture, &other);
    struct xftp_stream *stream = begin_put(&other, &file, 40000, false);
    while (!has_claims())
        xftp_peer_move(&other, 5);
    assert_false(stream->is_over);
    xftp_peer_close(&other);
    await(nothing_is_claimed);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
}

static void test_a_reset_in_the_middle_gives_up_one_upload_only(void **state) {
    (void)state;
    start();
    struct xftp_peer_file first = created(1);
    struct xftp_peer_file second = created(2);
    struct xftp_stream *reset = begin_put(&peer, &first, 20000, false);
    struct xftp_stream *other = begin_put(&peer, &second, second.size, true);
    while (!has_claims())
        xftp_peer_move(&peer, 5);
    http2_cancel(reset->stream);
    assert_int_equal(error_of(&peer, other), XFTP_ERROR_NONE);
    await(nothing_is_claimed);
    expect_pong(&peer);
}

static void test_slow_uploads_hold_up_nobody(void **state) {
    (void)state;
    struct xftp_stream *slow[SLOW_UPLOADS];
    struct xftp_peer_file files[SLOW_UPLOADS];
    struct xftp_peer other;
    start();
    for (unsigned i = 0; i < SLOW_UPLOADS; i++) {
        files[i] = created((uint8_t)i);
        slow[i] = begin_put(&peer, &files[i], 10, false);
    }
    xftp_fixture_connect(&fixture, &other);
    expect_pong(&other);
    expect_pong(&peer);
    struct xftp_peer_file file = uploaded(99);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
    for (unsigned i = 0; i < SLOW_UPLOADS; i++)
        xftp_peer_extend(slow[i], XFTP_BLOCK_SIZE + files[i].size, true);
    for (unsigned i = 0; i < SLOW_UPLOADS; i++)
        assert_int_equal(error_of(&peer, slow[i]), XFTP_ERROR_NONE);
    xftp_peer_close(&other);
    await(nothing_is_claimed);
}

static void test_of_two_first_uploads_of_a_chunk_one_wins(void **state) {
    (void)state;
    struct xftp_peer other;
    fixture.config.quota = 2 * 65536;
    start();
    xftp_fixture_connect(&fixture, &other);
    struct xftp_peer_file file = created(1);
    struct xftp_stream *first = begin_put(&peer, &file, 30000, false);
    struct xftp_stream *second = begin_put(&other, &file, 40000, false);
    while (xftp_fixture_statistics(&fixture).quota_used < 2 * 65536) {
        xftp_peer_move(&peer, 5);
        xftp_peer_move(&other, 5);
    }
    xftp_peer_extend(first, XFTP_BLOCK_SIZE + file.size, true);
    xftp_peer_extend(second, XFTP_BLOCK_SIZE + file.size, true);
    assert_int_equal(error_of(&peer, first), XFTP_ERROR_NONE);
    assert_int_equal(error_of(&other, second), XFTP_ERROR_AUTH);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
    await(nothing_is_claimed);
    assert_int_equal(xftp_fixture_statistics(&fixture).chunk_bytes, 65536);
    xftp_peer_close(&other);
}

static void test_a_file_deleted_during_its_upload_leaves_nothing(void **state) {
    (void)state;
    struct xftp_peer other;
    start();
    xftp_fixture_connect(&fixture, &other);
    struct xftp_peer_file file = created(1);
    struct xftp_stream *upload = begin_put(&other, &file, 30000, false);
    while (!has_claims())
        xftp_peer_move(&other, 5);
    EXPECT_ERROR(AS_SENDER(file, XFTP_FDEL), NONE);
    xftp_peer_extend(upload, XFTP_BLOCK_SIZE + file.size, true);
    assert_int_equal(error_of(&other, upload), XFTP_ERROR_AUTH);
    await(nothing_is_claimed);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
    xftp_peer_close(&other);
}

static void test_a_file_blocked_during_its_upload_leaves_nothing(void **state) {
    (void)state;
    struct xftp_peer other;
    start();
    xftp_fixture_connect(&fixture, &other);
    struct xftp_peer_file file = created(1);
    struct xftp_stream *upload = begin_put(&other, &file, 30000, false);
    while (!has_claims())
        xftp_peer_move(&other, 5);
    assert_int_equal(
        xftp_router_block_file(fixture.router, xftp_file_recipient(&file, 0), slice_of_text("reason=spam")), SMQ_OK);
    xftp_peer_extend(upload, XFTP_BLOCK_SIZE + file.size, true);
    assert_int_equal(error_of(&other, upload), XFTP_ERROR_AUTH);
    await(nothing_is_claimed);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
    xftp_peer_close(&other);
}

static void test_uploads_wait_for_the_disk_within_a_budget(void **state) {
    (void)state;
    enum { UPLOADS = 6 };
    struct xftp_stream *streams[UPLOADS];
    struct xftp_peer_file files[UPLOADS];
    fixture.config.upload_buffer = 100000; /* so that connections are paused again and again */
    start();
    for (unsigned i = 0; i < UPLOADS; i++)
        EXPECT_ERROR(xftp_peer_create(&peer, 1048576, (uint8_t)i, NULL, &files[i]), NONE);
    for (unsigned i = 0; i < UPLOADS; i++)
        streams[i] = begin_put(&peer, &files[i], files[i].size, true);
    for (unsigned i = 0; i < UPLOADS; i++)
        assert_int_equal(error_of(&peer, streams[i]), XFTP_ERROR_NONE);
    await(nothing_is_claimed);
}

/* ---- readers ---- */

static bool has_some(void *context) {
    return ((struct xftp_stream *)context)->answer_length > 500000;
}

static void test_a_reader_that_does_not_read_holds_up_nobody(void **state) {
    (void)state;
    struct xftp_peer reader;
    struct xftp_peer_file file;
    struct key_pair pair;
    uint8_t block[XFTP_BLOCK_SIZE];
    start();
    EXPECT_ERROR(xftp_peer_create(&peer, 4194304, 1, NULL, &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    xftp_fixture_connect(&fixture, &reader);
    assert_int_equal(key_pair_generate(KEY_X25519, &pair), SMQ_OK);
    const struct xftp_command command = {.tag = XFTP_FGET, .dh_key = pair.public_key};
    xftp_peer_block(&reader, &file.recipients[0], xftp_file_recipient(&file, 0), &command, block);
    struct xftp_stream *stream = xftp_peer_begin(&reader, "POST", NULL, block, sizeof block, true);
    stream->holds = true;
    xftp_peer_until(&reader, has_some, stream);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), NONE);
    EXPECT_ERROR(AS_SENDER(file, XFTP_FDEL), NONE); /* what is being sent goes on being sent */
    stream->holds = false;
    http2_consume(stream->stream, stream->answer_length);
    xftp_peer_finish(&reader, stream);
    assert_true(stream->body_ended);
    assert_int_equal(stream->answer_length, XFTP_BLOCK_SIZE + 4194304 + BOX_TAG_SIZE);
    xftp_peer_close(&reader);
}

static void test_a_reader_that_leaves_closes_its_file(void **state) {
    (void)state;
    struct xftp_peer_file file;
    start();
    EXPECT_ERROR(xftp_peer_create(&peer, 4194304, 1, NULL, &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    for (unsigned i = 0; i < 20; i++) {
        struct xftp_peer reader;
        struct key_pair pair;
        uint8_t block[XFTP_BLOCK_SIZE];
        xftp_fixture_connect(&fixture, &reader);
        assert_int_equal(key_pair_generate(KEY_X25519, &pair), SMQ_OK);
        const struct xftp_command command = {.tag = XFTP_FGET, .dh_key = pair.public_key};
        xftp_peer_block(&reader, &file.recipients[0], xftp_file_recipient(&file, 0), &command, block);
        struct xftp_stream *stream = xftp_peer_begin(&reader, "POST", NULL, block, sizeof block, true);
        stream->holds = true;
        xftp_peer_until(&reader, has_some, stream);
        xftp_peer_close(&reader);
    }
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), NONE);
}

/* ---- heads ---- */

static void expect_error_to(const uint8_t *body, size_t length, enum xftp_error_code expected) {
    struct xftp_stream *stream = xftp_peer_begin(&peer, "POST", NULL, body, length, true);
    assert_int_equal(error_of(&peer, stream), expected);
    xftp_stream_forget(stream);
}

static void test_heads_that_are_no_commands_are_answered(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE];
    const struct xftp_command ping = {.tag = XFTP_PING};
    start();
    memset(block, 'x', sizeof block);
    expect_error_to(NULL, 0, XFTP_ERROR_BLOCK);
    expect_error_to(block, 1, XFTP_ERROR_BLOCK);
    expect_error_to(block, XFTP_BLOCK_SIZE - 1, XFTP_ERROR_BLOCK);
    expect_error_to(block, XFTP_BLOCK_SIZE, XFTP_ERROR_BLOCK);
    xftp_peer_block(&peer, NULL, NO_BYTES, &ping, block);
    block[10] ^= 1; /* of the session id */
    expect_error_to(block, sizeof block, XFTP_ERROR_SESSION);
    xftp_peer_block(&peer, NULL, NO_BYTES, &ping, block);
    memcpy(memmem(block, sizeof block, "PING", 4), "PONG", 4);
    expect_error_to(block, sizeof block, XFTP_ERROR_COMMAND);
    xftp_peer_block(&peer, NULL, slice_of_text("an entity"), &ping, block);
    expect_error_to(block, sizeof block, XFTP_ERROR_COMMAND);
    expect_pong(&peer);
}

static void test_a_head_that_never_ends_is_given_up(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE] = {0};
    fixture.config.file_timeout_ms = 200;
    start();
    struct xftp_stream *stream = xftp_peer_begin(&peer, "POST", NULL, block, 100, false);
    xftp_peer_finish(&peer, stream);
    assert_true(stream->is_over);
    assert_false(stream->head_came);
    expect_pong(&peer);
}

/* ---- disks ---- */

static void test_a_disk_that_is_full_or_fails_refuses_one_upload(void **state) {
    (void)state;
    static const enum fault_point points[] = {FAULT_POINT_chunk_write_full, FAULT_POINT_chunk_write_io,
                                              FAULT_POINT_chunk_sync, FAULT_POINT_chunk_rename};
    start();
    struct xftp_peer_file file = created(1);
    for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
        fault_arm(points[i], 0, 1);
        EXPECT_ERROR(xftp_peer_put(&peer, &file), FILE_IO);
        await(nothing_is_claimed);
        assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
    }
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
}

static void test_a_store_that_cannot_commit_promises_nothing(void **state) {
    (void)state;
    start();
    struct xftp_peer_file file = created(1);
    fault_arm(FAULT_POINT_store_commit_io, 0, 3);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), INTERNAL);
    fault_disarm_all();
    await(nothing_is_claimed);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NO_FILE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
}

static void test_a_disk_that_cannot_be_read_ends_the_stream(void **state) {
    (void)state;
    start();
    struct xftp_peer_file file = uploaded(1);
    fault_arm(FAULT_POINT_chunk_read_io, 0, 1);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), SIZE); /* the body is not whole, and does not look so */
    expect_pong(&peer);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
}

static void test_a_file_that_cannot_be_removed_is_removed_later(void **state) {
    (void)state;
    start();
    struct xftp_peer_file file = uploaded(1);
    fault_arm(FAULT_POINT_chunk_remove, 0, 1);
    EXPECT_ERROR(AS_SENDER(file, XFTP_FDEL), NONE);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 1);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), AUTH);
    stop();
    start();
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_an_upload_that_takes_too_long_is_told_so),
        ROUTER_TEST(test_a_drained_upload_that_takes_too_long_is_told_so),
        ROUTER_TEST(test_a_client_that_leaves_takes_its_claim_along),
        ROUTER_TEST(test_a_reset_in_the_middle_gives_up_one_upload_only),
        ROUTER_TEST(test_slow_uploads_hold_up_nobody),
        ROUTER_TEST(test_of_two_first_uploads_of_a_chunk_one_wins),
        ROUTER_TEST(test_a_file_deleted_during_its_upload_leaves_nothing),
        ROUTER_TEST(test_a_file_blocked_during_its_upload_leaves_nothing),
        ROUTER_TEST(test_uploads_wait_for_the_disk_within_a_budget),
        ROUTER_TEST(test_a_reader_that_does_not_read_holds_up_nobody),
        ROUTER_TEST(test_a_reader_that_leaves_closes_its_file),
        ROUTER_TEST(test_heads_that_are_no_commands_are_answered),
        ROUTER_TEST(test_a_head_that_never_ends_is_given_up),
        ROUTER_TEST(test_a_disk_that_is_full_or_fails_refuses_one_upload),
        ROUTER_TEST(test_a_store_that_cannot_commit_promises_nothing),
        ROUTER_TEST(test_a_disk_that_cannot_be_read_ends_the_stream),
        ROUTER_TEST(test_a_file_that_cannot_be_removed_is_removed_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
