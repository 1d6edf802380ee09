/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Boxes: known answers, in-place round trips and every kind of damage. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/box.h"

static struct box_key known_key(void) {
    uint8_t secret[32];
    struct box_key key;
    box_key_of_secret(smp_vector("dh", secret, sizeof secret).bytes, &key);
    return key;
}

static void test_box_of_hello_is_the_known_one(void **state) {
    (void)state;
    uint8_t nonce[BOX_NONCE_SIZE], expected[64], buffer[BOX_TAG_SIZE + 16];
    struct box_key key = known_key();
    smp_vector("nonce", nonce, sizeof nonce);
    memcpy(buffer + BOX_PADDED_OFFSET, "hello", 5);
    assert_int_equal(box_seal_padded(&key, nonce, buffer, 5, 16), SMQ_OK);
    assert_slice_equal(slice_of(buffer, sizeof buffer), smp_vector("box_hello", expected, sizeof expected));
    struct slice message;
    assert_int_equal(box_open_padded(&key, nonce, buffer, sizeof buffer, &message), SMQ_OK);
    assert_slice_text(message, "hello");
    assert_ptr_equal(message.bytes, buffer + BOX_PADDED_OFFSET);
}

static void test_agreement_gives_both_sides_the_known_key(void **state) {
    (void)state;
    struct key_pair a = smp_vector_pair("x25519_secret_a"), b = smp_vector_pair("x25519_secret_b");
    struct box_key expected = known_key(), one, other;
    assert_int_equal(box_key_agree(&a.private_key, &b.public_key, &one), SMQ_OK);
    assert_int_equal(box_key_agree(&b.private_key, &a.public_key, &other), SMQ_OK);
    assert_memory_equal(one.bytes, expected.bytes, sizeof expected.bytes);
    assert_memory_equal(other.bytes, expected.bytes, sizeof expected.bytes);
}

static void test_box_equals_libsodium_easy_forms(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 31, 32, 33, 63, 64, 65, 255, 4096, 16106, 16226};
    struct key_pair a = smp_vector_pair("x25519_secret_a"), b = smp_vector_pair("x25519_secret_b");
    struct box_key key = known_key();
    static uint8_t message[16226], expected[16226 + 16], buffer[16226 + 16];
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_random(nonce);
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(crypto_box_easy(expected, message, lengths[i], nonce, b.public_key.bytes, a.private_key.bytes),
                         0);
        memcpy(buffer + BOX_TAG_SIZE, message, lengths[i]);
        box_seal(&key, nonce, buffer, lengths[i]);
        assert_memory_equal(buffer, expected, lengths[i] + BOX_TAG_SIZE);
    }
}

static void test_every_length_comes_back(void **state) {
    (void)state;
    struct box_key key = known_key();
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_random(nonce);
    for (size_t length = 0; length <= 200; length++) {
        uint8_t buffer[BOX_TAG_SIZE + 200], original[200];
        struct slice message;
        randombytes_buf(original, sizeof original);
        memcpy(buffer + BOX_TAG_SIZE, original, length);
        box_seal(&key, nonce, buffer, length);
        assert_int_equal(box_open(&key, nonce, buffer, length + BOX_TAG_SIZE, &message), SMQ_OK);
        assert_slice_equal(message, slice_of(original, length));
    }
}

static void test_any_flipped_bit_is_noticed_and_changes_nothing(void **state) {
    (void)state;
    struct box_key key = known_key();
    uint8_t nonce[BOX_NONCE_SIZE] = {1};
    uint8_t sealed[BOX_TAG_SIZE + 20] = {0}, buffer[sizeof sealed];
    box_seal(&key, nonce, sealed, 20);
    for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
        struct slice message = slice_of_text("untouched");
        memcpy(buffer, sealed, sizeof sealed);
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        uint8_t before[sizeof sealed];
        memcpy(before, buffer, sizeof buffer);
        assert_int_equal(box_open(&key, nonce, buffer, sizeof buffer, &message), SMQ_ERR_CRYPTO);
        assert_slice_text(message, "untouched");
        assert_memory_equal(buffer, before, sizeof buffer);
    }
    nonce[0] = 2;
    struct slice message;
    assert_int_equal(box_open(&key, nonce, sealed, sizeof sealed, &message), SMQ_ERR_CRYPTO);
}

