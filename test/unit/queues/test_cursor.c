/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cursors never leave their bytes, keep their first error, and give back what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/cursor.h"

/* Exactly `length` bytes on the heap, so that AddressSanitizer sees one read too far. */
static struct slice heap_slice(const void *bytes, size_t length) {
    uint8_t *copy = malloc(length);
    assert_true(copy != NULL || length == 0);
    if (length > 0)
        memcpy(copy, bytes, length);
    return slice_of(copy, length);
}

static void heap_free(struct slice slice) {
    free((void *)(uintptr_t)slice.bytes);
}

static void write_everything(struct writer *writer) {
    write_u8(writer, 0xfe);
    write_u16(writer, 0xfedc);
    write_u32(writer, 0xfedcba98);
    write_i64(writer, INT64_MIN + 5);
    write_i64(writer, -1);
    write_short(writer, slice_of_text("short"));
    write_large(writer, slice_of_text("large string"));
    write_bool(writer, true);
    write_bool(writer, false);
    write_maybe(writer, true);
    write_maybe(writer, false);
    write_text(writer, "WORD ");
    write_text(writer, "tail");
}

static enum smq_result read_everything(struct slice input, bool check) {
    struct reader reader = reader_of(input);
    uint8_t small = read_u8(&reader);
    uint16_t medium = read_u16(&reader);
    uint32_t large = read_u32(&reader);
    int64_t negative = read_i64(&reader);
    int64_t minus_one = read_i64(&reader);
    struct slice short_string = read_short(&reader);
    struct slice large_string = read_large(&reader);
    bool yes = read_bool(&reader);
    bool no = read_bool(&reader);
    bool present = read_maybe(&reader);
    bool absent = read_maybe(&reader);
    struct slice word = read_until(&reader, ' ');
    read_literal(&reader, " ");
    struct slice tail = read_bytes(&reader, 4);
    if (check) {
        assert_int_equal(small, 0xfe);
        assert_int_equal(medium, 0xfedc);
        assert_int_equal(large, 0xfedcba98);
        assert_true(negative == INT64_MIN + 5);
        assert_true(minus_one == -1);
        assert_true(slice_equal(short_string, slice_of_text("short")));
        assert_true(slice_equal(large_string, slice_of_text("large string")));
        assert_true(yes && !no && present && !absent);
        assert_true(slice_equal(word, slice_of_text("WORD")));
        assert_true(slice_equal(tail, slice_of_text("tail")));
    }
    return reader_finish(&reader);
}

static void test_what_was_written_is_read_back(void **state) {
    (void)state;
    uint8_t buffer[128];
    struct writer writer = writer_of(buffer, sizeof buffer);
    write_everything(&writer);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(read_everything(slice_of(buffer, writer_length(&writer)), true), SMQ_OK);
}

static void test_input_cut_at_any_byte_fails(void **state) {
    (void)state;
    uint8_t buffer[128];
    struct writer writer = writer_of(buffer, sizeof buffer);
    write_everything(&writer);
    for (size_t length = 0; length < writer_length(&writer); length++) {
        struct slice cut = heap_slice(buffer, length);
        assert_int_equal(read_everything(cut, false), SMQ_ERR_SYNTAX);
        heap_free(cut);
    }
}

static void test_buffer_short_by_any_number_of_bytes_is_not_overrun(void **state) {
    (void)state;
    uint8_t buffer[128];
    struct writer writer = writer_of(buffer, sizeof buffer);
    write_everything(&writer);
    size_t whole = writer_length(&writer);
    for (size_t capacity = 0; capacity < whole; capacity++) {
        uint8_t *small = malloc(capacity + 1);
        assert_non_null(small);
        small[capacity] = 0x5a;
        struct writer short_writer = writer_of(small, capacity);
        write_everything(&short_writer);
        assert_int_equal(writer_finish(&short_writer), SMQ_ERR_TOO_LARGE);
        assert_true(writer_length(&short_writer) <= capacity);
        assert_memory_equal(small, buffer, writer_length(&short_writer));
        assert_int_equal(small[capacity], 0x5a);
        free(small);
    }
}

static void test_integers_are_big_endian(void **state) {
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t buffer[15];
    struct writer writer = writer_of(buffer, sizeof buffer);
    write_u8(&writer, 0x01);
    write_u16(&writer, 0x0203);
    write_u32(&writer, 0x04050607);
    write_i64(&writer, 0x08090a0b0c0d0e0f);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_memory_equal(buffer, expected, sizeof expected);
}

static void test_error_sticks_and_later_reads_give_nothing(void **state) {
    (void)state;
    struct reader reader = reader_of(slice_of_text("Xabcdefghijklmnop"));
    assert_false(read_bool(&reader));
    assert_true(reader.failed);
    assert_int_equal(reader_left(&reader), 0);
    assert_int_equal(read_u8(&reader), 0);
    assert_int_equal(read_u16(&reader), 0);
    assert_int_equal(read_u32(&reader), 0);
    assert_true(read_i64(&reader) == 0);
    assert_int_equal(read_short(&reader).length, 0);
    assert_int_equal(read_tail(&reader).length, 0);
    assert_int_equal(read_until(&reader, 'a').length, 0);
    assert_int_equal(reader_peek(&reader), 0);
    assert_int_equal(reader_status(&reader), SMQ_ERR_SYNTAX);
    assert_int_equal(reader_finish(&reader), SMQ_ERR_SYNTAX);
}

