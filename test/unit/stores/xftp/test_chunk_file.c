/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Chunk files: names, uploads that end well and badly, files that changed behind our back. */
#include "file_fixture.h"

#include "stores/xftp/file_sweep.h"
#include <errno.h>

static void path_of(struct fixture *fixture, uint64_t number, char path[256]) {
    char name[CHUNK_NAME_SIZE];
    struct test_id id = test_id('s', number);
    assert_int_equal(chunk_name_of(ID_SLICE(id), name), SMQ_OK);
    (void)snprintf(path, 256, "%s/%s", fixture->chunks_path, name);
}

static void test_a_chunk_has_the_name_of_the_reference(void **state) {
    (void)state;
    static const uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    char name[CHUNK_NAME_SIZE];
    uint8_t id[CHUNK_ID_MAX];
    size_t length = 0;
    assert_int_equal(chunk_name_of(slice_of(bytes, sizeof bytes), name), SMQ_OK);
    assert_string_equal(name, "AQIDBAUGBwgJCgsMDQ4PEA==");
    assert_true(chunk_name_parse(name, id, &length));
    assert_int_equal(length, sizeof bytes);
    assert_memory_equal(id, bytes, sizeof bytes);
    assert_false(chunk_name_parse(".incoming", id, &length));
    assert_false(chunk_name_parse("lost+found", id, &length));
    assert_false(chunk_name_parse("AQIDBAUGBwgJCgsMDQ4PEA==.bak", id, &length));
}

