/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Conversations over a ratchet: messages late and twice, the KEM on and off, versions, sizes. */
#include "test/support/ratchet_pair.h"
#include "test/unit/transport/test_helpers.h"

static struct slice text_of(const char *text) {
    return slice_of_text(text);
}

static void pass(struct ratchet_party *from, struct ratchet_party *to, const char *text) {
    struct ratchet_message message;
    struct ratchet_received received;
    ratchet_party_send(from, PQ_AS_IT_IS, text_of(text), &message);
    assert_int_equal(ratchet_party_receive(to, &message, text_of(text), &received), RATCHET_RECEIVED);
}

static void with_pair(enum ratchet_handshake handshake, void (*test)(struct ratchet_pair *pair)) {
    struct ratchet_pair pair;
    ratchet_pair_create(&pair, handshake, E2E_VERSION_MAX);
    test(&pair);
    ratchet_pair_destroy(&pair);
}

static void with_every_handshake(void (*test)(struct ratchet_pair *pair)) {
    for (enum ratchet_handshake handshake = HANDSHAKE_NO_KEM; handshake < HANDSHAKE_COUNT; handshake++)
        with_pair(handshake, test);
}

/* ---- order */

static void converse(struct ratchet_pair *pair) {
    for (int turn = 0; turn < 4; turn++) {
        pass(&pair->bob, &pair->alice, "one");
        pass(&pair->bob, &pair->alice, "two");
        pass(&pair->alice, &pair->bob, "");
        pass(&pair->alice, &pair->bob, "four");
    }
    assert_int_equal(pair->alice.skipped.count + pair->bob.skipped.count, 0);
}

static void test_messages_go_both_ways_after_every_handshake(void **state) {
    (void)state;
    with_every_handshake(converse);
}

static void test_initiator_cannot_send_before_it_has_received(void **state) {
    (void)state;
    struct ratchet_pair pair;
    struct message_key key;
    ratchet_pair_create(&pair, HANDSHAKE_NO_KEM, E2E_VERSION_MAX);
    assert_int_equal(ratchet_encrypt(&pair.alice.ratchet, PQ_AS_IT_IS, 3, &key), SMQ_ERR_CLOSED);
    pass(&pair.bob, &pair.alice, "hello");
    assert_int_equal(ratchet_encrypt(&pair.alice.ratchet, PQ_AS_IT_IS, 3, &key), SMQ_OK);
    ratchet_pair_destroy(&pair);
}

/* Messages 0, 1, 2 of a chain in the order 2, 2, 1, 0, 1, 0: late ones are read, repeated ones are told apart. */
static void receive_out_of_order(struct ratchet_pair *pair) {
    static const struct {
        int message;
        enum ratchet_verdict verdict;
        uint32_t distance;
    } steps[] = {{2, RATCHET_RECEIVED, 0}, {2, RATCHET_DUPLICATE, 0}, {1, RATCHET_RECEIVED, 0},
                 {0, RATCHET_RECEIVED, 0}, {1, RATCHET_EARLIER, 1},   {0, RATCHET_EARLIER, 2}};
    static const char *const texts[] = {"first", "second", "third"};
    struct ratchet_message messages[3];
    struct ratchet_received received;
    for (int i = 0; i < 3; i++)
        ratchet_party_send(&pair->bob, PQ_AS_IT_IS, text_of(texts[i]), &messages[i]);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int number = steps[i].message;
        assert_int_equal(ratchet_party_receive(&pair->alice, &messages[number], text_of(texts[number]), &received),
                         steps[i].verdict);
        assert_int_equal(received.distance, steps[i].distance);
        ratchet_party_restart(&pair->alice);
    }
    assert_int_equal(pair->alice.skipped.count, 0);
}

static void test_late_messages_are_read_once(void **state) {
    (void)state;
    with_every_handshake(receive_out_of_order);
}

