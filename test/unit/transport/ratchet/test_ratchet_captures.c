/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ratchets of the reference: the agreement, and then every message and every state that was printed. */
#include "queues/base/secret.h"
#include "test/support/random_stream.h"
#include "test/support/ratchet_capture.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/ratchet/ratchet.h"

enum { PARTIES = 2, MESSAGE_MAX = 4096, SENT_MAX = 16 };

/* One message that was sent. */
struct sent {
    enum captured_party sender;
    struct key_pair sender_key; /* the ratchet key in its header */
    struct kem_state sender_kem;
    uint8_t text[128], bytes[MESSAGE_MAX];
    size_t text_length, length;
};

struct replay {
    struct capture capture;
    struct captured_state states[PARTIES]; /* as printed last */
    bool begun[PARTIES];
    struct skipped_keys skipped[PARTIES];
    struct sent sent[SENT_MAX];
    size_t sent_count;
    const struct sent *received[PARTIES]; /* the last one */
    struct ratchet expected;              /* what our code made of the last line, to be compared with the next state */
    bool random_kem;                      /* and whether its new keys are ours, not those printed */
    const struct sent *stepped_by;
    unsigned messages, errors, states_seen;
};

/* ---- agreement */

static void own_keys(const struct capture *capture, enum captured_party party, const struct captured_state *state,
                     struct x3dh_keys *keys) {
    bool alice = party == CAPTURED_ALICE;
    memset(keys, 0, sizeof *keys);
    keys->first = captured_pair(capture, alice ? "alice-priv1" : "bob-priv1");
    keys->second = captured_pair(capture, alice ? "alice-priv2" : "bob-priv2");
    keys->kem = state->ratchet.kem;
    if (alice && keys->kem.offer == KEM_ACCEPTED)
        keys->kem.offer = KEM_PROPOSED; /* she proposed; what is printed is Bob's acceptance */
    if (state->has_kem_secret)
        memcpy(keys->kem_secret, state->kem_secret, sizeof keys->kem_secret);
}

static void agree(struct replay *replay, const struct capture_line *line, enum captured_party party) {
    const struct captured_state *state = &replay->states[party];
    struct x3dh_keys own;
    struct e2e_parameters alice, bob;
    captured_parameters(&replay->capture, "alice-e2e-params", &alice);
    captured_parameters(&replay->capture, "bob-e2e-params", &bob);
    own_keys(&replay->capture, party, state, &own);
    struct ratchet *made = &replay->expected;
    if (party == CAPTURED_BOB) {
        struct key_pair first = captured_pair(&replay->capture, "bob-ratchet-priv");
        struct random_script script = {slice_of(first.private_key.bytes, first.private_key.length)};
        struct random_source random = random_script_source(&script);
        capture_check(line, ratchet_join(&random, &own, &alice, E2E_VERSION_MAX, made) == SMQ_OK);
    } else {
        capture_check(line,
                      ratchet_initiate(&own, &bob, E2E_VERSION_MAX, state->ratchet.kem_supported, made) == SMQ_OK);
        made->kem = state->ratchet.kem; /* the printed acceptance is of no use: she sends nothing before her step */
    }
    /* The keys' public halves are what was sent. */
    const struct e2e_parameters *sent = party == CAPTURED_BOB ? &bob : &alice;
    capture_check(line, public_key_equal(&own.first.public_key, &sent->first));
    capture_check(line, public_key_equal(&own.second.public_key, &sent->second));
}

/* ---- states */

static void assert_same_state(const struct capture_line *line, const struct ratchet *a, const struct ratchet *b) {
    uint8_t bytes[2][RATCHET_MAX];
    size_t lengths[2];
    const struct ratchet *states[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        struct writer writer = writer_of(bytes[i], sizeof bytes[i]);
        write_ratchet(&writer, states[i]);
        capture_check(line, writer_finish(&writer) == SMQ_OK);
        lengths[i] = writer_length(&writer);
    }
    capture_check(line, lengths[0] == lengths[1] && memcmp(bytes[0], bytes[1], lengths[0]) == 0);
}

/* The KEM's ciphertexts cannot be made again: what is ours in the state is replaced by what was printed, and the
 * sending half of the step is derived again from that. */
