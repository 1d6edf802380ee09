/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store import and export: the reference's files in and out, whole and damaged. Real processes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/common/server_files.h"
#include "test/support/import_cli.h"

#define STORE_LOG     "smp-server-store.log"
#define MESSAGES      "smp-server-messages.log"
#define NOTIFICATIONS "smp-server-ntfs.log"
#define STATISTICS    "smp-server-stats.log"

static int import_from(const char *folder) {
    return import_cli_run(NULL, "store", "import", "-y", "--from", folder, NULL);
}

static int export_to(const char *folder) {
    return import_cli_run(NULL, "store", "export", "--out", folder, NULL);
}

static void expect_store(const char *text) {
    assert_int_equal(0, import_cli_run(NULL, "store", "check", NULL));
    import_cli_expect_output(text);
}

static void remove_store(void) {
    char store[96];
    (void)snprintf(store, sizeof store, "%s/store", import_cli.server.data);
    temporary_folder_remove(store);
}

/* ---- what the reference wrote ---- */

static void test_files_of_the_reference_come_in_and_go_out_the_same(void **state) {
    (void)state;
    import_cli_copy("store-blocked.log", import_cli.from, STORE_LOG);
    import_cli_copy("messages.log", import_cli.from, MESSAGES);
    import_cli_copy("smp-server-ntfs.log", import_cli.from, NOTIFICATIONS);
    import_cli_copy("stats-backup.log", import_cli.from, STATISTICS);
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output("Import completed: 0 services, 2 queues, 132 messages, 0 notifications");
    expect_store("whole; 2 queues, 132 messages, 0 notifications");
    assert_string_equal(import_cli_read("test/vectors/files/smp", "stats-backup.log"),
                        import_cli_read(import_cli.server.data, STATISTICS));
    assert_int_equal(0, export_to(import_cli.out));
    assert_string_equal(import_cli_read(import_cli.from, MESSAGES), import_cli_read(import_cli.out, MESSAGES));
    assert_string_equal(import_cli_read(import_cli.from, STATISTICS), import_cli_read(import_cli.out, STATISTICS));
    const char *queues = import_cli_read(import_cli.out, STORE_LOG);
    const char *compacted = import_cli_read("test/vectors/files/smp", "store-compacted.log");
    size_t length = strlen(compacted) - 1;
    assert_memory_equal(compacted, queues, length);
    assert_string_equal(" status=blocked,reason=content,notice={\"ttl\":3600}\n", queues + length);
}

static void test_a_store_log_is_what_its_compacted_form_is(void **state) {
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    assert_int_equal(0, import_from(import_cli.from));
    assert_int_equal(0, export_to(import_cli.out));
    assert_string_equal(import_cli_read("test/vectors/files/smp", "store-compacted.log"),
                        import_cli_read(import_cli.out, STORE_LOG));
}

#define QUEUE "/messages/fA/yt/yr/2g/yLV2d1m99UJc4rjLBnRG8xXa"

/* The reference's journal, file by file. */
static void copy_journal(void) {
    static const char *const files[] = {"messages.d2x0za2FY9DUR_rS.log",
                                        "queue_state.fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa.log"};
    char to[256];
    (void)snprintf(to, sizeof to, "%s" QUEUE, import_cli.from);
    assert_int_equal(SMQ_OK, folder_create(to));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        import_cli_write(to, files[i], import_cli_read("test/vectors/files/smp/journal" QUEUE, files[i]));
}

static void test_the_journal_of_the_reference_is_read(void **state) {
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    copy_journal();
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output("2 queues, 1 messages");
    assert_int_equal(0, export_to(import_cli.out));
    assert_string_equal("v3 fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa FGkWy8dveoV82fKSLPW5hXTGzDRCPzJn 1795926641 flags=F "
                        "aW4gdGhlIGpvdXJuYWwK\n",
                        import_cli_read(import_cli.out, MESSAGES));
}

static void test_messages_in_two_places_need_a_word(void **state) {
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    import_cli_copy("messages.log", import_cli.from, MESSAGES);
    copy_journal();
    assert_int_equal(1, import_from(import_cli.from));
    import_cli_expect_error("--messages file");
    assert_int_equal(
        0, import_cli_run(NULL, "store", "import", "-y", "--messages", "journal", "--from", import_cli.from, NULL));
    import_cli_expect_output("2 queues, 1 messages");
    remove_store();
    assert_int_equal(
        0, import_cli_run(NULL, "store", "import", "-y", "--messages", "file", "--from", import_cli.from, NULL));
    import_cli_expect_output("2 queues, 132 messages");
}

/* ---- every kind of record ---- */