/* The skipped message of an old chain is read after both have gone on, and once only. */
static void receive_after_advance(struct ratchet_pair *pair) {
    struct ratchet_message late, last;
    struct ratchet_received received;
    ratchet_party_send(&pair->bob, PQ_AS_IT_IS, text_of("late"), &late);
    pass(&pair->bob, &pair->alice, "in time");
    ratchet_party_send(&pair->bob, PQ_AS_IT_IS, text_of("last of its chain"), &last);
    for (int turn = 0; turn < 3; turn++) {
        pass(&pair->alice, &pair->bob, "answer");
        pass(&pair->bob, &pair->alice, "next");
    }
    assert_int_equal(pair->alice.skipped.count, 2);
    assert_int_equal(ratchet_party_receive(&pair->alice, &last, text_of("last of its chain"), &received),
                     RATCHET_RECEIVED);
    assert_int_equal(ratchet_party_receive(&pair->alice, &late, text_of("late"), &received), RATCHET_RECEIVED);
    assert_int_equal(ratchet_party_receive(&pair->alice, &late, text_of("late"), &received), RATCHET_UNKNOWN_HEADER);
    pass(&pair->alice, &pair->bob, "still there");
}

static void test_skipped_messages_are_read_after_the_ratchet_has_advanced(void **state) {
    (void)state;
    with_every_handshake(receive_after_advance);
}

/* ---- the KEM */

enum sender { ALICE, BOB };

/* One message: who sends, what is asked for, and whether both report it as post-quantum. */
struct kem_row {
    enum sender sender;
    bool pq;
    enum pq_request request;
};

static void follow_rows(enum ratchet_handshake handshake, const struct kem_row *rows, size_t count) {
    struct ratchet_pair pair;
    ratchet_pair_create(&pair, handshake, E2E_VERSION_MAX);
    for (size_t i = 0; i < count; i++) {
        struct ratchet_party *from = rows[i].sender == BOB ? &pair.bob : &pair.alice;
        struct ratchet_party *to = rows[i].sender == BOB ? &pair.alice : &pair.bob;
        struct ratchet_message message;
        struct ratchet_received received;
        ratchet_party_send(from, rows[i].request, text_of("row"), &message);
        assert_int_equal(ratchet_party_receive(to, &message, text_of("row"), &received), RATCHET_RECEIVED);
        if (from->ratchet.kem_sending != rows[i].pq || received.pq != rows[i].pq)
            fail_msg("row %zu: sender reports %d, receiver %d", i, from->ratchet.kem_sending, received.pq);
    }
    ratchet_pair_destroy(&pair);
}

#define FOLLOW(handshake, rows) follow_rows((handshake), (rows), sizeof(rows) / sizeof((rows)[0]))

static void test_kem_is_on_from_the_first_message_when_it_was_accepted(void **state) {
    (void)state;
    static const struct kem_row rows[] = {{BOB, true, PQ_AS_IT_IS}, {ALICE, true, PQ_AS_IT_IS}, {BOB, true, PQ_ON}};
    FOLLOW(HANDSHAKE_ACCEPTED, rows);
}

static void test_kem_is_on_after_one_turn_when_it_was_proposed(void **state) {
    (void)state;
    static const struct kem_row rows[] = {
        {BOB, false, PQ_AS_IT_IS}, {ALICE, true, PQ_AS_IT_IS}, {BOB, true, PQ_AS_IT_IS}};
    FOLLOW(HANDSHAKE_PROPOSED, rows);
    FOLLOW(HANDSHAKE_PROPOSED_AGAIN, rows);
}

static void test_kem_goes_off_and_on_again_as_with_the_reference(void **state) {
    (void)state;
    static const struct kem_row rows[] = {
        {BOB, true, PQ_AS_IT_IS},  {ALICE, true, PQ_AS_IT_IS},  {BOB, true, PQ_OFF},      {ALICE, true, PQ_AS_IT_IS},
        {BOB, false, PQ_AS_IT_IS}, {ALICE, false, PQ_AS_IT_IS}, {BOB, false, PQ_ON},      {ALICE, false, PQ_AS_IT_IS},
        {BOB, false, PQ_AS_IT_IS}, {ALICE, false, PQ_AS_IT_IS}, {BOB, false, PQ_ON},      {ALICE, false, PQ_ON},
        {BOB, false, PQ_ON},       {ALICE, true, PQ_AS_IT_IS},  {BOB, true, PQ_AS_IT_IS},
    };
    static const struct kem_row strict[] = {
        {BOB, true, PQ_ON},   {ALICE, true, PQ_ON},   {BOB, true, PQ_OFF}, {ALICE, true, PQ_ON},
        {BOB, false, PQ_OFF}, {ALICE, false, PQ_OFF}, {BOB, false, PQ_ON}, {ALICE, false, PQ_OFF},
        {BOB, false, PQ_ON},  {ALICE, false, PQ_OFF}, {BOB, false, PQ_ON}, {ALICE, false, PQ_ON},
        {BOB, false, PQ_ON},  {ALICE, true, PQ_ON},   {BOB, true, PQ_ON},
    };
    FOLLOW(HANDSHAKE_ACCEPTED, rows);
    FOLLOW(HANDSHAKE_ACCEPTED, strict);
}

