/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store of files and a folder of chunks, for one test. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "stores/lmdb/batch.h"
#include "stores/xftp/chunk_file.h"
#include "stores/xftp/file_check.h"
#include "stores/xftp/file_private.h"
#include "stores/xftp/quota.h"

enum { TEST_ID_SIZE = 16, TEST_CHUNK_SIZE = 65536 };

struct fixture {
    char directory[64];
    char store_path[96];
    char chunks_path[96];
    struct store_options options;
    struct store *store;
    struct store_reader *reader;
    struct chunk_folder *folder;
    struct store_txn *txn;
};

struct test_id {
    uint8_t bytes[TEST_ID_SIZE];
};

/* An id that kind and number tell apart. */
static inline struct test_id test_id(char kind, uint64_t number) {
    struct test_id id;
    memset(id.bytes, kind, sizeof id.bytes);
    memcpy(id.bytes + 1, &number, sizeof number);
    return id;
}

#define ID_SLICE(id) slice_of((id).bytes, sizeof(id).bytes)

static inline int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void fixture_open(struct fixture *fixture) {
    assert_int_equal(store_open(&file_store_layout, &fixture->options, &fixture->store), SMQ_OK);
    assert_int_equal(store_reader_create(fixture->store, &fixture->reader), SMQ_OK);
    assert_int_equal(chunk_folder_open(fixture->chunks_path, &fixture->folder), SMQ_OK);
}

static inline void fixture_close(struct fixture *fixture) {
    chunk_folder_close(&fixture->folder, true);
    store_reader_destroy(&fixture->reader);
    store_close(&fixture->store);
}

static inline int fixture_set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    log_set_level(LOG_LEVEL_ERROR);
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s", "/tmp/smq-files-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL)
        return -1;
    (void)snprintf(fixture->store_path, sizeof fixture->store_path, "%s/store", fixture->directory);
    (void)snprintf(fixture->chunks_path, sizeof fixture->chunks_path, "%s/files", fixture->directory);
    fixture->options = (struct store_options){.directory = fixture->store_path, .map_size = UINT64_C(1) << 30};
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state) {
    struct fixture *fixture = *state;
    fault_disarm_all();
    fixture_close(fixture);
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

static inline struct store_txn *write_begin(struct fixture *fixture) {
    assert_int_equal(store_txn_begin(fixture->store, &fixture->txn), SMQ_OK);
    return fixture->txn;
}

static inline void write_commit(struct fixture *fixture) {
    assert_int_equal(store_txn_commit(fixture->txn), SMQ_OK);
}

static inline struct store_txn *read_begin(struct fixture *fixture) {
    assert_int_equal(store_reader_begin(fixture->reader, &fixture->txn), SMQ_OK);
    return fixture->txn;
}

static inline void read_end(struct fixture *fixture) {
    store_reader_end(fixture->reader);
}

static inline struct file_totals totals_of(struct fixture *fixture) {
    struct file_totals totals;
    file_totals_get(read_begin(fixture), &totals);
    read_end(fixture);
    return totals;
}

static inline void tell_fault(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

/* Everything agrees with everything, chunk files included. */
static inline void expect_whole(struct fixture *fixture) {
    assert_int_equal(file_store_check(read_begin(fixture), fixture->folder, tell_fault, NULL), 0);
    read_end(fixture);
}

/* In the open write transaction: file `number`, with recipients of the numbers from number * 1000 on. */
static inline enum smq_result create_file(struct fixture *fixture, uint64_t number, int64_t created, size_t count) {
    struct test_id id = test_id('s', number);
    struct test_id ids[255];
    struct file_recipient recipients[255];
    for (size_t i = 0; i < count; i++) {
        ids[i] = test_id('r', number * 1000 + i);
        recipients[i] = (struct file_recipient){.id = ID_SLICE(ids[i]), .key = slice_of_text("recipient key")};
    }
    struct file_record record = {.sender_id = ID_SLICE(id),
                                 .sender_key = slice_of_text("sender key"),
                                 .size = TEST_CHUNK_SIZE,
                                 .digest = slice_of_text("digest"),
                                 .created = created};
    return file_store_create(fixture->txn, &record, recipients, count);
}

static inline enum smq_result find_file(struct fixture *fixture, uint64_t number, struct file_record *record) {
    struct test_id id = test_id('s', number);
    return file_store_find(fixture->txn, ID_SLICE(id), record);
}

static inline enum smq_result find_recipient(struct fixture *fixture, uint64_t number, struct file_record *record) {
    struct test_id id = test_id('r', number);
    struct file_recipient recipient;
    return file_store_find_recipient(fixture->txn, ID_SLICE(id), &recipient, record);
}

static inline enum smq_result set_uploaded(struct fixture *fixture, uint64_t number) {
    struct test_id id = test_id('s', number);
    return file_store_set_uploaded(fixture->txn, ID_SLICE(id));
}

static inline enum smq_result delete_file(struct fixture *fixture, uint64_t number, struct file_removed *removed) {
    struct test_id id = test_id('s', number);
    return file_store_delete(fixture->txn, ID_SLICE(id), removed);
}

/* Fills a chunk file with the byte `number` and gives it its name. */
static inline enum smq_result put_chunk(struct fixture *fixture, uint64_t number) {
    static uint8_t bytes[TEST_CHUNK_SIZE];
    struct test_id id = test_id('s', number);
    struct chunk_upload upload;
    memset(bytes, (int)(number & 0xff), sizeof bytes);
    enum smq_result result = chunk_upload_begin(fixture->folder, &upload);
    if (result != SMQ_OK)
        return result;
    for (size_t i = 0; i < 4 && result == SMQ_OK; i++)
        result = chunk_upload_write(&upload, slice_of(bytes + i * sizeof bytes / 4, sizeof bytes / 4));
    if (result == SMQ_OK)
        return chunk_upload_keep(&upload, ID_SLICE(id));
    chunk_upload_abandon(&upload);
    return result;
}

/* SMQ_OK when the chunk is there, with the bytes that put_chunk wrote. */
static inline enum smq_result read_chunk(struct fixture *fixture, uint64_t number) {
    static uint8_t bytes[TEST_CHUNK_SIZE + 1];
    struct test_id id = test_id('s', number);
    struct chunk_download download;
    size_t length = 0;
    enum smq_result result = chunk_download_begin(fixture->folder, ID_SLICE(id), TEST_CHUNK_SIZE, &download);
    if (result == SMQ_OK)
        result = chunk_download_read(&download, bytes, sizeof bytes, &length);
    chunk_download_end(&download);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], number & 0xff);
    if (result == SMQ_OK)
        assert_int_equal(length, TEST_CHUNK_SIZE);
    return result;
}

/* Files in a folder, hidden ones included. */
static inline unsigned count_files(const char *path) {
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_type == DT_REG;
    closedir(directory);
    return count;
}

static inline unsigned count_incoming(struct fixture *fixture) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/.incoming", fixture->chunks_path);
    return count_files(path) - 1; /* but for the mark that it is open */
}