static void take_printed_keys(const struct replay *replay, const struct capture_line *line,
                              const struct captured_state *before, struct captured_state *printed,
                              struct ratchet *made) {
    uint8_t secret[SNTRUP761_SHARED_SECRET_SIZE];
    struct root_step receiving, sending;
    const struct sent *by = replay->stepped_by;
    bool accepted = by->sender_kem.offer == KEM_ACCEPTED;
    capture_check(line, public_key_equal(&printed->peer, &by->sender_key.public_key));
    capture_check(line, made->kem.offer == printed->ratchet.kem.offer);
    if (accepted)
        assert_int_equal(sntrup761_decapsulate(before->ratchet.kem.secret_key, by->sender_kem.ciphertext, secret),
                         SMQ_OK);
    assert_int_equal(root_advance(before->ratchet.root_key, &before->ratchet.own, &printed->peer,
                                  accepted ? secret : NULL, &receiving),
                     SMQ_OK);
    assert_int_equal(root_advance(receiving.root_key, &printed->ratchet.own, &printed->peer,
                                  printed->has_kem_secret ? printed->kem_secret : NULL, &sending),
                     SMQ_OK);
    made->own = printed->ratchet.own;
    made->kem = printed->ratchet.kem;
    memcpy(made->root_key, sending.root_key, sizeof made->root_key);
    memcpy(made->sending.chain_key, sending.chain_key, sizeof made->sending.chain_key);
    memcpy(made->next_sending_header_key, sending.next_header_key, sizeof made->next_sending_header_key);
}

static void see_state(struct replay *replay, const struct capture_line *line, enum captured_party party) {
    struct captured_state before = replay->states[party];
    struct captured_state *printed = &replay->states[party];
    captured_state(line, printed);
    if (!replay->begun[party])
        agree(replay, line, party);
    else if (replay->random_kem)
        take_printed_keys(replay, line, &before, printed, &replay->expected);
    assert_same_state(line, &replay->expected, &printed->ratchet);
    replay->begun[party] = true;
    replay->random_kem = false;
    replay->states_seen++;
}

/* ---- messages */

static void see_sent(struct replay *replay, const struct capture_line *line, enum captured_party party) {
    assert_true(replay->sent_count < SENT_MAX);
    struct sent *sent = &replay->sent[replay->sent_count++];
    size_t padded = (size_t)capture_number(line, "pad");
    uint8_t made[MESSAGE_MAX];
    struct message_key key;
    sent->sender = party;
    sent->length = capture_hex(line, "message", sent->bytes, sizeof sent->bytes).length;
    sent->text_length = capture_hex(line, "text", sent->text, sizeof sent->text).length;
    replay->expected = replay->states[party].ratchet;
    sent->sender_key = replay->expected.own;
    sent->sender_kem = replay->expected.kem;
    capture_check(line, ratchet_encrypt(&replay->expected, PQ_AS_IT_IS, E2E_VERSION_MAX, &key) == SMQ_OK);
    capture_check(line, message_size(&key, padded) == sent->length);
    capture_check(line, message_key_seal(&key, slice_of(sent->text, sent->text_length), padded, made) == SMQ_OK);
    capture_check(line, memcmp(made, sent->bytes, sent->length) == 0);
    replay->messages++;
}

/* Decrypts from the printed state; the new keys of a step without a KEM are those that will be printed. */
static enum ratchet_verdict receive(struct replay *replay, const struct capture_line *line, enum captured_party party,
                                    struct slice bytes, struct ratchet_received *received) {
    static uint8_t buffer[MESSAGE_MAX];
    struct captured_state next;
    captured_state(line + 1, &next);
    const struct ratchet *before = &replay->states[party].ratchet;
    struct random_script script = {slice_of(next.ratchet.own.private_key.bytes, KEY_X448_SIZE)};
    struct random_source random = random_script_source(&script);
    replay->expected = *before;
    replay->random_kem = next.ratchet.kem.offer == KEM_ACCEPTED &&
                         !public_key_equal(&before->own.public_key, &next.ratchet.own.public_key);
    if (replay->random_kem)
        random = random_source_system;
    assert_int_equal(ratchet_decrypt(&replay->expected, &replay->skipped[party], &random, bytes, buffer, received),
                     SMQ_OK);
    return received->verdict;
}

static const struct sent *sent_with(const struct replay *replay, const struct capture_line *line,
                                    enum captured_party receiver) {
    uint8_t text[128];
    struct slice wanted = capture_hex(line, "text", text, sizeof text);
    for (size_t i = 0; i < replay->sent_count; i++)
        if (replay->sent[i].sender != receiver &&
            slice_equal(wanted, slice_of(replay->sent[i].text, replay->sent[i].text_length)))
            return &replay->sent[i];
    capture_check(line, false);
    return NULL;
}

