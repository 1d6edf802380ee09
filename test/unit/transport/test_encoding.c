/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Binary primitives, UTF-8 and versions. */
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/encoding.h"
#include "transport/wire/version.h"

static void test_lists_count_in_one_byte(void **state) {
    (void)state;
    uint8_t bytes[8];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_count(&writer, 0);
    write_count(&writer, 255);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_memory_equal(bytes, "\x00\xff", 2);
    write_count(&writer, 256);
    assert_true(writer.failed);
    struct reader reader = reader_of(slice_of(bytes, 2));
    assert_int_equal(read_count(&reader), 0);
    assert_int_equal(read_count_nonempty(&reader), 255);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    reader = reader_of(slice_of(bytes, 1));
    (void)read_count_nonempty(&reader);
    assert_true(reader.failed);
}

static void test_optional_strings_have_ascii_markers(void **state) {
    (void)state;
    uint8_t bytes[8];
    bool present;
    struct slice value = slice_of_text("ab");
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_maybe_short(&writer, &value);
    write_maybe_short(&writer, NULL);
    assert_int_equal(writer_length(&writer), 5);
    assert_memory_equal(bytes,
                        "1\x02"
                        "ab0",
                        5);
    struct reader reader = reader_of(slice_of(bytes, 5));
    assert_slice_text(read_maybe_short(&reader, &present), "ab");
    assert_true(present);
    assert_int_equal(read_maybe_short(&reader, &present).length, 0);
    assert_false(present);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    reader = reader_of(slice_of_text("\x01x"));
    (void)read_maybe_short(&reader, &present);
    assert_true(reader.failed);
}

static void test_space_is_one_exact_byte(void **state) {
    (void)state;
    uint8_t byte;
    struct writer writer = writer_of(&byte, 1);
    write_space(&writer);
    assert_int_equal(byte, 0x20);
    for (unsigned value = 0; value < 256; value++) {
        byte = (uint8_t)value;
        struct reader reader = reader_of(slice_of(&byte, 1));
        read_space(&reader);
        assert_int_equal(reader.failed, value != 0x20);
    }
}

static void test_time_is_signed_seconds(void **state) {
    (void)state;
    static const int64_t times[] = {0, 1, -1, 1700000000, INT64_MAX, INT64_MIN, 0x100000000, 0xffffffff};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        uint8_t bytes[8];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_time(&writer, times[i]);
        struct reader reader = reader_of(slice_of(bytes, sizeof bytes));
        assert_true(read_time(&reader) == times[i]);
    }
}

static void test_utf8_is_checked_strictly(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "plain",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "a\xc3\xa9z"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x7f",
                                      "\xe0\x9f\xbf",
                                      "\xe1\x80",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80",
                                      "\xff",
                                      "a\xfe",
                                      "\xe1\x80\xc0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(utf8_valid(slice_of_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t length = strlen(bad[i]);
        uint8_t *copy = heap_copy(bad[i], length);
        assert_false(utf8_valid(slice_of(copy, length)));
        free(copy);
    }
    assert_true(utf8_valid(slice_of("\0", 1)));
    struct reader reader = reader_of(slice_of_text("\x02\xc3\xa9"));
    assert_slice_text(read_utf8_short(&reader), "\xc3\xa9");
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    reader = reader_of(slice_of_text("\x01\xc3\xa9"));
    assert_int_equal(read_utf8_short(&reader).length, 0);
    assert_true(reader.failed);
}

static void test_texts_are_cut_between_characters(void **state) {
    (void)state;
    uint8_t text[300], bytes[300];
    memset(text, 'a', sizeof text);
    memcpy(text + 254, "\xc3\xa9", 2);
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_text_short(&writer, slice_of(text, sizeof text));
    assert_int_equal(bytes[0], 254);
    assert_int_equal(writer_length(&writer), 255);
    writer = writer_of(bytes, sizeof bytes);
    write_text_short(&writer, slice_of(text + 1, 255));
    assert_int_equal(bytes[0], 255);
    memset(text, 0x80, sizeof text);
    writer = writer_of(bytes, sizeof bytes);
    write_text_short(&writer, slice_of(text, sizeof text));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(bytes[0], 0);
}

static void test_version_ranges_are_ordered(void **state) {
    (void)state;
    uint8_t bytes[4];
    struct version_range range = {.min = 6, .max = 18}, common;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_version_range(&writer, range);
    assert_memory_equal(bytes, "\0\x06\0\x12", 4);
    struct reader reader = reader_of(slice_of(bytes, 4));
    range = read_version_range(&reader);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_true(range.min == 6 && range.max == 18);
    reader = reader_of(slice_of("\0\x07\0\x06", 4));
    (void)read_version_range(&reader);
    assert_true(reader.failed);
    assert_true(version_range_contains(range, 6) && version_range_contains(range, 18));
    assert_false(version_range_contains(range, 5) || version_range_contains(range, 19));
    assert_int_equal(version_range_intersect(range, (struct version_range){8, 17}, &common), SMQ_OK);
    assert_true(common.min == 8 && common.max == 17);
    assert_int_equal(version_range_intersect(range, (struct version_range){18, 30}, &common), SMQ_OK);
    assert_true(common.min == 18 && common.max == 18);
    assert_int_equal(version_range_intersect(range, (struct version_range){19, 30}, &common), SMQ_ERR_VERSION);
}

static void check_range_text(const char *text, uint16_t min, uint16_t max, const char *written) {
    uint8_t bytes[16];
    struct reader reader = reader_of(slice_of_text(text));
    struct version_range range = read_version_range_text(&reader);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_true(range.min == min && range.max == max);
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_version_range_text(&writer, range);
    assert_slice_text(slice_of(bytes, writer_length(&writer)), written);
}

static void test_version_ranges_have_a_text_form(void **state) {
    (void)state;
    check_range_text("1", 1, 1, "1");
    check_range_text("1-4", 1, 4, "1-4");
    check_range_text("4-4", 4, 4, "4");
    check_range_text("0-65535", 0, 65535, "0-65535");
    static const char *const bad[] = {"", "-", "1-", "-1", "4-1", "65536", "1-65536", "a", "1 4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader reader = reader_of(slice_of_text(bad[i]));
        (void)read_version_range_text(&reader);
        assert_int_equal(reader_finish(&reader), SMQ_ERR_SYNTAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_count_in_one_byte),    cmocka_unit_test(test_optional_strings_have_ascii_markers),
        cmocka_unit_test(test_space_is_one_exact_byte),    cmocka_unit_test(test_time_is_signed_seconds),
        cmocka_unit_test(test_utf8_is_checked_strictly),   cmocka_unit_test(test_texts_are_cut_between_characters),
        cmocka_unit_test(test_version_ranges_are_ordered), cmocka_unit_test(test_version_ranges_have_a_text_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
