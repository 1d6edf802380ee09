/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Journals: that of the reference, and trees with every fault that a crash or an enemy can leave. */
#include "stores/logs/smp_journal.h"

#include <fcntl.h>

#include "test/unit/stores/logs/log_fixture.h"

#define RID   "fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa"
#define QUEUE "messages/fA/yt/yr/2g/yLV2d1m99UJc4rjLBnRG8xXa"
#define STATE QUEUE "/queue_state." RID ".log"
#define ONE   "FGkWy8dveoV82fKSLPW5hXTGzDRCPzJn 1795926641 flags=F b25l\n" /* 59 bytes */
#define TWO   "GGkWy8dveoV82fKSLPW5hXTGzDRCPzJn 1795926641 flags=T dHdv\n"
#define FULL  "HGkWy8dveoV82fKSLPW5hXTGzDRCPzJn 1795926641 quota\n"

enum { LINE = sizeof ONE - 1 };

static struct told told;
static struct log_report report;

static int journal_setup(void **state) {
    told = (struct told){.count = 0};
    report = (struct log_report){.tell = tell, .context = &told};
    return folder_setup(state);
}

static void make_folders(void) {
    static const char *const names[] = {"messages",          "messages/fA",          "messages/fA/yt",
                                        "messages/fA/yt/yr", "messages/fA/yt/yr/2g", QUEUE};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(0, mkdir(path_of(names[i]), 0700));
}

static void put(const char *name, const char *text) {
    write_file(path_of(name), text);
}

/* All that the journal gives, zero-terminated. */
static const char *read_journal(const char *root) {
    static char text[65536];
    struct smp_journal *journal;
    size_t used = 0, length = 0;
    assert_int_equal(SMQ_OK, smp_journal_open(root, &report, &journal));
    struct log_source source = smp_journal_source(journal);
    do {
        size_t room = sizeof text - 1 - used;
        assert_int_equal(SMQ_OK, source.read(source.context, (uint8_t *)text + used, room < 7 ? room : 7, &length));
        used += length;
    } while (length > 0);
    text[used] = '\0';
    smp_journal_close(&journal);
    return text;
}

static const char *state_line(const char *read, unsigned done, unsigned count, const char *write, unsigned written) {
    static char line[256];
    bool same = strcmp(read, write) == 0;
    (void)snprintf(line, sizeof line, "write=%s,%u,%u,%u,%u read=%s,%u,%u,%u,%u canWrite=T size=%u\n", write, written,
                   written, written * LINE, written * LINE, read, done, count, done * LINE, count * LINE,
                   count - done + (same ? 0 : written));
    return line;
}

static void test_the_journal_of_the_reference(void **state) {
    (void)state;
    assert_string_equal("v3 " RID " FGkWy8dveoV82fKSLPW5hXTGzDRCPzJn 1795926641 flags=F aW4gdGhlIGpvdXJuYWwK\n",
                        read_journal("test/vectors/files/smp/journal/messages"));
    assert_int_equal(0, told.count);
}

static void test_states(void **state) {
    struct smp_journal_state found;
    static const char *const bad[] = {
        "",
        "write=a,1,1,59,59 read=a,0,1,0,59 canWrite=T",
        "write=a,1,1,59,59 read=a,0,1,0,59 canWrite=T size=",
        "write=a,1,1,59,59 read=a,0,1,0,59 canWrite=T size=2",
        "write=a,1,1,59,59 read=a,0,1,0,59 canWrite=T size=12",
        "write=a,0,1,59,59 read=a,0,1,0,59 canWrite=T size=1",
        "write=a,1,1,58,59 read=a,0,1,0,59 canWrite=T size=1",
        "write=a,1,1,59,59 read=a,2,1,0,59 canWrite=T size=1",
        "write=a,1,1,59,59 read=a,0,1,60,59 canWrite=T size=1",
        "write=a,1,1,59,59 read=a,0,2,0,59 canWrite=T size=2",
        "write=../x,1,1,59,59 read=../x,0,1,0,59 canWrite=T size=1",
        "write=,1,1,59,59 read=,0,1,0,59 canWrite=T size=1",
        "write=a,1,1,59,99999999999999999999 read=a,0,1,0,59 canWrite=T size=1",
        "write=a,1,1,59,59 read=a,0,1,0,59 canWrite=X size=1",
        "write=a,1,1,59,59 read=a,0,1,0,59 canWrite=T size=1 ",
    };
    (void)state;
    assert_int_equal(
        SMQ_OK, smp_journal_state_read(slice_of_text("write=a,1,1,59,59 read=a,0,1,0,59 canWrite=F size=1"), &found));
    assert_false(found.can_write);
    assert_int_equal(1, found.size);
    assert_int_equal(SMQ_OK, smp_journal_state_read(
                                 slice_of_text("write=b,1,1,59,59 read=a,2,5,118,295 canWrite=T size=4"), &found));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (smp_journal_state_read(slice_of_text(bad[i]), &found) == SMQ_OK)
            fail_msg("read: %s", bad[i]);
}

static void test_what_was_read_is_left_out_and_both_files_count(void **state) {
    (void)state;
    make_folders();
    put(STATE, state_line("one", 1, 2, "two", 1));
    put(QUEUE "/messages.one.log", ONE TWO);
    put(QUEUE "/messages.two.log", ONE FULL);
    assert_string_equal("v3 " RID " " TWO "v3 " RID " " ONE, read_journal(path_of("messages")));
    assert_int_equal(0, told.count);
}

