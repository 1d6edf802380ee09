/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Both layers of proxied commands, there and back. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/proxy_layer.h"

static const struct box_key client_relay = {{1}}, proxy_relay = {{2}};
static const uint8_t client_id[BOX_NONCE_SIZE] = {1, 2, 3}, proxy_id[BOX_NONCE_SIZE] = {4, 5, 6};

static void test_command_and_answer_pass_through_both_layers(void **state) {
    (void)state;
    static uint8_t payload[PROXY_PAYLOAD_SIZE], forward_bytes[PROXY_FORWARD_MAX], response_bytes[PROXY_RESPONSE_MAX];
    struct key_pair ephemeral = fresh_pair(KEY_X25519);
    memset(payload + BOX_PADDED_OFFSET, 'c', PROXY_PAYLOAD_CONTENT_MAX);
    assert_int_equal(proxy_payload_seal(&client_relay, client_id, payload, PROXY_PAYLOAD_CONTENT_MAX), SMQ_OK);

    struct proxy_forward sent = {.corr_id = slice_of(client_id, sizeof client_id),
                                 .version = 17,
                                 .client_key = ephemeral.public_key,
                                 .payload = slice_of(payload, sizeof payload)};
    struct proxy_forward received;
    size_t length;
    assert_int_equal(proxy_forward_seal(&proxy_relay, proxy_id, &sent, forward_bytes, sizeof forward_bytes, &length),
                     SMQ_OK);
    assert_int_equal(length, PROXY_FORWARD_MAX);
    assert_int_equal(proxy_forward_open(&proxy_relay, proxy_id, forward_bytes, length, &received), SMQ_OK);
    assert_slice_equal(received.corr_id, sent.corr_id);
    assert_int_equal(received.version, 17);
    assert_true(public_key_equal(&received.client_key, &ephemeral.public_key));
    size_t at = proxy_forward_payload_at(sizeof client_id);
    assert_ptr_equal(received.payload.bytes, forward_bytes + at);
    struct slice content;
    assert_int_equal(
        proxy_payload_open(&client_relay, client_id, forward_bytes + at, received.payload.length, &content), SMQ_OK);
    assert_int_equal(content.length, PROXY_PAYLOAD_CONTENT_MAX);

    /* The relay builds the answer in its place. */
    uint8_t *place = response_bytes + proxy_response_payload_at(sizeof client_id);
    memcpy(place + BOX_PADDED_OFFSET, "answer", 6);
    assert_int_equal(proxy_result_seal(&client_relay, client_id, place, 6), SMQ_OK);
    struct proxy_response answer = {.corr_id = slice_of(client_id, sizeof client_id),
                                    .payload = slice_of(place, PROXY_PAYLOAD_SIZE)};
    struct proxy_response got;
    assert_int_equal(
        proxy_response_seal(&proxy_relay, proxy_id, &answer, response_bytes, sizeof response_bytes, &length), SMQ_OK);
    assert_int_equal(length, PROXY_RESPONSE_MAX);
    assert_int_equal(proxy_response_open(&proxy_relay, proxy_id, response_bytes, length, &got), SMQ_OK);
    assert_slice_equal(got.corr_id, answer.corr_id);
    assert_int_equal(proxy_result_open(&client_relay, client_id, place, got.payload.length, &content), SMQ_OK);
    assert_slice_text(content, "answer");
}

