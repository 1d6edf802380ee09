/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* States from a backup, and agreeing on a new ratchet. */
#include "test/support/ratchet_pair.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/ratchet/resync.h"

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

static struct ratchet_party backup_of(const struct ratchet_party *party) {
    struct ratchet_party copy = *party;
    copy.skipped = (struct skipped_keys){0};
    for (size_t i = 0; i < party->skipped.count; i++)
        assert_int_equal(skipped_keys_append(&copy.skipped, &party->skipped.keys[i]), SMQ_OK);
    return copy;
}

static void restore(struct ratchet_party *party, const struct ratchet_party *backup) {
    skipped_keys_clear(&party->skipped);
    *party = *backup;
}

/* Both agree anew with fresh parameters, which is what follows RATCHET_SYNC_REQUIRED. */
static void synchronise(struct ratchet_pair *pair, enum kem_offer offer) {
    struct x3dh_keys alice, bob;
    struct e2e_parameters alice_sends, bob_sends;
    bool alice_joined, bob_joined;
    assert_int_equal(x3dh_keys_generate(&random_source_system, offer, NULL, &alice), SMQ_OK);
    assert_int_equal(x3dh_keys_generate(&random_source_system, offer, NULL, &bob), SMQ_OK);
    x3dh_parameters(&alice, (struct version_range){3, 3}, &alice_sends);
    x3dh_parameters(&bob, (struct version_range){3, 3}, &bob_sends);
    skipped_keys_clear(&pair->alice.skipped);
    skipped_keys_clear(&pair->bob.skipped);
    assert_int_equal(ratchet_resync(&random_source_system, &alice, &bob_sends, 3, offer != KEM_NONE, &alice_joined,
                                    &pair->alice.ratchet),
                     SMQ_OK);
    assert_int_equal(ratchet_resync(&random_source_system, &bob, &alice_sends, 3, offer != KEM_NONE, &bob_joined,
                                    &pair->bob.ratchet),
                     SMQ_OK);
    assert_true(alice_joined != bob_joined);
    pass(bob_joined ? &pair->bob : &pair->alice, bob_joined ? &pair->alice : &pair->bob);
}

static void test_restored_state_in_the_same_chain_repeats_numbers_and_then_goes_on(void **state) {
    (void)state;
    struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 2);
    struct ratchet_message message;
    struct ratchet_party backup = backup_of(&pair.bob);
    pass(&pair.bob, &pair.alice);
    pass(&pair.bob, &pair.alice);
    restore(&pair.bob, &backup);
    send(&pair.bob, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_EARLIER);
    send(&pair.bob, &message);
    assert_int_equal(receive(&pair.alice, &message), RATCHET_DUPLICATE);
    pass(&pair.bob, &pair.alice);
    turns(&pair, 1);
    ratchet_pair_destroy(&pair);
}

static void test_restored_state_of_an_older_chain_needs_a_new_ratchet(void **state) {
    (void)state;
    for (int kem = 0; kem < 2; kem++) {
        struct ratchet_pair pair = pair_after(kem ? HANDSHAKE_ACCEPTED : HANDSHAKE_NO_KEM, 2);
        struct ratchet_message message;
        struct ratchet_party backup = backup_of(&pair.bob);
        turns(&pair, 3);
        restore(&pair.bob, &backup);
        send(&pair.bob, &message);
        enum ratchet_verdict verdict = receive(&pair.alice, &message);
        assert_int_equal(verdict, RATCHET_UNKNOWN_HEADER);
        assert_int_equal(ratchet_sync_after(RATCHET_SYNC_OK, verdict), RATCHET_SYNC_REQUIRED);
        send(&pair.alice, &message);
        assert_int_equal(receive(&pair.bob, &message), RATCHET_UNKNOWN_HEADER);
        synchronise(&pair, kem ? KEM_PROPOSED : KEM_NONE);
        ratchet_pair_destroy(&pair);
    }
}

