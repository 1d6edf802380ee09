/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* sntrup761: known answers, the reference's draws, rejection that nobody sees, and the arithmetic below. */
#include "test/support/random_stream.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/sntrup761/coding.h"
#include "transport/crypto/sntrup761/sampling.h"
#include "transport/crypto/sntrup761/sntrup761.h"

enum { VECTORS = 16 };

struct exchange {
    uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE];
    uint8_t secret_key[SNTRUP761_SECRET_KEY_SIZE];
    uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE];
    uint8_t secret[SNTRUP761_SHARED_SECRET_SIZE];
    uint8_t opened[SNTRUP761_SHARED_SECRET_SIZE];
};

static void exchange(const struct random_source *random, struct exchange *made) {
    assert_int_equal(sntrup761_keypair(random, made->public_key, made->secret_key), SMQ_OK);
    assert_int_equal(sntrup761_encapsulate(random, made->public_key, made->ciphertext, made->secret), SMQ_OK);
    assert_int_equal(sntrup761_decapsulate(made->secret_key, made->ciphertext, made->opened), SMQ_OK);
}

static void assert_known(const char *name, int number, struct slice actual) {
    char numbered[64];
    uint8_t expected[32], digest[HASH_SHA256_SIZE];
    assert_true(snprintf(numbered, sizeof numbered, "%s_%d", name, number) > 0);
    if (strstr(name, "sha256") != NULL) {
        assert_int_equal(hash_slice(HASH_SHA256, actual, digest), SMQ_OK);
        actual = slice_of(digest, sizeof digest);
    }
    assert_slice_equal(actual, vector_of("test/vectors/sntrup761.txt", numbered, expected, sizeof expected));
}

static void test_known_streams_give_the_known_keys_and_secrets(void **state) {
    (void)state;
    for (int number = 0; number < VECTORS; number++) {
        struct random_stream stream = random_stream_numbered((uint16_t)number);
        struct random_source random = random_stream_source(&stream);
        struct exchange made;
        exchange(&random, &made);
        assert_known("public_key_sha256", number, slice_of(made.public_key, sizeof made.public_key));
        assert_known("secret_key_sha256", number, slice_of(made.secret_key, sizeof made.secret_key));
        assert_known("ciphertext_sha256", number, slice_of(made.ciphertext, sizeof made.ciphertext));
        assert_known("secret", number, slice_of(made.secret, sizeof made.secret));
        assert_memory_equal(made.opened, made.secret, sizeof made.secret);
        made.ciphertext[0] ^= 1;
        assert_int_equal(sntrup761_decapsulate(made.secret_key, made.ciphertext, made.opened), SMQ_OK);
        assert_known("wrong_secret", number, slice_of(made.opened, sizeof made.opened));
    }
}

static void test_any_bytes_are_a_key_and_a_ciphertext_as_for_the_reference(void **state) {
    (void)state;
    for (int number = 0; number < VECTORS; number++) {
        struct random_stream stream = random_stream_numbered((uint16_t)number);
        struct random_source random = random_stream_source(&stream);
        struct exchange made;
        exchange(&random, &made);
        random_source_fill(&random, made.public_key, sizeof made.public_key);
        random_source_fill(&random, made.ciphertext, sizeof made.ciphertext);
        assert_int_equal(sntrup761_decapsulate(made.secret_key, made.ciphertext, made.opened), SMQ_OK);
        assert_known("foreign_secret", number, slice_of(made.opened, sizeof made.opened));
        assert_int_equal(sntrup761_encapsulate(&random, made.public_key, made.ciphertext, made.secret), SMQ_OK);
        assert_known("any_key_ciphertext_sha256", number, slice_of(made.ciphertext, sizeof made.ciphertext));
        assert_known("any_key_secret", number, slice_of(made.secret, sizeof made.secret));
    }
}

static void test_fresh_pairs_agree_and_the_secret_key_holds_the_public_key(void **state) {
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct exchange made;
        exchange(&random_source_system, &made);
        assert_memory_equal(made.opened, made.secret, sizeof made.secret);
        assert_memory_equal(made.secret_key + SNTRUP761_PUBLIC_KEY_OFFSET, made.public_key, sizeof made.public_key);
    }
}

