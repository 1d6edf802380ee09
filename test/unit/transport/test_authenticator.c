/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Authenticators: the known answer, every kind of damage, and dummy checks that cost what real ones do. */
#include <time.h>

#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

static struct box_key known_key(void) {
    struct key_pair a = smp_vector_pair("x25519_secret_a"), b = smp_vector_pair("x25519_secret_b");
    struct box_key key;
    assert_int_equal(box_key_agree(&a.private_key, &b.public_key, &key), SMQ_OK);
    return key;
}

static void test_authenticator_is_the_known_one(void **state) {
    (void)state;
    uint8_t nonce[BOX_NONCE_SIZE], expected[AUTHENTICATOR_SIZE], made[AUTHENTICATOR_SIZE];
    struct box_key key = known_key();
    struct slice corr_id = smp_vector("nonce", nonce, sizeof nonce);
    struct slice authorized = slice_of_text("authorized");
    assert_int_equal(authenticator_create(&key, corr_id, &authorized, 1, made), SMQ_OK);
    assert_slice_equal(slice_of(made, sizeof made), smp_vector("authenticator", expected, sizeof expected));
    assert_int_equal(authenticator_verify(&key, corr_id, &authorized, 1, slice_of(made, sizeof made)), SMQ_OK);
}

static void test_parts_count_as_their_concatenation(void **state) {
    (void)state;
    uint8_t expected[AUTHENTICATOR_SIZE];
    struct box_key key = known_key();
    struct slice corr_id = slice_of_text("correlation");
    struct slice whole = slice_of_text("authorized");
    struct slice parts[] = {slice_of_text("auth"), {0}, slice_of_text("o"), slice_of_text("rized")};
    assert_int_equal(authenticator_create(&key, corr_id, &whole, 1, expected), SMQ_OK);
    assert_int_equal(authenticator_verify(&key, corr_id, parts, 4, slice_of(expected, sizeof expected)), SMQ_OK);
    assert_int_equal(authenticator_verify(&key, corr_id, parts, 3, slice_of(expected, sizeof expected)),
                     SMQ_ERR_CRYPTO);
}

static void test_anything_changed_is_refused(void **state) {
    (void)state;
    uint8_t made[AUTHENTICATOR_SIZE + 1] = {0};
    struct box_key key = known_key(), other_key = {{1}};
    struct slice corr_id = slice_of_text("correlation"), authorized = slice_of_text("authorized");
    assert_int_equal(authenticator_create(&key, corr_id, &authorized, 1, made), SMQ_OK);
    struct slice good = slice_of(made, AUTHENTICATOR_SIZE), other = slice_of_text("authorised");
    assert_int_equal(authenticator_verify(&key, corr_id, &authorized, 1, good), SMQ_OK);
    assert_int_equal(authenticator_verify(&key, corr_id, &other, 1, good), SMQ_ERR_CRYPTO);
    assert_int_equal(authenticator_verify(&other_key, corr_id, &authorized, 1, good), SMQ_ERR_CRYPTO);
    assert_int_equal(authenticator_verify(&key, slice_of_text("Correlation"), &authorized, 1, good), SMQ_ERR_CRYPTO);
    for (size_t length = 0; length <= AUTHENTICATOR_SIZE + 1; length++)
        assert_int_equal(authenticator_verify(&key, corr_id, &authorized, 1, slice_of(made, length)),
                         length == AUTHENTICATOR_SIZE ? SMQ_OK : SMQ_ERR_CRYPTO);
    for (size_t bit = 0; bit < AUTHENTICATOR_SIZE * 8; bit++) {
        made[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(authenticator_verify(&key, corr_id, &authorized, 1, good), SMQ_ERR_CRYPTO);
        made[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* ---- timing */

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One failing check of `authorization` against `key`, as a router does it for a queue that exists. */
static void real_check(const struct public_key *key, const struct private_key *session_key, struct slice authorized,
                       struct slice authorization) {
    struct slice corr_id = slice_of_text("correlation");
    if (key->algorithm == KEY_X25519) {
        struct box_key box;
        assert_int_equal(box_key_agree(session_key, key, &box), SMQ_OK);
        assert_int_equal(authenticator_verify(&box, corr_id, &authorized, 1, authorization), SMQ_ERR_CRYPTO);
    } else {
        assert_int_equal(signature_verify(key, authorized, authorization), SMQ_ERR_CRYPTO);
    }
}

enum { ROUNDS = 60 };

static int compare_times(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median CPU times of both checks, taken in turns so that a busy machine hits both alike. */
static void measure(enum key_algorithm algorithm, double *real, double *dummy) {
    static uint8_t message[1024];
    double real_times[ROUNDS], dummy_times[ROUNDS];
    struct key_pair pair = fresh_pair(algorithm), session = fresh_pair(KEY_X25519), wrong = fresh_pair(algorithm);
    uint8_t authorization[SIGNATURE_MAX] = {0};
    size_t size = algorithm == KEY_X25519 ? AUTHENTICATOR_SIZE : signature_size(algorithm);
    struct slice authorized = slice_of(message, sizeof message);
    if (algorithm != KEY_X25519)
        assert_int_equal(sign(&wrong, authorized, authorization), SMQ_OK);
    for (size_t i = 0; i < ROUNDS; i++) {
        double start = now_us();
        real_check(&pair.public_key, &session.private_key, authorized, slice_of(authorization, size));
        double middle = now_us();
        authorization_verify_dummy(slice_of(authorization, size), slice_of_text("correlation"), authorized,
                                   &session.private_key);
        double end = now_us();
        real_times[i] = middle - start;
        dummy_times[i] = end - middle;
    }
    qsort(real_times, ROUNDS, sizeof(double), compare_times);
    qsort(dummy_times, ROUNDS, sizeof(double), compare_times);
    *real = real_times[ROUNDS / 2];
    *dummy = dummy_times[ROUNDS / 2];
}

static void test_dummy_check_costs_what_a_failing_real_one_does(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    for (size_t i = 0; i < 3; i++) {
        double real, dummy;
        measure(algorithms[i], &real, &dummy);
        assert_true(dummy > real * 0.7 && dummy < real * 1.3);
    }
}

static void test_dummy_check_takes_any_size(void **state) {
    (void)state;
    uint8_t bytes[200] = {0};
    for (size_t length = 0; length < sizeof bytes; length++)
        authorization_verify_dummy(slice_of(bytes, length), (struct slice){0}, (struct slice){0}, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authenticator_is_the_known_one),
        cmocka_unit_test(test_parts_count_as_their_concatenation),
        cmocka_unit_test(test_anything_changed_is_refused),
        cmocka_unit_test(test_dummy_check_costs_what_a_failing_real_one_does),
        cmocka_unit_test(test_dummy_check_takes_any_size),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