static void test_kem_is_enabled_on_a_connection_without_as_with_the_reference(void **state) {
    (void)state;
    static const struct kem_row rows[] = {
        {BOB, false, PQ_AS_IT_IS}, {ALICE, false, PQ_AS_IT_IS}, {BOB, false, PQ_ON},       {BOB, false, PQ_ON},
        {ALICE, false, PQ_ON},     {ALICE, false, PQ_ON},       {BOB, false, PQ_ON},       {ALICE, true, PQ_ON},
        {BOB, true, PQ_AS_IT_IS},  {ALICE, true, PQ_AS_IT_IS},  {BOB, true, PQ_AS_IT_IS},  {ALICE, true, PQ_OFF},
        {BOB, true, PQ_AS_IT_IS},  {ALICE, false, PQ_AS_IT_IS}, {BOB, false, PQ_AS_IT_IS},
    };
    FOLLOW(HANDSHAKE_NO_KEM, rows);
}

static void test_one_party_alone_does_not_turn_the_kem_on(void **state) {
    (void)state;
    static const struct kem_row rows[] = {
        {BOB, false, PQ_ON},    {ALICE, false, PQ_OFF}, {BOB, false, PQ_ON},
        {ALICE, false, PQ_OFF}, {BOB, false, PQ_ON},    {ALICE, false, PQ_OFF},
        {BOB, false, PQ_ON},    {ALICE, false, PQ_OFF}, {BOB, false, PQ_ON},
    };
    FOLLOW(HANDSHAKE_NO_KEM, rows);
}

/* ---- sizes and versions */

static void assert_header_sizes(enum ratchet_handshake handshake, uint16_t version, size_t header_length) {
    struct ratchet_pair pair;
    struct message_key key;
    ratchet_pair_create(&pair, handshake, version);
    assert_int_equal(ratchet_encrypt(&pair.bob.ratchet, PQ_AS_IT_IS, version, &key), SMQ_OK);
    assert_int_equal(key.header_length, header_length);
    ratchet_pair_destroy(&pair);
}

static void test_encrypted_headers_have_the_lengths_of_the_protocol(void **state) {
    (void)state;
    assert_header_sizes(HANDSHAKE_NO_KEM, 2, 123);
    assert_header_sizes(HANDSHAKE_NO_KEM, 3, 124);
    assert_header_sizes(HANDSHAKE_PROPOSED, 3, 2346);
    assert_header_sizes(HANDSHAKE_ACCEPTED, 3, 2346);
}

static void test_header_keeps_its_room_when_the_kem_goes_off(void **state) {
    (void)state;
    struct ratchet_pair pair;
    struct ratchet_message message;
    struct ratchet_received received;
    ratchet_pair_create(&pair, HANDSHAKE_NO_KEM, E2E_VERSION_MAX);
    for (int turn = 0; turn < 6; turn++) {
        struct ratchet_party *from = turn % 2 == 0 ? &pair.bob : &pair.alice;
        struct ratchet_party *to = turn % 2 == 0 ? &pair.alice : &pair.bob;
        ratchet_party_send(from, turn < 2 ? PQ_ON : PQ_OFF, text_of("x"), &message);
        assert_int_equal(message.length, 2 + 2346 + 16 + PAIR_PADDED);
        assert_int_equal(ratchet_party_receive(to, &message, text_of("x"), &received), RATCHET_RECEIVED);
    }
    assert_false(pair.alice.ratchet.kem_sending);
    assert_true(pair.alice.ratchet.kem_supported);
    ratchet_pair_destroy(&pair);
}

static void test_largest_text_fits_and_one_byte_more_is_refused(void **state) {
    (void)state;
    static const char text[PAIR_PADDED] = {'t'};
    struct ratchet_pair pair;
    struct message_key key;
    uint8_t message[PAIR_MESSAGE_MAX];
    ratchet_pair_create(&pair, HANDSHAKE_NO_KEM, E2E_VERSION_MAX);
    assert_int_equal(ratchet_encrypt(&pair.bob.ratchet, PQ_AS_IT_IS, 3, &key), SMQ_OK);
    assert_int_equal(message_key_seal(&key, slice_of(text, PAIR_PADDED - 2), PAIR_PADDED, message), SMQ_OK);
    assert_int_equal(message_key_seal(&key, slice_of(text, PAIR_PADDED - 1), PAIR_PADDED, message), SMQ_ERR_TOO_LARGE);
    ratchet_pair_destroy(&pair);
}

