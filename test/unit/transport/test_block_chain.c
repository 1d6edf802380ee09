/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Block encryption: known chain keys and block, both directions, and steps on failure. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/block_chain.h"
#include "transport/crypto/hash.h"

static void known_chains(struct block_chain *server_sends, struct block_chain *client_sends) {
    uint8_t bytes[32], session[32];
    struct dh_secret secret;
    memcpy(secret.bytes, smp_vector("dh", bytes, sizeof bytes).bytes, sizeof secret.bytes);
    block_chain_init(smp_vector("session_id", session, sizeof session), &secret, server_sends, client_sends);
}

static void test_chain_keys_and_first_step_are_the_known_ones(void **state) {
    (void)state;
    uint8_t expected[32], nonce[BOX_NONCE_SIZE];
    struct block_chain server_sends, client_sends;
    struct box_key key, expected_key;
    known_chains(&server_sends, &client_sends);
    assert_slice_equal(slice_of(server_sends.key, 32), smp_vector("chain_1", expected, sizeof expected));
    assert_slice_equal(slice_of(client_sends.key, 32), smp_vector("chain_2", expected, sizeof expected));
    block_chain_step(&server_sends, &key, nonce);
    assert_slice_equal(slice_of(server_sends.key, 32), smp_vector("chain_1_next", expected, sizeof expected));
    assert_slice_equal(slice_of(nonce, sizeof nonce), smp_vector("chain_1_nonce", expected, sizeof expected));
    box_key_of_secret(smp_vector("chain_1_key", expected, sizeof expected).bytes, &expected_key);
    assert_memory_equal(key.bytes, expected_key.bytes, sizeof key.bytes);
}

static void test_first_server_block_is_the_known_one(void **state) {
    (void)state;
    static uint8_t block[BLOCK_CHAIN_BLOCK_SIZE];
    static const uint8_t content[] = {0x01, 0x00, 0x03, 0x61, 0x62, 0x63};
    uint8_t expected[32], digest[HASH_SHA256_SIZE];
    struct block_chain server_sends, client_sends;
    known_chains(&server_sends, &client_sends);
    memcpy(block + BOX_PADDED_OFFSET, content, sizeof content);
    assert_int_equal(block_chain_seal(&server_sends, block, sizeof content), SMQ_OK);
    assert_slice_equal(slice_of(block, 32), smp_vector("block_start", expected, sizeof expected));
    assert_int_equal(hash_slice(HASH_SHA256, slice_of(block, sizeof block), digest), SMQ_OK);
    assert_slice_equal(slice_of(digest, sizeof digest), smp_vector("block_sha256", expected, sizeof expected));
}

static void test_both_directions_carry_many_blocks(void **state) {
    (void)state;
    static uint8_t block[BLOCK_CHAIN_BLOCK_SIZE];
    struct block_chain server[2], client[2];
    known_chains(&server[0], &server[1]);
    known_chains(&client[1], &client[0]);
    for (size_t i = 0; i < 50; i++) {
        size_t length = i == 49 ? BLOCK_CHAIN_CONTENT_MAX : i * 300;
        struct slice content;
        memset(block + BOX_PADDED_OFFSET, (int)i, length);
        assert_int_equal(block_chain_seal(&server[0], block, length), SMQ_OK);
        assert_int_equal(block_chain_open(&client[1], block, &content), SMQ_OK);
        assert_int_equal(content.length, length);
        if (length > 0)
            assert_int_equal(content.bytes[length - 1], i);
        memcpy(block + BOX_PADDED_OFFSET, "answer", 6);
        assert_int_equal(block_chain_seal(&client[0], block, 6), SMQ_OK);
        assert_int_equal(block_chain_open(&server[1], block, &content), SMQ_OK);
        assert_slice_text(content, "answer");
    }
}

static void test_block_that_does_not_decrypt_still_takes_a_step(void **state) {
    (void)state;
    static uint8_t block[BLOCK_CHAIN_BLOCK_SIZE];
    struct block_chain sends, receives, unused;
    struct slice content;
    known_chains(&sends, &unused);
    known_chains(&receives, &unused);
    assert_int_equal(block_chain_seal(&sends, block, 10), SMQ_OK);
    block[100] ^= 1;
    assert_int_equal(block_chain_open(&receives, block, &content), SMQ_ERR_CRYPTO);
    memcpy(block + BOX_PADDED_OFFSET, "next", 4);
    assert_int_equal(block_chain_seal(&sends, block, 4), SMQ_OK);
    assert_int_equal(block_chain_open(&receives, block, &content), SMQ_OK);
    assert_slice_text(content, "next");
}

static void test_replayed_block_is_refused(void **state) {
    (void)state;
    static uint8_t block[BLOCK_CHAIN_BLOCK_SIZE], copy[BLOCK_CHAIN_BLOCK_SIZE];
    struct block_chain sends, receives, unused;
    struct slice content;
    known_chains(&sends, &unused);
    known_chains(&receives, &unused);
    assert_int_equal(block_chain_seal(&sends, block, 0), SMQ_OK);
    memcpy(copy, block, sizeof block);
    assert_int_equal(block_chain_open(&receives, block, &content), SMQ_OK);
    assert_int_equal(block_chain_open(&receives, copy, &content), SMQ_ERR_CRYPTO);
}

static void test_content_over_the_limit_is_refused_without_a_step(void **state) {
    (void)state;
    static uint8_t block[BLOCK_CHAIN_BLOCK_SIZE];
    struct block_chain sends, unused, before;
    known_chains(&sends, &unused);
    before = sends;
    assert_int_equal(block_chain_seal(&sends, block, BLOCK_CHAIN_CONTENT_MAX + 1), SMQ_ERR_TOO_LARGE);
    assert_memory_equal(&sends, &before, sizeof sends);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_keys_and_first_step_are_the_known_ones),
        cmocka_unit_test(test_first_server_block_is_the_known_one),
        cmocka_unit_test(test_both_directions_carry_many_blocks),
        cmocka_unit_test(test_block_that_does_not_decrypt_still_takes_a_step),
        cmocka_unit_test(test_replayed_block_is_refused),
        cmocka_unit_test(test_content_over_the_limit_is_refused_without_a_step),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
