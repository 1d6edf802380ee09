/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The small parts of queues/base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/counter.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "queues/base/thread.h"

/* Runs `write_lines` with stderr in a pipe, and returns what it wrote. */
static size_t captured(void (*write_lines)(void), char *text, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    write_lines();
    assert_true(log_flush(10000));
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    text[length] = 0;
    return length;
}

static void write_plain(void) {
    errno = ENOENT;
    log_warn("hello %d", 5);
    assert_int_equal(errno, ENOENT);
    log_debug("not shown");
}

static void test_log_line_has_time_level_and_text(void **state) {
    (void)state;
    char text[4096];
    int year = 0;
    int offset = 0;
    captured(write_plain, text, sizeof(text));
    assert_int_equal(sscanf(text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %n", &year, &offset), 1);
    assert_true(year >= 2024);
    assert_string_equal(text + offset, "WARN hello 5\n");
}

static void write_forged(void) {
    log_info("a\nb\tc\x7f");
}

static void test_log_replaces_control_characters(void **state) {
    (void)state;
    char text[4096];
    size_t length = captured(write_forged, text, sizeof(text));
    assert_string_equal(text + length - strlen("INFO a?b?c?\n"), "INFO a?b?c?\n");
}

static void write_long(void) {
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    log_error("%s", text);
}

static void test_log_cuts_long_lines(void **state) {
    (void)state;
    char text[4096];
    size_t length = captured(write_long, text, sizeof(text));
    assert_true(length > 1000 && length < 1100);
    assert_int_equal(text[length - 1], '\n');
    assert_int_equal(text[length - 2], 'x');
}

static void write_debug(void) {
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("shown");
    log_set_level(LOG_LEVEL_ERROR);
    log_info("dropped");
    log_set_level(LOG_LEVEL_INFO);
}

static void test_log_level_can_be_set(void **state) {
    (void)state;
    char text[4096];
    captured(write_debug, text, sizeof(text));
    assert_non_null(strstr(text, "DEBUG shown\n"));
    assert_null(strstr(text, "dropped"));
}

static void test_clocks_advance_and_agree(void **state) {
    (void)state;
    uint64_t ms = clock_monotonic_ms();
    uint64_t us = clock_monotonic_us();
    uint64_t ns = clock_monotonic_ns();
    assert_true(us / 1000 >= ms && ns / 1000 >= us);
    assert_true(clock_monotonic_ns() >= ns);
    assert_true(clock_realtime_ns() / 1000000000 - clock_realtime_s() <= 1);
}

static void test_memory_refuses_sizes_that_overflow(void **state) {
    (void)state;
    assert_null(memory_zalloc_array(SIZE_MAX / 2, 3));
    assert_null(memory_resize_array(NULL, SIZE_MAX / 2, 3));
    assert_null(memory_zalloc_aligned(SIZE_MAX));
}

/* Free memory between small things that stay, as after a storm. */
static void test_unused_memory_is_given_back(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their allocators are others */
#else
    enum { COUNT = 2000, LARGE = 40000 };
    static void *large[COUNT], *small[COUNT];
    size_t left = 0;
    (void)memory_give_back(&left);
    for (size_t i = 0; i < COUNT; i++) {
        large[i] = memory_alloc(LARGE);
        small[i] = memory_alloc(100);
        assert_non_null(large[i]);
        memset(large[i], 1, LARGE);
    }
    assert_int_equal(memory_give_back(&left), 0);
    for (size_t i = 0; i < COUNT; i++)
        memory_free(large[i]);
    assert_true(memory_give_back(&left) > (size_t)COUNT * LARGE / 2);
    assert_int_equal(memory_give_back(&left), 0);
    for (size_t i = 0; i < COUNT; i++)
        memory_free(small[i]);
#endif
}

static void test_memory_is_zeroed_copied_and_aligned(void **state) {
    (void)state;
    uint8_t *zeroed = memory_zalloc_aligned(100);
    assert_non_null(zeroed);
    assert_int_equal((uintptr_t)zeroed % 64, 0);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);
    char *text = memory_copy_of_text("copy");
    assert_string_equal(text, "copy");
    void *nothing = memory_copy_of(NULL, 0);
    assert_non_null(nothing);
    memory_free(nothing);
    memory_free(text);
    memory_free(zeroed);
}

#ifdef DEBUG_FAULTS
static void test_fault_point_fails_the_chosen_passes(void **state) {
    (void)state;
    assert_int_equal(fault_arm_text("memory_alloc:1:2"), SMQ_OK);
    void *first = memory_alloc(1);
    assert_non_null(first);
    assert_null(memory_alloc(1));
    assert_null(memory_zalloc(1));
    void *fourth = memory_alloc(1);
    assert_non_null(fourth);
    assert_int_equal(fault_fired(FAULT_POINT_memory_alloc), 2);
    fault_disarm_all();
    memory_free(first);
    memory_free(fourth);
}

static void test_fault_text_is_checked(void **state) {
    (void)state;
    assert_int_equal(fault_arm_text(""), SMQ_OK);
    assert_int_equal(fault_arm_text("no_such_point"), SMQ_ERR_NOT_FOUND);
    assert_int_equal(fault_arm_text("memory_alloc:x"), SMQ_ERR_SYNTAX);
    assert_int_equal(fault_arm_text("memory_alloc:1:2:3"), SMQ_ERR_SYNTAX);
    assert_int_equal(fault_arm_text("memory_alloc:-1"), SMQ_ERR_SYNTAX);
    assert_int_equal(fault_arm_text("thread_create:9:*,memory_alloc:99999"), SMQ_OK);
    fault_disarm_all();
}

static void test_fault_names_are_sorted(void **state) {
    (void)state;
    for (int i = 1; i < FAULT_POINT_COUNT; i++)
        assert_true(strcmp(fault_name((enum fault_point)(i - 1)), fault_name((enum fault_point)i)) < 0);
}
#endif

enum { COUNTING_THREADS = 12, ADDITIONS = 10000 };

static void count(void *argument) {
    struct counter *counter = argument;
    for (int i = 0; i < ADDITIONS; i++)
        counter_add(counter, i % 2 == 0 ? 3 : -1);
}

static void test_counter_sums_all_threads(void **state) {
    (void)state;
    struct counter counter = {0};
    struct thread *threads[COUNTING_THREADS];
    for (int i = 0; i < COUNTING_THREADS; i++)
        assert_int_equal(thread_create(&threads[i], "count", count, &counter), SMQ_OK);
    int64_t taken = counter_take(&counter);
    for (int i = 0; i < COUNTING_THREADS; i++)
        thread_join(&threads[i]);
    assert_int_equal(taken + counter_take(&counter), (int64_t)COUNTING_THREADS * ADDITIONS);
    assert_int_equal(counter_read(&counter), 0);
}

static void test_secrets_are_compared_and_wiped(void **state) {
    (void)state;
    uint8_t a[32];
    uint8_t b[32];
    random_bytes(a, sizeof(a));
    memcpy(b, a, sizeof(b));
    assert_true(secret_equal(a, b, sizeof(a)));
    b[31] ^= 1;
    assert_false(secret_equal(a, b, sizeof(a)));
    assert_true(secret_equal(NULL, NULL, 0));
    secret_wipe(a, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++)
        assert_int_equal(a[i], 0);
    secret_wipe(NULL, 0);
}

static void test_random_below_stays_below(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(7) < 7);
    assert_int_equal(random_below(0), 0);
}

