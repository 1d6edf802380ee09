/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys: known answers, DER forms, generation, Diffie-Hellman and hostile input. */
#include "test/unit/transport/test_helpers.h"

static const enum key_algorithm all_algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519, KEY_X448};
enum { ALGORITHM_COUNT = sizeof all_algorithms / sizeof all_algorithms[0] };

static void test_public_keys_and_dh_are_the_known_ones(void **state) {
    (void)state;
    uint8_t expected[32];
    struct key_pair a = smp_vector_pair("x25519_secret_a");
    struct key_pair b = smp_vector_pair("x25519_secret_b");
    assert_slice_equal(slice_of(a.public_key.bytes, 32), smp_vector("x25519_public_a", expected, sizeof expected));
    assert_slice_equal(slice_of(b.public_key.bytes, 32), smp_vector("x25519_public_b", expected, sizeof expected));
    struct dh_secret one, other;
    assert_int_equal(dh(&a.private_key, &b.public_key, &one), SMQ_OK);
    assert_int_equal(dh(&b.private_key, &a.public_key, &other), SMQ_OK);
    assert_slice_equal(slice_of(one.bytes, 32), smp_vector("dh", expected, sizeof expected));
    assert_memory_equal(one.bytes, other.bytes, 32);
}

static void test_der_has_the_known_prefixes_and_lengths(void **state) {
    (void)state;
    static const struct {
        enum key_algorithm algorithm;
        const char *spki, *pkcs8;
        size_t spki_length, pkcs8_length;
    } rows[] = {
        {KEY_ED25519, "302a300506032b6570032100", "302e020100300506032b657004220420", 44, 48},
        {KEY_ED448, "3043300506032b6571033a00", "3047020100300506032b6571043b0439", 69, 73},
        {KEY_X25519, "302a300506032b656e032100", "302e020100300506032b656e04220420", 44, 48},
        {KEY_X448, "3042300506032b656f033900", "3046020100300506032b656f043a0438", 68, 72},
    };
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        struct key_pair pair = fresh_pair(rows[i].algorithm);
        uint8_t der[128], prefix[16];
        struct writer writer = writer_of(der, sizeof der);
        write_public_key_der(&writer, &pair.public_key);
        assert_int_equal(writer_length(&writer), rows[i].spki_length);
        assert_int_equal(key_spki_length(rows[i].algorithm), rows[i].spki_length);
        struct slice expected = from_hex(rows[i].spki, prefix, sizeof prefix);
        assert_memory_equal(der, expected.bytes, expected.length);
        writer = writer_of(der, sizeof der);
        write_private_key_der(&writer, &pair.private_key);
        assert_int_equal(writer_length(&writer), rows[i].pkcs8_length);
        expected = from_hex(rows[i].pkcs8, prefix, sizeof prefix);
        assert_memory_equal(der, expected.bytes, expected.length);
    }
}

static void test_every_algorithm_survives_a_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        struct key_pair pair = fresh_pair(all_algorithms[i]);
        struct key_pair derived;
        struct private_key private_key;
        struct public_key public_key;
        uint8_t bytes[128];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_private_key_der(&writer, &pair.private_key);
        assert_int_equal(private_key_parse(slice_of(bytes, writer_length(&writer)), &private_key), SMQ_OK);
        assert_int_equal(key_pair_of_private(&private_key, &derived), SMQ_OK);
        assert_true(public_key_equal(&derived.public_key, &pair.public_key));
        writer = writer_of(bytes, sizeof bytes);
        write_public_key(&writer, &pair.public_key);
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_public_key(&reader, &public_key);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
        assert_true(public_key_equal(&public_key, &pair.public_key));
        assert_int_equal(public_key.algorithm, all_algorithms[i]);
    }
}

