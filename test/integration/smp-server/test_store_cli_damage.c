/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store on damaged files, and on those of a newer version. Real processes. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/cursor.h"
#include "stores/lmdb/lmdb.h"
#include "test/support/store_cli.h"

static void damage(const char *path, long from, size_t length) {
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, from, SEEK_SET));
    for (size_t i = 0; i < length; i++)
        assert_int_equal(0xa5, fputc(0xa5, file));
    assert_int_equal(0, fclose(file));
}

/* A newer program may have other tables; it has its version where this one looks for it. */
static void write_newer_schema(const char *folder) {
    static const char *const names[] = {"meta"};
    const struct lmdb_options options = {.directory = folder, .map_size = 1 << 28, .max_readers = 8, .sync = true};
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    write_u32(&writer, 1000);
    assert_int_equal(SMQ_OK, lmdb_open(&options, &lmdb));
    assert_int_equal(SMQ_OK, lmdb_open_tables(lmdb, names, 1));
    assert_int_equal(SMQ_OK, lmdb_txn_create(lmdb, true, &txn));
    assert_int_equal(SMQ_OK, lmdb_begin(txn));
    assert_true(lmdb_put(txn, 0, slice_of_text("schema"), slice_of(bytes, sizeof bytes)));
    assert_int_equal(SMQ_OK, lmdb_commit(txn));
    lmdb_txn_destroy(&txn);
    lmdb_close(&lmdb);
}

static void expect_newer(const char *action, const char *folder) {
    assert_int_equal(1, store_command(action, folder));
    assert_non_null(strstr(process_errors(store_cli.command), "newer version"));
}

static void test_a_store_of_a_newer_version_is_left_alone(void **state) {
    (void)state;
    char folder[96];
    const char *errors;
    store_cli_stop_router();
    assert_int_equal(0, mkdir(store_cli.backup, 0700));
    write_newer_schema(store_cli.backup);
    expect_newer("check", store_cli.backup);
    expect_newer("stats", store_cli.backup);
    expect_newer("restore", store_cli.backup);
    expect_messages(STORE_CLI_MESSAGES);
    (void)snprintf(folder, sizeof folder, "%s/store", store_cli.server.data);
    write_newer_schema(folder);
    expect_newer("backup", "/tmp/smq-never-made");
    expect_newer("compact", NULL);
    expect_newer("check", NULL);
    assert_int_equal(1, server_process_refusal(&store_cli.server, &errors));
    assert_non_null(strstr(errors, "newer version"));
}

static void test_damage_is_found_and_not_restored(void **state) {
    (void)state;
    char copied[112];
    assert_int_equal(0, store_command("backup", store_cli.backup));
    store_cli_stop_router();
    (void)snprintf(copied, sizeof copied, "%s/data.mdb", store_cli.backup);
    damage(copied, 8192, size_of(copied) - 8192);
    assert_int_not_equal(0, store_command("check", store_cli.backup));
    assert_int_not_equal(0, store_command("restore", store_cli.backup));
    expect_messages(STORE_CLI_MESSAGES);
    damage(copied, 0, 8192);
    assert_int_not_equal(0, store_command("check", store_cli.backup));
    assert_int_not_equal(0, store_command("check", "/nonexistent"));
}

/* Every page is whole, but a queue cannot be found by its sender's id. */
static void lose_a_sender(const char *folder) {
    static const char *const names[] = {"senders"};
    const struct lmdb_options options = {.directory = folder, .map_size = 1 << 28, .max_readers = 8, .sync = true};
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    assert_int_equal(SMQ_OK, lmdb_open(&options, &lmdb));
    assert_int_equal(SMQ_OK, lmdb_open_tables(lmdb, names, 1));
    assert_int_equal(SMQ_OK, lmdb_txn_create(lmdb, true, &txn));
    assert_int_equal(SMQ_OK, lmdb_begin(txn));
    assert_true(lmdb_seek(txn, 0, slice_of("\0", 1), NULL, NULL));
    assert_true(lmdb_remove(txn, 0));
    assert_int_equal(SMQ_OK, lmdb_commit(txn));
    lmdb_txn_destroy(&txn);
    lmdb_close(&lmdb);
}

/* A copy of what can still be read would take the place of all that is there. */
static void test_a_damaged_store_is_not_compacted(void **state) {
    (void)state;
    char folder[112];
    struct stat before, after;
    store_cli_stop_router();
    (void)snprintf(folder, sizeof folder, "%s/store", store_cli.server.data);
    lose_a_sender(folder);
    assert_int_equal(0, stat(store_cli.data, &before));
    assert_int_equal(1, store_command("compact", NULL));
    assert_non_null(strstr(process_output(store_cli.command), "sender id leads elsewhere"));
    assert_int_equal(0, stat(store_cli.data, &after));
    assert_int_equal(before.st_ino, after.st_ino);
}

/* Pages that are missing end who reads them with a signal; the operator is told in words. */
static void test_a_file_that_was_cut_is_told_of(void **state) {
    (void)state;
    char fifo[112];
    store_cli_stop_router();
    assert_int_equal(0, truncate(store_cli.data, 8192));
    static const char *const actions[] = {"stats", "check", "compact", "backup"};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        assert_int_equal(1, store_command(actions[i], strcmp(actions[i], "backup") == 0 ? store_cli.backup : NULL));
        assert_non_null(strstr(process_output(store_cli.command), "damaged"));
    }
    (void)snprintf(fifo, sizeof fifo, "%s/data.mdb", store_cli.server.root);
    assert_int_equal(0, mkfifo(fifo, 0600));
    assert_int_equal(1, store_command("check", store_cli.server.root));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROUTER(test_a_store_of_a_newer_version_is_left_alone),
        WITH_ROUTER(test_damage_is_found_and_not_restored),
        WITH_ROUTER(test_a_damaged_store_is_not_compacted),
        WITH_ROUTER(test_a_file_that_was_cut_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
