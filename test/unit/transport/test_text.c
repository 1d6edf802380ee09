/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* base64, decimals, percent escapes and query strings. */
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/text.h"

static void check_base64(struct slice value, enum base64_form form, const char *expected) {
    char text[600];
    struct writer writer = writer_of(text, strlen(expected)); /* exactly enough room: no terminating zero */
    write_base64(&writer, value, form);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_slice_text(slice_of(text, writer_length(&writer)), expected);
    assert_int_equal(base64_length(value.length, form), strlen(expected));
}

static void test_base64_has_three_forms(void **state) {
    (void)state;
    check_base64(slice_of("\xfb\xff\xfe\x01", 4), BASE64_URL, "-__-AQ==");
    check_base64(slice_of("\xfb\xff\xfe\x01", 4), BASE64_URL_UNPADDED, "-__-AQ");
    check_base64(slice_of("\xfb\xff\xfe\x01", 4), BASE64_STANDARD, "+//+AQ==");
    check_base64((struct slice){0}, BASE64_URL, "");
    check_base64(slice_of_text("foobar"), BASE64_URL, "Zm9vYmFy");
}

static void test_base64_of_every_length_comes_back(void **state) {
    (void)state;
    uint8_t bytes[300], back[300];
    char text[500];
    randombytes_buf(bytes, sizeof bytes);
    for (size_t length = 1; length <= sizeof bytes; length++) {
        for (enum base64_form form = BASE64_URL; form <= BASE64_URL_UNPADDED; form++) {
            size_t decoded = 0;
            struct writer writer = writer_of(text, sizeof text);
            write_base64(&writer, slice_of(bytes, length), form);
            assert_int_equal(base64url_parse(slice_of(text, writer_length(&writer)), back, length, &decoded), SMQ_OK);
            assert_slice_equal(slice_of(back, decoded), slice_of(bytes, length));
            assert_int_equal(base64url_parse(slice_of(text, writer_length(&writer)), back, length - 1, &decoded),
                             SMQ_ERR_SYNTAX);
        }
        struct writer small = writer_of(text, base64_length(length, BASE64_URL) - 1);
        write_base64(&small, slice_of(bytes, length), BASE64_URL);
        assert_int_equal(writer_finish(&small), SMQ_ERR_TOO_LARGE);
    }
}

static void test_broken_base64_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"", "=", "==", "A", "A===", "AB", "AAB=", "+/+/", "AAAA A", "AAAA\n", "A=AA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[16];
        size_t length;
        assert_int_equal(base64url_parse(slice_of_text(bad[i]), bytes, sizeof bytes, &length), SMQ_ERR_SYNTAX);
    }
}

static void test_base64_ends_at_the_first_other_character(void **state) {
    (void)state;
    uint8_t bytes[16];
    struct reader reader = reader_of(slice_of_text("QUI=#rest"));
    assert_int_equal(read_base64url(&reader, bytes, sizeof bytes), 2);
    assert_memory_equal(bytes, "AB", 2);
    assert_slice_text(read_tail(&reader), "#rest");
}

static void test_decimals_stay_in_their_range(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t maximum, value;
        bool fails;
    } rows[] = {
        {"0", 0, 0, false},
        {"1", 0, 0, true},
        {"5", 3, 0, true},
        {"65535", 65535, 65535, false},
        {"65536", 65535, 0, true},
        {"00005223", 65535, 5223, false},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, false},
        {"18446744073709551616", UINT64_MAX, 0, true},
        {"99999999999999999999999", UINT64_MAX, 0, true},
        {"", 10, 0, true},
        {"-1", 10, 0, true},
        {"+1", 10, 0, true},
        {" 1", 10, 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reader reader = reader_of(slice_of_text(rows[i].text));
        uint64_t value = read_decimal(&reader, rows[i].maximum);
        assert_int_equal(reader.failed, rows[i].fails);
        if (!rows[i].fails)
            assert_true(value == rows[i].value);
    }
}