static void test_cut_or_longer_der_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        struct key_pair pair = fresh_pair(all_algorithms[i]);
        struct public_key public_key;
        struct private_key private_key;
        uint8_t der[128] = {0};
        struct writer writer = writer_of(der, sizeof der);
        write_public_key_der(&writer, &pair.public_key);
        for (size_t length = 0; length <= writer_length(&writer) + 2; length++) {
            uint8_t *copy = heap_copy(der, length);
            enum smq_result expected = length == writer_length(&writer) ? SMQ_OK : SMQ_ERR_SYNTAX;
            assert_int_equal(public_key_parse(slice_of(copy, length), &public_key), expected);
            free(copy);
        }
        memset(der, 0, sizeof der);
        writer = writer_of(der, sizeof der);
        write_private_key_der(&writer, &pair.private_key);
        for (size_t length = 0; length <= writer_length(&writer) + 2; length++) {
            uint8_t *copy = heap_copy(der, length);
            enum smq_result expected = length == writer_length(&writer) ? SMQ_OK : SMQ_ERR_SYNTAX;
            assert_int_equal(private_key_parse(slice_of(copy, length), &private_key), expected);
            free(copy);
        }
    }
}

static void test_any_changed_prefix_bit_is_refused(void **state) {
    (void)state;
    struct key_pair pair = fresh_pair(KEY_X25519);
    struct public_key parsed;
    uint8_t der[64];
    struct writer writer = writer_of(der, sizeof der);
    write_public_key_der(&writer, &pair.public_key);
    for (size_t bit = 0; bit < 12 * 8; bit++) {
        der[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool other_algorithm = public_key_parse(slice_of(der, writer_length(&writer)), &parsed) == SMQ_OK;
        assert_true(!other_algorithm || parsed.algorithm != KEY_X25519);
        der[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_field_of_another_algorithm_is_refused(void **state) {
    (void)state;
    struct key_pair pair = fresh_pair(KEY_ED25519);
    struct public_key key;
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_public_key(&writer, &pair.public_key);
    struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_public_key_of(&reader, KEY_X25519, &key);
    assert_true(reader.failed);
    assert_int_equal(key.algorithm, KEY_NONE);
    reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_public_key_of(&reader, KEY_ED25519, &key);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
}

static void test_absent_key_cannot_be_written_or_generated(void **state) {
    (void)state;
    struct public_key none = {0};
    struct private_key no_secret = {0};
    struct key_pair pair;
    uint8_t bytes[128];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_public_key(&writer, &none);
    assert_true(writer.failed);
    writer = writer_of(bytes, sizeof bytes);
    write_private_key_der(&writer, &no_secret);
    assert_true(writer.failed);
    assert_int_equal(key_pair_generate(KEY_NONE, &pair), SMQ_ERR_INVALID);
    assert_int_equal(public_key_of_raw(KEY_NONE, (struct slice){0}, &none), SMQ_ERR_SYNTAX);
}

static void test_dh_with_points_of_small_order_fails(void **state) {
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    struct key_pair own = fresh_pair(KEY_X25519);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        uint8_t bytes[32];
        struct public_key peer;
        struct dh_secret secret;
        assert_int_equal(public_key_of_raw(KEY_X25519, from_hex(points[i], bytes, sizeof bytes), &peer), SMQ_OK);
        assert_int_equal(dh(&own.private_key, &peer, &secret), SMQ_ERR_CRYPTO);
    }
}

static void test_dh_wants_x25519_on_both_sides(void **state) {
    (void)state;
    struct key_pair x25519 = fresh_pair(KEY_X25519), ed25519 = fresh_pair(KEY_ED25519), x448 = fresh_pair(KEY_X448);
    struct dh_secret secret;
    assert_int_equal(dh(&x25519.private_key, &ed25519.public_key, &secret), SMQ_ERR_CRYPTO);
    assert_int_equal(dh(&ed25519.private_key, &x25519.public_key, &secret), SMQ_ERR_CRYPTO);
    assert_int_equal(dh(&x25519.private_key, &x448.public_key, &secret), SMQ_ERR_CRYPTO);
}

static struct key_pair x448_pair(const char *secret_name, const char *public_name) {
    uint8_t bytes[KEY_X448_SIZE], expected[KEY_X448_SIZE];
    struct private_key secret;
    struct key_pair pair;
    struct slice raw = vector_of("test/vectors/rfc7748.txt", secret_name, bytes, sizeof bytes);
    assert_int_equal(private_key_of_raw(KEY_X448, raw, &secret), SMQ_OK);
    assert_int_equal(key_pair_of_private(&secret, &pair), SMQ_OK);
    assert_slice_equal(slice_of(pair.public_key.bytes, KEY_X448_SIZE),
                       vector_of("test/vectors/rfc7748.txt", public_name, expected, sizeof expected));
    return pair;
}

static void test_x448_gives_the_known_secret_on_both_sides(void **state) {
    (void)state;
    struct key_pair a = x448_pair("x448_secret_a", "x448_public_a"), b = x448_pair("x448_secret_b", "x448_public_b");
    uint8_t expected[DH448_SECRET_SIZE];
    struct slice shared = vector_of("test/vectors/rfc7748.txt", "x448_shared", expected, sizeof expected);
    struct dh448_secret secret;
    assert_int_equal(dh448(&a, &b.public_key, &secret), SMQ_OK);
    assert_slice_equal(slice_of(secret.bytes, sizeof secret.bytes), shared);
    assert_int_equal(dh448(&b, &a.public_key, &secret), SMQ_OK);
    assert_slice_equal(slice_of(secret.bytes, sizeof secret.bytes), shared);
}

static void test_x448_with_points_of_small_order_or_other_keys_fails(void **state) {
    (void)state;
    struct key_pair own = fresh_pair(KEY_X448), other = fresh_pair(KEY_X25519);
    struct public_key peer = own.public_key;
    struct dh448_secret secret;
    for (uint8_t first = 0; first < 2; first++) {
        memset(peer.bytes, 0, sizeof peer.bytes);
        peer.bytes[0] = first;
        assert_int_equal(dh448(&own, &peer, &secret), SMQ_ERR_CRYPTO);
    }
    assert_int_equal(dh448(&own, &other.public_key, &secret), SMQ_ERR_CRYPTO);
    assert_int_equal(dh448(&other, &own.public_key, &secret), SMQ_ERR_CRYPTO);
}

static void test_equality_looks_at_algorithm_and_bytes(void **state) {
    (void)state;
    struct key_pair a = fresh_pair(KEY_ED25519), b = fresh_pair(KEY_ED25519);
    struct public_key same_bytes = a.public_key;
    assert_true(public_key_equal(&a.public_key, &same_bytes));
    assert_false(public_key_equal(&a.public_key, &b.public_key));
    same_bytes.algorithm = KEY_X25519;
    assert_false(public_key_equal(&a.public_key, &same_bytes));
}

static void test_three_algorithms_authorize_queues(void **state) {
    (void)state;
    assert_true(key_authorizes_queues(KEY_ED25519));
    assert_true(key_authorizes_queues(KEY_ED448));
    assert_true(key_authorizes_queues(KEY_X25519));
    assert_false(key_authorizes_queues(KEY_X448));
    assert_false(key_authorizes_queues(KEY_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_keys_and_dh_are_the_known_ones),
        cmocka_unit_test(test_der_has_the_known_prefixes_and_lengths),
        cmocka_unit_test(test_every_algorithm_survives_a_round_trip),
        cmocka_unit_test(test_cut_or_longer_der_is_refused),
        cmocka_unit_test(test_any_changed_prefix_bit_is_refused),
        cmocka_unit_test(test_field_of_another_algorithm_is_refused),
        cmocka_unit_test(test_absent_key_cannot_be_written_or_generated),
        cmocka_unit_test(test_dh_with_points_of_small_order_fails),
        cmocka_unit_test(test_dh_wants_x25519_on_both_sides),
        cmocka_unit_test(test_x448_gives_the_known_secret_on_both_sides),
        cmocka_unit_test(test_x448_with_points_of_small_order_or_other_keys_fails),
        cmocka_unit_test(test_equality_looks_at_algorithm_and_bytes),
        cmocka_unit_test(test_three_algorithms_authorize_queues),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
