/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A ratchet against a peer, or a router between, that does its worst: forged, cut and repeated messages, numbers of any
 * size, keys that are none, memory that ends. ratchet_party_receive checks at every refusal that nothing has
 * changed. */
#include "queues/base/fault.h"
#include "test/support/ratchet_pair.h"
#include "test/unit/transport/test_helpers.h"

static const char text[] = "text";

static struct slice known_text(void) {
    return slice_of_text(text);
}

static void send(struct ratchet_party *from, struct ratchet_message *message) {
    ratchet_party_send(from, PQ_AS_IT_IS, known_text(), message);
}

static enum ratchet_verdict receive(struct ratchet_party *to, const struct ratchet_message *message) {
    struct ratchet_received received;
    return ratchet_party_receive(to, message, known_text(), &received);
}

static void pass(struct ratchet_party *from, struct ratchet_party *to) {
    struct ratchet_message message;
    send(from, &message);
    assert_int_equal(receive(to, &message), RATCHET_RECEIVED);
}

static void turns(struct ratchet_pair *pair, int count) {
    for (int i = 0; i < count; i++) {
        pass(&pair->bob, &pair->alice);
        pass(&pair->alice, &pair->bob);
    }
}

static struct ratchet_pair pair_after(enum ratchet_handshake handshake, int turn_count) {
    struct ratchet_pair pair;
    ratchet_pair_create(&pair, handshake, E2E_VERSION_MAX);
    turns(&pair, turn_count);
    return pair;
}

/* ---- bytes of a message */

static void refuse_every_altered_byte(enum ratchet_handshake handshake, int turn_count) {
    struct ratchet_pair pair = pair_after(handshake, turn_count);
    struct ratchet_message message;
    send(&pair.bob, &message);
    size_t stride = message.length > 1000 ? 41 : 1;
    for (size_t at = 0; at < message.length; at += at < 64 ? 1 : stride) {
        message.bytes[at] ^= 0x10;
        assert_int_not_equal(receive(&pair.alice, &message), RATCHET_RECEIVED);
        message.bytes[at] ^= 0x10;
    }
    assert_int_equal(receive(&pair.alice, &message), RATCHET_RECEIVED);
    turns(&pair, 1);
    ratchet_pair_destroy(&pair);
}

static void test_altered_message_takes_nothing_from_the_true_one(void **state) {
    (void)state;
    refuse_every_altered_byte(HANDSHAKE_NO_KEM, 0);
    refuse_every_altered_byte(HANDSHAKE_NO_KEM, 2);
    refuse_every_altered_byte(HANDSHAKE_ACCEPTED, 0);
    refuse_every_altered_byte(HANDSHAKE_ACCEPTED, 2);
}

static void test_altered_late_message_leaves_its_key_for_the_true_one(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message late;
    send(&pair.bob, &late);
    pass(&pair.bob, &pair.alice);
    late.bytes[late.length - 1] ^= 1;
    assert_int_equal(receive(&pair.alice, &late), RATCHET_WRONG_BODY);
    late.bytes[late.length - 1] ^= 1;
    assert_int_equal(receive(&pair.alice, &late), RATCHET_RECEIVED);
    ratchet_pair_destroy(&pair);
}

static void test_message_cut_at_any_length_is_refused(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message message, cut;
    send(&pair.bob, &message);
    cut = message;
    for (cut.length = 0; cut.length < message.length; cut.length++)
        assert_int_not_equal(receive(&pair.alice, &cut), RATCHET_RECEIVED);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_RECEIVED);
    ratchet_pair_destroy(&pair);
}

