/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Statistics of the SMP router's tables: the file that the reference writes is read, and written byte for byte; older
 * and broken ones; the daily line, at midnights, over full disks and jumping clocks. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/router/operator/daily_line.h"
#include "actors/router/operator/date.h"
#include "actors/router/operator/file.h"
#include "actors/router/operator/statistics_file.h"
#include "actors/smp/metrics.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "test/support/process.h"
#include "transport/wire/text.h"

#define CAPTURE "test/vectors/files/smp/stats-backup.log"

static const int64_t DAY_NS = (int64_t)DATE_DAY_S * 1000000000;

static struct statistics *statistics;
static struct text_buffer text;
static char folder[64];

static void sample(void *context, int64_t *values) {
    (void)context;
    values[VALUE_QUEUES] = 2;
    values[VALUE_MESSAGES] = 131;
}

static struct statistics *make(void) {
    struct statistics *made;
    struct statistics_table table = smp_statistics_table(NULL);
    table.sample = sample;
    assert_int_equal(SMQ_OK, statistics_create(&table, &made));
    return made;
}

static int set_up(void **state) {
    (void)state;
    thread_attach();
    assert_int_equal(SMQ_OK, base_setup());
    temporary_folder_create(folder);
    statistics = make();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    statistics_destroy(&statistics);
    text_free(&text);
    temporary_folder_remove(folder);
    return 0;
}

static const char *path_of(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static enum smq_result parse(const char *content, unsigned *line) {
    return statistics_parse(statistics, slice_of_text(content), line);
}

static int64_t value(unsigned counter) {
    return counters_read(statistics->counters, counter);
}

/* ---- the file */

static char *sorted_hashes(char *line) {
    char *hashes[8], *next, copy[512];
    size_t count = 0;
    char *start = strchr(line, '=');
    if (start == NULL || strchr(line, ',') == NULL)
        return line;
    (void)snprintf(copy, sizeof copy, "%s", start + 1);
    for (char *hash = strtok_r(copy, ",\n", &next); hash != NULL && count < 8; hash = strtok_r(NULL, ",\n", &next))
        hashes[count++] = hash;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (strcmp(hashes[i], hashes[j]) > 0) {
                char *other = hashes[i];
                hashes[i] = hashes[j];
                hashes[j] = other;
            }
    start[1] = 0;
    for (size_t i = 0; i < count; i++) {
        strcat(line, i == 0 ? "" : ",");
        strcat(line, hashes[i]);
    }
    return strcat(line, "\n");
}

/* Sets have no order. */
static void assert_same_lines(const char *expected, const char *got) {
    while (*expected != 0 && *got != 0) {
        char one[512], other[512];
        size_t lengths[2] = {strcspn(expected, "\n") + 1, strcspn(got, "\n") + 1};
        (void)snprintf(one, sizeof one, "%.*s", (int)lengths[0], expected);
        (void)snprintf(other, sizeof other, "%.*s", (int)lengths[1], got);
        assert_string_equal(sorted_hashes(one), sorted_hashes(other));
        expected += lengths[0];
        got += lengths[1];
    }
    assert_string_equal("", expected);
    assert_string_equal("", got);
}

static void the_file_of_the_reference_is_read_and_written_the_same(void **state) {
    struct text_buffer capture = {0};
    unsigned line;
    (void)state;
    assert_int_equal(SMQ_OK, file_read(CAPTURE, &capture));
    assert_int_equal(SMQ_OK, statistics_parse(statistics, slice_of(capture.bytes, capture.length), &line));
    assert_int_equal(132, value(COUNT_MSG_SENT));
    assert_int_equal(2, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_MONTH));
    statistics_write(statistics, &text);
    assert_same_lines(capture.bytes, text.bytes);
    text_free(&capture);
}

/* The hashes in the capture are of the two queues in its store.log: who is active on both sides of a migration counts
 * once. */
static void queues_have_the_hashes_of_the_reference(void **state) {
    (void)state;
    uint8_t bytes[24];
    struct reader reader = reader_of(slice_of_text("fAytyr2gyLV2d1m99UJc4rjLBnRG8xXa"));
    assert_int_equal(24, read_base64url(&reader, bytes, sizeof bytes));
    assert_int_equal((int64_t)7350263176874218897, (int64_t)active_hash(slice_of(bytes, sizeof bytes)));
}

