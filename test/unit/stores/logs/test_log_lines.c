/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines of texts of any size and shape, through a buffer of 256 bytes. */
#include "test/unit/stores/logs/log_fixture.h"

enum { CAPACITY = 256 };

/* Reads all lines and writes each as number, state (w, t, l), length and start. */
static void read_all(struct log_source source, char *out, size_t size) {
    struct log_lines *lines;
    struct log_line line;
    size_t used = 0;
    assert_int_equal(SMQ_OK, log_lines_create(source, CAPACITY, &lines));
    enum smq_result result;
    while ((result = log_lines_load(lines)) == SMQ_OK)
        while (log_lines_next(lines, &line)) {
            assert_true(line.text.length <= CAPACITY);
            used += (size_t)snprintf(out + used, size - used, "%u%c%u:%.*s ", (unsigned)line.number, "wtl"[line.state],
                                     (unsigned)line.text.length, line.text.length < 8 ? (int)line.text.length : 8,
                                     (const char *)line.text.bytes);
        }
    assert_int_equal(SMQ_ERR_EMPTY, result);
    log_lines_destroy(&lines);
    assert_null(lines);
}

static void expect_at_every_step(const char *text, size_t length, const char *expected) {
    char found[4096];
    for (size_t step = 1; step <= 300; step = step < 8 ? step + 1 : step * 2) {
        struct text_source source = {.text = text, .length = length, .step = step};
        found[0] = '\0';
        read_all((struct log_source){text_read, &source}, found, sizeof found);
        assert_string_equal(expected, found);
    }
}

static void test_lines_are_given_whole_however_they_come(void **state) {
    (void)state;
    expect_at_every_step("", 0, "");
    expect_at_every_step("one\n", 4, "1w3:one ");
    expect_at_every_step("one\n\nthree\n", 11, "1w3:one 2w0: 3w5:three ");
}

static void test_a_last_line_without_end_is_torn(void **state) {
    (void)state;
    expect_at_every_step("one\ntw", 6, "1w3:one 2t2:tw ");
    expect_at_every_step("x", 1, "1t1:x ");
}

static void test_a_line_longer_than_the_buffer_is_given_once_and_skipped(void **state) {
    char text[4000];
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "one\n", 4);
    memcpy(text + 3000, "\nthree\n", 7);
    expect_at_every_step(text, 3007, "1w3:one 2l256:aaaaaaaa 3w5:three ");
    /* ... and when the file ends in it */
    expect_at_every_step(text, 2000, "1w3:one 2l256:aaaaaaaa ");
}

static void test_a_line_that_just_fits_is_whole(void **state) {
    char text[2 * CAPACITY + 4];
    (void)state;
    memset(text, 'a', sizeof text);
    text[CAPACITY - 1] = '\n';
    text[2 * CAPACITY - 1] = '\n';
    expect_at_every_step(text, 2 * CAPACITY, "1w255:aaaaaaaa 2w255:aaaaaaaa ");
}

/* Nothing but zeros, as a file system leaves behind after a power cut: one line, no memory. */
static enum smq_result read_zeros(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    uint64_t *left = context;
    *length = *left < capacity ? (size_t)*left : capacity;
    *left -= *length;
    memset(bytes, 0, *length);
    return SMQ_OK;
}

static void test_a_gigantic_file_without_lines_takes_no_memory(void **state) {
    uint64_t left = UINT64_C(4) << 30;
    struct log_lines *lines;
    struct log_line line;
    unsigned count = 0;
    (void)state;
    assert_int_equal(SMQ_OK, log_lines_create((struct log_source){read_zeros, &left}, 1 << 16, &lines));
    while (log_lines_load(lines) == SMQ_OK)
        while (log_lines_next(lines, &line)) {
            assert_int_equal(LOG_LINE_TOO_LONG, line.state);
            count++;
        }
    assert_int_equal(1, count);
    assert_int_equal(0, left);
    log_lines_destroy(&lines);
}

static enum smq_result read_error(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    (void)context;
    (void)bytes;
    (void)capacity;
    (void)length;
    return SMQ_ERR_SYSTEM;
}

static void test_an_error_of_the_source_is_the_readers(void **state) {
    struct log_lines *lines;
    (void)state;
    assert_int_equal(SMQ_OK, log_lines_create((struct log_source){read_error, NULL}, CAPACITY, &lines));
    assert_int_equal(SMQ_ERR_SYSTEM, log_lines_load(lines));
    log_lines_destroy(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_given_whole_however_they_come),
        cmocka_unit_test(test_a_last_line_without_end_is_torn),
        cmocka_unit_test(test_a_line_longer_than_the_buffer_is_given_once_and_skipped),
        cmocka_unit_test(test_a_line_that_just_fits_is_whole),
        cmocka_unit_test(test_a_gigantic_file_without_lines_takes_no_memory),
        cmocka_unit_test(test_an_error_of_the_source_is_the_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
