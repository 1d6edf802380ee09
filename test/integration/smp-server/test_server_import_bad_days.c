/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Imports and exports on bad days: killed, on a full disk, beside a store of a newer program; and the first start on a
 * reference's files, with and without somebody to ask. Real processes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stores/lmdb/store_private.h"
#include "stores/smp/store.h"
#include "test/support/import_cli.h"

#define STORE_LOG "smp-server-store.log"
#define MESSAGES  "smp-server-messages.log"

enum { MANY = 20000, MESSAGES_OF_MANY = 3000 };

static const char program[] = BUILD_DIR "/bin/smp-server";

/* ---- many queues ---- */

static void write_many(const char *folder) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/" STORE_LOG, folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (unsigned i = 0; i < MANY; i++)
        (void)fprintf(file, "CREATE rid=%s rk=%s rdh=%s sid=%s sk=%s queue_mode=M\n", sample_id(i), sample_key(i),
                      sample_secret(i), sample_id(i), sample_key(i));
    assert_int_equal(0, fclose(file));
    (void)snprintf(path, sizeof path, "%s/" MESSAGES, folder);
    file = fopen(path, "we");
    assert_non_null(file);
    for (unsigned i = 0; i < MESSAGES_OF_MANY; i++)
        (void)fprintf(file, "v3 %s %s 1795926000 flags=F %0*d\n", sample_id(i), sample_id(i), 4000, 0);
    assert_int_equal(0, fclose(file));
}

struct original {
    struct stat status[2];
};

static void stat_originals(const char *folder, struct original *original) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/" STORE_LOG, folder);
    assert_int_equal(0, stat(path, &original->status[0]));
    (void)snprintf(path, sizeof path, "%s/" MESSAGES, folder);
    assert_int_equal(0, stat(path, &original->status[1]));
}

static void expect_untouched(const char *folder, const struct original *before) {
    struct original now;
    stat_originals(folder, &now);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(before->status[i].st_ino, now.status[i].st_ino);
        assert_int_equal(before->status[i].st_size, now.status[i].st_size);
        assert_int_equal(before->status[i].st_mtim.tv_sec, now.status[i].st_mtim.tv_sec);
        assert_int_equal(before->status[i].st_mtim.tv_nsec, now.status[i].st_mtim.tv_nsec);
    }
}

static void expect_store(const char *text) {
    assert_int_equal(0, import_cli_run(NULL, "store", "check", NULL));
    import_cli_expect_output(text);
}

/* Killed at any instant: there is no store, or the whole one; and the next import needs nobody to clean up. */
static void test_an_import_that_is_killed_leaves_nothing_behind(void **state) {
    const char *const words[] = {program, "store", "import", "-y", "--from", import_cli.from, NULL};
    struct original original;
    bool done = false;
    (void)state;
    write_many(import_cli.from);
    stat_originals(import_cli.from, &original);
    for (unsigned delay_us = 2000; !done && delay_us < 2000000; delay_us = delay_us * 3 / 2) {
        import_cli_start(words);
        usleep(delay_us); /* where it is then is meant to differ */
        process_signal(import_cli.command, SIGKILL);
        (void)process_wait(import_cli.command, IMPORT_CLI_END_MS);
        done = import_cli_has(import_cli.server.data, "store/data.mdb");
        expect_untouched(import_cli.from, &original);
    }
    if (!done)
        assert_int_equal(0, import_cli_run(NULL, "store", "import", "-y", "--from", import_cli.from, NULL));
    expect_store("whole; 20000 queues, 3000 messages");
    assert_false(import_cli_has(import_cli.server.data, "store/import.part"));
    expect_untouched(import_cli.from, &original);
}

/* ---- full disks: the limit of a file's size stands for one ---- */

static int run_limited(const char *kilobytes, const char *word, const char *option, const char *folder) {
    const char *const words[] = {"/bin/sh", "-c",      "ulimit -f $1; shift; exec \"$0\" store \"$@\" -y",
                                 program,   kilobytes, word,
                                 option,    folder,    NULL};
    import_cli_start(words);
    return process_wait(import_cli.command, IMPORT_CLI_END_MS);
}

static void test_a_full_disk_ends_an_import_and_leaves_nothing_behind(void **state) {
    static const char *const limits[] = {"64", "1024", "9000", "12000", "20000"};
    struct original original;
    (void)state;
    write_many(import_cli.from);
    stat_originals(import_cli.from, &original);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        assert_int_equal(1, run_limited(limits[i], "import", "--from", import_cli.from));
        import_cli_expect_error("Error: nothing is imported: ");
        assert_false(import_cli_has(import_cli.server.data, "store/data.mdb"));
        assert_false(import_cli_has(import_cli.server.data, "store/import.part"));
    }
    import_cli_expect_error("the disk is full");
    expect_untouched(import_cli.from, &original);
    assert_int_equal(0, import_cli_run(NULL, "store", "import", "-y", "--from", import_cli.from, NULL));
    expect_store("whole; 20000 queues, 3000 messages");
}

