/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Known answers of the ratchet: every intermediate value of the agreement, the first message, and the first step. */
#include "test/support/random_stream.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/gcm.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/ratchet/resync.h"
#include "transport/wire/padding.h"

static void assert_known(const char *name, struct slice actual) {
    uint8_t expected[512], digest[HASH_SHA256_SIZE];
    if (strstr(name, "sha256") != NULL) {
        assert_int_equal(hash_slice(HASH_SHA256, actual, digest), SMQ_OK);
        actual = slice_of(digest, sizeof digest);
    }
    assert_slice_equal(actual, vector_of("test/vectors/ratchet.txt", name, expected, sizeof expected));
}

static void assert_known_key(const char *name, const uint8_t key[RATCHET_KEY_SIZE]) {
    assert_known(name, slice_of(key, RATCHET_KEY_SIZE));
}

/* The pair whose private key is 56 times this byte. */
static struct key_pair pair_of_byte(uint8_t byte) {
    struct random_script script;
    uint8_t bytes[KEY_X448_SIZE];
    struct key_pair pair;
    memset(bytes, byte, sizeof bytes);
    script.left = slice_of(bytes, sizeof bytes);
    struct random_source random = random_script_source(&script);
    assert_int_equal(key_pair_generate_from(&random, KEY_X448, &pair), SMQ_OK);
    return pair;
}

struct parties {
    struct x3dh_keys initiator, joiner;
    struct e2e_parameters initiator_sends, joiner_sends;
};

static struct parties known_parties(void) {
    const struct version_range version = {.min = 3, .max = 3};
    struct parties parties = {
        .initiator = {.first = pair_of_byte(1), .second = pair_of_byte(2)},
        .joiner = {.first = pair_of_byte(3), .second = pair_of_byte(4)},
    };
    x3dh_parameters(&parties.initiator, version, &parties.initiator_sends);
    x3dh_parameters(&parties.joiner, version, &parties.joiner_sends);
    return parties;
}

static void known_ratchets(struct ratchet *joiner, struct ratchet *initiator) {
    struct parties parties = known_parties();
    uint8_t first[KEY_X448_SIZE];
    memset(first, 5, sizeof first);
    struct random_script script = {slice_of(first, sizeof first)};
    struct random_source random = random_script_source(&script);
    assert_int_equal(ratchet_join(&random, &parties.joiner, &parties.initiator_sends, 3, joiner), SMQ_OK);
    assert_int_equal(ratchet_initiate(&parties.initiator, &parties.joiner_sends, 3, false, initiator), SMQ_OK);
}

static void test_public_keys_and_their_hash_are_the_known_ones(void **state) {
    (void)state;
    struct parties parties = known_parties();
    uint8_t hash[RATCHET_KEY_HASH_SIZE];
    assert_known("initiator_public_1", slice_of(parties.initiator_sends.first.bytes, KEY_X448_SIZE));
    assert_known("initiator_public_2", slice_of(parties.initiator_sends.second.bytes, KEY_X448_SIZE));
    assert_known("joiner_public_1", slice_of(parties.joiner_sends.first.bytes, KEY_X448_SIZE));
    assert_known("joiner_public_2", slice_of(parties.joiner_sends.second.bytes, KEY_X448_SIZE));
    assert_int_equal(ratchet_key_hash(&parties.initiator_sends.first, &parties.initiator_sends.second, hash), SMQ_OK);
    assert_known("resync_key_hash", slice_of(hash, sizeof hash));
}

static void test_both_sides_agree_on_the_known_keys(void **state) {
    (void)state;
    struct parties parties = known_parties();
    struct x3dh_agreement agreements[2];
    assert_int_equal(x3dh_agree_as_joiner(&parties.joiner, &parties.initiator_sends, &agreements[0]), SMQ_OK);
    assert_int_equal(x3dh_agree_as_initiator(&parties.initiator, &parties.joiner_sends, &agreements[1]), SMQ_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_known("associated_sha256", slice_of(agreements[i].associated, RATCHET_ASSOCIATED_SIZE));
        assert_known_key("header_key", agreements[i].header_key);
        assert_known_key("next_header_key", agreements[i].next_header_key);
        assert_known_key("root_key", agreements[i].root_key);
    }
}