static void test_every_result_has_its_own_words(void **state) {
    (void)state;
    for (unsigned i = 0; i < SMQ_RESULT_COUNT; i++) {
        const char *text = smq_result_text((enum smq_result)i);
        assert_string_not_equal(text, "unknown result");
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(text, smq_result_text((enum smq_result)j));
    }
    assert_string_equal(smq_result_text((enum smq_result)9999), "unknown result");
}

static void test_stale_object_aborts(void **state) {
    (void)state;
    struct {
        uint32_t magic;
    } object;
    MAGIC_SET(&object, MAGIC('T', 'E', 'S', 'T'));
    MAGIC_CHECK(&object, MAGIC('T', 'E', 'S', 'T'));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* The line that CHECK writes is not for this test's output. */
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(nowhere, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        MAGIC_CLEAR(&object);
        MAGIC_CHECK(&object, MAGIC('T', 'E', 'S', 'T'));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_line_has_time_level_and_text),
        cmocka_unit_test(test_log_replaces_control_characters),
        cmocka_unit_test(test_log_cuts_long_lines),
        cmocka_unit_test(test_log_level_can_be_set),
        cmocka_unit_test(test_clocks_advance_and_agree),
        cmocka_unit_test(test_memory_refuses_sizes_that_overflow),
        cmocka_unit_test(test_unused_memory_is_given_back),
        cmocka_unit_test(test_memory_is_zeroed_copied_and_aligned),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_fault_point_fails_the_chosen_passes),
        cmocka_unit_test(test_fault_text_is_checked),
        cmocka_unit_test(test_fault_names_are_sorted),
#endif
        cmocka_unit_test(test_counter_sums_all_threads),
        cmocka_unit_test(test_secrets_are_compared_and_wiped),
        cmocka_unit_test(test_random_below_stays_below),
        cmocka_unit_test(test_every_result_has_its_own_words),
        cmocka_unit_test(test_stale_object_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