static void test_signed_decimals_come_back(void **state) {
    (void)state;
    static const int64_t values[] = {0, 1, -1, 42, -42, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[24];
        struct writer writer = writer_of(text, sizeof text);
        write_signed_decimal(&writer, values[i]);
        struct reader reader = reader_of(slice_of(text, writer_length(&writer)));
        assert_true(read_signed_decimal(&reader) == values[i]);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
    }
    static const char *const bad[] = {"9223372036854775808", "-9223372036854775809", "-", "--1", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader reader = reader_of(slice_of_text(bad[i]));
        (void)read_signed_decimal(&reader);
        assert_true(reader.failed);
    }
}

static void test_percent_escapes_come_back(void **state) {
    (void)state;
    uint8_t all[256], text[768], back[256];
    size_t length;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    struct writer writer = writer_of(text, sizeof text);
    write_percent_encoded(&writer, slice_of(all, sizeof all));
    assert_int_equal(percent_decode(slice_of(text, writer_length(&writer)), back, sizeof back, &length), SMQ_OK);
    assert_slice_equal(slice_of(back, length), slice_of(all, sizeof all));
    writer = writer_of(text, sizeof text);
    write_percent_encoded(&writer, slice_of_text("a-b_c.d~e,f=g"));
    assert_slice_text(slice_of(text, writer_length(&writer)), "a-b_c.d~e%2Cf%3Dg");
    assert_int_equal(percent_decode(slice_of_text("%3d%3D"), back, sizeof back, &length), SMQ_OK);
    assert_slice_text(slice_of(back, length), "==");
    assert_int_equal(percent_decode(slice_of_text("%3"), back, sizeof back, &length), SMQ_ERR_SYNTAX);
    assert_int_equal(percent_decode(slice_of_text("%"), back, sizeof back, &length), SMQ_ERR_SYNTAX);
    assert_int_equal(percent_decode(slice_of_text("%g0"), back, sizeof back, &length), SMQ_ERR_SYNTAX);
    assert_int_equal(percent_decode(slice_of_text("abc"), back, 2, &length), SMQ_ERR_TOO_LARGE);
}

static void test_query_items_are_found_by_name(void **state) {
    (void)state;
    uint8_t buffer[16];
    struct slice value, query = slice_of_text("v=1-4&empty=&flag&dh=a%3D&v=9&&x=y=z");
    assert_int_equal(query_find(query, "v", buffer, sizeof buffer, &value), SMQ_OK);
    assert_slice_text(value, "1-4");
    assert_int_equal(query_find(query, "dh", buffer, sizeof buffer, &value), SMQ_OK);
    assert_slice_text(value, "a=");
    assert_int_equal(query_find(query, "empty", buffer, sizeof buffer, &value), SMQ_OK);
    assert_int_equal(value.length, 0);
    assert_int_equal(query_find(query, "flag", buffer, sizeof buffer, &value), SMQ_OK);
    assert_int_equal(value.length, 0);
    assert_int_equal(query_find(query, "x", buffer, sizeof buffer, &value), SMQ_OK);
    assert_slice_text(value, "y=z");
    assert_int_equal(query_find(query, "d", buffer, sizeof buffer, &value), SMQ_ERR_NOT_FOUND);
    assert_int_equal(query_find((struct slice){0}, "v", buffer, sizeof buffer, &value), SMQ_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_has_three_forms),
        cmocka_unit_test(test_base64_of_every_length_comes_back),
        cmocka_unit_test(test_broken_base64_is_refused),
        cmocka_unit_test(test_base64_ends_at_the_first_other_character),
        cmocka_unit_test(test_decimals_stay_in_their_range),
        cmocka_unit_test(test_signed_decimals_come_back),
        cmocka_unit_test(test_percent_escapes_come_back),
        cmocka_unit_test(test_query_items_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