static void test_accepted_kem_gives_the_known_keys(void **state) {
    (void)state;
    struct parties parties = known_parties();
    struct x3dh_agreement agreement;
    struct key_pair first = pair_of_byte(5);
    struct root_step step;
    parties.initiator_sends.kem.offer = KEM_PROPOSED;
    parties.joiner.kem.offer = KEM_ACCEPTED;
    memset(parties.joiner.kem_secret, 0x0a, sizeof parties.joiner.kem_secret);
    assert_int_equal(x3dh_agree_as_joiner(&parties.joiner, &parties.initiator_sends, &agreement), SMQ_OK);
    assert_known_key("kem_header_key", agreement.header_key);
    assert_known_key("kem_next_header_key", agreement.next_header_key);
    assert_known_key("kem_root_key", agreement.root_key);
    assert_int_equal(
        root_advance(agreement.root_key, &first, &parties.initiator_sends.second, agreement.kem_secret, &step), SMQ_OK);
    assert_known_key("kem_joiner_root_key", step.root_key);
    assert_known_key("kem_joiner_chain_key", step.chain_key);
    assert_known_key("kem_joiner_next_header_key", step.next_header_key);
}

static void test_joiners_first_state_is_the_known_one(void **state) {
    (void)state;
    struct ratchet joiner, initiator;
    known_ratchets(&joiner, &initiator);
    assert_known_key("joiner_root_key", joiner.root_key);
    assert_known_key("joiner_chain_key", joiner.sending.chain_key);
    assert_known_key("joiner_next_header_key", joiner.next_sending_header_key);
    assert_known_key("header_key", joiner.sending.header_key);
    assert_known_key("next_header_key", joiner.next_receiving_header_key);
    assert_known_key("root_key", initiator.root_key);
    assert_known_key("header_key", initiator.next_receiving_header_key);
    assert_known_key("next_header_key", initiator.next_sending_header_key);
}

static void test_first_header_is_the_known_one(void **state) {
    (void)state;
    struct ratchet joiner, initiator;
    struct message_key key;
    struct sealed_header sealed;
    struct slice plain;
    uint8_t buffer[HEADER_PADDED];
    known_ratchets(&joiner, &initiator);
    assert_int_equal(ratchet_encrypt(&joiner, PQ_AS_IT_IS, 3, &key), SMQ_OK);
    assert_known_key("message_next_chain_key", joiner.sending.chain_key);
    assert_known_key("message_key", key.key);
    assert_known("body_iv", slice_of(key.iv, sizeof key.iv));
    assert_known("header_sha256", slice_of(key.header, key.header_length));
    assert_int_equal(sealed_header_parse(slice_of(key.header, key.header_length), &sealed), SMQ_OK);
    assert_known("header_iv", slice_of(sealed.iv, GCM_IV_SIZE));
    assert_known("header_tag", slice_of(sealed.tag, GCM_TAG_SIZE));
    struct gcm_associated associated = {{slice_of(joiner.associated, sizeof joiner.associated)}};
    assert_int_equal(gcm_open(joiner.sending.header_key, sealed.iv, &associated, sealed.ciphertext, sealed.tag, buffer),
                     SMQ_OK);
    assert_int_equal(unpad(slice_of(buffer, sizeof buffer), &plain), SMQ_OK);
    assert_known("header_plain", plain);
}

static void test_first_message_is_the_known_one_in_both_sizes(void **state) {
    (void)state;
    static const struct {
        size_t padded, size;
        const char *tag, *digest;
    } sizes[] = {{100, 242, "message_100_tag", "message_100_sha256"},
                 {15840, 15982, "message_15840_tag", "message_15840_sha256"}};
    struct ratchet joiner, initiator;
    struct message_key key;
    static uint8_t message[16000];
    known_ratchets(&joiner, &initiator);
    assert_int_equal(ratchet_encrypt(&joiner, PQ_AS_IT_IS, 3, &key), SMQ_OK);
    for (size_t i = 0; i < 2; i++) {
        struct sealed_message sealed;
        assert_int_equal(message_size(&key, sizes[i].padded), sizes[i].size);
        assert_int_equal(message_key_seal(&key, slice_of_text("hello"), sizes[i].padded, message), SMQ_OK);
        assert_int_equal(sealed_message_parse(slice_of(message, sizes[i].size), &sealed), SMQ_OK);
        assert_known(sizes[i].tag, slice_of(sealed.tag, GCM_TAG_SIZE));
        assert_known(sizes[i].digest, slice_of(message, sizes[i].size));
    }
}

