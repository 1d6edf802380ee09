/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of the reference, read and written. */
#include <signal.h>
#include <sys/resource.h>

#include "test/unit/stores/logs/log_fixture.h"

static struct log_output *create(const char *name) {
    struct log_output *output = NULL;
    assert_int_equal(SMQ_OK, log_output_create(path_of(name), &output));
    return output;
}

static void expect_content(const char *name, const char *expected) {
    char *text = read_whole(path_of(name));
    assert_string_equal(expected, text);
    free(text);
}

static bool is_there(const char *name) {
    return access(path_of(name), F_OK) == 0;
}

static void test_a_file_gets_its_name_only_when_it_is_whole(void **state) {
    struct stat status;
    (void)state;
    write_file(path_of("log.part"), "left by a killed one, and much longer");
    struct log_output *output = create("log");
    write_text(log_output_writer(output), "text\n");
    assert_int_equal(SMQ_OK, log_output_finish(output));
    assert_false(is_there("log"));
    assert_int_equal(SMQ_OK, log_output_publish(output));
    log_output_destroy(&output);
    expect_content("log", "text\n");
    assert_false(is_there("log.part"));
    assert_int_equal(0, stat(path_of("log"), &status));
    assert_int_equal(0600, status.st_mode & 0777);
}

static void test_what_is_given_up_leaves_nothing(void **state) {
    (void)state;
    struct log_output *output = create("log");
    write_text(log_output_writer(output), "text\n");
    log_output_destroy(&output);
    assert_false(is_there("log") || is_there("log.part"));
}

static void test_nothing_is_overwritten(void **state) {
    struct log_output *output = NULL;
    (void)state;
    write_file(path_of("log"), "mine");
    assert_int_equal(SMQ_ERR_EXISTS, log_output_create(path_of("log"), &output));
    /* nor what came meanwhile */
    output = create("other");
    write_file(path_of("other"), "mine too");
    assert_int_equal(SMQ_OK, log_output_finish(output));
    assert_int_equal(SMQ_ERR_EXISTS, log_output_publish(output));
    log_output_destroy(&output);
    expect_content("log", "mine");
    expect_content("other", "mine too");
    assert_false(is_there("other.part"));
}

static void test_a_link_in_place_of_the_part_is_not_followed(void **state) {
    (void)state;
    write_file(path_of("victim"), "precious");
    assert_int_equal(0, symlink("victim", path_of("log.part")));
    struct log_output *output = create("log");
    write_text(log_output_writer(output), "text\n");
    assert_int_equal(SMQ_OK, log_output_finish(output));
    assert_int_equal(SMQ_OK, log_output_publish(output));
    log_output_destroy(&output);
    expect_content("victim", "precious");
}

/* The limit of a file's size stands for a full disk. */
static void test_a_full_disk_fails_and_leaves_nothing(void **state) {
    struct rlimit before, limit;
    (void)state;
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    limit = before;
    limit.rlim_cur = 1 << 20;
    (void)signal(SIGXFSZ, SIG_IGN);
    struct log_output *output = create("log");
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
    struct writer *writer;
    unsigned rounds = 0;
    while ((writer = log_output_writer(output)) != NULL && rounds++ < 100)
        (void)write_reserve(writer, LOG_OUTPUT_ROOM);
    assert_true(rounds < 100);
    assert_int_equal(SMQ_ERR_STORE_FULL, log_output_finish(output));
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    log_output_destroy(&output);
    assert_false(is_there("log") || is_there("log.part"));
}

static void test_copies(void **state) {
    (void)state;
    assert_int_equal(SMQ_OK, log_file_copy("test/vectors/files/smp/messages.log", path_of("copy")));
    char *original = read_whole("test/vectors/files/smp/messages.log");
    expect_content("copy", original);
    free(original);
    assert_int_equal(SMQ_ERR_EXISTS, log_file_copy("test/vectors/files/smp/store.log", path_of("copy")));
    assert_int_equal(SMQ_ERR_NOT_FOUND, log_file_copy(path_of("none"), path_of("copy2")));
}

static void test_the_log_from_before_a_killed_compaction_counts(void **state) {
    char current[LOG_PATH_SIZE];
    bool recovered = true;
    (void)state;
    assert_false(log_file_current(path_of("log"), current, &recovered));
    write_file(path_of("log"), "half");
    assert_true(log_file_current(path_of("log"), current, &recovered));
    assert_string_equal(path_of("log"), current);
    assert_false(recovered);
    write_file(path_of("log.start"), "whole");
    assert_true(log_file_current(path_of("log"), current, &recovered));
    assert_string_equal(path_of("log.start"), current);
    assert_true(recovered);
    assert_int_equal(0, unlink(path_of("log")));
    assert_true(log_file_current(path_of("log"), current, &recovered));
    assert_string_equal(path_of("log.start"), current);
}

static void test_only_files_are_read(void **state) {
    struct log_input input;
    (void)state;
    assert_int_equal(SMQ_ERR_NOT_FOUND, log_input_open(&input, path_of("none")));
    assert_int_equal(SMQ_ERR_SYSTEM, log_input_open(&input, folder));
    assert_int_equal(0, mkfifo(path_of("fifo"), 0600));
    assert_int_equal(SMQ_ERR_SYSTEM, log_input_open(&input, path_of("fifo")));
}

static void test_faults_are_told_up_to_a_bound_and_all_counted(void **state) {
    struct told told = {.count = 0};
    struct log_report report = {.tell = tell, .context = &told};
    (void)state;
    for (uint64_t line = 1; line <= 1000; line++)
        log_report_fault(&report, "file", line, "bad");
    log_report_file_done(&report, "file");
    assert_int_equal(1000, report.faults);
    assert_int_equal(LOG_REPORT_TOLD_MAX + 1, told.count);
    assert_non_null(strstr(told.text, "file: line 20: bad\nfile: and 980 more like these\n"));
    log_report_torn(&report, "other", 7);
    log_report_fault(&report, "other", 0, "bad as a whole");
    assert_non_null(strstr(told.text, "other: line 7, the last, was cut; skipped\nother: bad as a whole\n"));
    assert_int_equal(1, report.torn);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_file_gets_its_name_only_when_it_is_whole),
        IN_FOLDER(test_what_is_given_up_leaves_nothing),
        IN_FOLDER(test_nothing_is_overwritten),
        IN_FOLDER(test_a_link_in_place_of_the_part_is_not_followed),
        IN_FOLDER(test_a_full_disk_fails_and_leaves_nothing),
        IN_FOLDER(test_copies),
        IN_FOLDER(test_the_log_from_before_a_killed_compaction_counts),
        IN_FOLDER(test_only_files_are_read),
        IN_FOLDER(test_faults_are_told_up_to_a_bound_and_all_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
