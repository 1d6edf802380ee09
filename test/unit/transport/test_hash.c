/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hashes and key derivation: published answers, parts, threads. */
#include <pthread.h>

#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/hkdf.h"

static const struct {
    enum hash_algorithm algorithm;
    size_t size;
    const char *empty, *abc; /* FIPS 180-4 and FIPS 202 */
} rows[] = {
    {HASH_SHA256, HASH_SHA256_SIZE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {HASH_SHA512, HASH_SHA512_SIZE,
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {HASH_SHA3_256, HASH_SHA3_256_SIZE, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
     "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {HASH_SHA3_384, HASH_SHA3_384_SIZE,
     "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2a"
     "c3713831264adb47fb6bd1e058d5f004",
     "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
     "98d88cea927ac7f539f1edf228376d25"},
};

static void check_all(void) {
    struct slice parts[] = {slice_of_text("a"), {0}, slice_of_text("bc")};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t expected[HASH_SIZE_MAX], digest[HASH_SIZE_MAX];
        assert_int_equal(hash_slice(rows[i].algorithm, (struct slice){0}, digest), SMQ_OK);
        assert_slice_equal(slice_of(digest, rows[i].size), from_hex(rows[i].empty, expected, sizeof expected));
        assert_int_equal(hash_parts(rows[i].algorithm, NULL, 0, digest), SMQ_OK);
        assert_slice_equal(slice_of(digest, rows[i].size), from_hex(rows[i].empty, expected, sizeof expected));
        assert_int_equal(hash_parts(rows[i].algorithm, parts, 3, digest), SMQ_OK);
        assert_slice_equal(slice_of(digest, rows[i].size), from_hex(rows[i].abc, expected, sizeof expected));
    }
}

static void test_digests_are_the_published_ones(void **state) {
    (void)state;
    check_all();
    check_all();
}

static void *hash_on_thread(void *argument) {
    (void)argument;
    check_all();
    return NULL;
}

/* Each thread makes and frees contexts of its own; LeakSanitizer and ThreadSanitizer see to it. */
static void test_threads_hash_at_the_same_time(void **state) {
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_on_thread, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Two streams of one thread, and hashes in one go between their pieces, do not disturb each other. */
static void test_streams_hash_pieces_of_any_size(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 4096};
    static uint8_t bytes[6 * 4096];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        uint8_t expected[HASH_SIZE_MAX], digest[HASH_SIZE_MAX], other_digest[HASH_SIZE_MAX];
        struct hash_stream *stream = NULL, *other = NULL;
        size_t length = 0;
        assert_int_equal(hash_stream_open(rows[row].algorithm, &stream), SMQ_OK);
        assert_int_equal(hash_stream_open(rows[row].algorithm, &other), SMQ_OK);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            assert_int_equal(hash_stream_add(stream, slice_of(bytes + length, sizes[i])), SMQ_OK);
            assert_int_equal(hash_stream_add(other, slice_of_text("x")), SMQ_OK);
            length += sizes[i];
            assert_int_equal(hash_slice(rows[row].algorithm, slice_of(bytes, length), expected), SMQ_OK);
        }
        assert_int_equal(hash_stream_finish(stream, digest), SMQ_OK);
        assert_memory_equal(digest, expected, rows[row].size);
        assert_int_equal(hash_stream_finish(stream, digest), SMQ_OK); /* it has begun anew */
        assert_slice_equal(slice_of(digest, rows[row].size), from_hex(rows[row].empty, expected, sizeof expected));
        assert_int_equal(hash_stream_finish(other, other_digest), SMQ_OK);
        assert_int_equal(hash_slice(rows[row].algorithm, slice_of_text("xxxxxxx"), expected), SMQ_OK);
        assert_memory_equal(other_digest, expected, rows[row].size);
        hash_stream_close(&stream);
        hash_stream_close(&stream);
        hash_stream_close(&other);
        assert_null(stream);
    }
}

/* RFC 5869 derives with libsodium's one-shot HMAC, step by step. */
static void reference_hkdf(struct slice salt, struct slice input_key, struct slice info, uint8_t *output,
                           size_t blocks) {
    uint8_t key[64], previous[64];
    crypto_auth_hmacsha512_state hmac;
    crypto_auth_hmacsha512_init(&hmac, salt.length > 0 ? salt.bytes : key, salt.length);
    crypto_auth_hmacsha512_update(&hmac, input_key.bytes, input_key.length);
    crypto_auth_hmacsha512_final(&hmac, key);
    for (size_t i = 0; i < blocks; i++) {
        uint8_t number = (uint8_t)(i + 1);
        crypto_auth_hmacsha512_init(&hmac, key, sizeof key);
        crypto_auth_hmacsha512_update(&hmac, previous, i == 0 ? 0 : sizeof previous);
        crypto_auth_hmacsha512_update(&hmac, info.bytes, info.length);
        crypto_auth_hmacsha512_update(&hmac, &number, 1);
        crypto_auth_hmacsha512_final(&hmac, previous);
        memcpy(output + 64 * i, previous, sizeof previous);
    }
}

static void test_derivation_of_every_length_is_a_prefix_of_the_longest(void **state) {
    (void)state;
    uint8_t expected[64 * 5], output[64 * 5];
    static const uint8_t long_salt[200] = {7, 7, 7};
    struct slice salts[] = {{0}, slice_of_text("salt"), slice_of(long_salt, sizeof long_salt)};
    for (size_t i = 0; i < 3; i++) {
        reference_hkdf(salts[i], slice_of_text("input key"), slice_of_text("info"), expected, 5);
        for (size_t length = 0; length <= sizeof output; length++) {
            memset(output, 0x5a, sizeof output);
            hkdf_sha512(salts[i], slice_of_text("input key"), slice_of_text("info"), output, length);
            assert_memory_equal(output, expected, length);
            if (length < sizeof output)
                assert_int_equal(output[length], 0x5a);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests_are_the_published_ones),
        cmocka_unit_test(test_threads_hash_at_the_same_time),
        cmocka_unit_test(test_streams_hash_pieces_of_any_size),
        cmocka_unit_test(test_derivation_of_every_length_is_a_prefix_of_the_longest),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