static void test_header_of_one_message_does_not_carry_the_body_of_another(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message first, second, mixed;
    send(&pair.bob, &first);
    send(&pair.bob, &second);
    mixed = first;
    size_t body = first.length - PAIR_PADDED - GCM_TAG_SIZE;
    memcpy(mixed.bytes + body, second.bytes + body, PAIR_PADDED + GCM_TAG_SIZE);
    assert_int_equal(receive(&pair.alice, &mixed), RATCHET_WRONG_BODY);
    assert_int_equal(receive(&pair.alice, &second), RATCHET_RECEIVED);
    assert_int_equal(receive(&pair.alice, &mixed), RATCHET_WRONG_BODY);
    assert_int_equal(receive(&pair.alice, &first), RATCHET_RECEIVED);
    ratchet_pair_destroy(&pair);
}

static void test_message_of_another_connection_is_unknown(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1), other = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message message;
    send(&other.bob, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_UNKNOWN_HEADER);
    send(&pair.alice, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_UNKNOWN_HEADER); /* one's own, sent back */
    ratchet_pair_destroy(&pair);
    ratchet_pair_destroy(&other);
}

/* Authentic, but its padding says that it is longer than it is. */
static void test_padding_that_lies_is_malformed(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message message;
    struct message_key key;
    uint8_t padded[PAIR_PADDED] = {0xff, 0xff};
    assert_int_equal(ratchet_encrypt(&pair.bob.ratchet, PQ_AS_IT_IS, 3, &key), SMQ_OK);
    message.length = message_size(&key, PAIR_PADDED);
    assert_int_equal(message_key_seal(&key, known_text(), PAIR_PADDED, message.bytes), SMQ_OK);
    uint8_t *body = message.bytes + message.length - PAIR_PADDED;
    struct gcm_associated associated = {
        {slice_of(key.associated, sizeof key.associated), slice_of(key.header, key.header_length)}};
    assert_int_equal(gcm_seal(key.key, key.iv, &associated, slice_of(padded, sizeof padded), body, body - GCM_TAG_SIZE),
                     SMQ_OK);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_MALFORMED);
    ratchet_pair_destroy(&pair);
}

/* ---- numbers */

/* Bob says that this is message `number` of his chain, and that his chain before had `previous` messages. */
static struct ratchet_message claim(struct ratchet_party bob, uint32_t previous, uint32_t number) {
    struct ratchet_message message;
    bob.ratchet.sending.count = number;
    bob.ratchet.sending.previous_count = previous;
    send(&bob, &message);
    return message;
}

static void assert_claim(struct ratchet_pair *pair, uint32_t previous, uint32_t number, enum ratchet_verdict verdict,
                         uint32_t distance) {
    struct ratchet_received received;
    struct ratchet_message message = claim(pair->bob, previous, number);
    assert_int_equal(ratchet_party_receive(&pair->alice, &message, known_text(), &received), verdict);
    assert_int_equal(received.distance, distance);
}

static void test_numbers_of_any_size_are_refused_in_the_current_chain(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 2);
    for (int i = 0; i < 5; i++)
        pass(&pair.bob, &pair.alice);
    assert_claim(&pair, 1, 4, RATCHET_DUPLICATE, 0);
    assert_claim(&pair, 1, 3, RATCHET_EARLIER, 1);
    assert_claim(&pair, 1, 0, RATCHET_EARLIER, 4);
    assert_claim(&pair, 1, 5 + 513, RATCHET_TOO_MANY, 514);
    assert_claim(&pair, 1, UINT32_MAX - 1, RATCHET_TOO_MANY, UINT32_MAX - 5);
    assert_claim(&pair, 1, 5 + 512, RATCHET_WRONG_BODY, 0); /* allowed; the key is another message's */
    pass(&pair.bob, &pair.alice);
    ratchet_pair_destroy(&pair);
}