static void older_files_are_read(void **state) {
    unsigned line;
    (void)state;
    assert_int_equal(SMQ_OK, parse("fromTime=2022-01-02T03:04:05Z\nqCreated=7\nqSecured=5\nqDeleted=3\nmsgSent=11\n"
                                   "qSubNoMsg=4\nmsgRecv=10\ndayMsgQueues=AAAA,AAAB\nweekMsgQueues=AAAA\n"
                                   "monthMsgQueues=\n",
                                   &line));
    assert_int_equal(3, value(COUNT_Q_DELETED_ALL));
    assert_int_equal(11, value(COUNT_MSG_SENT));
    assert_int_equal(2, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_DAY));
    assert_int_equal(1, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_WEEK));
    statistics_destroy(&statistics);
    statistics = make();
    assert_int_equal(SMQ_OK, parse("fromTime=2023-01-02T03:04:05.5Z\r\nqCreated=7\r\nactiveQueues:\r\nday=AAAA\r\n"
                                   "week=\r\nmonth=AAAA,AAAC\r\nsubscribedQueues:\r\ndayHashes=1,2,3\r\n"
                                   "weekHashes=1\r\nmonthHashes=1\r\nactiveQueuesNtf:\r\ndayHashes=-5\r\n"
                                   "weekHashes=\r\nmonthHashes=\r\npRelaysOwn:\r\nrequests=9\r\nsuccesses=8\r\n"
                                   "pMsgFwdsRecv=6\r\nnewerThanThis=1\r\n",
                                   &line));
    assert_int_equal(1, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_DAY));
    assert_int_equal(2, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_MONTH));
    assert_int_equal(1, active_count(statistics->active[ACTIVE_QUEUES_NTF], ACTIVE_DAY));
    assert_int_equal(9, value(COUNT_P_RELAYS_OWN_REQUESTS));
    assert_int_equal(0, value(COUNT_P_RELAYS_REQUESTS));
    assert_int_equal(6, value(COUNT_P_MSG_FWDS_RECV));
}

static void broken_files_change_nothing_and_name_their_line(void **state) {
    static const struct {
        const char *content;
        unsigned line;
    } cases[] = {
        {"", 1},
        {"qCreated=1\n", 1},
        {"fromTime=yesterday\nqCreated=1\n", 1},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nqSecured=many\n", 3},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nqSecured=\n", 3},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nqSecured=99999999999999999999\n", 3},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nactiveQueues:\ndayHashes=1,,2\n", 4},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nactiveQueues:\ndayHashes=1,\n", 4},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nactiveQueues:\nday=!\n", 4},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\nno equals sign\n", 3},
        {"fromTime=2026-11-29T04:29:06Z\nqCreated=1\n=5\n", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned line = 0;
        assert_int_equal(SMQ_ERR_SYNTAX, parse(cases[i].content, &line));
        assert_int_equal(cases[i].line, line);
        assert_int_equal(0, value(COUNT_Q_CREATED));
    }
}

