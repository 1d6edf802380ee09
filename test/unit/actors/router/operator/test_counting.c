/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is counted by many threads at once: cells, counters, sets of active ids, ages, histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/router/operator/active.h"
#include "actors/router/operator/ages.h"
#include "actors/router/operator/cells.h"
#include "actors/router/operator/counters.h"
#include "actors/router/operator/date.h"
#include "actors/router/operator/histogram.h"
#include "actors/router/operator/text_buffer.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"

enum { THREADS = 8, ROUNDS = 50000 };

static const struct counter_row rows[] = {{"first", NULL, COUNTER_PERIOD}, {"second", NULL, COUNTER_TOTAL}};
static struct counters *counters;
static struct active *active;

static int set_up(void **state) {
    (void)state;
    thread_attach();
    return base_setup() == SMQ_OK && counters_create(rows, 2, &counters) == SMQ_OK && active_create(&active) == SMQ_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    counters_destroy(&counters);
    active_destroy(&active);
    reclaim_barrier();
    return 0;
}

static void run_threads(void (*run)(void *argument)) {
    struct thread *threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(SMQ_OK, thread_create(&threads[i], "counting", run, (void *)(i + 1)));
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
}

static void add_many(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        counters_add(counters, 0, 1);
        counters_add(counters, 1, -2);
    }
}

static void no_addition_is_lost_while_counters_are_written_down(void **state) {
    (void)state;
    int64_t written = 0;
    struct thread *threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(SMQ_OK, thread_create(&threads[i], "counting", add_many, NULL));
    for (int i = 0; i < 1000; i++) {
        int64_t value = counters_read(counters, 0);
        counters_restore(counters, 0, -value);
        written += value;
    }
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    assert_int_equal(THREADS * ROUNDS, written + counters_read(counters, 0));
    assert_int_equal(-2 * THREADS * ROUNDS, counters_read(counters, 1));
}

/* Every thread notes the same ids, in another order. */
static void note_ids(void *argument) {
    uint64_t step = 2 * (uint64_t)(uintptr_t)argument + 1;
    for (uint64_t i = 0; i < ROUNDS; i++)
        active_note(active, (i * step % 16384 + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static void count_hash(void *context, uint64_t hash) {
    (void)hash;
    (*(uint64_t *)context)++;
}

static void ids_count_once_however_many_threads_note_them(void **state) {
    uint64_t visited = 0;
    (void)state;
    run_threads(note_ids);
    uint64_t count = active_count(active, ACTIVE_DAY);
    /* Two threads may add one id twice when a table has just been added: there are not a dozen tables. */
    assert_in_range(count, 16384, 16384 + 10 * THREADS);
    active_each(active, ACTIVE_DAY, count_hash, &visited);
    assert_int_equal(count, visited);
    assert_int_equal(count, active_take(active, ACTIVE_DAY));
    assert_int_equal(0, active_count(active, ACTIVE_DAY));
    assert_in_range(active_count(active, ACTIVE_MONTH), 16384, 16384 + 10 * THREADS);
    active_note(active, UINT64_C(0x9e3779b97f4a7c15));
    assert_int_equal(1, active_count(active, ACTIVE_DAY));
}

static _Atomic bool is_over;

static void note_until_over(void *argument) {
    uint64_t id = (uint64_t)(uintptr_t)argument << 32;
    while (!atomic_load(&is_over))
        active_note(active, ++id);
}

static void sets_are_emptied_while_ids_are_noted(void **state) {
    struct thread *threads[2];
    (void)state;
    atomic_store(&is_over, false);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(SMQ_OK, thread_create(&threads[i], "counting", note_until_over, (void *)(i + 1)));
    uint64_t taken = 0;
    for (int i = 0; i < 200 || taken < 10000; i++)
        taken += active_take(active, ACTIVE_DAY);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < 2; i++)
        thread_join(&threads[i]);
    assert_true(taken >= 10000);
}

static void ages_are_told_by_period(void **state) {
    static const uint32_t begun[] = {100000, 99999, 99900, 99600, 98000, 96000, 90000, 1000};
    struct ages *ages;
    struct age_counts counts = {0};
    (void)state;
    assert_int_equal(SMQ_OK, ages_create(&ages));
    for (size_t i = sizeof begun / sizeof begun[0]; i > 0; i--)
        ages_begin(ages, begun[i - 1]);
    ages_read(ages, 100001, &counts);
    assert_int_equal(2, counts.counts[0]);
    assert_int_equal(1, counts.counts[1]);
    assert_int_equal(1, counts.counts[2]);
    assert_int_equal(1, counts.counts[3]);
    assert_int_equal(3, counts.counts[4]);
    assert_in_range(counts.oldest_s, 99001 - 3600, 99001 + 3600);
    for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++)
        ages_end(ages, begun[i]);
    counts = (struct age_counts){0};
    ages_read(ages, 100001, &counts);
    for (int period = 0; period < AGE_PERIODS; period++)
        assert_int_equal(0, counts.counts[period]);
    ages_destroy(&ages);
}

/* The clock is put back, and ahead again: what began is ended by the second that it began at. */
static void ages_survive_a_clock_that_jumps(void **state) {
    static const uint32_t begun[] = {5000000, 5000001, 20, 5120, 10240, 4000000000, 5000002, 30};
    struct ages *ages;
    struct age_counts counts = {0};
    (void)state;
    assert_int_equal(SMQ_OK, ages_create(&ages));
    for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++)
        ages_begin(ages, begun[i]);
    ages_read(ages, 5000003, &counts);
    int64_t sum = 0;
    for (int period = 0; period < AGE_PERIODS; period++)
        sum += counts.counts[period];
    assert_int_equal(sizeof begun / sizeof begun[0], sum);
    ages_destroy(&ages);
}