static void test_numbers_of_any_size_are_refused_in_a_new_chain(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 2);
    for (int i = 0; i < 5; i++)
        pass(&pair.bob, &pair.alice); /* the chain before has 5 messages */
    pass(&pair.alice, &pair.bob);
    assert_claim(&pair, 5 + 513, 0, RATCHET_TOO_MANY, 514);
    assert_claim(&pair, UINT32_MAX, 0, RATCHET_TOO_MANY, UINT32_MAX - 4);
    assert_claim(&pair, 4, 0, RATCHET_DUPLICATE, 0);
    assert_claim(&pair, 0, 0, RATCHET_EARLIER, 4);
    assert_claim(&pair, 5, 513, RATCHET_TOO_MANY, 514);
    assert_claim(&pair, 5, UINT32_MAX - 1, RATCHET_TOO_MANY, UINT32_MAX);
    assert_claim(&pair, 5 + 512, 512, RATCHET_WRONG_BODY, 0);
    turns(&pair, 2);
    ratchet_pair_destroy(&pair);
}

/* 512 missing messages are allowed, and each may still come. */
static void test_as_many_messages_may_be_missing_as_the_protocol_says(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 0);
    struct ratchet_message first, last, middle;
    send(&pair.bob, &first);
    for (int i = 1; i < 512; i++)
        send(&pair.bob, i == 300 ? &middle : &last);
    send(&pair.bob, &last);
    assert_int_equal(receive(&pair.alice, &last), RATCHET_RECEIVED);
    assert_int_equal(pair.alice.skipped.count, 512);
    assert_int_equal(receive(&pair.alice, &middle), RATCHET_RECEIVED);
    assert_int_equal(receive(&pair.alice, &first), RATCHET_RECEIVED);
    assert_int_equal(pair.alice.skipped.count, 510);
    ratchet_pair_destroy(&pair);
}

/* ---- skipped keys without end */

static void test_keys_of_missing_messages_are_bounded_and_the_oldest_give_way(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message lost, oldest, newest;
    for (int round = 0; round < 8; round++) {
        send(&pair.bob, round == 0 ? &oldest : &newest);
        for (int i = 1; i < 512; i++)
            send(&pair.bob, &lost);
        pass(&pair.bob, &pair.alice);
        assert_true(pair.alice.skipped.count <= SKIPPED_KEYS_MAX);
        ratchet_party_restart(&pair.alice);
    }
    assert_int_equal(pair.alice.skipped.count, SKIPPED_KEYS_MAX);
    assert_int_equal(receive(&pair.alice, &oldest), RATCHET_EARLIER);
    assert_int_equal(receive(&pair.alice, &newest), RATCHET_RECEIVED);
    turns(&pair, 1);
    ratchet_pair_destroy(&pair);
}

static size_t chains_of(const struct skipped_keys *skipped) {
    size_t chains = 0;
    for (size_t i = 0; i < skipped->count; i++)
        chains += i == 0 || memcmp(skipped->keys[i].header_key, skipped->keys[i - 1].header_key, RATCHET_KEY_SIZE) != 0;
    return chains;
}

static void test_chains_with_missing_messages_are_bounded_and_the_oldest_give_way(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message missing[SKIPPED_CHAINS_MAX + 2];
    for (size_t i = 0; i < SKIPPED_CHAINS_MAX + 2; i++) {
        send(&pair.bob, &missing[i]);
        turns(&pair, 1);
        assert_int_equal(chains_of(&pair.alice.skipped), i < SKIPPED_CHAINS_MAX ? i + 1 : SKIPPED_CHAINS_MAX);
    }
    assert_int_equal(receive(&pair.alice, &missing[0]), RATCHET_UNKNOWN_HEADER);
    assert_int_equal(receive(&pair.alice, &missing[1]), RATCHET_UNKNOWN_HEADER);
    for (size_t i = 2; i < SKIPPED_CHAINS_MAX + 2; i++)
        assert_int_equal(receive(&pair.alice, &missing[i]), RATCHET_RECEIVED);
    assert_int_equal(pair.alice.skipped.count, 0);
    ratchet_pair_destroy(&pair);
}