static void a_file_that_was_read_is_kept_under_another_name(void **state) {
    char path[128];
    struct text_buffer kept = {0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s", path_of("stats.log"));
    assert_int_equal(SMQ_ERR_NOT_FOUND, statistics_restore(statistics, path));
    counters_add(statistics->counters, COUNT_MSG_SENT, 5);
    assert_int_equal(SMQ_OK, statistics_save(statistics, path));
    statistics_destroy(&statistics);
    statistics = make();
    assert_int_equal(SMQ_OK, statistics_restore(statistics, path));
    assert_int_equal(5, value(COUNT_MSG_SENT));
    assert_int_equal(SMQ_ERR_NOT_FOUND, file_read(path, &kept));
    assert_int_equal(0, access(path_of("stats.log.bak"), F_OK));
    assert_int_equal(SMQ_OK, file_replace(path, slice_of_text("torn"), FILE_LOOSE));
    assert_int_equal(SMQ_ERR_SYNTAX, statistics_restore(statistics, path));
    assert_int_equal(0, access(path_of("stats.log.bad"), F_OK));
    assert_int_equal(5, value(COUNT_MSG_SENT));
}

/* ---- the daily line */

static int64_t at(const char *date) {
    int64_t ns;
    assert_int_equal(SMQ_OK, date_read(slice_of_text(date), &ns));
    return ns;
}

static unsigned commas(const char *line) {
    unsigned count = 0;
    for (; *line != 0; line++)
        count += *line == ',';
    return count;
}

/* Column `index`, from 0. */
static const char *column(const char *line, unsigned index) {
    static char word[64];
    for (; index > 0; index--)
        line = strchr(line, ',') + 1;
    (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(line, ",\n"), line);
    return word;
}

static const char *append(int64_t now_ns) {
    static struct text_buffer file;
    text_clear(&file);
    (void)unlink(path_of("daily.log"));
    assert_int_equal(SMQ_OK, daily_line_append(statistics, path_of("daily.log"), now_ns));
    assert_int_equal(SMQ_OK, file_read(path_of("daily.log"), &file));
    return file.bytes;
}

static void fill(void) {
    static const unsigned counters[] = {COUNT_Q_CREATED, COUNT_MSG_SENT, COUNT_NTF_NEW_CREATED,
                                        COUNT_NTF_SERVICES_SUB_END, COUNT_P_MSG_FWDS_OWN_ERRORS_OTHER};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        counters_add(statistics->counters, counters[i], 100 + (int64_t)i);
    active_note(statistics->active[ACTIVE_QUEUES], 4711);
    active_note(statistics->active[ACTIVE_QUEUES], 4712);
    active_note(statistics->active[ACTIVE_QUEUES_NTF], 4711);
}

/* 2026-11-29 is a Sunday. */
static void a_line_has_the_reference_columns_and_begins_the_next_day(void **state) {
    (void)state;
    atomic_store(&statistics->from_ns, at("2026-11-28T04:29:06Z"));
    fill();
    const char *line = append(at("2026-11-29T00:00:00Z"));
    assert_int_equal(95, commas(line));
    assert_string_equal("2026-11-28", column(line, 0));
    assert_string_equal("100", column(line, 1));  /* qCreated */
    assert_string_equal("101", column(line, 4));  /* msgSent */
    assert_string_equal("2", column(line, 6));    /* active today */
    assert_string_equal("", column(line, 7));     /* in the week: on Mondays */
    assert_string_equal("", column(line, 8));     /* in the month: on the first */
    assert_string_equal("1", column(line, 11));   /* with notifications */
    assert_string_equal("2", column(line, 14));   /* qCount */
    assert_string_equal("131", column(line, 15)); /* msgCount */
    assert_string_equal("104", column(line, 38)); /* the last of pMsgFwdsOwn */
    assert_string_equal("103", column(line, 95)); /* the last of ntfServices */
    assert_int_equal(0, value(COUNT_Q_CREATED));
    assert_int_equal(0, value(COUNT_MSG_SENT));
    assert_int_equal(102, value(COUNT_NTF_NEW_CREATED)); /* not of the day */
    assert_int_equal(103, value(COUNT_NTF_SERVICES_SUB_END));
    assert_int_equal(0, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_DAY));
    assert_int_equal(2, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_WEEK));
    /* Monday. */
    line = append(at("2026-11-30T00:00:00Z"));
    assert_string_equal("2026-11-29", column(line, 0));
    assert_string_equal("0", column(line, 6));
    assert_string_equal("2", column(line, 7));
    assert_string_equal("", column(line, 8));
    assert_int_equal(0, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_WEEK));
    /* The first. */
    line = append(at("2026-12-01T00:00:01Z"));
    assert_string_equal("", column(line, 7));
    assert_string_equal("2", column(line, 8));
    assert_string_equal("1", column(line, 13));
    assert_int_equal(0, active_count(statistics->active[ACTIVE_QUEUES], ACTIVE_MONTH));
}

/* A Monday, or a first, that was passed over ends its week or month all the same. */
static void a_clock_that_jumps_ahead_leaves_no_week_or_month_open(void **state) {
    (void)state;
    atomic_store(&statistics->from_ns, at("2026-11-28T04:29:06Z"));
    fill();
    const char *line = append(at("2027-03-05T10:00:00Z"));
    assert_string_equal("2026-11-28", column(line, 0));
    assert_string_equal("2", column(line, 6));
    assert_string_equal("2", column(line, 7));
    assert_string_equal("2", column(line, 8));
}