static void test_every_kind_of_record_comes_in_and_goes_out_again_and_again(void **state) {
    char again[96];
    (void)state;
    (void)snprintf(again, sizeof again, "%s/again", import_cli.server.root);
    import_cli_write_samples(import_cli.from);
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output("Import completed: 2 services, 10 queues, 6 messages, 3 notifications");
    assert_null(strstr(process_output(import_cli.command), "Left out"));
    expect_store("whole; 10 queues, 6 messages, 3 notifications");
    assert_int_equal(0, export_to(import_cli.out));
    assert_null(strstr(process_output(import_cli.command), "Left out"));
    import_cli_write_compacted_samples(import_cli.from, "expected");
    assert_string_equal(import_cli_read(import_cli.from, "expected"), import_cli_read(import_cli.out, STORE_LOG));
    assert_string_equal(import_cli_read(import_cli.from, MESSAGES), import_cli_read(import_cli.out, MESSAGES));
    assert_string_equal(import_cli_read(import_cli.from, NOTIFICATIONS),
                        import_cli_read(import_cli.out, NOTIFICATIONS));
    remove_store();
    assert_int_equal(0, import_from(import_cli.out));
    assert_int_equal(0, export_to(again));
    assert_string_equal(import_cli_read(import_cli.out, STORE_LOG), import_cli_read(again, STORE_LOG));
    assert_string_equal(import_cli_read(import_cli.out, MESSAGES), import_cli_read(again, MESSAGES));
    assert_string_equal(import_cli_read(import_cli.out, NOTIFICATIONS), import_cli_read(again, NOTIFICATIONS));
}

static void test_a_marker_closes_the_queue_and_gives_way_to_a_newer_one(void **state) {
    char text[1024];
    (void)state;
    import_cli_write_samples(import_cli.from);
    (void)snprintf(text, sizeof text, "v3 %s %s 1 quota\nv3 %s %s 2 flags=F AA==\nv3 %s %s 3 quota\n", sample_id(101),
                   sample_id(1), sample_id(101), sample_id(2), sample_id(101), sample_id(3));
    import_cli_write(import_cli.from, MESSAGES, text);
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output(" 2 messages");
    assert_int_equal(0, export_to(import_cli.out));
    assert_string_equal(strchr(text, '\n') + 1, import_cli_read(import_cli.out, MESSAGES));
}

/* ---- what is damaged ---- */

static void test_bad_lines_are_told_with_their_numbers_and_the_rest_is_taken(void **state) {
    char text[4096];
    (void)state;
    (void)snprintf(text, sizeof text,
                   "%sgarbage\nSECURE %s %s\nCREATE rid=AQID rk=%s rdh=%s sid=%s sk=\nDELETE %s\nBLOCK "
                   "fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa reason=spam,notice={x}\nSECURE fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa "
                   "AAAA\nTIME fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa 17959104",
                   import_cli_read("test/vectors/files/smp", "store.log"), sample_id(1), sample_key(1), sample_key(2),
                   sample_secret(1), sample_id(2), sample_id(3));
    import_cli_write(import_cli.from, STORE_LOG, text);
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output(STORE_LOG ": line 7: it cannot be read; skipped\n");
    import_cli_expect_output("line 8: there is no such queue");
    import_cli_expect_output("line 9: an id of another length");
    import_cli_expect_output("line 10: there is no such queue");
    import_cli_expect_output("line 11: a notice of blocking that is none");
    import_cli_expect_output("line 12: a key that is none");
    import_cli_expect_output("line 13, the last, was cut; skipped");
    import_cli_expect_output("Left out: 6 faults, 1 cut lines");
    expect_store("whole; 2 queues");
}

static void test_faults_are_asked_about(void **state) {
    (void)state;
    import_cli_write(import_cli.from, STORE_LOG, "garbage\n");
    import_cli_copy("messages.log", import_cli.from, MESSAGES);
    assert_int_equal(1, import_from(import_cli.from));
    import_cli_expect_error("no queue could be read");
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    import_cli_write(import_cli.from, MESSAGES, "garbage\n");
    assert_int_equal(1, import_cli_run("Y\nn\n", "store", "import", "--from", import_cli.from, NULL));
    import_cli_expect_output("WARNING: 1 faults");
    assert_false(import_cli_has(import_cli.server.data, "store/data.mdb"));
    assert_int_equal(0, import_cli_run("Y\nY\n", "store", "import", "--from", import_cli.from, NULL));
    expect_store("whole; 2 queues, 0 messages");
}

static void test_a_flood_of_bad_lines_is_told_up_to_a_bound(void **state) {
    static char text[IMPORT_CLI_FILE_MAX / 2];
    (void)state;
    (void)snprintf(text, sizeof text, "%s", import_cli_read("test/vectors/files/smp", "store.log"));
    size_t length = strlen(text);
    memset(text + length, '\n', 100000);
    import_cli_write(import_cli.from, STORE_LOG, text);
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output("line 26: it cannot be read");
    assert_null(strstr(process_output(import_cli.command), "line 27"));
    import_cli_expect_output("and 99980 more like these");
}