/* In a received PFWD the command's own fields lie in front of the payload; they are written over. */
static void test_forward_moves_by_being_encrypted(void **state) {
    (void)state;
    static uint8_t received[200 + PROXY_PAYLOAD_SIZE], in_place[PROXY_FORWARD_MAX], moved[PROXY_FORWARD_MAX];
    struct key_pair ephemeral = fresh_pair(KEY_X25519);
    struct proxy_forward forward = {.corr_id = slice_of(client_id, sizeof client_id),
                                    .version = 12,
                                    .client_key = ephemeral.public_key,
                                    .payload = slice_of(received + 200, PROXY_PAYLOAD_SIZE)};
    size_t length, moved_length;
    memset(received, 7, sizeof received);
    assert_int_equal(proxy_forward_seal(&proxy_relay, proxy_id, &forward, in_place, sizeof in_place, &length), SMQ_OK);
    assert_int_equal(proxy_forward_seal_to(&proxy_relay, proxy_id, &forward, moved, sizeof moved - 1, &moved_length),
                     SMQ_ERR_TOO_LARGE);
    assert_int_equal(proxy_forward_seal_to(&proxy_relay, proxy_id, &forward, moved, sizeof moved, &moved_length),
                     SMQ_OK);
    assert_int_equal(moved_length, length);
    assert_memory_equal(moved, in_place, length);
    size_t untouched = 200 - proxy_forward_header_size(sizeof client_id);
    for (size_t i = 0; i < untouched; i++)
        assert_int_equal(received[i], 7);
}

static void test_response_moves_by_being_decrypted(void **state) {
    (void)state;
    static uint8_t sealed[PROXY_RESPONSE_MAX], opened[PROXY_RESPONSE_MAX], payload[PROXY_PAYLOAD_SIZE];
    struct proxy_response sent = {slice_of(client_id, sizeof client_id), slice_of(payload, sizeof payload)}, got;
    size_t length;
    memset(payload, 9, sizeof payload);
    assert_int_equal(proxy_response_seal(&proxy_relay, proxy_id, &sent, sealed, sizeof sealed, &length), SMQ_OK);
    assert_int_equal(proxy_response_open_to(&proxy_relay, proxy_id, slice_of(sealed, length), opened, &got), SMQ_OK);
    assert_slice_equal(got.payload, sent.payload);
    assert_slice_equal(got.corr_id, sent.corr_id);
    sealed[40] ^= 1;
    assert_int_equal(proxy_response_open_to(&proxy_relay, proxy_id, slice_of(sealed, length), opened, &got),
                     SMQ_ERR_CRYPTO);
    assert_int_equal(proxy_response_open_to(&proxy_relay, proxy_id, slice_of(sealed, BOX_TAG_SIZE - 1), opened, &got),
                     SMQ_ERR_CRYPTO);
    struct slice empty = slice_of(sealed, BOX_TAG_SIZE);
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_reverse(proxy_id, nonce);
    box_seal(&proxy_relay, nonce, sealed, 0);
    assert_int_equal(proxy_response_open_to(&proxy_relay, proxy_id, empty, opened, &got), SMQ_ERR_SYNTAX);
}

static void test_answers_use_the_reversed_id_as_nonce(void **state) {
    (void)state;
    static uint8_t buffer[PROXY_PAYLOAD_SIZE];
    uint8_t reversed[BOX_NONCE_SIZE];
    struct slice content;
    box_nonce_reverse(client_id, reversed);
    memcpy(buffer + BOX_PADDED_OFFSET, "x", 1);
    assert_int_equal(proxy_result_seal(&client_relay, client_id, buffer, 1), SMQ_OK);
    assert_int_equal(proxy_payload_open(&client_relay, client_id, buffer, sizeof buffer, &content), SMQ_ERR_CRYPTO);
    assert_int_equal(box_open_padded(&client_relay, reversed, buffer, sizeof buffer, &content), SMQ_OK);
}

