/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of WebPush encryption and of the keys under it: the example of RFC 8291, and what is forged or cut. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/p256.h"
#include "transport/push/web_encryption.h"
#include "transport/wire/text.h"

static const char text[] = "When I grow up, I want to be a watermelon";
static const char salt_text[] = "DGv6ra1nlYgDCS1FRnbzlw";
static const char sender_secret[] = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
static const char receiver_secret[] = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
static const char receiver_point[] =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
static const char auth_text[] = "BTBZMqHH6r4Tts7J_aSIgg";
static const char body_text[] =
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

static void decode(const char *encoded, uint8_t *bytes, size_t size) {
    size_t length = 0;
    assert_int_equal(base64url_parse(slice_of_text(encoded), bytes, size, &length), SMQ_OK);
    assert_int_equal(length, size);
}

static struct p256_key *key_of(const char *secret_text) {
    uint8_t secret[P256_SECRET_SIZE];
    struct p256_key *key = NULL;
    decode(secret_text, secret, sizeof secret);
    assert_int_equal(p256_key_of_secret(secret, &key), SMQ_OK);
    return key;
}

static struct web_push_receiver receiver_of_example(void) {
    struct web_push_receiver receiver;
    decode(receiver_point, receiver.point, sizeof receiver.point);
    decode(auth_text, receiver.auth, sizeof receiver.auth);
    return receiver;
}

static size_t encrypt_example(struct slice plaintext, uint8_t *body, size_t capacity) {
    struct p256_key *key = key_of(sender_secret);
    struct web_push_receiver receiver = receiver_of_example();
    uint8_t salt[WEB_PUSH_SALT_SIZE];
    struct writer writer = writer_of(body, capacity);
    decode(salt_text, salt, sizeof salt);
    assert_int_equal(web_push_encrypt(&writer, &receiver, key, salt, plaintext), SMQ_OK);
    p256_key_free(&key);
    return writer_length(&writer);
}

static void test_the_example_of_the_rfc(void **state) {
    (void)state;
    uint8_t body[WEB_PUSH_BODY_MAX], expected[144], plaintext[WEB_PUSH_PLAINTEXT_MAX];
    decode(body_text, expected, sizeof expected);
    size_t length = encrypt_example(slice_of_text(text), body, sizeof body);
    assert_slice_equal(slice_of(body, length), slice_of(expected, sizeof expected));
    struct p256_key *key = key_of(receiver_secret);
    struct web_push_receiver receiver = receiver_of_example();
    assert_int_equal(web_push_decrypt(slice_of(body, length), key, receiver.auth, plaintext, &length), SMQ_OK);
    assert_slice_text(slice_of(plaintext, length), text);
    p256_key_free(&key);
}

static void test_forged_and_cut_bodies_do_not_open(void **state) {
    (void)state;
    uint8_t body[WEB_PUSH_BODY_MAX], plaintext[WEB_PUSH_PLAINTEXT_MAX];
    size_t length = encrypt_example(slice_of_text(text), body, sizeof body), opened;
    struct p256_key *key = key_of(receiver_secret);
    struct web_push_receiver receiver = receiver_of_example();
    for (size_t i = 0; i < length; i++) {
        if (i >= WEB_PUSH_SALT_SIZE && i < WEB_PUSH_SALT_SIZE + 4)
            continue; /* the record's size: larger than the body */
        uint8_t *copy = heap_copy(body, length);
        copy[i] ^= 0x40;
        assert_int_not_equal(web_push_decrypt(slice_of(copy, length), key, receiver.auth, plaintext, &opened), SMQ_OK);
        free(copy);
    }
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *copy = heap_copy(body, cut);
        assert_int_not_equal(web_push_decrypt(slice_of(copy, cut), key, receiver.auth, plaintext, &opened), SMQ_OK);
        free(copy);
    }
    receiver.auth[0] ^= 1;
    assert_int_equal(web_push_decrypt(slice_of(body, length), key, receiver.auth, plaintext, &opened), SMQ_ERR_CRYPTO);
    p256_key_free(&key);
}

static void test_a_body_has_at_most_4096_bytes(void **state) {
    (void)state;
    static uint8_t body[2 * WEB_PUSH_BODY_MAX], plaintext[WEB_PUSH_PLAINTEXT_MAX + 1];
    assert_int_equal(encrypt_example(slice_of(plaintext, WEB_PUSH_PLAINTEXT_MAX), body, sizeof body),
                     WEB_PUSH_BODY_MAX);
    struct p256_key *key = key_of(sender_secret);
    struct web_push_receiver receiver = receiver_of_example();
    struct writer writer = writer_of(body, sizeof body);
    uint8_t salt[WEB_PUSH_SALT_SIZE] = {0};
    struct slice most = slice_of(plaintext, WEB_PUSH_PLAINTEXT_MAX), more = slice_of(plaintext, sizeof plaintext);
    assert_int_equal(web_push_encrypt(&writer, &receiver, key, salt, more), SMQ_ERR_TOO_LARGE);
    writer = writer_of(body, WEB_PUSH_BODY_MAX - 1);
    assert_int_equal(web_push_encrypt(&writer, &receiver, key, salt, most), SMQ_ERR_TOO_LARGE);
    receiver.point[10] ^= 1;
    writer = writer_of(body, sizeof body);
    assert_int_equal(web_push_encrypt(&writer, &receiver, key, salt, most), SMQ_ERR_CRYPTO);
    size_t length;
    struct slice huge = slice_of(body, sizeof body);
    memcpy(body + WEB_PUSH_SALT_SIZE, "\0\0\x10\0\x41\x04", 6);
    assert_int_equal(web_push_decrypt(huge, key, receiver.auth, plaintext, &length), SMQ_ERR_SYNTAX);
    p256_key_free(&key);
}