/* As a power cut leaves it: a hole, which reads as zeros. */
static void test_a_gigantic_line_is_one_fault(void **state) {
    char path[256];
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    (void)snprintf(path, sizeof path, "%s/" STORE_LOG, import_cli.from);
    assert_int_equal(0, truncate(path, INT64_C(200) << 20));
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output("line 7: it is too long; skipped");
    expect_store("whole; 2 queues");
}

static void test_a_killed_compaction_of_the_reference_is_recovered(void **state) {
    (void)state;
    import_cli_write(import_cli.from, STORE_LOG, "");
    import_cli_copy("store.log", import_cli.from, STORE_LOG ".start");
    assert_int_equal(0, import_from(import_cli.from));
    import_cli_expect_output("2 queues");
    assert_string_equal("", import_cli_read(import_cli.from, STORE_LOG));
    assert_true(import_cli_has(import_cli.from, STORE_LOG ".start"));
}

static void test_what_is_no_file_or_not_there_is_said(void **state) {
    char path[256];
    (void)state;
    assert_int_equal(1, import_from(import_cli.from));
    import_cli_expect_error(STORE_LOG " does not exist");
    assert_int_equal(1, import_from("/nowhere"));
    import_cli_expect_error("/nowhere: No such file or directory");
    (void)snprintf(path, sizeof path, "%s/" STORE_LOG, import_cli.from);
    assert_int_equal(0, mkfifo(path, 0600));
    assert_int_equal(1, import_from(import_cli.from));
    import_cli_expect_error("is no file");
}

/* ---- the store in place ---- */

static void test_a_store_with_queues_is_not_touched(void **state) {
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    assert_int_equal(0, import_from(import_cli.from));
    assert_int_equal(1, import_from(import_cli.from));
    import_cli_expect_error("there is a store already, with queues in it");
    expect_store("whole; 2 queues");
}

static void test_an_empty_store_is_replaced_but_not_under_a_router(void **state) {
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    server_process_start(&import_cli.server);
    assert_int_equal(1, import_from(import_cli.from));
    import_cli_expect_error("the store is in use; stop the router first");
    assert_int_equal(0, server_process_stop(&import_cli.server, SIGTERM, IMPORT_CLI_END_MS));
    assert_int_equal(0, import_from(import_cli.from));
    expect_store("whole; 2 queues");
    server_process_start(&import_cli.server);
}

static void test_export_refuses_files_that_are_there(void **state) {
    (void)state;
    import_cli_copy("store.log", import_cli.from, STORE_LOG);
    assert_int_equal(0, import_from(import_cli.from));
    assert_int_equal(1, export_to(import_cli.from));
    import_cli_expect_error("a file of that name is there already");
    assert_string_equal(import_cli_read("test/vectors/files/smp", "store.log"),
                        import_cli_read(import_cli.from, STORE_LOG));
    assert_false(import_cli_has(import_cli.from, MESSAGES) || import_cli_has(import_cli.from, MESSAGES ".part"));
    assert_int_equal(1, import_cli_run(NULL, "store", "export", NULL));
    import_cli_expect_error("--out");
}

static void test_a_router_may_run_while_its_store_is_exported(void **state) {
    (void)state;
    import_cli_write_samples(import_cli.from);
    assert_int_equal(0, import_from(import_cli.from));
    server_process_start(&import_cli.server);
    assert_int_equal(0, export_to(import_cli.out));
    import_cli_expect_output("Export completed: 2 services, 10 queues");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDERS(test_files_of_the_reference_come_in_and_go_out_the_same),
        WITH_FOLDERS(test_a_store_log_is_what_its_compacted_form_is),
        WITH_FOLDERS(test_the_journal_of_the_reference_is_read),
        WITH_FOLDERS(test_messages_in_two_places_need_a_word),
        WITH_FOLDERS(test_every_kind_of_record_comes_in_and_goes_out_again_and_again),
        WITH_FOLDERS(test_a_marker_closes_the_queue_and_gives_way_to_a_newer_one),
        WITH_FOLDERS(test_bad_lines_are_told_with_their_numbers_and_the_rest_is_taken),
        WITH_FOLDERS(test_faults_are_asked_about),
        WITH_FOLDERS(test_a_flood_of_bad_lines_is_told_up_to_a_bound),
        WITH_FOLDERS(test_a_gigantic_line_is_one_fault),
        WITH_FOLDERS(test_a_killed_compaction_of_the_reference_is_recovered),
        WITH_FOLDERS(test_what_is_no_file_or_not_there_is_said),
        WITH_FOLDERS(test_a_store_with_queues_is_not_touched),
        WITH_FOLDERS(test_an_empty_store_is_replaced_but_not_under_a_router),
        WITH_FOLDERS(test_export_refuses_files_that_are_there),
        WITH_FOLDERS(test_a_router_may_run_while_its_store_is_exported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