/* Both were of version 2; each supports 3 from some message on. One turn later both are current, and may use a KEM. */
static void test_version_goes_up_when_both_support_it(void **state) {
    (void)state;
    struct ratchet_pair pair;
    ratchet_pair_create(&pair, HANDSHAKE_NO_KEM, E2E_VERSION_MIN);
    pass(&pair.bob, &pair.alice, "of version 2");
    pair.bob.version_max = E2E_VERSION_MAX;
    pass(&pair.bob, &pair.alice, "Alice is not able to");
    pass(&pair.alice, &pair.bob, "and answers so");
    assert_int_equal(pair.alice.ratchet.version, 2);
    pair.alice.version_max = E2E_VERSION_MAX;
    pass(&pair.alice, &pair.bob, "Alice is able to");
    assert_int_equal(pair.alice.ratchet.version, 2);
    assert_int_equal(pair.bob.ratchet.version, 3);
    pass(&pair.bob, &pair.alice, "of version 3");
    assert_int_equal(pair.alice.ratchet.version, 3);
    pass(&pair.alice, &pair.bob, "of version 3 too");
    ratchet_pair_destroy(&pair);
}

static void test_kem_waits_for_the_version_that_has_it(void **state) {
    (void)state;
    struct ratchet_pair pair;
    struct ratchet_message message;
    struct ratchet_received received;
    ratchet_pair_create(&pair, HANDSHAKE_NO_KEM, E2E_VERSION_MIN);
    for (int turn = 0; turn < 8; turn++) {
        struct ratchet_party *from = turn % 2 == 0 ? &pair.bob : &pair.alice;
        struct ratchet_party *to = turn % 2 == 0 ? &pair.alice : &pair.bob;
        ratchet_party_send(from, PQ_ON, text_of("x"), &message);
        if (turn == 0)
            assert_int_equal(message.length, 1 + 123 + 16 + PAIR_PADDED);
        assert_int_equal(ratchet_party_receive(to, &message, text_of("x"), &received), RATCHET_RECEIVED);
    }
    assert_true(received.pq);
    assert_int_equal(pair.alice.ratchet.version, 3);
    ratchet_pair_destroy(&pair);
}

static void test_chain_of_all_numbers_is_closed(void **state) {
    (void)state;
    struct ratchet_pair pair;
    struct message_key key;
    ratchet_pair_create(&pair, HANDSHAKE_NO_KEM, E2E_VERSION_MAX);
    pair.bob.ratchet.sending.count = UINT32_MAX;
    assert_int_equal(ratchet_encrypt(&pair.bob.ratchet, PQ_AS_IT_IS, 3, &key), SMQ_ERR_TOO_LARGE);
    ratchet_pair_destroy(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_go_both_ways_after_every_handshake),
        cmocka_unit_test(test_initiator_cannot_send_before_it_has_received),
        cmocka_unit_test(test_late_messages_are_read_once),
        cmocka_unit_test(test_skipped_messages_are_read_after_the_ratchet_has_advanced),
        cmocka_unit_test(test_kem_is_on_from_the_first_message_when_it_was_accepted),
        cmocka_unit_test(test_kem_is_on_after_one_turn_when_it_was_proposed),
        cmocka_unit_test(test_kem_goes_off_and_on_again_as_with_the_reference),
        cmocka_unit_test(test_kem_is_enabled_on_a_connection_without_as_with_the_reference),
        cmocka_unit_test(test_one_party_alone_does_not_turn_the_kem_on),
        cmocka_unit_test(test_encrypted_headers_have_the_lengths_of_the_protocol),
        cmocka_unit_test(test_header_keeps_its_room_when_the_kem_goes_off),
        cmocka_unit_test(test_largest_text_fits_and_one_byte_more_is_refused),
        cmocka_unit_test(test_version_goes_up_when_both_support_it),
        cmocka_unit_test(test_kem_waits_for_the_version_that_has_it),
        cmocka_unit_test(test_chain_of_all_numbers_is_closed),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