static void test_every_changed_byte_of_a_ciphertext_gives_another_secret_each_time_the_same(void **state) {
    (void)state;
    struct exchange made;
    uint8_t first[SNTRUP761_SHARED_SECRET_SIZE], again[SNTRUP761_SHARED_SECRET_SIZE];
    exchange(&random_source_system, &made);
    for (size_t at = 0; at < sizeof made.ciphertext; at += 7) {
        made.ciphertext[at] ^= 0x40;
        assert_int_equal(sntrup761_decapsulate(made.secret_key, made.ciphertext, first), SMQ_OK);
        assert_int_equal(sntrup761_decapsulate(made.secret_key, made.ciphertext, again), SMQ_OK);
        assert_memory_not_equal(first, made.secret, sizeof first);
        assert_memory_equal(first, again, sizeof first);
        made.ciphertext[at] ^= 0x40;
    }
}

static void test_secret_of_a_ciphertext_for_another_key_is_not_that_keys(void **state) {
    (void)state;
    struct exchange mine, theirs;
    exchange(&random_source_system, &mine);
    exchange(&random_source_system, &theirs);
    assert_int_equal(sntrup761_decapsulate(mine.secret_key, theirs.ciphertext, mine.opened), SMQ_OK);
    assert_memory_not_equal(mine.opened, theirs.secret, sizeof mine.opened);
}

/* ---- arithmetic */

static int slow_modulo(int number, int modulus) {
    int rest = number % modulus;
    if (rest > modulus / 2)
        rest -= modulus;
    return rest < -(modulus / 2) ? rest + modulus : rest;
}

static void test_reductions_agree_with_division(void **state) {
    (void)state;
    for (int number = -40000; number <= 40000; number++)
        assert_int_equal(modulo_q(number), slow_modulo(number, RING_MODULUS));
    static const int32_t extremes[] = {INT32_MIN, INT32_MIN + 1, INT32_MAX - 1, INT32_MAX, 1 << 30, -(1 << 30)};
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++)
        assert_int_equal(modulo_q(extremes[i]), slow_modulo(extremes[i], RING_MODULUS));
    for (int number = -RING_HALF; number <= RING_HALF; number++)
        assert_int_equal(modulo_3((int16_t)number), slow_modulo(number, 3));
}

static void slow_product(const struct polynomial *a, const struct small_polynomial *b, int64_t sums[2 * RING_DEGREE]) {
    memset(sums, 0, 2 * RING_DEGREE * sizeof *sums);
    for (int i = 0; i < RING_DEGREE; i++)
        for (int j = 0; j < RING_DEGREE; j++)
            sums[i + j] += a->at[i] * b->at[j];
    for (int i = RING_DEGREE - 1; i >= 0; i--) {
        sums[i] += sums[i + RING_DEGREE];
        sums[i + 1] += sums[i + RING_DEGREE];
        sums[i + RING_DEGREE] = 0;
    }
}

/* Coefficients as large as they can be, all of one sign or of alternating ones, and random ones. */
static void fill_worst(struct polynomial *a, struct small_polynomial *b, int kind, struct random_stream *stream) {
    memset(a, 0, sizeof *a);
    memset(b, 0, sizeof *b);
    for (int i = 0; i < RING_DEGREE; i++) {
        int sign = kind == 1 && i % 2 != 0 ? -1 : 1;
        a->at[i] = (int16_t)(kind == 2 ? (int)random_stream_below(stream, RING_MODULUS) - RING_HALF : sign * RING_HALF);
        b->at[i] = (int8_t)(kind == 2 ? (int)random_stream_below(stream, 3) - 1 : sign);
    }
}

static void test_products_agree_with_long_multiplication(void **state) {
    (void)state;
    static int64_t sums[2 * RING_DEGREE];
    struct random_stream stream = random_stream_numbered(1);
    struct polynomial a, product;
    struct small_polynomial b;
    for (int kind = 0; kind < 3; kind++) {
        fill_worst(&a, &b, kind, &stream);
        polynomial_multiply(&a, &b, &product);
        slow_product(&a, &b, sums);
        for (int i = 0; i < RING_DEGREE; i++)
            assert_int_equal(product.at[i], slow_modulo((int)(sums[i] % RING_MODULUS), RING_MODULUS));
        for (int i = RING_DEGREE; i < RING_LANES; i++)
            assert_int_equal(product.at[i], 0);
    }
}

static void test_reciprocals_multiply_to_one(void **state) {
    (void)state;
    struct random_stream stream = random_stream_numbered(2);
    struct random_source random = random_stream_source(&stream);
    for (int round = 0; round < 30; round++) {
        struct small_polynomial a, small, one;
        struct polynomial wide;
        sample_short(&random, &a);
        polynomial_third_of_reciprocal(&a, &wide);
        polynomial_multiply(&wide, &a, &wide);
        polynomial_triple(&wide);
        sample_small(&random, &a);
        int32_t invertible = small_reciprocal(&a, &small);
        small_multiply(&a, &small, &one);
        for (int i = 0; i < RING_DEGREE; i++) {
            assert_int_equal(wide.at[i], i == 0);
            if (invertible)
                assert_int_equal(one.at[i], i == 0);
        }
    }
}

