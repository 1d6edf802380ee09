/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Streams of XSalsa20-Poly1305: known answers, the same bytes as a box however they are cut, and damage. */
#include "queues/base/random.h"
#include "test/unit/transport/xftp_known.h"
#include "transport/crypto/box_stream.h"

enum { LARGE = 70000 };

static uint8_t message[LARGE], boxed[BOX_TAG_SIZE + LARGE], streamed[LARGE + BOX_TAG_SIZE];
static uint8_t nonce[BOX_NONCE_SIZE];
static struct box_key key;

static int set_up(void **state) {
    int result = set_up_crypto(state);
    random_bytes(message, sizeof message);
    random_bytes(nonce, sizeof nonce);
    random_bytes(&key, sizeof key);
    return result;
}

static void test_zeroes_of_a_known_key_are_the_known_ones(void **state) {
    (void)state;
    uint8_t secret[32], expected[64], known_nonce[24], tag[BOX_TAG_SIZE], bytes[64] = {0};
    struct box_key ready;
    struct box_stream stream;
    box_key_of_secret(xftp_known("file_key", secret, sizeof secret).bytes, &ready);
    assert_slice_equal(slice_of(ready.bytes, 32), xftp_known("file_key_ready", expected, sizeof expected));
    (void)xftp_known("nonce", known_nonce, sizeof known_nonce);
    box_stream_begin(&stream, &ready, known_nonce);
    box_stream_encrypt(&stream, slice_of(bytes, sizeof bytes), bytes);
    assert_slice_equal(slice_of(bytes, sizeof bytes), xftp_known("file_zeroes", expected, sizeof expected));
    box_stream_end(&stream, tag);
    assert_slice_equal(slice_of(tag, sizeof tag), xftp_known("file_zeroes_tag", expected, sizeof expected));
}

/* Encrypts `length` bytes in pieces that `next_size` chooses, to other memory or where they lie. */
static void stream_in_pieces(size_t length, size_t (*next_size)(size_t done), bool in_place) {
    struct box_stream stream;
    box_stream_begin(&stream, &key, nonce);
    if (in_place)
        memcpy(streamed, message, length);
    for (size_t done = 0; done < length;) {
        size_t size = next_size(done);
        if (size > length - done)
            size = length - done;
        box_stream_encrypt(&stream, slice_of((in_place ? streamed : message) + done, size), streamed + done);
        done += size;
    }
    box_stream_end(&stream, streamed + length);
}

static void assert_same_as_box(size_t length) {
    memcpy(boxed + BOX_TAG_SIZE, message, length);
    box_seal(&key, nonce, boxed, length);
    assert_memory_equal(streamed, boxed + BOX_TAG_SIZE, length);
    assert_memory_equal(streamed + length, boxed, BOX_TAG_SIZE);
}

static size_t all_at_once(size_t done) {
    (void)done;
    return LARGE;
}

static size_t one_by_one(size_t done) {
    (void)done;
    return 1;
}

static size_t growing(size_t done) {
    return 1 + done / 7 % 200;
}

static size_t blocks_of_files(size_t done) {
    (void)done;
    return 16384;
}

static size_t at_random(size_t done) {
    (void)done;
    return 1 + random_below(300);
}

static void test_a_stream_is_the_box_of_the_same_message(void **state) {
    (void)state;
    size_t (*const cuts[])(size_t) = {all_at_once, one_by_one, growing, blocks_of_files, at_random};
    static const size_t lengths[] = {0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 97, 160, 4095, 16384, 65536, LARGE};
    for (size_t cut = 0; cut < sizeof cuts / sizeof cuts[0]; cut++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            stream_in_pieces(lengths[i], cuts[cut], false);
            assert_same_as_box(lengths[i]);
            stream_in_pieces(lengths[i], cuts[cut], true);
            assert_same_as_box(lengths[i]);
        }
    }
}

static void test_every_cut_in_three_gives_the_same(void **state) {
    (void)state;
    enum { LENGTH = 150 };
    uint8_t expected[LENGTH + BOX_TAG_SIZE], bytes[LENGTH + BOX_TAG_SIZE];
    stream_in_pieces(LENGTH, all_at_once, false);
    memcpy(expected, streamed, sizeof expected);
    for (size_t a = 0; a <= LENGTH; a++) {
        for (size_t b = a; b <= LENGTH; b++) {
            struct box_stream stream;
            box_stream_begin(&stream, &key, nonce);
            box_stream_encrypt(&stream, slice_of(message, a), bytes);
            box_stream_encrypt(&stream, slice_of(message + a, b - a), bytes + a);
            box_stream_encrypt(&stream, slice_of(message + b, LENGTH - b), bytes + b);
            box_stream_end(&stream, bytes + LENGTH);
            assert_memory_equal(bytes, expected, sizeof expected);
        }
    }
}

static enum smq_result decrypt(size_t length, const uint8_t *tag, uint8_t *plain) {
    struct box_stream stream;
    box_stream_begin(&stream, &key, nonce);
    for (size_t done = 0; done < length;) {
        size_t size = at_random(done);
        if (size > length - done)
            size = length - done;
        box_stream_decrypt(&stream, slice_of(streamed + done, size), plain + done);
        done += size;
    }
    return box_stream_verify(&stream, tag);
}

static void test_what_is_decrypted_is_what_was_encrypted(void **state) {
    (void)state;
    static uint8_t plain[LARGE];
    for (size_t length = 0; length < LARGE; length = length * 2 + 13) {
        stream_in_pieces(length, blocks_of_files, false);
        assert_int_equal(decrypt(length, streamed + length, plain), SMQ_OK);
        assert_memory_equal(plain, message, length);
        assert_int_equal(decrypt(length, streamed + length, streamed), SMQ_OK); /* in place */
        assert_memory_equal(streamed, message, length);
    }
}

static void test_every_changed_bit_is_seen(void **state) {
    (void)state;
    enum { LENGTH = 200 };
    uint8_t plain[LENGTH];
    stream_in_pieces(LENGTH, all_at_once, false);
    for (size_t bit = 0; bit < 8 * (LENGTH + BOX_TAG_SIZE); bit++) {
        streamed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(decrypt(LENGTH, streamed + LENGTH, plain), SMQ_ERR_CRYPTO);
        streamed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t length = 0; length < LENGTH; length++) /* cut */
        assert_int_equal(decrypt(length, streamed + LENGTH, plain), SMQ_ERR_CRYPTO);
}

static void test_an_ended_stream_holds_no_secret(void **state) {
    (void)state;
    static const struct box_stream nothing;
    struct box_stream stream;
    uint8_t tag[BOX_TAG_SIZE];
    box_stream_begin(&stream, &key, nonce);
    box_stream_end(&stream, tag);
    assert_memory_equal(&stream, &nothing, sizeof stream);
    box_stream_begin(&stream, &key, nonce);
    assert_int_equal(box_stream_verify(&stream, tag), SMQ_OK);
    assert_memory_equal(&stream, &nothing, sizeof stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroes_of_a_known_key_are_the_known_ones),
        cmocka_unit_test(test_a_stream_is_the_box_of_the_same_message),
        cmocka_unit_test(test_every_cut_in_three_gives_the_same),
        cmocka_unit_test(test_what_is_decrypted_is_what_was_encrypted),
        cmocka_unit_test(test_every_changed_bit_is_seen),
        cmocka_unit_test(test_an_ended_stream_holds_no_secret),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