/* ---- keys ---- */

static void test_secrets_out_of_range_are_refused(void **state) {
    (void)state;
    uint8_t secret[P256_SECRET_SIZE] = {0};
    struct p256_key *key = NULL;
    assert_int_equal(p256_key_of_secret(secret, &key), SMQ_ERR_CRYPTO);
    memset(secret, 0xff, sizeof secret);
    assert_int_equal(p256_key_of_secret(secret, &key), SMQ_ERR_CRYPTO);
    assert_null(key);
    p256_key_free(&key);
}

static void test_both_sides_agree(void **state) {
    (void)state;
    struct p256_key *a = NULL, *b = NULL;
    uint8_t point_a[P256_POINT_SIZE], point_b[P256_POINT_SIZE], shared_a[P256_SHARED_SIZE], shared_b[P256_SHARED_SIZE];
    assert_int_equal(p256_key_generate(&a), SMQ_OK);
    assert_int_equal(p256_key_generate(&b), SMQ_OK);
    p256_key_point(a, point_a);
    p256_key_point(b, point_b);
    assert_int_equal(p256_agree(a, point_b, shared_a), SMQ_OK);
    assert_int_equal(p256_agree(b, point_a, shared_b), SMQ_OK);
    assert_memory_equal(shared_a, shared_b, sizeof shared_a);
    point_b[1] ^= 1;
    assert_int_equal(p256_agree(a, point_b, shared_a), SMQ_ERR_CRYPTO);
    p256_key_free(&a);
    p256_key_free(&b);
    assert_null(a);
}

static enum smq_result parse_pem(const char *pem) {
    struct p256_key *key = NULL;
    enum smq_result result = p256_key_of_pem(slice_of_text(pem), &key);
    assert_int_equal(key != NULL, result == SMQ_OK);
    p256_key_free(&key);
    return result;
}

#define PEM(kind, text) "-----BEGIN " kind "-----\n" text "\n-----END " kind "-----\n"
/* Made for this test with `openssl genpkey`. */
#define P256_PEM                                                                                                       \
    PEM("PRIVATE KEY", "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEJq6za/NkovrZJQi\n"                            \
                       "nvQRynET+J2nojJpNQnby/LojOyhRANCAARFMGBiqDXflpNXi1E/2wbYnrJ6B9B1\n"                            \
                       "ASiwcdH17JMTFxIESSS66e/SJW6+IBlYtvgG9aCN1ETliycFT4lQ76KU")
#define P384_PEM                                                                                                       \
    PEM("PRIVATE KEY", "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCwqkCEwn52Yq6FmYXf\n"                            \
                       "kYU21qY9w8qUKtaw6RfbrrEDYg+n9O6JbHOdFC6HIeLLJU6hZANiAASxROC/v0Q+\n"                            \
                       "PgTQzmxJUFGESuf1vz8uhpVzNaDeNL9xa0xhRjklqedTQUXHxFy4b5JB59Ho5Hu8\n"                            \
                       "1K6kzLBx0exb+kPxxuzEyHxFFK257KrqYvVWuqGyVmgGbSycAxVWEkg=")
#define ED25519_PEM PEM("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/")
#define ENCRYPTED_PEM                                                                                                  \
    PEM("ENCRYPTED PRIVATE KEY", "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAimEdwgsIRvWwICCAAw\n"                  \
                                 "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEG/062zrtAjq94g8lMnWsGoEgZCL\n"                  \
                                 "pHON0HRV38w0uu5hXjBtmQDGWQ1OqH2D46cE8GEd0Z7VuPBSNwlhYZJ0FcCh6tEk\n"                  \
                                 "zzQ3mLq4U3BSW6hOexO0uAGjXg5iDElqQj6GI0U1xU2XLcqOA32n6ylpROQVxYzb\n"                  \
                                 "g4lizsGtnEB9piS5lJIs4dooVa6zSBj+/Z/imxnKveVi7PFqdSJxIbWp4Td62f0=")

static void test_key_files(void **state) {
    (void)state;
    assert_int_equal(parse_pem(P256_PEM), SMQ_OK);
    assert_int_equal(parse_pem("some text in front\n" P256_PEM), SMQ_OK);
    assert_int_equal(parse_pem(P384_PEM), SMQ_ERR_CRYPTO);
    assert_int_equal(parse_pem(ED25519_PEM), SMQ_ERR_CRYPTO);
    assert_int_equal(parse_pem(P256_PEM P256_PEM), SMQ_ERR_SYNTAX);
    assert_int_equal(parse_pem(ENCRYPTED_PEM), SMQ_ERR_SYNTAX);
    assert_int_equal(parse_pem(""), SMQ_ERR_SYNTAX);
    assert_int_equal(parse_pem("no key"), SMQ_ERR_SYNTAX);
    assert_int_equal(parse_pem(PEM("PRIVATE KEY", "AAAA")), SMQ_ERR_SYNTAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_rfc),
        cmocka_unit_test(test_forged_and_cut_bodies_do_not_open),
        cmocka_unit_test(test_a_body_has_at_most_4096_bytes),
        cmocka_unit_test(test_secrets_out_of_range_are_refused),
        cmocka_unit_test(test_both_sides_agree),
        cmocka_unit_test(test_key_files),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