/* Modulo 3, x^761 - x - 1 is a product: this is its factor of the smallest degree, 19. */
static void test_multiples_of_a_factor_have_no_reciprocal_modulo_3(void **state) {
    (void)state;
    static const struct small_polynomial factor = {
        {-1, -1, 0, -1, -1, -1, 1, -1, 1, -1, 0, -1, 1, 1, 1, 1, -1, 0, 1, 1}};
    static const struct small_polynomial zero;
    struct random_stream stream = random_stream_numbered(3);
    struct random_source random = random_stream_source(&stream);
    struct small_polynomial a, reciprocal;
    assert_int_equal(small_reciprocal(&zero, &reciprocal), 0);
    assert_int_equal(small_reciprocal(&factor, &reciprocal), 0);
    for (int round = 0; round < 30; round++) {
        sample_small(&random, &a);
        small_multiply(&a, &factor, &a);
        assert_int_equal(small_reciprocal(&a, &reciprocal), 0);
    }
}

static void test_short_polynomials_have_the_weight_and_are_seen_to(void **state) {
    (void)state;
    struct random_stream stream = random_stream_numbered(4);
    struct random_source random = random_stream_source(&stream);
    for (int round = 0; round < 50; round++) {
        struct small_polynomial a;
        int weight = 0;
        sample_short(&random, &a);
        for (int i = 0; i < RING_DEGREE; i++)
            weight += a.at[i] != 0;
        assert_int_equal(weight, SHORT_WEIGHT);
        assert_int_equal(weight_mask(&a), -1);
        int at = 0;
        while (a.at[at] == 0)
            at++;
        a.at[at] = 0;
        assert_int_equal(weight_mask(&a), 0);
    }
}

static void test_codings_come_back_and_any_bytes_decode_into_range(void **state) {
    (void)state;
    struct random_stream stream = random_stream_numbered(5);
    struct random_source random = random_stream_source(&stream);
    for (int round = 0; round < 50; round++) {
        struct polynomial a = {0}, b;
        uint8_t coded[CODED_MODULO_Q_SIZE];
        for (int i = 0; i < RING_DEGREE; i++)
            a.at[i] = (int16_t)(round == 0 ? RING_HALF : (int)random_stream_below(&stream, RING_MODULUS) - RING_HALF);
        polynomial_encode(&a, coded);
        polynomial_decode(coded, &b);
        assert_memory_equal(&a, &b, sizeof a);
        polynomial_round(&a);
        rounded_encode(&a, coded);
        rounded_decode(coded, &b);
        assert_memory_equal(&a, &b, sizeof a);
        random_source_fill(&random, coded, sizeof coded);
        if (round == 1)
            memset(coded, 0xff, sizeof coded);
        polynomial_decode(coded, &b);
        for (int i = 0; i < RING_DEGREE; i++)
            assert_in_range(b.at[i] + RING_HALF, 0, RING_MODULUS - 1);
        rounded_decode(coded, &b);
        for (int i = 0; i < RING_DEGREE; i++) {
            assert_in_range(b.at[i] + RING_HALF, 0, RING_MODULUS - 1);
            assert_int_equal(b.at[i] % 3, 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_streams_give_the_known_keys_and_secrets),
        cmocka_unit_test(test_any_bytes_are_a_key_and_a_ciphertext_as_for_the_reference),
        cmocka_unit_test(test_fresh_pairs_agree_and_the_secret_key_holds_the_public_key),
        cmocka_unit_test(test_every_changed_byte_of_a_ciphertext_gives_another_secret_each_time_the_same),
        cmocka_unit_test(test_secret_of_a_ciphertext_for_another_key_is_not_that_keys),
        cmocka_unit_test(test_reductions_agree_with_division),
        cmocka_unit_test(test_products_agree_with_long_multiplication),
        cmocka_unit_test(test_reciprocals_multiply_to_one),
        cmocka_unit_test(test_multiples_of_a_factor_have_no_reciprocal_modulo_3),
        cmocka_unit_test(test_short_polynomials_have_the_weight_and_are_seen_to),
        cmocka_unit_test(test_codings_come_back_and_any_bytes_decode_into_range),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
