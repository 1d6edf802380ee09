/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log with readers of stderr that do their worst. Each test logs in a child of its own, so that it begins without
 * the writing thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/log_ring.h"
#include "queues/base/setup.h"

enum { PATIENCE_MS = 20000, AT_ONCE_MS = 2000, TEXT_SIZE = 1 << 20 };

static char text[TEXT_SIZE];

struct child {
    pid_t id;
    int errors; /* reading end of its stderr */
};

/* Starts `run` in a child with a pipe for stderr; `flags` of the writing end. */
static struct child begin(int (*run)(void), int flags) {
    int ends[2];
    assert_int_equal(0, pipe(ends));
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        (void)close(ends[0]);
        if (fcntl(ends[1], F_SETFL, flags) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
            _exit(99);
        exit(run());
    }
    (void)close(ends[1]);
    return (struct child){id, ends[0]};
}

/* The exit code of the child, or 128 + signal; killed when it takes too long. */
static int ended(struct child child, uint64_t limit_ms) {
    uint64_t end_ms = clock_monotonic_ms() + limit_ms;
    int status = 0;
    while (waitpid(child.id, &status, WNOHANG) == 0) {
        if (clock_monotonic_ms() >= end_ms) {
            (void)kill(child.id, SIGKILL);
            (void)waitpid(child.id, &status, 0);
            return -1;
        }
        (void)poll(NULL, 0, 1);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads until the end of the stream. */
static const char *all_of(struct child child) {
    size_t length = 0;
    ssize_t got;
    while (length < TEXT_SIZE - 1 && (got = read(child.errors, text + length, TEXT_SIZE - 1 - length)) > 0)
        length += (size_t)got;
    (void)close(child.errors);
    text[length] = 0;
    return text;
}

static unsigned lines_with(const char *all, const char *part) {
    unsigned count = 0;
    for (const char *found = strstr(all, part); found != NULL; found = strstr(found + 1, part))
        count++;
    return count;
}

/* Fills the pipe of stderr until it takes no line any more. */
static void block_stderr(void) {
    static char bytes[4096];
    struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
    memset(bytes, '.', sizeof bytes);
    while (poll(&polled, 1, 0) == 1)
        if (write(STDERR_FILENO, bytes, sizeof bytes) < 0)
            _exit(98);
}

static int log_much_while_nobody_reads(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    block_stderr();
    uint64_t begin_ms = clock_monotonic_ms();
    /* Sites of their own: no limit but the ring's. */
    static struct log_site sites[2 * LOG_RING_LINES];
    for (unsigned i = 0; i < 2 * LOG_RING_LINES; i++)
        log_write(&sites[i], LOG_LEVEL_WARN, "line %u", i);
    return clock_monotonic_ms() - begin_ms < AT_ONCE_MS ? 0 : 2;
}

static void test_a_reader_that_stands_still_holds_up_neither_lines_nor_the_end(void **state) {
    (void)state;
    struct child child = begin(log_much_while_nobody_reads, 0);
    assert_int_equal(0, ended(child, PATIENCE_MS));
    (void)close(child.errors);
}

/* The sum of the numbers before `words`. */
static unsigned long sum_of(const char *all, const char *words) {
    unsigned long sum = 0;
    for (const char *note = strstr(all, words); note != NULL; note = strstr(note + 1, words)) {
        const char *number = note;
        while (number[-1] != ' ')
            number--;
        sum += strtoul(number, NULL, 10);
    }
    return sum;
}

/* Stops itself when all is logged. */
static int log_much_and_wait_for_the_reader(void) {
    int code = log_much_while_nobody_reads();
    (void)raise(SIGSTOP);
    return log_flush(PATIENCE_MS) ? code : 3;
}

static void check_that_lost_lines_are_counted(int flags) {
    struct child child = begin(log_much_and_wait_for_the_reader, flags);
    int status = 0;
    assert_int_equal(child.id, waitpid(child.id, &status, WUNTRACED));
    assert_true(WIFSTOPPED(status));
    assert_int_equal(0, kill(child.id, SIGCONT));
    const char *all = all_of(child);
    assert_int_equal(0, ended(child, PATIENCE_MS));
    unsigned long lost = sum_of(all, " lines lost\n");
    assert_in_range(lost, LOG_RING_LINES / 2, 2 * LOG_RING_LINES);
    assert_int_equal(2 * LOG_RING_LINES, lines_with(all, "WARN line ") + lost);
}

static void test_lines_that_did_not_fit_are_counted(void **state) {
    (void)state;
    check_that_lost_lines_are_counted(0);
}

static void test_a_stderr_that_refuses_to_wait_gets_every_line_that_fitted(void **state) {
    (void)state;
    check_that_lost_lines_are_counted(O_NONBLOCK);
}

static int flood_from_one_site(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    for (unsigned i = 0; i < 5000; i++)
        log_warn("flood %s, %s", "of text", "100%n");
    uint64_t end_ms = clock_monotonic_ms() + 3000;
    while (clock_monotonic_ms() < end_ms) /* the summary comes from the thread, without another line */
        (void)poll(NULL, 0, 50);
    return log_flush(PATIENCE_MS) ? 0 : 3;
}

static void test_one_place_cannot_flood_the_log(void **state) {
    (void)state;
    struct child child = begin(flood_from_one_site, 0);
    const char *all = all_of(child);
    assert_int_equal(0, ended(child, PATIENCE_MS));
    unsigned shown = lines_with(all, "WARN flood of text, 100%n\n");
    assert_in_range(shown, LOG_SITE_LINES_PER_SECOND, 5 * LOG_SITE_LINES_PER_SECOND);
    assert_int_equal(5000, shown + sum_of(all, " more like this: flood of text, 100%n\n"));
}

static int log_to_nobody(void) {
    log_warn("before");
    if (base_setup() != SMQ_OK)
        return 1;
    log_warn("after");
    return log_flush(PATIENCE_MS) ? 0 : 3;
}

static void test_a_reader_that_has_gone_ends_nobody(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(0, pipe(ends));
    (void)close(ends[0]);
    pid_t id = fork();
    if (id == 0) {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        exit(log_to_nobody());
    }
    (void)close(ends[1]);
    assert_int_equal(0, ended((struct child){id, -1}, PATIENCE_MS));
}

static int log_at_both_ends(void) {
    log_error("before the start");
    if (base_setup() != SMQ_OK)
        return 1;
    log_info("in the middle");
    pid_t id = fork();
    if (id == 0) {
        log_error("from a child");
        _exit(0);
    }
    (void)waitpid(id, NULL, 0);
    log_error("the last one");
    return 0;
}

static void test_lines_before_the_start_from_children_and_just_before_the_end_are_written(void **state) {
    (void)state;
    struct child child = begin(log_at_both_ends, 0);
    const char *all = all_of(child);
    assert_int_equal(0, ended(child, PATIENCE_MS));
    assert_int_equal(1, lines_with(all, "ERROR before the start\n"));
    assert_int_equal(1, lines_with(all, "INFO in the middle\n"));
    assert_int_equal(1, lines_with(all, "ERROR from a child\n"));
    assert_int_equal(1, lines_with(all, "ERROR the last one\n"));
}

static int break_an_invariant(void) {
    (void)signal(SIGABRT, SIG_DFL);
    if (base_setup() != SMQ_OK)
        return 1;
    CHECK(1 + 1 == 3);
    return 0;
}

static void test_the_line_of_a_broken_invariant_is_written(void **state) {
    (void)state;
    struct child child = begin(break_an_invariant, 0);
    const char *all = all_of(child);
    assert_int_equal(128 + SIGABRT, ended(child, PATIENCE_MS));
    assert_non_null(strstr(all, "broken invariant at test/unit/queues/test_log.c"));
}

/* The child's stderr, as systemd would name it, or somebody else's stream. */
static void name_stream(bool is_stderr) {
    struct stat status;
    char name[64];
    if (fstat(STDERR_FILENO, &status) != 0)
        _exit(98);
    (void)snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino + !is_stderr);
    (void)setenv("JOURNAL_STREAM", name, 1);
}

static int log_all_levels(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    log_set_level(LOG_LEVEL_DEBUG);
    log_error("an error\n<0>with a forged line");
    log_warn("a warning");
    log_info("news");
    log_debug("details");
    return 0;
}

static int log_for_the_journal(void) {
    name_stream(true);
    return log_all_levels();
}

static int log_beside_the_journal(void) {
    name_stream(false);
    return log_all_levels();
}

static void test_the_journal_is_told_the_priority_of_each_line_and_no_time(void **state) {
    (void)state;
    struct child child = begin(log_for_the_journal, 0);
    const char *all = all_of(child);
    assert_int_equal(0, ended(child, PATIENCE_MS));
    assert_string_equal("<3>ERROR an error?<0>with a forged line\n<4>WARN a warning\n<6>INFO news\n<7>DEBUG details\n",
                        all);
}

static void test_who_is_not_the_journal_gets_times_and_no_priorities(void **state) {
    (void)state;
    struct child child = begin(log_beside_the_journal, 0);
    const char *all = all_of(child);
    assert_int_equal(0, ended(child, PATIENCE_MS));
    assert_int_equal(1, lines_with(all, "Z ERROR an error"));
    assert_int_equal(1, lines_with(all, "Z DEBUG details\n"));
    assert_int_equal(0, lines_with(all, "<3>"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reader_that_stands_still_holds_up_neither_lines_nor_the_end),
        cmocka_unit_test(test_lines_that_did_not_fit_are_counted),
        cmocka_unit_test(test_one_place_cannot_flood_the_log),
        cmocka_unit_test(test_a_reader_that_has_gone_ends_nobody),
        cmocka_unit_test(test_a_stderr_that_refuses_to_wait_gets_every_line_that_fitted),
        cmocka_unit_test(test_lines_before_the_start_from_children_and_just_before_the_end_are_written),
        cmocka_unit_test(test_the_line_of_a_broken_invariant_is_written),
        cmocka_unit_test(test_the_journal_is_told_the_priority_of_each_line_and_no_time),
        cmocka_unit_test(test_who_is_not_the_journal_gets_times_and_no_priorities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