static void test_roles_of_a_new_ratchet_follow_from_the_keys_either_way(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        struct ratchet_pair pair = pair_after(HANDSHAKE_NO_KEM, 1);
        synchronise(&pair, round % 2 == 0 ? KEM_NONE : KEM_PROPOSED);
        bool alice_first = pair.bob.ratchet.receiving.exists;
        for (int turn = 0; turn < 4; turn++) {
            pass(alice_first ? &pair.bob : &pair.alice, alice_first ? &pair.alice : &pair.bob);
            pass(alice_first ? &pair.alice : &pair.bob, alice_first ? &pair.bob : &pair.alice);
        }
        assert_int_equal(pair.alice.ratchet.kem_sending, round % 2 != 0);
        ratchet_pair_destroy(&pair);
    }
}

static void test_new_ratchet_accepts_no_kem(void **state) {
    (void)state;
    struct x3dh_keys alice, bob;
    struct e2e_parameters alice_sends, bob_sends;
    struct ratchet ratchet;
    bool joined;
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_PROPOSED, NULL, &alice), SMQ_OK);
    x3dh_parameters(&alice, (struct version_range){3, 3}, &alice_sends);
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_ACCEPTED, &alice_sends, &bob), SMQ_OK);
    x3dh_parameters(&bob, (struct version_range){3, 3}, &bob_sends);
    assert_int_equal(ratchet_resync(&random_source_system, &alice, &bob_sends, 3, true, &joined, &ratchet),
                     SMQ_ERR_PROTOCOL);
}

static void test_sync_states_follow_from_verdicts(void **state) {
    (void)state;
    static const struct {
        enum ratchet_verdict verdict;
        enum ratchet_sync after;
    } rows[] = {{RATCHET_WRONG_BODY, RATCHET_SYNC_ALLOWED},
                {RATCHET_EARLIER, RATCHET_SYNC_ALLOWED},
                {RATCHET_UNKNOWN_HEADER, RATCHET_SYNC_REQUIRED},
                {RATCHET_TOO_MANY, RATCHET_SYNC_REQUIRED},
                {RATCHET_DUPLICATE, RATCHET_SYNC_OK},
                {RATCHET_MALFORMED, RATCHET_SYNC_OK},
                {RATCHET_WRONG_KEM, RATCHET_SYNC_OK},
                {RATCHET_RECEIVED, RATCHET_SYNC_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ratchet_sync_after(RATCHET_SYNC_OK, rows[i].verdict), rows[i].after);
        assert_int_equal(ratchet_sync_after(RATCHET_SYNC_STARTED, rows[i].verdict), RATCHET_SYNC_STARTED);
    }
    assert_int_equal(ratchet_sync_after(RATCHET_SYNC_AGREED, RATCHET_UNKNOWN_HEADER), RATCHET_SYNC_AGREED);
    assert_int_equal(ratchet_sync_after(RATCHET_SYNC_AGREED, RATCHET_RECEIVED), RATCHET_SYNC_OK);
    for (enum ratchet_sync sync = RATCHET_SYNC_OK; sync < RATCHET_SYNC_COUNT; sync++) {
        enum ratchet_sync parsed;
        assert_int_equal(ratchet_sync_parse(slice_of_text(ratchet_sync_text(sync)), &parsed), SMQ_OK);
        assert_int_equal(parsed, sync);
    }
    assert_int_equal(ratchet_sync_parse(slice_of_text("okay"), &(enum ratchet_sync){0}), SMQ_ERR_SYNTAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restored_state_in_the_same_chain_repeats_numbers_and_then_goes_on),
        cmocka_unit_test(test_restored_state_of_an_older_chain_needs_a_new_ratchet),
        cmocka_unit_test(test_roles_of_a_new_ratchet_follow_from_the_keys_either_way),
        cmocka_unit_test(test_new_ratchet_accepts_no_kem),
        cmocka_unit_test(test_sync_states_follow_from_verdicts),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