static void test_a_state_that_was_being_written_gives_way_to_the_one_before(void **state) {
    char text[512];
    (void)state;
    make_folders();
    (void)snprintf(text, sizeof text, "%s%.40s", state_line("one", 0, 2, "one", 2), state_line("one", 1, 2, "one", 2));
    put(STATE, text);
    put(QUEUE "/messages.one.log", ONE TWO);
    assert_string_equal("v3 " RID " " ONE "v3 " RID " " TWO, read_journal(path_of("messages")));
}

static void test_a_state_that_was_being_compacted_is_in_its_backup(void **state) {
    (void)state;
    make_folders();
    put(STATE, "");
    put(STATE ".bak", state_line("one", 1, 2, "one", 2));
    put(QUEUE "/messages.one.log", ONE TWO);
    assert_string_equal("v3 " RID " " TWO, read_journal(path_of("messages")));
}

static void test_the_last_state_of_many_counts(void **state) {
    char text[100 * 128] = "";
    (void)state;
    make_folders();
    for (unsigned i = 0; i < 100; i++)
        (void)strncat(text, state_line("one", i % 2, 2, "one", 2), sizeof text - strlen(text) - 1);
    put(STATE, text);
    put(QUEUE "/messages.one.log", ONE TWO);
    assert_string_equal("v3 " RID " " TWO, read_journal(path_of("messages")));
    assert_int_equal(0, told.count);
}

static void test_bytes_beyond_the_state_are_left_out(void **state) {
    (void)state;
    make_folders();
    put(STATE, state_line("one", 0, 1, "one", 1));
    put(QUEUE "/messages.one.log", ONE TWO);
    assert_string_equal("v3 " RID " " ONE, read_journal(path_of("messages")));
}

static void test_faults_are_told_with_their_files(void **state) {
    (void)state;
    make_folders();
    put(STATE, state_line("one", 0, 3, "two", 1));
    put(QUEUE "/messages.one.log", ONE "garbage\n" TWO);
    assert_string_equal("v3 " RID " " ONE "v3 " RID " " TWO, read_journal(path_of("messages")));
    assert_non_null(strstr(told.text, "messages.one.log: line 2: it is no message; skipped"));
    assert_non_null(strstr(told.text, "messages.one.log: is shorter than the queue's state says"));
    assert_non_null(strstr(told.text, "messages.two.log: is missing"));
    assert_int_equal(3, report.faults);
}

static void test_a_queue_without_a_sound_state_is_told(void **state) {
    (void)state;
    make_folders();
    put(STATE, "garbage\nmore garbage\n");
    put(QUEUE "/messages.one.log", ONE);
    assert_string_equal("", read_journal(path_of("messages")));
    assert_non_null(strstr(told.text, "no state that holds together"));
}

static void test_queues_without_state_or_messages_are_empty(void **state) {
    (void)state;
    make_folders();
    assert_string_equal("", read_journal(path_of("messages")));
    put(STATE, state_line("one", 2, 2, "one", 2));
    assert_string_equal("", read_journal(path_of("messages")));
    assert_int_equal(0, told.count);
}

/* Links lead nowhere, FIFOs hold up nobody, strange names are told. */
static void test_what_is_not_of_a_journal_is_left_alone(void **state) {
    (void)state;
    make_folders();
    put(STATE, state_line("one", 0, 1, "one", 1));
    put(QUEUE "/messages.one.log", ONE);
    put("messages/notes.txt", "mine");
    put("messages/aa", "a file");
    assert_int_equal(0, symlink("..", path_of("messages/bb")));
    assert_int_equal(0, symlink("/", path_of("messages/fA/cc")));
    assert_int_equal(0, mkdir(path_of("messages/abc"), 0700));
    assert_string_equal("v3 " RID " " ONE, read_journal(path_of("messages")));
    assert_int_equal(5, report.faults);
}

static void test_a_fifo_in_place_of_messages_is_an_error(void **state) {
    struct smp_journal *journal;
    uint8_t bytes[64];
    size_t length;
    (void)state;
    make_folders();
    put(STATE, state_line("one", 0, 1, "one", 1));
    assert_int_equal(0, mkfifo(path_of(QUEUE "/messages.one.log"), 0600));
    assert_int_equal(SMQ_OK, smp_journal_open(path_of("messages"), &report, &journal));
    struct log_source source = smp_journal_source(journal);
    assert_int_equal(SMQ_ERR_SYSTEM, source.read(source.context, bytes, sizeof bytes, &length));
    smp_journal_close(&journal);
}

static void test_no_journal_is_not_found(void **state) {
    struct smp_journal *journal = NULL;
    (void)state;
    assert_int_equal(SMQ_ERR_NOT_FOUND, smp_journal_open(path_of("messages"), &report, &journal));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, journal_setup, folder_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_the_journal_of_the_reference),
        IN_FOLDER(test_states),
        IN_FOLDER(test_what_was_read_is_left_out_and_both_files_count),
        IN_FOLDER(test_a_state_that_was_being_written_gives_way_to_the_one_before),
        IN_FOLDER(test_a_state_that_was_being_compacted_is_in_its_backup),
        IN_FOLDER(test_the_last_state_of_many_counts),
        IN_FOLDER(test_bytes_beyond_the_state_are_left_out),
        IN_FOLDER(test_faults_are_told_with_their_files),
        IN_FOLDER(test_a_queue_without_a_sound_state_is_told),
        IN_FOLDER(test_queues_without_state_or_messages_are_empty),
        IN_FOLDER(test_what_is_not_of_a_journal_is_left_alone),
        IN_FOLDER(test_a_fifo_in_place_of_messages_is_an_error),
        IN_FOLDER(test_no_journal_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