static void test_sizes_over_the_limit_are_refused(void **state) {
    (void)state;
    static uint8_t buffer[PROXY_PAYLOAD_SIZE + 100], output[PROXY_FORWARD_MAX];
    struct key_pair ephemeral = fresh_pair(KEY_X25519);
    size_t length;
    assert_int_equal(proxy_payload_seal(&client_relay, client_id, buffer, PROXY_PAYLOAD_CONTENT_MAX + 1),
                     SMQ_ERR_TOO_LARGE);
    struct proxy_forward forward = {.corr_id = slice_of(client_id, sizeof client_id),
                                    .client_key = ephemeral.public_key,
                                    .payload = slice_of(buffer, PROXY_PAYLOAD_SIZE + 1)};
    assert_int_equal(proxy_forward_seal(&proxy_relay, proxy_id, &forward, output, sizeof output, &length),
                     SMQ_ERR_TOO_LARGE);
    struct proxy_response response = {.corr_id = forward.corr_id, .payload = forward.payload};
    assert_int_equal(proxy_response_seal(&proxy_relay, proxy_id, &response, output, PROXY_RESPONSE_MAX, &length),
                     SMQ_ERR_TOO_LARGE);
}

/* Seals `plaintext` as a proxy would and opens it as the relay does. */
static enum smq_result open_plaintext(struct slice plaintext) {
    struct proxy_forward forward;
    uint8_t *sealed = malloc(BOX_TAG_SIZE + plaintext.length);
    assert_non_null(sealed);
    if (plaintext.length > 0)
        memcpy(sealed + BOX_TAG_SIZE, plaintext.bytes, plaintext.length);
    box_seal(&proxy_relay, proxy_id, sealed, plaintext.length);
    enum smq_result result =
        proxy_forward_open(&proxy_relay, proxy_id, sealed, BOX_TAG_SIZE + plaintext.length, &forward);
    free(sealed);
    return result;
}

static void test_forward_cut_at_any_byte_is_refused(void **state) {
    (void)state;
    struct key_pair ephemeral = fresh_pair(KEY_X25519);
    uint8_t plaintext[128];
    struct writer writer = writer_of(plaintext, sizeof plaintext);
    write_short(&writer, slice_of(client_id, sizeof client_id));
    write_u16(&writer, 9);
    write_public_key(&writer, &ephemeral.public_key);
    for (size_t length = 0; length <= writer_length(&writer); length++)
        assert_int_equal(open_plaintext(slice_of(plaintext, length)),
                         length == writer_length(&writer) ? SMQ_OK : SMQ_ERR_SYNTAX);
    writer = writer_of(plaintext, sizeof plaintext);
    write_short(&writer, slice_of(client_id, 10));
    write_u16(&writer, 9);
    write_public_key(&writer, &ephemeral.public_key);
    assert_int_equal(open_plaintext(slice_of(plaintext, writer_length(&writer))), SMQ_ERR_SYNTAX);
}

static void test_damage_is_noticed_in_every_layer(void **state) {
    (void)state;
    static uint8_t buffer[PROXY_PAYLOAD_SIZE];
    struct slice content;
    struct proxy_forward forward;
    struct proxy_response response;
    assert_int_equal(proxy_payload_seal(&client_relay, client_id, buffer, 10), SMQ_OK);
    buffer[16000] ^= 1;
    assert_int_equal(proxy_payload_open(&client_relay, client_id, buffer, sizeof buffer, &content), SMQ_ERR_CRYPTO);
    for (size_t length = 0; length < 40; length++) {
        uint8_t *copy = heap_copy(buffer, length);
        assert_int_equal(proxy_forward_open(&proxy_relay, proxy_id, copy, length, &forward), SMQ_ERR_CRYPTO);
        assert_int_equal(proxy_response_open(&proxy_relay, proxy_id, copy, length, &response), SMQ_ERR_CRYPTO);
        assert_int_equal(proxy_result_open(&proxy_relay, proxy_id, copy, length, &content), SMQ_ERR_CRYPTO);
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_and_answer_pass_through_both_layers),
        cmocka_unit_test(test_forward_moves_by_being_encrypted),
        cmocka_unit_test(test_response_moves_by_being_decrypted),
        cmocka_unit_test(test_answers_use_the_reversed_id_as_nonce),
        cmocka_unit_test(test_sizes_over_the_limit_are_refused),
        cmocka_unit_test(test_forward_cut_at_any_byte_is_refused),
        cmocka_unit_test(test_damage_is_noticed_in_every_layer),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