static void test_skipped_keys_load_only_in_order_and_within_bounds(void **state) {
    (void)state;
    struct skipped_keys skipped = {0};
    struct skipped_key key = {.order = 7};
    uint8_t bytes[SKIPPED_KEY_ENCODED + 1] = {0};
    assert_int_equal(skipped_keys_append(&skipped, &key), SMQ_OK);
    assert_int_equal(skipped_keys_append(&skipped, &key), SMQ_ERR_INVALID);
    key.order = 6;
    assert_int_equal(skipped_keys_append(&skipped, &key), SMQ_ERR_INVALID);
    for (key.order = 8; skipped.count < SKIPPED_KEYS_MAX; key.order++)
        assert_int_equal(skipped_keys_append(&skipped, &key), SMQ_OK);
    assert_int_equal(skipped_keys_append(&skipped, &key), SMQ_ERR_INVALID);
    assert_int_equal(skipped_key_decode(1, slice_of(bytes, SKIPPED_KEY_ENCODED - 1), &key), SMQ_ERR_SYNTAX);
    assert_int_equal(skipped_key_decode(1, slice_of(bytes, SKIPPED_KEY_ENCODED + 1), &key), SMQ_ERR_SYNTAX);
    assert_int_equal(skipped_key_decode(1, slice_of(bytes, SKIPPED_KEY_ENCODED), &key), SMQ_OK);
    skipped_keys_clear(&skipped);
    assert_int_equal(skipped.count, 0);
}

/* ---- keys that are none */

static void test_ratchet_key_of_small_order_is_malformed(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 2);
    struct ratchet_party liar = pair.bob;
    struct ratchet_message message;
    memset(liar.ratchet.own.public_key.bytes, 0, KEY_X448_SIZE);
    send(&liar, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_MALFORMED);
    turns(&pair, 1);
    ratchet_pair_destroy(&pair);
}

static void test_acceptance_of_a_kem_key_that_was_not_offered_is_refused(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 2);
    struct ratchet_party liar = pair.bob;
    struct ratchet_message message;
    liar.ratchet.kem_supported = true;
    liar.ratchet.kem.offer = KEM_ACCEPTED;
    send(&liar, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_WRONG_KEM);
    turns(&pair, 1);
    ratchet_pair_destroy(&pair);
}

static void test_wrong_kem_ciphertext_shows_as_a_wrong_body(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_ACCEPTED, 1);
    struct ratchet_party liar = pair.bob;
    struct ratchet_message message;
    liar.ratchet.kem.ciphertext[500] ^= 1;
    send(&liar, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_WRONG_BODY);
    turns(&pair, 1);
    ratchet_pair_destroy(&pair);
}

/* As the reference after PQ_OFF: the chain's first message has the ciphertext, later ones have not. */
static void test_chain_whose_ciphertext_comes_late_is_read_when_it_comes(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_ACCEPTED, 1);
    struct ratchet_message first, second;
    send(&pair.bob, &first);
    pair.bob.ratchet.kem.offer = KEM_PROPOSED;
    send(&pair.bob, &second);
    assert_int_equal(receive(&pair.alice, &second), RATCHET_WRONG_BODY);
    assert_int_equal(receive(&pair.alice, &first), RATCHET_RECEIVED);
    assert_int_equal(receive(&pair.alice, &second), RATCHET_RECEIVED);
    turns(&pair, 2);
    ratchet_pair_destroy(&pair);
}

static void agree_as(const struct x3dh_keys *alice, const struct x3dh_keys *bob, enum smq_result joiner,
                     enum smq_result initiator) {
    const struct version_range version = {3, 3};
    struct e2e_parameters alice_sends, bob_sends;
    struct x3dh_agreement agreement;
    x3dh_parameters(alice, version, &alice_sends);
    x3dh_parameters(bob, version, &bob_sends);
    assert_int_equal(x3dh_agree_as_joiner(bob, &alice_sends, &agreement), joiner);
    assert_int_equal(x3dh_agree_as_initiator(alice, &bob_sends, &agreement), initiator);
}

