/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The end-to-end layer of SEND bodies. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/client_envelope.h"

static const struct box_key key = {{4, 5, 6}};
static uint8_t envelope_bytes[ENVELOPE_MESSAGE_SIZE];

static enum smq_result open_envelope(size_t length, struct client_envelope *envelope, struct client_message *message) {
    enum smq_result result = client_envelope_parse(slice_of(envelope_bytes, length), envelope);
    return result == SMQ_OK ? client_envelope_open(&key, envelope, envelope_bytes, message) : result;
}

static void test_confirmation_carries_both_keys(void **state) {
    (void)state;
    struct key_pair sender = fresh_pair(KEY_X25519), auth = fresh_pair(KEY_ED25519);
    struct client_message sent = {
        .has_auth_key = true, .auth_key = auth.public_key, .payload = slice_of_text("profile")};
    struct client_envelope envelope;
    struct client_message opened;
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_random(nonce);
    assert_int_equal(client_envelope_seal(&key, nonce, 4, &sender.public_key, &sent, envelope_bytes), SMQ_OK);
    assert_memory_equal(envelope_bytes, "\0\x04\x31\x2c", 4);
    assert_int_equal(open_envelope(ENVELOPE_CONFIRMATION_SIZE, &envelope, &opened), SMQ_OK);
    assert_int_equal(envelope.version, 4);
    assert_true(envelope.has_sender_key);
    assert_true(public_key_equal(&envelope.sender_key, &sender.public_key));
    assert_memory_equal(envelope.nonce, nonce, sizeof nonce);
    assert_int_equal(envelope.ciphertext_length, ENVELOPE_CONFIRMATION_PADDED + BOX_TAG_SIZE);
    assert_true(opened.has_auth_key);
    assert_true(public_key_equal(&opened.auth_key, &auth.public_key));
    assert_slice_text(opened.payload, "profile");
}

static void test_message_carries_no_key(void **state) {
    (void)state;
    static uint8_t payload[ENVELOPE_MESSAGE_PADDED - 3];
    struct client_message sent = {.payload = slice_of(payload, sizeof payload)}, opened;
    struct client_envelope envelope;
    uint8_t nonce[BOX_NONCE_SIZE] = {1};
    assert_int_equal(client_envelope_seal(&key, nonce, 3, NULL, &sent, envelope_bytes), SMQ_OK);
    assert_memory_equal(envelope_bytes, "\0\x03\x30", 3);
    assert_int_equal(open_envelope(ENVELOPE_MESSAGE_SIZE, &envelope, &opened), SMQ_OK);
    assert_false(envelope.has_sender_key);
    assert_false(opened.has_auth_key);
    assert_slice_equal(opened.payload, sent.payload);
    sent.payload.length++;
    assert_int_equal(client_envelope_seal(&key, nonce, 3, NULL, &sent, envelope_bytes), SMQ_ERR_TOO_LARGE);
}

static void test_envelope_cut_at_any_byte_of_its_head_is_refused(void **state) {
    (void)state;
    struct key_pair sender = fresh_pair(KEY_X25519);
    struct client_message sent = {.payload = slice_of_text("x")};
    struct client_envelope envelope;
    struct client_message opened;
    uint8_t nonce[BOX_NONCE_SIZE] = {1};
    assert_int_equal(client_envelope_seal(&key, nonce, 4, &sender.public_key, &sent, envelope_bytes), SMQ_OK);
    size_t head = 2 + 46 + BOX_NONCE_SIZE;
    for (size_t length = 0; length < head + 40; length++) {
        uint8_t *cut = heap_copy(envelope_bytes, length);
        enum smq_result result = client_envelope_parse(slice_of(cut, length), &envelope);
        assert_int_equal(result, length < head ? SMQ_ERR_SYNTAX : SMQ_OK);
        if (result == SMQ_OK)
            assert_int_equal(client_envelope_open(&key, &envelope, cut, &opened), SMQ_ERR_CRYPTO);
        free(cut);
    }
}

static void test_sender_key_of_another_algorithm_is_refused(void **state) {
    (void)state;
    struct key_pair sender = fresh_pair(KEY_ED25519);
    struct client_message sent = {.payload = slice_of_text("x")};
    struct client_envelope envelope;
    uint8_t nonce[BOX_NONCE_SIZE] = {1};
    assert_int_equal(client_envelope_seal(&key, nonce, 4, &sender.public_key, &sent, envelope_bytes), SMQ_OK);
    assert_int_equal(client_envelope_parse(slice_of(envelope_bytes, ENVELOPE_CONFIRMATION_SIZE), &envelope),
                     SMQ_ERR_SYNTAX);
}

static void test_unknown_kind_of_message_is_refused(void **state) {
    (void)state;
    struct client_message sent = {.payload = slice_of_text("x")}, opened;
    struct client_envelope envelope;
    uint8_t nonce[BOX_NONCE_SIZE] = {1};
    struct slice plaintext;
    assert_int_equal(client_envelope_seal(&key, nonce, 4, NULL, &sent, envelope_bytes), SMQ_OK);
    size_t at = 2 + 1 + BOX_NONCE_SIZE;
    assert_int_equal(box_open(&key, nonce, envelope_bytes + at, ENVELOPE_MESSAGE_PADDED + BOX_TAG_SIZE, &plaintext),
                     SMQ_OK);
    envelope_bytes[at + BOX_PADDED_OFFSET] = 'X';
    box_seal(&key, nonce, envelope_bytes + at, ENVELOPE_MESSAGE_PADDED);
    assert_int_equal(open_envelope(ENVELOPE_MESSAGE_SIZE, &envelope, &opened), SMQ_ERR_SYNTAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confirmation_carries_both_keys),
        cmocka_unit_test(test_message_carries_no_key),
        cmocka_unit_test(test_envelope_cut_at_any_byte_of_its_head_is_refused),
        cmocka_unit_test(test_sender_key_of_another_algorithm_is_refused),
        cmocka_unit_test(test_unknown_kind_of_message_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
