/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Behaviours 3, 4, 5 and 12 of the facts (xftp.md, section 8): uploads of what is there, the quota, ids that are taken,
 * chunks that are gone. */
#include "test/integration/xftp/xftp_tests.h"

static void test_3_a_committed_upload_is_drained(void **state) {
    (void)state;
    start();
    struct xftp_peer_file file = uploaded(1);
    struct xftp_statistics before = xftp_fixture_statistics(&fixture);
    uint8_t *other = xftp_chunk_bytes(file.size, 2);
    EXPECT_ERROR(put_bytes(&file, other, file.size), NONE);
    EXPECT_ERROR(put_bytes(&file, other, file.size - 1), SIZE);
    EXPECT_ERROR(put_bytes(&file, other, 0), SIZE);
    free(other);
    struct xftp_stream *longer = begin_put(&peer, &file, file.size + 100, true);
    assert_int_equal(error_of(&peer, longer), XFTP_ERROR_NONE); /* what is behind it is not looked at */
    xftp_stream_forget(longer);
    expect_pong(&peer);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE); /* the first content */
    struct xftp_statistics after = xftp_fixture_statistics(&fixture);
    assert_int_equal(after.files_uploaded, before.files_uploaded);
    assert_int_equal(after.quota_used, before.quota_used);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 1);
    assert_int_equal(xftp_fixture_incoming(&fixture), 0);
}

static void test_4_the_quota_is_claimed_and_given_back(void **state) {
    (void)state;
    fixture.config.quota = 2 * 65536;
    start();
    struct xftp_peer_file third = created(3);
    uint8_t *wrong = xftp_chunk_bytes(third.size, 9);
    EXPECT_ERROR(put_bytes(&third, wrong, third.size), DIGEST);
    EXPECT_ERROR(put_bytes(&third, wrong, third.size - 1), SIZE);
    EXPECT_ERROR(put_bytes(&third, wrong, 0), SIZE);
    free(wrong);
    struct xftp_stream *longer = begin_put(&peer, &third, third.size + 1, true);
    assert_int_equal(error_of(&peer, longer), XFTP_ERROR_SIZE);
    xftp_stream_forget(longer);
    assert_int_equal(xftp_fixture_statistics(&fixture).quota_used, 0);
    assert_int_equal(xftp_fixture_chunk_files(&fixture) + xftp_fixture_incoming(&fixture), 0);
    struct xftp_peer_file first = uploaded(1);
    (void)uploaded(2);
    EXPECT_ERROR(xftp_peer_put(&peer, &third), QUOTA);
    expect_pong(&peer);
    EXPECT_ERROR(AS_SENDER(first, XFTP_FDEL), NONE);
    EXPECT_ERROR(xftp_peer_put(&peer, &third), NONE);
    assert_int_equal(xftp_fixture_statistics(&fixture).quota_used, 2 * 65536);
}

static void test_4_parallel_uploads_take_exactly_what_there_is(void **state) {
    (void)state;
    enum { FILES = 12, ROOM = 5 };
    struct xftp_peer_file files[FILES];
    struct xftp_stream *streams[FILES];
    unsigned kept = 0, refused = 0;
    fixture.config.quota = ROOM * 65536 + 65535;
    start();
    for (unsigned i = 0; i < FILES; i++)
        files[i] = created((uint8_t)i);
    for (unsigned i = 0; i < FILES; i++)
        streams[i] = begin_put(&peer, &files[i], files[i].size, true);
    for (unsigned i = 0; i < FILES; i++) {
        enum xftp_error_code code = error_of(&peer, streams[i]);
        kept += code == XFTP_ERROR_NONE;
        refused += code == XFTP_ERROR_QUOTA;
        xftp_stream_forget(streams[i]);
    }
    assert_int_equal(kept, ROOM);
    assert_int_equal(refused, FILES - ROOM);
    assert_int_equal(xftp_fixture_statistics(&fixture).chunk_bytes, ROOM * 65536);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), ROOM);
}