static void test_a_full_disk_ends_an_export_and_leaves_nothing_behind(void **state) {
    (void)state;
    write_many(import_cli.from);
    assert_int_equal(0, import_cli_run(NULL, "store", "import", "-y", "--from", import_cli.from, NULL));
    assert_int_equal(1, run_limited("4000", "export", "--out", import_cli.out));
    import_cli_expect_error("the disk is full");
    assert_false(import_cli_has(import_cli.out, STORE_LOG) || import_cli_has(import_cli.out, STORE_LOG ".part"));
    assert_false(import_cli_has(import_cli.out, MESSAGES) || import_cli_has(import_cli.out, MESSAGES ".part"));
    assert_int_equal(0, import_cli_run(NULL, "store", "export", "--out", import_cli.out, NULL));
    import_cli_expect_output("20000 queues, 3000 messages");
}

/* ---- stores in place ---- */

static void test_a_store_of_a_newer_program_is_not_touched(void **state) {
    char folder[96];
    struct store_layout newer = smp_store_layout;
    const struct store_options options = {.directory = folder, .map_size = 16 << 20};
    struct store *store;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/store", import_cli.server.data);
    newer.schema++;
    assert_int_equal(SMQ_OK, store_open(&newer, &options, &store));
    store_close(&store);
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    assert_int_equal(1, import_cli_run(NULL, "store", "import", "-y", "--from", import_cli.from, NULL));
    import_cli_expect_error("the store is of a newer version");
    assert_int_equal(1, import_cli_run(NULL, "store", "export", "--out", import_cli.out, NULL));
    import_cli_expect_error("it is of a newer version");
    assert_int_equal(SMQ_OK, store_open(&newer, &options, &store));
    store_close(&store);
}

static void test_export_without_a_store_says_so(void **state) {
    (void)state;
    assert_int_equal(1, import_cli_run(NULL, "store", "export", "--out", import_cli.out, NULL));
    import_cli_expect_error("data.mdb is missing or no file");
    assert_false(import_cli_has(import_cli.out, STORE_LOG));
}

/* ---- the first start ---- */

static void put_reference_files(void) {
    import_cli_copy("store.log", import_cli.server.data, STORE_LOG);
    import_cli_copy("messages.log", import_cli.server.data, MESSAGES);
}

static void test_a_start_that_cannot_ask_says_so_and_ends(void **state) {
    const char *errors;
    (void)state;
    put_reference_files();
    assert_int_equal(1, server_process_refusal(&import_cli.server, &errors));
    assert_non_null(strstr(errors, "nobody answers; -y imports without asking"));
    assert_false(import_cli_has(import_cli.server.data, "store/data.mdb"));
}

static void test_a_start_imports_once_and_serves(void **state) {
    const char *const words[] = {program, "start", "-y", NULL};
    struct original original;
    (void)state;
    put_reference_files();
    stat_originals(import_cli.server.data, &original);
    import_cli_start(words);
    assert_true(process_wait_output(import_cli.command, "Serving SMP protocol", IMPORT_CLI_END_MS));
    import_cli_expect_output("Import completed: 0 services, 2 queues, 132 messages");
    expect_untouched(import_cli.server.data, &original);
    process_signal(import_cli.command, SIGTERM);
    assert_int_equal(0, process_wait(import_cli.command, IMPORT_CLI_END_MS));
    /* the store is there: nothing to ask, nothing to import */
    server_process_start(&import_cli.server);
    assert_null(strstr(process_output(import_cli.server.process), "Import"));
}

/* Clients would be told that their queues are gone. */
static void test_a_start_does_not_forget_a_database(void **state) {
    const char *errors;
    (void)state;
    import_cli_write(import_cli.server.configuration, "smp-server.ini",
                     "[STORE_LOG]\nstore_queues = database\nstore_messages = database\n[TRANSPORT]\nport = 5223\n");
    assert_int_equal(1, server_process_refusal(&import_cli.server, &errors));
    assert_non_null(strstr(errors, "smp-server store import --postgres URI"));
    assert_false(import_cli_has(import_cli.server.data, "store/data.mdb"));
}

static void test_a_start_asks(void **state) {
    (void)state;
    put_reference_files();
    assert_int_equal(1, import_cli_run("n\n", "start", "-m", NULL));
    import_cli_expect_error("nothing is imported");
    assert_int_equal(0, import_cli_run("Y\n", "start", "-m", NULL));
    import_cli_expect_output("Import completed");
    expect_store("whole; 2 queues, 132 messages");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDERS(test_an_import_that_is_killed_leaves_nothing_behind),
        WITH_FOLDERS(test_a_full_disk_ends_an_import_and_leaves_nothing_behind),
        WITH_FOLDERS(test_a_full_disk_ends_an_export_and_leaves_nothing_behind),
        WITH_FOLDERS(test_a_store_of_a_newer_program_is_not_touched),
        WITH_FOLDERS(test_export_without_a_store_says_so),
        WITH_FOLDERS(test_a_start_that_cannot_ask_says_so_and_ends),
        WITH_FOLDERS(test_a_start_imports_once_and_serves),
        WITH_FOLDERS(test_a_start_asks),
        WITH_FOLDERS(test_a_start_does_not_forget_a_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
