/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A chunk's life at a router: created, uploaded, downloaded, acknowledged, deleted, over real TLS. */
#include "test/integration/xftp/xftp_tests.h"

#include "actors/router/operator/daily_line.h"

static int set_up_started(void **state) {
    (void)set_up(state);
    start();
    return 0;
}

#define STARTED_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_started, tear_down)

static void test_a_ping_is_answered(void **state) {
    (void)state;
    const struct xftp_command command = {.tag = XFTP_PING};
    struct xftp_response response;
    struct xftp_stream *stream =
        xftp_peer_command(&peer, NULL, slice_of(NULL, 0), &command, slice_of(NULL, 0), &response);
    assert_int_equal(response.tag, XFTP_PONG);
    assert_int_equal(stream->answer_length, XFTP_BLOCK_SIZE);
    assert_string_equal(stream->fields, "");
    xftp_stream_forget(stream);
}

static void test_chunks_of_all_sizes_come_back(void **state) {
    (void)state;
    static const uint32_t sizes[] = {65536, 262144, 1048576, 4194304};
    for (unsigned i = 0; i < 4; i++) {
        struct xftp_peer_file file;
        EXPECT_ERROR(xftp_peer_create(&peer, sizes[i], (uint8_t)i, NULL, &file), NONE);
        EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NO_FILE);
        EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
        EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
        EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), NONE);
        EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), NONE);
    }
    struct xftp_statistics statistics = xftp_fixture_statistics(&fixture);
    assert_int_equal(statistics.files_created, 4);
    assert_int_equal(statistics.file_recipients, 8);
    assert_int_equal(statistics.files_uploaded, 4);
    assert_int_equal(statistics.file_downloads, 12);
    assert_int_equal(statistics.chunk_bytes, 65536 + 262144 + 1048576 + 4194304);
    assert_int_equal(statistics.quota_used, statistics.chunk_bytes);
    assert_int_equal(statistics.upload_bytes_waiting, 0);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 4);
    assert_int_equal(xftp_fixture_incoming(&fixture), 0);
}

static void test_sizes_that_are_not_allowed_are_refused(void **state) {
    (void)state;
    struct xftp_peer_file file;
    EXPECT_ERROR(xftp_peer_create(&peer, 65537, 1, NULL, &file), SIZE);
    EXPECT_ERROR(xftp_peer_create(&peer, 131072, 1, NULL, &file), SIZE);
}

static void test_recipients_acknowledge_and_senders_delete(void **state) {
    (void)state;
    struct xftp_peer_file file;
    struct slice none = slice_of(NULL, 0);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    EXPECT_ERROR(xftp_peer_error(&peer, &file.recipients[0], xftp_file_recipient(&file, 0), XFTP_FACK, none), NONE);
    EXPECT_ERROR(xftp_peer_error(&peer, &file.recipients[0], xftp_file_recipient(&file, 0), XFTP_FACK, none), AUTH);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), AUTH);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), NONE);
    EXPECT_ERROR(xftp_peer_error(&peer, &file.sender, xftp_file_sender(&file), XFTP_FDEL, none), NONE);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
    EXPECT_ERROR(xftp_peer_error(&peer, &file.sender, xftp_file_sender(&file), XFTP_FDEL, none), AUTH);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), AUTH);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), AUTH);
    struct xftp_statistics statistics = xftp_fixture_statistics(&fixture);
    assert_int_equal(statistics.file_download_acks, 1);
    assert_int_equal(statistics.files_deleted, 1);
    assert_int_equal(statistics.files + statistics.recipients + statistics.chunk_bytes + statistics.quota_used, 0);
}

static void test_a_router_that_starts_again_has_its_chunks(void **state) {
    (void)state;
    struct xftp_peer_file file;
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &file), NONE);
    xftp_fixture_stop(&fixture);
    xftp_peer_close(&peer);
    xftp_fixture_start(&fixture);
    xftp_fixture_connect(&fixture, &peer);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
    assert_int_equal(xftp_fixture_statistics(&fixture).quota_used, 65536);
}

/* 2026-11-30 is a Monday, and 2026-12-01 the first of a month. */
static void test_11_the_daily_line_has_the_columns_of_the_reference(void **state) {
    (void)state;
    static const char expected[] = "2026-11-29,1,2,1,0,1,1,,2,1,1,65536,0\n2026-11-30,0,0,0,1,0,,1,0,0,0,0,0\n";
    struct statistics *statistics = operator_statistics(xftp_router_operator(fixture.router));
    char path[128], text[256] = "";
    struct xftp_peer_file file = uploaded(1);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 1), NONE);
    EXPECT_ERROR(AS_RECIPIENT(file, 1, XFTP_FACK), NONE);
    (void)snprintf(path, sizeof path, "%s/daily", fixture.directory);
    assert_int_equal(daily_line_due(1795967999), 1795996800); /* the midnight after 2026-11-29T15:59:59Z */
    atomic_store(&statistics->from_ns, INT64_C(1795950000) * 1000000000);
    assert_int_equal(daily_line_append(statistics, path, INT64_C(1795996800) * 1000000000), SMQ_OK);
    EXPECT_ERROR(AS_SENDER(file, XFTP_FDEL), NONE);
    assert_int_equal(daily_line_append(statistics, path, INT64_C(1796083200) * 1000000000), SMQ_OK);
    FILE *lines = fopen(path, "r");
    assert_non_null(lines);
    assert_true(fread(text, 1, sizeof text - 1, lines) > 0);
    fclose(lines);
    assert_string_equal(text, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STARTED_TEST(test_a_ping_is_answered),
        STARTED_TEST(test_chunks_of_all_sizes_come_back),
        STARTED_TEST(test_sizes_that_are_not_allowed_are_refused),
        STARTED_TEST(test_recipients_acknowledge_and_senders_delete),
        STARTED_TEST(test_a_router_that_starts_again_has_its_chunks),
        STARTED_TEST(test_11_the_daily_line_has_the_columns_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