static enum xftp_error_code add_recipient(const struct xftp_peer_file *file) {
    uint8_t keys[1 + KEY_SPKI_MAX];
    struct writer writer = writer_of(keys, sizeof keys);
    struct xftp_response response;
    write_public_key(&writer, &file->recipients[0].public_key);
    const struct xftp_command command = {
        .tag = XFTP_FADD, .recipient_keys = {.count = 1, .encoded = slice_of(keys, writer_length(&writer))}};
    struct xftp_stream *stream =
        xftp_peer_command(&peer, &file->sender, xftp_file_sender(file), &command, NO_BYTES, &response);
    enum xftp_error_code code = response.tag == XFTP_ERR ? response.error.code : XFTP_ERROR_NONE;
    if (code == XFTP_ERROR_NONE)
        assert_int_equal(response.tag, XFTP_RIDS);
    xftp_stream_forget(stream);
    return code;
}

/* A FNEW with two recipients makes three ids a try; the fault makes some of them the same each time. */
static void test_5_ids_that_are_taken_are_made_anew(void **state) {
    (void)state;
    struct xftp_peer_file file = {0};
    start();
    fault_arm(FAULT_POINT_file_id_taken, 0, 1); /* the sender's */
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
    fault_arm(FAULT_POINT_file_id_taken, 0, 1);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
    fault_arm(FAULT_POINT_file_id_taken, 0, 9);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), INTERNAL);
    fault_arm(FAULT_POINT_file_id_taken, 1, 1); /* a recipient's */
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
    fault_arm(FAULT_POINT_file_id_taken, 1, 1);
    EXPECT_ERROR(xftp_peer_create(&peer, 65536, 1, NULL, &file), NONE);
    fault_arm(FAULT_POINT_file_id_taken, 0, 2);
    assert_int_equal(add_recipient(&file), XFTP_ERROR_NONE);
    fault_arm(FAULT_POINT_file_id_taken, 0, 3);
    assert_int_equal(add_recipient(&file), XFTP_ERROR_INTERNAL);
    fault_disarm_all();
    assert_int_equal(xftp_fixture_statistics(&fixture).files, 4);
    assert_int_equal(xftp_fixture_statistics(&fixture).recipients, 9);
}

static void test_12_a_chunk_that_is_gone_is_as_if_it_did_not_exist(void **state) {
    (void)state;
    char path[256];
    start();
    struct xftp_peer_file removed = uploaded(1);
    struct xftp_peer_file cut = uploaded(2);
    struct xftp_peer_file altered = uploaded(3);
    xftp_fixture_chunk_path(&fixture, &removed, path);
    assert_int_equal(unlink(path), 0);
    EXPECT_ERROR(xftp_peer_get(&peer, &removed, 0), AUTH);
    xftp_fixture_chunk_path(&fixture, &cut, path);
    assert_int_equal(truncate(path, 1000), 0);
    EXPECT_ERROR(xftp_peer_get(&peer, &cut, 0), AUTH);
    xftp_fixture_chunk_path(&fixture, &altered, path);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fputc(0x55, file), 0x55);
    fclose(file);
    EXPECT_ERROR(xftp_peer_get(&peer, &altered, 0), DIGEST); /* the client notices */
    EXPECT_ERROR(AS_SENDER(removed, XFTP_FDEL), NONE);
    EXPECT_ERROR(AS_SENDER(cut, XFTP_FDEL), NONE);
    EXPECT_ERROR(AS_SENDER(altered, XFTP_FDEL), NONE);
    assert_int_equal(xftp_fixture_statistics(&fixture).quota_used, 0);
    assert_int_equal(xftp_fixture_chunk_files(&fixture), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_3_a_committed_upload_is_drained),
        ROUTER_TEST(test_4_the_quota_is_claimed_and_given_back),
        ROUTER_TEST(test_4_parallel_uploads_take_exactly_what_there_is),
        ROUTER_TEST(test_5_ids_that_are_taken_are_made_anew),
        ROUTER_TEST(test_12_a_chunk_that_is_gone_is_as_if_it_did_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
