/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signatures, and the signed keys of handshakes. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/signature.h"
#include "transport/crypto/signed_key.h"

static struct slice rfc_vector(const char *name, uint8_t *bytes, size_t capacity) {
    return vector_of("test/vectors/rfc8032.txt", name, bytes, capacity);
}

static void check_known(enum key_algorithm algorithm, const char *secret, const char *public_name,
                        const char *signature) {
    uint8_t bytes[SIGNATURE_MAX], made[SIGNATURE_MAX];
    struct private_key private_key;
    struct key_pair pair;
    assert_int_equal(private_key_of_raw(algorithm, rfc_vector(secret, bytes, sizeof bytes), &private_key), SMQ_OK);
    assert_int_equal(key_pair_of_private(&private_key, &pair), SMQ_OK);
    assert_slice_equal(slice_of(pair.public_key.bytes, pair.public_key.length),
                       rfc_vector(public_name, bytes, sizeof bytes));
    assert_int_equal(sign(&pair, (struct slice){0}, made), SMQ_OK);
    struct slice expected = rfc_vector(signature, bytes, sizeof bytes);
    assert_slice_equal(slice_of(made, signature_size(algorithm)), expected);
    assert_int_equal(signature_verify(&pair.public_key, (struct slice){0}, expected), SMQ_OK);
}

static void test_signatures_are_those_of_the_rfc(void **state) {
    (void)state;
    check_known(KEY_ED25519, "ed25519_secret", "ed25519_public", "ed25519_signature");
    check_known(KEY_ED448, "ed448_secret", "ed448_public", "ed448_signature");
}

static void test_damage_is_noticed(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448};
    for (size_t i = 0; i < 2; i++) {
        struct key_pair pair = fresh_pair(algorithms[i]), other = fresh_pair(algorithms[i]);
        uint8_t signature[SIGNATURE_MAX];
        size_t size = signature_size(algorithms[i]);
        struct slice message = slice_of_text("message");
        assert_int_equal(sign(&pair, message, signature), SMQ_OK);
        assert_int_equal(signature_verify(&pair.public_key, message, slice_of(signature, size)), SMQ_OK);
        assert_int_equal(signature_verify(&other.public_key, message, slice_of(signature, size)), SMQ_ERR_CRYPTO);
        assert_int_equal(signature_verify(&pair.public_key, slice_of_text("massage"), slice_of(signature, size)),
                         SMQ_ERR_CRYPTO);
        for (size_t length = 0; length < size; length++)
            assert_int_equal(signature_verify(&pair.public_key, message, slice_of(signature, length)), SMQ_ERR_CRYPTO);
        for (size_t byte = 0; byte < size; byte += 7) {
            signature[byte] ^= 0x10;
            assert_int_equal(signature_verify(&pair.public_key, message, slice_of(signature, size)), SMQ_ERR_CRYPTO);
            signature[byte] ^= 0x10;
        }
    }
}

static void test_keys_for_agreement_neither_sign_nor_verify(void **state) {
    (void)state;
    struct key_pair pair = fresh_pair(KEY_X25519);
    uint8_t signature[SIGNATURE_MAX] = {0};
    assert_int_equal(sign(&pair, slice_of_text("m"), signature), SMQ_ERR_CRYPTO);
    assert_int_equal(signature_verify(&pair.public_key, slice_of_text("m"), slice_of(signature, 64)), SMQ_ERR_CRYPTO);
    assert_int_equal(signature_verify(&pair.public_key, slice_of_text("m"), (struct slice){0}), SMQ_ERR_CRYPTO);
}

/* ---- signed keys */

static size_t make_signed_key(const struct key_pair *signer, const struct public_key *key, uint8_t *der) {
    struct writer writer = writer_of(der, SIGNED_KEY_MAX);
    assert_int_equal(write_signed_key(&writer, signer, key), SMQ_OK);
    return writer_length(&writer);
}

static void test_signed_key_of_the_wire_verifies(void **state) {
    (void)state;
    uint8_t der[SIGNED_KEY_MAX], spki[KEY_SPKI_MAX], wrapped[2 + KEY_X25519_SPKI] = {0x30, KEY_X25519_SPKI};
    struct signed_key parsed;
    struct public_key leaf;
    struct slice bytes = vector_of("test/vectors/smp_crypto.txt", "signed_key", der, sizeof der);
    assert_int_equal(
        public_key_parse(vector_of("test/vectors/smp_crypto.txt", "signed_key_leaf", spki, sizeof spki), &leaf),
        SMQ_OK);
    assert_int_equal(signed_key_parse(bytes, &parsed), SMQ_OK);
    assert_int_equal(parsed.key.algorithm, KEY_X25519);
    assert_int_equal(parsed.signature_algorithm, KEY_ED25519);
    struct writer writer = writer_of(wrapped + 2, sizeof wrapped - 2);
    write_public_key_der(&writer, &parsed.key);
    assert_slice_equal(parsed.signed_part, slice_of(wrapped, sizeof wrapped));
    assert_int_equal(signed_key_verify(&parsed, &leaf), SMQ_OK);
}