static void test_agreement_refuses_keys_of_small_order_and_what_was_not_proposed(void **state) {
    (void)state;
    struct x3dh_keys alice, bob;
    struct e2e_parameters link;
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_PROPOSED, NULL, &alice), SMQ_OK);
    x3dh_parameters(&alice, (struct version_range){3, 3}, &link);
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_ACCEPTED, &link, &bob), SMQ_OK);
    agree_as(&alice, &bob, SMQ_OK, SMQ_OK);
    alice.kem.offer = KEM_NONE;
    agree_as(&alice, &bob, SMQ_ERR_PROTOCOL, SMQ_ERR_PROTOCOL);
    bob.kem.offer = KEM_NONE;
    agree_as(&alice, &bob, SMQ_OK, SMQ_OK);
    memset(bob.second.public_key.bytes, 0, KEY_X448_SIZE);
    memset(alice.second.public_key.bytes, 0, KEY_X448_SIZE);
    agree_as(&alice, &bob, SMQ_ERR_CRYPTO, SMQ_ERR_CRYPTO);
    link.kem.offer = KEM_NONE;
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_ACCEPTED, &link, &bob), SMQ_ERR_INVALID);
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_ACCEPTED, NULL, &bob), SMQ_ERR_INVALID);
}

/* ---- the machine */

static void test_message_can_be_read_after_memory_ran_out(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
    struct ratchet_message lost, message;
    struct ratchet_received received;
    uint8_t buffer[PAIR_MESSAGE_MAX];
    size_t before_length, after_length;
    send(&pair.bob, &lost);
    send(&pair.bob, &message);
    uint8_t *before = ratchet_party_bytes(&pair.alice, &before_length);
    fault_arm(FAULT_POINT_memory_alloc, 0, UINT64_MAX);
    enum smq_result result = ratchet_decrypt(&pair.alice.ratchet, &pair.alice.skipped, &random_source_system,
                                             slice_of(message.bytes, message.length), buffer, &received);
    fault_arm(FAULT_POINT_memory_alloc, 0, 0);
    assert_int_equal(result, SMQ_ERR_NO_MEMORY);
    uint8_t *after = ratchet_party_bytes(&pair.alice, &after_length);
    assert_slice_equal(slice_of(after, after_length), slice_of(before, before_length));
    free(before);
    free(after);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_RECEIVED);
    assert_int_equal(receive(&pair.alice, &lost), RATCHET_RECEIVED);
    ratchet_pair_destroy(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_altered_message_takes_nothing_from_the_true_one),
        cmocka_unit_test(test_altered_late_message_leaves_its_key_for_the_true_one),
        cmocka_unit_test(test_message_cut_at_any_length_is_refused),
        cmocka_unit_test(test_header_of_one_message_does_not_carry_the_body_of_another),
        cmocka_unit_test(test_message_of_another_connection_is_unknown),
        cmocka_unit_test(test_padding_that_lies_is_malformed),
        cmocka_unit_test(test_numbers_of_any_size_are_refused_in_the_current_chain),
        cmocka_unit_test(test_numbers_of_any_size_are_refused_in_a_new_chain),
        cmocka_unit_test(test_as_many_messages_may_be_missing_as_the_protocol_says),
        cmocka_unit_test(test_keys_of_missing_messages_are_bounded_and_the_oldest_give_way),
        cmocka_unit_test(test_chains_with_missing_messages_are_bounded_and_the_oldest_give_way),
        cmocka_unit_test(test_skipped_keys_load_only_in_order_and_within_bounds),
        cmocka_unit_test(test_ratchet_key_of_small_order_is_malformed),
        cmocka_unit_test(test_acceptance_of_a_kem_key_that_was_not_offered_is_refused),
        cmocka_unit_test(test_wrong_kem_ciphertext_shows_as_a_wrong_body),
        cmocka_unit_test(test_chain_whose_ciphertext_comes_late_is_read_when_it_comes),
        cmocka_unit_test(test_agreement_refuses_keys_of_small_order_and_what_was_not_proposed),
        cmocka_unit_test(test_message_can_be_read_after_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