static void a_histogram_knows_ranges_and_sum(void **state) {
    static const uint64_t bounds[] = {10, 100, 1000};
    struct histogram *histogram;
    const uint64_t *known;
    (void)state;
    assert_int_equal(SMQ_OK, histogram_create(bounds, 3, &histogram));
    static const uint64_t values[] = {0, 10, 11, 100, 1000, 1001, 50000};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        histogram_add(histogram, values[i]);
    assert_int_equal(3, histogram_bounds(histogram, &known));
    assert_int_equal(2, histogram_in_range(histogram, 0));
    assert_int_equal(2, histogram_in_range(histogram, 1));
    assert_int_equal(1, histogram_in_range(histogram, 2));
    assert_int_equal(2, histogram_in_range(histogram, 3));
    assert_int_equal(52122, histogram_sum(histogram));
    histogram_destroy(&histogram);
}

static void dates_are_written_and_read_as_the_reference_does(void **state) {
    static const struct {
        int64_t ns;
        const char *iso, *shown, *day;
    } cases[] = {
        {1795926546528011988, "2026-11-29T04:29:06.528011988Z", "2026-11-29 04:29:06.528011988 UTC", "2026-11-29"},
        {1795926546500000000, "2026-11-29T04:29:06.5Z", "2026-11-29 04:29:06.5 UTC", "2026-11-29"},
        {0, "1970-01-01T00:00:00Z", "1970-01-01 00:00:00 UTC", "1970-01-01"},
        {-1, "1969-12-31T23:59:59.999999999Z", "1969-12-31 23:59:59.999999999 UTC", "1969-12-31"},
    };
    char text[DATE_TEXT_SIZE];
    int64_t ns;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        date_write(cases[i].ns, DATE_ISO, text);
        assert_string_equal(cases[i].iso, text);
        assert_int_equal(SMQ_OK, date_read(slice_of_text(text), &ns));
        assert_int_equal(cases[i].ns, ns);
        date_write(cases[i].ns, DATE_SHOWN, text);
        assert_string_equal(cases[i].shown, text);
        date_write(cases[i].ns, DATE_DAY, text);
        assert_string_equal(cases[i].day, text);
    }
    static const char *const wrong[] = {"",
                                        "2026-11-29",
                                        "2026-11-29T04:29:06",
                                        "2026-11-29T04:29:06Zx",
                                        "2026-13-29T04:29:06Z",
                                        "a date that is longer than any date could ever be"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(SMQ_ERR_SYNTAX, date_read(slice_of_text(wrong[i]), &ns));
}

static void texts_are_quoted_for_json_and_labels(void **state) {
    struct text_buffer text = {0};
    (void)state;
    text_add_quoted(&text, "a \"quote\", a \\ and\na line\t");
    assert_string_equal("\"a \\\"quote\\\", a \\\\ and\\na line\\u0009\"", text.bytes);
    text_clear(&text);
    for (int i = 0; i < 1000; i++)
        text_add(&text, "%d,", i);
    assert_int_equal(3890, text.length);
    assert_int_equal(SMQ_OK, text_result(&text));
    text_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_addition_is_lost_while_counters_are_written_down, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_count_once_however_many_threads_note_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_are_emptied_while_ids_are_noted, set_up, tear_down),
        cmocka_unit_test(ages_are_told_by_period),
        cmocka_unit_test(ages_survive_a_clock_that_jumps),
        cmocka_unit_test(a_histogram_knows_ranges_and_sum),
        cmocka_unit_test(dates_are_written_and_read_as_the_reference_does),
        cmocka_unit_test(texts_are_quoted_for_json_and_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