static void test_a_chunk_is_kept_and_read(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(put_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(count_files(fixture->chunks_path), 1);
    assert_int_equal(count_incoming(fixture), 0);
    assert_int_equal(read_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(read_chunk(fixture, 2), SMQ_ERR_NOT_FOUND);
    struct test_id id = test_id('s', 1);
    assert_int_equal(chunk_remove(fixture->folder, ID_SLICE(id)), SMQ_OK);
    assert_int_equal(chunk_remove(fixture->folder, ID_SLICE(id)), SMQ_ERR_NOT_FOUND);
    assert_int_equal(count_files(fixture->chunks_path), 0);
}

static void test_an_upload_that_cannot_be_written_leaves_nothing(void **state) {
    static const struct {
        enum fault_point point;
        enum smq_result result;
    } cases[] = {
        {FAULT_POINT_chunk_write_full, SMQ_ERR_STORE_FULL},
        {FAULT_POINT_chunk_write_io, SMQ_ERR_STORE},
        {FAULT_POINT_chunk_sync, SMQ_ERR_STORE},
        {FAULT_POINT_chunk_rename, SMQ_ERR_STORE},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_arm(cases[i].point, 0, 1);
        assert_int_equal(put_chunk(fixture, 1), cases[i].result);
        assert_int_equal(fault_fired(cases[i].point), 1);
        assert_int_equal(count_files(fixture->chunks_path), 0);
        assert_int_equal(count_incoming(fixture), 0);
    }
    assert_int_equal(put_chunk(fixture, 1), SMQ_OK);
}

static void test_a_truncated_chunk_is_not_served(void **state) {
    struct fixture *fixture = *state;
    char path[256];
    path_of(fixture, 1, path);
    assert_int_equal(put_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(truncate(path, TEST_CHUNK_SIZE - 1), 0);
    assert_int_equal(read_chunk(fixture, 1), SMQ_ERR_NOT_FOUND);
}

static void test_a_chunk_truncated_while_it_is_read_ends_in_an_error(void **state) {
    struct fixture *fixture = *state;
    char path[256];
    uint8_t bytes[TEST_CHUNK_SIZE];
    size_t length;
    struct chunk_download download;
    struct test_id id = test_id('s', 1);
    path_of(fixture, 1, path);
    assert_int_equal(put_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(chunk_download_begin(fixture->folder, ID_SLICE(id), TEST_CHUNK_SIZE, &download), SMQ_OK);
    assert_int_equal(chunk_download_read(&download, bytes, 16384, &length), SMQ_OK);
    assert_int_equal(truncate(path, 20000), 0);
    assert_int_equal(chunk_download_read(&download, bytes, 16384, &length), SMQ_ERR_STORE);
    chunk_download_end(&download);
    fault_arm(FAULT_POINT_chunk_read_io, 0, 1);
    assert_int_equal(put_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(read_chunk(fixture, 1), SMQ_ERR_STORE);
}

static void test_links_and_folders_are_no_chunks(void **state) {
    struct fixture *fixture = *state;
    char path[256];
    path_of(fixture, 1, path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(read_chunk(fixture, 1), SMQ_ERR_STORE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* is not waited for */
    assert_int_equal(read_chunk(fixture, 1), SMQ_ERR_NOT_FOUND);
}

static void test_what_was_being_received_is_removed_at_start(void **state) {
    struct fixture *fixture = *state;
    struct chunk_upload upload;
    assert_int_equal(chunk_upload_begin(fixture->folder, &upload), SMQ_OK);
    assert_int_equal(chunk_upload_write(&upload, slice_of_text("half")), SMQ_OK);
    assert_int_equal(count_incoming(fixture), 1);
    chunk_folder_close(&fixture->folder, true);
    assert_int_equal(chunk_folder_open(fixture->chunks_path, &fixture->folder), SMQ_OK);
    assert_int_equal(count_incoming(fixture), 0);
    upload.folder = NULL;
    (void)close(upload.file);
}

static void test_a_folder_is_used_by_one_process(void **state) {
    struct fixture *fixture = *state;
    struct chunk_folder *other = NULL;
    assert_int_equal(chunk_folder_open(fixture->chunks_path, &other), SMQ_ERR_EXISTS);
    assert_null(other);
    assert_int_equal(chunk_folder_open("/nonexistent/folder", &other), SMQ_ERR_SYSTEM);
}

static void test_a_walk_sees_chunk_files_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    char path[256];
    struct chunk_walk walk;
    struct chunk_entry entry;
    bool seen[4] = {false};
    (void)snprintf(path, sizeof path, "%s/README.txt", fixture->chunks_path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    for (uint64_t number = 1; number <= 3; number++)
        assert_int_equal(put_chunk(fixture, number), SMQ_OK);
    assert_int_equal(chunk_walk_begin(fixture->folder, &walk), SMQ_OK);
    enum smq_result result;
    while ((result = chunk_walk_next(&walk, 1, &entry)) != SMQ_ERR_EMPTY) {
        if (result == SMQ_ERR_AGAIN)
            continue;
        uint64_t number = 0;
        memcpy(&number, entry.id + 1, sizeof number);
        assert_in_range(number, 1, 3);
        assert_false(seen[number]);
        assert_int_equal(entry.size, TEST_CHUNK_SIZE);
        seen[number] = true;
    }
    chunk_walk_end(&walk);
    assert_true(seen[1] && seen[2] && seen[3]);
}

static void test_a_sweep_takes_what_no_record_knows_of(void **state) {
    struct fixture *fixture = *state;
    struct file_sweep sweep;
    write_begin(fixture);
    assert_int_equal(create_file(fixture, 1, 0, 0), SMQ_OK);
    assert_int_equal(create_file(fixture, 2, 0, 0), SMQ_OK);
    assert_int_equal(set_uploaded(fixture, 1), SMQ_OK);
    write_commit(fixture);
    for (uint64_t number = 1; number <= 3; number++)
        assert_int_equal(put_chunk(fixture, number), SMQ_OK);
    read_begin(fixture);
    assert_int_equal(file_sweep_run(fixture->txn, fixture->folder, 0, &sweep), SMQ_OK);
    assert_int_equal(sweep.seen, 3);
    assert_int_equal(sweep.removed, 1);
    assert_int_equal(sweep.unknown, 1); /* young, and perhaps another store's */
    assert_int_equal(file_sweep_run(fixture->txn, fixture->folder, INT64_MAX, &sweep), SMQ_OK);
    assert_int_equal(sweep.removed, 1);
    read_end(fixture);
    assert_int_equal(read_chunk(fixture, 1), SMQ_OK);
    assert_int_equal(read_chunk(fixture, 2), SMQ_ERR_NOT_FOUND);
    assert_int_equal(read_chunk(fixture, 3), SMQ_ERR_NOT_FOUND);
}

static void test_a_folder_remembers_whether_it_was_left_in_order(void **state) {
    struct fixture *fixture = *state;
    assert_false(chunk_folder_was_left(fixture->folder));
    chunk_folder_close(&fixture->folder, false);
    assert_int_equal(chunk_folder_open(fixture->chunks_path, &fixture->folder), SMQ_OK);
    assert_true(chunk_folder_was_left(fixture->folder));
    chunk_folder_close(&fixture->folder, true);
    assert_int_equal(chunk_folder_open(fixture->chunks_path, &fixture->folder), SMQ_OK);
    assert_false(chunk_folder_was_left(fixture->folder));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_a_chunk_has_the_name_of_the_reference),
        FILE_TEST(test_a_chunk_is_kept_and_read),
        FILE_TEST(test_an_upload_that_cannot_be_written_leaves_nothing),
        FILE_TEST(test_a_truncated_chunk_is_not_served),
        FILE_TEST(test_a_chunk_truncated_while_it_is_read_ends_in_an_error),
        FILE_TEST(test_links_and_folders_are_no_chunks),
        FILE_TEST(test_what_was_being_received_is_removed_at_start),
        FILE_TEST(test_a_folder_is_used_by_one_process),
        FILE_TEST(test_a_walk_sees_chunk_files_and_nothing_else),
        FILE_TEST(test_a_sweep_takes_what_no_record_knows_of),
        FILE_TEST(test_a_folder_remembers_whether_it_was_left_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
