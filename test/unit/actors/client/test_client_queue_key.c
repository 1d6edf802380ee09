/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue keys: authorizations verify, and the agreement with a session is made once for it. */
#include <string.h>

#include "actors/client/smp/queue_key.h"
#include "queues/base/setup.h"
#include "test/support/require.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/setup.h"
#include "transport/crypto/signature.h"

static int set_up(void **state) {
    (void)state;
    require(base_setup() == SMQ_OK && crypto_setup() == SMQ_OK);
    return 0;
}

static uint8_t scratch[AUTHORIZED_MAX];

static struct authorized authorized(void) {
    return (struct authorized){
        {slice_of(NULL, 0), slice_of_text("a"), slice_of_text("session"), slice_of_text("the command")}};
}

static void test_signatures_of_both_algorithms_verify(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448};
    for (size_t i = 0; i < 2; i++) {
        struct queue_key key;
        struct public_key none = {.algorithm = KEY_NONE};
        queue_key_init(&key);
        assert_int_equal(queue_key_authorization_length(&key), 0);
        assert_int_equal(queue_key_generate(&key, algorithms[i]), SMQ_OK);
        size_t length = queue_key_authorization_length(&key);
        assert_int_equal(length, i == 0 ? 64 : 114);
        struct authorization_context context = {
            .session = 1, .server_key = &none, .correlation_id = slice_of_text("nonce"), .scratch = scratch};
        struct authorized parts = authorized();
        uint8_t signature[SIGNATURE_MAX];
        assert_int_equal(queue_key_authorize(&key, &context, &parts, signature), SMQ_OK);
        assert_int_equal(
            signature_verify(&key.pair.public_key, slice_of_text("asessionthe command"), slice_of(signature, length)),
            SMQ_OK);
        queue_key_destroy(&key);
    }
}

static void test_authenticators_follow_the_session(void **state) {
    (void)state;
    struct queue_key key;
    struct key_pair servers[2];
    queue_key_init(&key);
    assert_int_equal(queue_key_generate(&key, KEY_X25519), SMQ_OK);
    assert_int_equal(queue_key_authorization_length(&key), 80);
    struct authorized parts = authorized();
    for (uint64_t session = 0; session < 2; session++) {
        struct box_key agreed;
        uint8_t authenticator[AUTHENTICATOR_SIZE];
        require(key_pair_generate(KEY_X25519, &servers[session]) == SMQ_OK);
        struct authorization_context context = {.session = session + 1,
                                                .server_key = &servers[session].public_key,
                                                .correlation_id = slice_of_text("correlation id of 24 b.."),
                                                .scratch = scratch};
        require(box_key_agree(&servers[session].private_key, &key.pair.public_key, &agreed) == SMQ_OK);
        for (int repeat = 0; repeat < 2; repeat++) {
            assert_int_equal(queue_key_authorize(&key, &context, &parts, authenticator), SMQ_OK);
            assert_int_equal(authenticator_verify(&agreed, context.correlation_id, parts.parts, AUTHORIZED_PARTS,
                                                  slice_of(authenticator, sizeof(authenticator))),
                             SMQ_OK);
            assert_int_equal(key.session, session + 1);
        }
    }
    queue_key_destroy(&key);
}

static void test_x25519_key_needs_the_servers(void **state) {
    (void)state;
    struct queue_key key;
    struct public_key none = {.algorithm = KEY_NONE};
    queue_key_init(&key);
    assert_int_equal(queue_key_generate(&key, KEY_X448), SMQ_ERR_INVALID);
    assert_int_equal(queue_key_generate(&key, KEY_X25519), SMQ_OK);
    struct authorization_context context = {.session = 1, .server_key = &none, .scratch = scratch};
    struct authorized parts = authorized();
    uint8_t authenticator[AUTHENTICATOR_SIZE];
    assert_int_equal(queue_key_authorize(&key, &context, &parts, authenticator), SMQ_ERR_AUTH);
    queue_key_destroy(&key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_of_both_algorithms_verify),
        cmocka_unit_test(test_authenticators_follow_the_session),
        cmocka_unit_test(test_x25519_key_needs_the_servers),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