static void test_box_cut_at_any_byte_is_refused(void **state) {
    (void)state;
    struct box_key key = known_key();
    uint8_t nonce[BOX_NONCE_SIZE] = {0};
    uint8_t sealed[BOX_TAG_SIZE + 32] = {0};
    box_seal(&key, nonce, sealed, 32);
    for (size_t length = 0; length < sizeof sealed; length++) {
        struct slice message;
        uint8_t *copy = heap_copy(sealed, length);
        assert_int_equal(box_open(&key, nonce, copy, length, &message), SMQ_ERR_CRYPTO);
        assert_int_equal(box_open_padded(&key, nonce, copy, length, &message), SMQ_ERR_CRYPTO);
        free(copy);
    }
}

static void test_broken_padding_inside_a_good_box_is_refused(void **state) {
    (void)state;
    struct box_key key = known_key();
    uint8_t nonce[BOX_NONCE_SIZE] = {0};
    struct slice message;
    uint8_t too_long[BOX_TAG_SIZE + 16] = {[BOX_TAG_SIZE] = 0, [BOX_TAG_SIZE + 1] = 15};
    box_seal(&key, nonce, too_long, 16);
    assert_int_equal(box_open_padded(&key, nonce, too_long, sizeof too_long, &message), SMQ_ERR_CRYPTO);
    uint8_t too_short[BOX_TAG_SIZE + 1] = {0};
    box_seal(&key, nonce, too_short, 1);
    assert_int_equal(box_open_padded(&key, nonce, too_short, sizeof too_short, &message), SMQ_ERR_CRYPTO);
}

static void test_message_over_the_padded_size_is_refused(void **state) {
    (void)state;
    struct box_key key = known_key();
    uint8_t nonce[BOX_NONCE_SIZE] = {0};
    uint8_t buffer[BOX_TAG_SIZE + 32] = {0};
    assert_int_equal(box_seal_padded(&key, nonce, buffer, 31, 32), SMQ_ERR_TOO_LARGE);
    assert_int_equal(box_seal_padded(&key, nonce, buffer, 30, 32), SMQ_OK);
}

static void test_nonces_are_extended_cut_and_reversed(void **state) {
    (void)state;
    uint8_t nonce[BOX_NONCE_SIZE], reversed[BOX_NONCE_SIZE];
    box_nonce_of(slice_of_text("abc"), nonce);
    assert_memory_equal(nonce, "abc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", BOX_NONCE_SIZE);
    box_nonce_of(slice_of_text("abcdefghijklmnopqrstuvwxyz"), nonce);
    assert_memory_equal(nonce, "abcdefghijklmnopqrstuvwx", BOX_NONCE_SIZE);
    box_nonce_reverse(nonce, reversed);
    assert_memory_equal(reversed, "xwvutsrqponmlkjihgfedcba", BOX_NONCE_SIZE);
    box_nonce_of((struct slice){0}, nonce);
    assert_int_equal(sodium_is_zero(nonce, sizeof nonce), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box_of_hello_is_the_known_one),
        cmocka_unit_test(test_agreement_gives_both_sides_the_known_key),
        cmocka_unit_test(test_box_equals_libsodium_easy_forms),
        cmocka_unit_test(test_every_length_comes_back),
        cmocka_unit_test(test_any_flipped_bit_is_noticed_and_changes_nothing),
        cmocka_unit_test(test_box_cut_at_any_byte_is_refused),
        cmocka_unit_test(test_broken_padding_inside_a_good_box_is_refused),
        cmocka_unit_test(test_message_over_the_padded_size_is_refused),
        cmocka_unit_test(test_nonces_are_extended_cut_and_reversed),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