static void see_received(struct replay *replay, const struct capture_line *line, enum captured_party party) {
    struct ratchet_received received;
    const struct sent *sent = sent_with(replay, line, party);
    enum ratchet_verdict verdict = receive(replay, line, party, slice_of(sent->bytes, sent->length), &received);
    capture_check(line, verdict == RATCHET_RECEIVED);
    assert_slice_equal(received.plaintext, slice_of(sent->text, sent->text_length));
    assert_int_equal(received.pq, replay->expected.kem_receiving);
    replay->received[party] = replay->stepped_by = sent;
}

/* Altered in its last byte: an error, and nothing changes, so that the true message is still read; its step is what the
 * reference prints after the error. */
static void see_altered(struct replay *replay, const struct capture_line *line, enum captured_party party) {
    struct ratchet_received received;
    struct sent *sent = &replay->sent[replay->sent_count - 1];
    sent->bytes[sent->length - 1] ^= 1;
    capture_check(line,
                  receive(replay, line, party, slice_of(sent->bytes, sent->length), &received) == RATCHET_WRONG_BODY);
    assert_same_state(line, &replay->expected, &replay->states[party].ratchet);
    sent->bytes[sent->length - 1] ^= 1;
    capture_check(line,
                  receive(replay, line, party, slice_of(sent->bytes, sent->length), &received) == RATCHET_RECEIVED);
    replay->received[party] = replay->stepped_by = sent;
}

static void see_error(struct replay *replay, const struct capture_line *line, enum captured_party party) {
    struct ratchet_received received;
    const struct sent *sent = replay->received[party];
    replay->errors++;
    if (strstr(line->text, "AESDecryptError") != NULL) {
        see_altered(replay, line, party);
        return;
    }
    enum ratchet_verdict verdict = receive(replay, line, party, slice_of(sent->bytes, sent->length), &received);
    if (strstr(line->text, "CERatchetEarlierMessage") != NULL) {
        capture_check(line, verdict == RATCHET_EARLIER);
        capture_check(line, received.distance == strtoul(strrchr(line->text, ' ') + 1, NULL, 10));
    } else {
        capture_check(line, strstr(line->text, "CERatchetDuplicateMessage") != NULL);
        capture_check(line, verdict == RATCHET_DUPLICATE);
    }
}

static void see_line(struct replay *replay, const struct capture_line *line) {
    enum captured_party party;
    struct slice kind;
    if (!captured_party_of(line, &party, &kind))
        return;
    if (slice_equal(kind, slice_of_text("state")))
        see_state(replay, line, party);
    else if (slice_equal(kind, slice_of_text("sends")))
        see_sent(replay, line, party);
    else if (slice_equal(kind, slice_of_text("receives")) && strstr(line->text, " error ") != NULL)
        see_error(replay, line, party);
    else if (slice_equal(kind, slice_of_text("receives")))
        see_received(replay, line, party);
}

static void replay_file(const char *path) {
    struct replay *replay = calloc(1, sizeof *replay);
    assert_non_null(replay);
    capture_open(&replay->capture, path);
    for (size_t i = 0; i < replay->capture.count; i++)
        see_line(replay, &replay->capture.lines[i]);
    assert_int_equal(replay->messages, 7);
    assert_int_equal(replay->errors, 3);
    assert_int_equal(replay->states_seen, 2 + 7 + 6 + 3);
    for (size_t i = 0; i < PARTIES; i++) {
        assert_int_equal(replay->skipped[i].count, 0);
        skipped_keys_clear(&replay->skipped[i]);
    }
    capture_close(&replay->capture);
    free(replay);
}

static void test_ratchet_without_kem_is_the_references(void **state) {
    (void)state;
    replay_file("test/vectors/agent/ratchet-no-kem.txt");
}

static void test_ratchet_with_a_kem_proposed_in_the_reply_is_the_references(void **state) {
    (void)state;
    replay_file("test/vectors/agent/ratchet-kem-proposed.txt");
}

static void test_ratchet_with_a_kem_accepted_in_the_reply_is_the_references(void **state) {
    (void)state;
    replay_file("test/vectors/agent/ratchet-kem-accepted.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratchet_without_kem_is_the_references),
        cmocka_unit_test(test_ratchet_with_a_kem_proposed_in_the_reply_is_the_references),
        cmocka_unit_test(test_ratchet_with_a_kem_accepted_in_the_reply_is_the_references),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
