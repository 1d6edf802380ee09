/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Padding to a fixed size, and back. */
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/padding.h"

static void test_layout_is_length_message_filler(void **state) {
    (void)state;
    uint8_t buffer[8];
    assert_int_equal(pad(slice_of_text("abc"), buffer, sizeof buffer), SMQ_OK);
    assert_memory_equal(buffer,
                        "\x00\x03"
                        "abc###",
                        8);
    assert_int_equal(pad((struct slice){0}, buffer, sizeof buffer), SMQ_OK);
    assert_memory_equal(buffer, "\x00\x00######", 8);
}

static void test_every_length_that_fits_comes_back(void **state) {
    (void)state;
    uint8_t message[64], buffer[64];
    memset(message, 0x11, sizeof message);
    for (size_t padded = 0; padded <= sizeof buffer; padded++) {
        for (size_t length = 0; length <= sizeof message; length++) {
            struct slice back;
            bool fits = padded >= 2 && length <= padded - 2;
            assert_int_equal(pad(slice_of(message, length), buffer, padded), fits ? SMQ_OK : SMQ_ERR_TOO_LARGE);
            if (!fits)
                continue;
            assert_int_equal(unpad(slice_of(buffer, padded), &back), SMQ_OK);
            assert_slice_equal(back, slice_of(message, length));
        }
    }
}

static void test_refused_message_leaves_the_buffer_alone(void **state) {
    (void)state;
    uint8_t buffer[4] = "wxyz";
    assert_int_equal(pad_in_place(buffer, 3, 4), SMQ_ERR_TOO_LARGE);
    assert_memory_equal(buffer, "wxyz", 4);
}

static void test_messages_over_the_absolute_maximum_are_refused(void **state) {
    (void)state;
    enum { LARGE = 70000 };
    uint8_t *buffer = calloc(1, LARGE);
    assert_non_null(buffer);
    assert_int_equal(pad_in_place(buffer, PADDING_MESSAGE_MAX, LARGE), SMQ_OK);
    assert_int_equal(pad_in_place(buffer, PADDING_MESSAGE_MAX + 1, LARGE), SMQ_ERR_TOO_LARGE);
    free(buffer);
}

static void test_filler_is_not_looked_at(void **state) {
    (void)state;
    struct slice back;
    assert_int_equal(unpad(slice_of("\x00\x01"
                                    "a\x00\xff",
                                    5),
                           &back),
                     SMQ_OK);
    assert_slice_text(back, "a");
}

static void test_padded_bytes_that_are_too_short_are_refused(void **state) {
    (void)state;
    struct slice back;
    assert_int_equal(unpad((struct slice){0}, &back), SMQ_ERR_SYNTAX);
    assert_int_equal(unpad(slice_of("\0", 1), &back), SMQ_ERR_SYNTAX);
    assert_int_equal(unpad(slice_of("\x00\x02x", 3), &back), SMQ_ERR_SYNTAX);
    assert_int_equal(unpad(slice_of("\xff\xffx", 3), &back), SMQ_ERR_SYNTAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_is_length_message_filler),
        cmocka_unit_test(test_every_length_that_fits_comes_back),
        cmocka_unit_test(test_refused_message_leaves_the_buffer_alone),
        cmocka_unit_test(test_messages_over_the_absolute_maximum_are_refused),
        cmocka_unit_test(test_filler_is_not_looked_at),
        cmocka_unit_test(test_padded_bytes_that_are_too_short_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