static void a_clock_that_is_put_back_loses_no_counts(void **state) {
    (void)state;
    atomic_store(&statistics->from_ns, at("2027-03-05T10:00:00Z"));
    fill();
    const char *line = append(at("2026-11-28T00:00:00Z"));
    assert_string_equal("2027-03-05", column(line, 0));
    assert_string_equal("100", column(line, 1));
    assert_string_equal("", column(line, 7));
    assert_int_equal(at("2026-11-28T00:00:00Z"), atomic_load(&statistics->from_ns));
    assert_int_equal(at("2026-11-29T00:00:00Z") / 1000000000, daily_line_due(at("2026-11-28T00:00:00Z") / 1000000000));
    assert_int_equal(at("2026-11-29T00:00:00Z"), at("2026-11-28T00:00:00Z") + DAY_NS);
}

/* /dev/full is a disk without room. */
static void a_line_that_cannot_be_written_takes_nothing(void **state) {
    (void)state;
    atomic_store(&statistics->from_ns, at("2026-11-29T04:29:06Z"));
    fill();
    assert_int_equal(SMQ_ERR_SYSTEM, daily_line_append(statistics, "/dev/full", at("2026-11-30T00:00:00Z")));
    assert_int_equal(SMQ_ERR_SYSTEM,
                     daily_line_append(statistics, path_of("missing/daily.log"), at("2026-11-30T00:00:00Z")));
    counters_add(statistics->counters, COUNT_MSG_SENT, 1000);
    const char *line = append(at("2026-11-30T00:01:00Z"));
    assert_string_equal("2026-11-29", column(line, 0));
    assert_string_equal("1101", column(line, 4));
    assert_string_equal("2", column(line, 6));
    assert_string_equal("2", column(line, 7));
}

/* A line that was cut off by a full disk is taken back, so that the next one begins on a line of its own. */
static void half_a_line_is_taken_back(void **state) {
    struct text_buffer file = {0};
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s", path_of("limited.log"));
    assert_int_equal(SMQ_OK, file_append(path, slice_of_text("first\n")));
    struct rlimit limit, before;
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    limit = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
    enum smq_result result = file_append(path, slice_of_text("a second line\n"));
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(SMQ_ERR_SYSTEM, result);
    assert_int_equal(SMQ_OK, file_read(path, &file));
    assert_string_equal("first\n", file.bytes);
    text_free(&file);
}

/* ---- files */

static void a_file_is_replaced_whole_or_not_at_all(void **state) {
    struct text_buffer file = {0};
    struct stat status;
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s", path_of("metrics.txt"));
    assert_int_equal(SMQ_OK, file_replace(path, slice_of_text("old"), FILE_LOOSE));
    assert_int_equal(0, chmod(path, 0604));
    assert_int_equal(SMQ_OK, file_replace(path, slice_of_text("new"), FILE_DURABLE));
    assert_int_equal(0, stat(path, &status));
    assert_int_equal(0604, status.st_mode & 0777);
    assert_int_equal(SMQ_OK, file_read(path, &file));
    assert_string_equal("new", file.bytes);
    /* What a killed process has left, and a link that somebody laid there. */
    assert_int_equal(0, symlink("/etc/passwd", path_of("metrics.txt.part")));
    assert_int_equal(SMQ_OK, file_replace(path, slice_of_text("newer"), FILE_LOOSE));
    assert_int_equal(-1, access(path_of("metrics.txt.part"), F_OK));
    assert_int_equal(SMQ_ERR_SYSTEM, file_replace(path_of("missing/metrics.txt"), slice_of_text("x"), FILE_LOOSE));
    text_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_of_the_reference_is_read_and_written_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queues_have_the_hashes_of_the_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(older_files_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_files_change_nothing_and_name_their_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_read_is_kept_under_another_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_has_the_reference_columns_and_begins_the_next_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_jumps_ahead_leaves_no_week_or_month_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_put_back_loses_no_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_cannot_be_written_takes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_line_is_taken_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole_or_not_at_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