static void test_initiators_step_is_the_known_one(void **state) {
    (void)state;
    struct ratchet joiner, initiator;
    struct message_key key;
    struct skipped_keys skipped = {0};
    struct ratchet_received received;
    uint8_t message[242], buffer[242], next[KEY_X448_SIZE];
    known_ratchets(&joiner, &initiator);
    assert_int_equal(ratchet_encrypt(&joiner, PQ_AS_IT_IS, 3, &key), SMQ_OK);
    assert_int_equal(message_key_seal(&key, slice_of_text("hello"), 100, message), SMQ_OK);
    memset(next, 6, sizeof next);
    struct random_script script = {slice_of(next, sizeof next)};
    struct random_source random = random_script_source(&script);
    assert_int_equal(
        ratchet_decrypt(&initiator, &skipped, &random, slice_of(message, sizeof message), buffer, &received), SMQ_OK);
    assert_int_equal(received.verdict, RATCHET_RECEIVED);
    assert_slice_text(received.plaintext, "hello");
    assert_known_key("initiator_root_key", initiator.root_key);
    assert_known_key("initiator_chain_key", initiator.sending.chain_key);
    assert_known_key("initiator_next_header_key", initiator.next_sending_header_key);
}

static void test_gcm_with_a_long_iv_gives_the_known_bytes(void **state) {
    (void)state;
    uint8_t key[GCM_KEY_SIZE], iv[GCM_IV_SIZE], bytes[32], tag[GCM_TAG_SIZE];
    struct slice plain;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    memcpy(iv, key, sizeof iv);
    struct gcm_associated whole = {{slice_of_text("ad")}}, parts = {{slice_of_text("a"), slice_of_text("d")}};
    assert_int_equal(pad(slice_of_text("hello"), bytes, sizeof bytes), SMQ_OK);
    assert_int_equal(gcm_seal(key, iv, &whole, slice_of(bytes, sizeof bytes), bytes, tag), SMQ_OK);
    assert_known("gcm_tag", slice_of(tag, sizeof tag));
    assert_known("gcm_ciphertext", slice_of(bytes, sizeof bytes));
    assert_int_equal(gcm_open(key, iv, &parts, slice_of(bytes, sizeof bytes), tag, bytes), SMQ_OK);
    assert_int_equal(unpad(slice_of(bytes, sizeof bytes), &plain), SMQ_OK);
    assert_slice_text(plain, "hello");
}

static void test_gcm_refuses_any_other_byte_and_leaves_nothing(void **state) {
    (void)state;
    static const uint8_t zeroes[48];
    uint8_t key[GCM_KEY_SIZE] = {1}, iv[GCM_IV_SIZE] = {2}, sealed[48], tag[GCM_TAG_SIZE], opened[48];
    struct gcm_associated associated = {{slice_of_text("first"), slice_of_text("second")}};
    assert_int_equal(
        gcm_seal(key, iv, &associated, slice_of_text("this is a message of forty-eight bytes, exactly."), sealed, tag),
        SMQ_OK);
    for (size_t i = 0; i < 3; i++) {
        uint8_t *byte = i == 0 ? &sealed[47] : i == 1 ? &tag[15] : &iv[15];
        *byte ^= 0x80;
        memset(opened, 0xff, sizeof opened);
        assert_int_equal(gcm_open(key, iv, &associated, slice_of(sealed, sizeof sealed), tag, opened), SMQ_ERR_AUTH);
        assert_memory_equal(opened, zeroes, sizeof opened);
        *byte ^= 0x80;
    }
    associated.parts[1].length--;
    assert_int_equal(gcm_open(key, iv, &associated, slice_of(sealed, sizeof sealed), tag, opened), SMQ_ERR_AUTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_keys_and_their_hash_are_the_known_ones),
        cmocka_unit_test(test_both_sides_agree_on_the_known_keys),
        cmocka_unit_test(test_accepted_kem_gives_the_known_keys),
        cmocka_unit_test(test_joiners_first_state_is_the_known_one),
        cmocka_unit_test(test_first_header_is_the_known_one),
        cmocka_unit_test(test_first_message_is_the_known_one_in_both_sizes),
        cmocka_unit_test(test_initiators_step_is_the_known_one),
        cmocka_unit_test(test_gcm_with_a_long_iv_gives_the_known_bytes),
        cmocka_unit_test(test_gcm_refuses_any_other_byte_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