static void test_key_without_its_sequence_is_refused(void **state) {
    (void)state;
    struct key_pair signer = fresh_pair(KEY_ED25519), key = fresh_pair(KEY_X25519);
    uint8_t der[SIGNED_KEY_MAX];
    struct signed_key parsed;
    size_t length = make_signed_key(&signer, &key.public_key, der);
    memmove(der + 2, der + 4, length - 4);
    der[1] = (uint8_t)(der[1] - 2);
    assert_int_equal(signed_key_parse(slice_of(der, length - 2), &parsed), SMQ_ERR_SYNTAX);
}

static void test_signed_key_survives_a_round_trip(void **state) {
    (void)state;
    static const struct {
        enum key_algorithm signer, key;
        size_t length;
    } rows[] = {{KEY_ED25519, KEY_X25519, 122}, {KEY_ED448, KEY_X25519, 173}, {KEY_ED25519, KEY_ED25519, 122},
                {KEY_ED448, KEY_ED25519, 173},  {KEY_ED25519, KEY_ED448, 0},  {KEY_ED448, KEY_X448, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct key_pair signer = fresh_pair(rows[i].signer), other = fresh_pair(rows[i].signer);
        struct key_pair key = fresh_pair(rows[i].key);
        uint8_t der[SIGNED_KEY_MAX];
        struct signed_key parsed;
        size_t length = make_signed_key(&signer, &key.public_key, der);
        if (rows[i].length > 0)
            assert_int_equal(length, rows[i].length);
        assert_int_equal(signed_key_parse(slice_of(der, length), &parsed), SMQ_OK);
        assert_true(public_key_equal(&parsed.key, &key.public_key));
        assert_int_equal(parsed.signature_algorithm, rows[i].signer);
        assert_int_equal(signed_key_verify(&parsed, &signer.public_key), SMQ_OK);
        assert_int_equal(signed_key_verify(&parsed, &other.public_key), SMQ_ERR_CRYPTO);
    }
}

static void test_signed_key_of_another_algorithm_does_not_verify(void **state) {
    (void)state;
    struct key_pair signer = fresh_pair(KEY_ED25519), other = fresh_pair(KEY_ED448), key = fresh_pair(KEY_X25519);
    uint8_t der[SIGNED_KEY_MAX];
    struct signed_key parsed;
    size_t length = make_signed_key(&signer, &key.public_key, der);
    assert_int_equal(signed_key_parse(slice_of(der, length), &parsed), SMQ_OK);
    assert_int_equal(signed_key_verify(&parsed, &other.public_key), SMQ_ERR_CRYPTO);
}

static void test_damaged_signed_key_neither_parses_nor_verifies(void **state) {
    (void)state;
    static const enum key_algorithm signers[] = {KEY_ED25519, KEY_ED448};
    for (size_t i = 0; i < 2; i++) {
        struct key_pair signer = fresh_pair(signers[i]), key = fresh_pair(KEY_X25519);
        uint8_t der[SIGNED_KEY_MAX + 1] = {0};
        struct signed_key parsed;
        size_t length = make_signed_key(&signer, &key.public_key, der);
        for (size_t cut = 0; cut <= length + 1; cut++) {
            uint8_t *copy = heap_copy(der, cut);
            assert_int_equal(signed_key_parse(slice_of(copy, cut), &parsed), cut == length ? SMQ_OK : SMQ_ERR_SYNTAX);
            free(copy);
        }
        for (size_t byte = 0; byte < length; byte++) {
            der[byte] ^= 0x01;
            assert_false(signed_key_parse(slice_of(der, length), &parsed) == SMQ_OK &&
                         signed_key_verify(&parsed, &signer.public_key) == SMQ_OK);
            der[byte] ^= 0x01;
        }
    }
}

static void test_signed_key_needs_a_signer_and_room(void **state) {
    (void)state;
    struct key_pair signer = fresh_pair(KEY_ED25519), key = fresh_pair(KEY_X25519);
    uint8_t der[SIGNED_KEY_MAX];
    struct writer writer = writer_of(der, sizeof der);
    assert_int_equal(write_signed_key(&writer, &key, &key.public_key), SMQ_ERR_CRYPTO);
    writer = writer_of(der, 121);
    assert_int_equal(write_signed_key(&writer, &signer, &key.public_key), SMQ_ERR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_are_those_of_the_rfc),
        cmocka_unit_test(test_damage_is_noticed),
        cmocka_unit_test(test_keys_for_agreement_neither_sign_nor_verify),
        cmocka_unit_test(test_signed_key_of_the_wire_verifies),
        cmocka_unit_test(test_key_without_its_sequence_is_refused),
        cmocka_unit_test(test_signed_key_survives_a_round_trip),
        cmocka_unit_test(test_signed_key_of_another_algorithm_does_not_verify),
        cmocka_unit_test(test_damaged_signed_key_neither_parses_nor_verifies),
        cmocka_unit_test(test_signed_key_needs_a_signer_and_room),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