static void test_booleans_and_markers_take_two_letters_only(void **state) {
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        struct reader boolean = reader_of(slice_of(&byte, 1));
        assert_int_equal(read_bool(&boolean), value == 'T');
        assert_int_equal(boolean.failed, value != 'T' && value != 'F');
        struct reader marker = reader_of(slice_of(&byte, 1));
        assert_int_equal(read_maybe(&marker), value == '1');
        assert_int_equal(marker.failed, value != '0' && value != '1');
    }
}

static void test_lengths_that_lie_fail(void **state) {
    (void)state;
    static const uint8_t short_lie[] = {5, 'a', 'b', 'c', 'd'};
    struct reader reader = reader_of(slice_of(short_lie, sizeof short_lie));
    assert_int_equal(read_short(&reader).length, 0);
    assert_true(reader.failed);
    static const uint8_t large_lie[] = {0xff, 0xff, 'a'};
    reader = reader_of(slice_of(large_lie, sizeof large_lie));
    assert_int_equal(read_large(&reader).length, 0);
    assert_true(reader.failed);
    reader = reader_of(slice_of_text("abc"));
    assert_int_equal(read_bytes(&reader, SIZE_MAX).length, 0);
    assert_true(reader.failed);
}

static void test_finish_wants_the_end_and_status_does_not(void **state) {
    (void)state;
    struct reader reader = reader_of(slice_of_text("ab"));
    assert_int_equal(read_u8(&reader), 'a');
    assert_int_equal(reader_status(&reader), SMQ_OK);
    assert_int_equal(reader_finish(&reader), SMQ_ERR_SYNTAX);
    assert_int_equal(reader_peek(&reader), 'b');
    assert_int_equal(read_u8(&reader), 'b');
    assert_int_equal(reader_finish(&reader), SMQ_OK);
}

static void test_optional_text_is_consumed_only_when_it_is_there(void **state) {
    (void)state;
    struct reader reader = reader_of(slice_of_text("ab"));
    assert_false(read_if(&reader, "b"));
    assert_false(read_if(&reader, "abc"));
    assert_int_equal(reader_left(&reader), 2);
    assert_true(read_if(&reader, "ab"));
    assert_false(read_if(&reader, "a"));
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    reader_fail(&reader);
    assert_false(read_if(&reader, ""));
}

static void test_empty_input_without_bytes_is_legal(void **state) {
    (void)state;
    struct reader reader = reader_of((struct slice){0});
    assert_int_equal(read_tail(&reader).length, 0);
    assert_int_equal(read_until(&reader, ' ').length, 0);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_true(slice_equal((struct slice){0}, slice_of_text("")));
    uint8_t byte;
    struct writer writer = writer_of(&byte, 1);
    write_slice(&writer, (struct slice){0});
    write_short(&writer, (struct slice){0});
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(byte, 0);
}

static void test_strings_over_their_length_field_are_refused(void **state) {
    (void)state;
    static uint8_t content[70000];
    static uint8_t buffer[80000];
    struct writer writer = writer_of(buffer, sizeof buffer);
    write_short(&writer, slice_of(content, 255));
    write_large(&writer, slice_of(content, 65535));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    writer = writer_of(buffer, sizeof buffer);
    write_short(&writer, slice_of(content, 256));
    assert_int_equal(writer_finish(&writer), SMQ_ERR_TOO_LARGE);
    assert_int_equal(writer_length(&writer), 0);
    writer = writer_of(buffer, sizeof buffer);
    write_large(&writer, slice_of(content, 65536));
    assert_int_equal(writer_finish(&writer), SMQ_ERR_TOO_LARGE);
    assert_int_equal(writer_length(&writer), 0);
}

static void test_failed_writer_has_no_room_and_writes_nothing(void **state) {
    (void)state;
    uint8_t buffer[8] = {0};
    struct writer writer = writer_of(buffer, sizeof buffer);
    write_u8(&writer, 1);
    writer_fail(&writer);
    write_u8(&writer, 2);
    assert_int_equal(writer_room(&writer), 0);
    assert_int_equal(writer_length(&writer), 1);
    assert_int_equal(buffer[1], 0);
    assert_null(write_reserve(&writer, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_back),
        cmocka_unit_test(test_input_cut_at_any_byte_fails),
        cmocka_unit_test(test_buffer_short_by_any_number_of_bytes_is_not_overrun),
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_error_sticks_and_later_reads_give_nothing),
        cmocka_unit_test(test_booleans_and_markers_take_two_letters_only),
        cmocka_unit_test(test_lengths_that_lie_fail),
        cmocka_unit_test(test_finish_wants_the_end_and_status_does_not),
        cmocka_unit_test(test_optional_text_is_consumed_only_when_it_is_there),
        cmocka_unit_test(test_empty_input_without_bytes_is_legal),
        cmocka_unit_test(test_strings_over_their_length_field_are_refused),
        cmocka_unit_test(test_failed_writer_has_no_room_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
