/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Everything of a ratchet that reads bytes: what peers send, what links hold, what the store keeps. The first byte of
 * the input chooses the form. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "transport/crypto/ratchet/ratchet.h"
#include "transport/crypto/setup.h"
#include "transport/wire/padding.h"

enum { TEXT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void require_same(const struct writer *writer, struct slice input) {
    require(writer_finish(writer) == SMQ_OK);
    require(slice_equal(slice_of(writer->start, writer_length(writer)), input));
}

/* ---- forms that have one encoding */

static void fuzz_parameters(struct slice input) {
    uint8_t bytes[E2E_PARAMETERS_MAX];
    struct e2e_parameters parameters;
    struct reader reader = reader_of(input);
    read_e2e_parameters(&reader, &parameters);
    if (reader_finish(&reader) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_e2e_parameters(&writer, &parameters);
    require_same(&writer, input);
}

static void fuzz_link_parameters(struct slice input) {
    uint8_t bytes[E2E_LINK_PARAMETERS_MAX];
    struct e2e_parameters parameters;
    struct reader reader = reader_of(input);
    read_e2e_link_parameters(&reader, &parameters);
    if (reader_finish(&reader) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_e2e_link_parameters(&writer, &parameters);
    require_same(&writer, input);
}

/* Texts have more than one form; what was read is written in one that is read as the same. */
static void fuzz_link_text(struct slice input) {
    static uint8_t texts[2][TEXT_MAX];
    struct e2e_parameters parameters;
    struct slice text = input;
    for (size_t i = 0; i < 2; i++) {
        if (e2e_link_text_parse(text, &parameters) != SMQ_OK) {
            require(i == 0);
            return;
        }
        struct writer writer = writer_of(texts[i], sizeof texts[i]);
        write_e2e_link_text(&writer, &parameters);
        require(writer_finish(&writer) == SMQ_OK);
        text = slice_of(texts[i], writer_length(&writer));
    }
    require(slice_equal(text, slice_of(texts[0], text.length)));
}

static void fuzz_state(struct slice input) {
    uint8_t bytes[RATCHET_MAX];
    struct ratchet ratchet;
    if (ratchet_decode(input, &ratchet) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_ratchet(&writer, &ratchet);
    require_same(&writer, input);
}

static void fuzz_keys(struct slice input) {
    uint8_t bytes[X3DH_KEYS_MAX];
    struct x3dh_keys keys;
    if (x3dh_keys_decode(input, &keys) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_x3dh_keys(&writer, &keys);
    require_same(&writer, input);
}

static void fuzz_message_key(struct slice input) {
    uint8_t bytes[MESSAGE_KEY_MAX];
    struct message_key key;
    if (message_key_decode(input, &key) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_message_key(&writer, &key);
    require_same(&writer, input);
}

static void fuzz_skipped_key(struct slice input) {
    uint8_t bytes[SKIPPED_KEY_ENCODED];
    struct skipped_key key;
    if (skipped_key_decode(1, input, &key) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_skipped_key(&writer, &key);
    require_same(&writer, input);
}

/* The first byte is the version; a header may have more at its end than is written. */
static void fuzz_header(struct slice input) {
    uint8_t bytes[HEADER_PADDED_KEM];
    struct message_header header;
    if (input.length == 0)
        return;
    uint16_t version = input.bytes[0];
    input = slice_of(input.bytes + 1, input.length - 1);
    if (message_header_parse(version, input, &header) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_message_header(&writer, version, &header);
    require(writer_finish(&writer) == SMQ_OK && writer_length(&writer) <= input.length);
    require(memcmp(bytes, input.bytes, writer_length(&writer)) == 0);
}

/* ---- messages to a party that has received, and has a KEM */

static struct ratchet receiver, sender;

static void pass(struct ratchet *from, struct ratchet *to) {
    struct message_key key;
    struct skipped_keys skipped = {0};
    struct ratchet_received received;
    uint8_t message[SEALED_HEADER_MAX + 64], buffer[sizeof message];
    require(ratchet_encrypt(from, PQ_AS_IT_IS, E2E_VERSION_MAX, &key) == SMQ_OK);
    require(message_key_seal(&key, slice_of(NULL, 0), 32, message) == SMQ_OK);
    require(ratchet_decrypt(to, &skipped, &random_source_system, slice_of(message, message_size(&key, 32)), buffer,
                            &received) == SMQ_OK);
    require(received.verdict == RATCHET_RECEIVED);
}

static void set_up(void) {
    const struct version_range version = {E2E_VERSION_MAX, E2E_VERSION_MAX};
    struct x3dh_keys alice, bob;
    struct e2e_parameters alice_sends, bob_sends;
    require(crypto_setup() == SMQ_OK);
    require(x3dh_keys_generate(&random_source_system, KEM_PROPOSED, NULL, &alice) == SMQ_OK);
    x3dh_parameters(&alice, version, &alice_sends);
    require(x3dh_keys_generate(&random_source_system, KEM_ACCEPTED, &alice_sends, &bob) == SMQ_OK);
    x3dh_parameters(&bob, version, &bob_sends);
    require(ratchet_join(&random_source_system, &bob, &alice_sends, E2E_VERSION_MAX, &sender) == SMQ_OK);
    require(ratchet_initiate(&alice, &bob_sends, E2E_VERSION_MAX, true, &receiver) == SMQ_OK);
    pass(&sender, &receiver);
    pass(&receiver, &sender);
    pass(&sender, &receiver);
}

static bool unchanged(const struct ratchet *ratchet) {
    static uint8_t bytes[2][RATCHET_MAX];
    struct writer before = writer_of(bytes[0], sizeof bytes[0]), after = writer_of(bytes[1], sizeof bytes[1]);
    write_ratchet(&before, &receiver);
    write_ratchet(&after, ratchet);
    return slice_equal(slice_of(bytes[0], writer_length(&before)), slice_of(bytes[1], writer_length(&after)));
}

static enum ratchet_verdict receive(struct slice message) {
    struct ratchet ratchet = receiver;
    struct skipped_keys skipped = {0};
    struct ratchet_received received;
    uint8_t *buffer = malloc(message.length > 0 ? message.length : 1);
    require(buffer != NULL);
    require(ratchet_decrypt(&ratchet, &skipped, &random_source_system, message, buffer, &received) == SMQ_OK);
    if (received.verdict != RATCHET_RECEIVED)
        require(unchanged(&ratchet) && skipped.count == 0);
    require(skipped.count <= SKIPPED_KEYS_MAX);
    skipped_keys_clear(&skipped);
    free(buffer);
    return received.verdict;
}

static void fuzz_message(struct slice input) {
    struct sealed_message message;
    if (sealed_message_parse(input, &message) == SMQ_OK)
        require(message.header.length + message.ciphertext.length + GCM_TAG_SIZE < input.length);
    require(receive(input) != RATCHET_RECEIVED);
}

/* The input is the plaintext of a header that an honest key encrypts, for the current or the next chain. */
static void fuzz_authentic_header(struct slice input) {
    static const uint8_t iv[GCM_IV_SIZE];
    uint8_t message[2 + SEALED_HEADER_OVERHEAD + HEADER_RECEIVED_MAX + GCM_TAG_SIZE + 32] = {0};
    if (input.length == 0 || input.length > HEADER_PADDED_KEM)
        return;
    const uint8_t *key = (input.bytes[0] & 1) != 0 ? receiver.receiving.header_key : receiver.next_receiving_header_key;
    input = slice_of(input.bytes + 1, input.length - 1);
    size_t padded = PADDING_HEADER_SIZE + input.length;
    struct gcm_associated associated = {{slice_of(receiver.associated, sizeof receiver.associated)}};
    struct writer writer = writer_of(message, sizeof message);
    write_header_length(&writer, E2E_VERSION_MAX, SEALED_HEADER_OVERHEAD + padded);
    write_u16(&writer, E2E_VERSION_MAX);
    write_bytes(&writer, iv, sizeof iv);
    uint8_t *tag = write_reserve(&writer, GCM_TAG_SIZE);
    write_header_length(&writer, E2E_VERSION_MAX, padded);
    uint8_t *body = write_reserve(&writer, padded);
    (void)write_reserve(&writer, GCM_TAG_SIZE + 32);
    require(writer_finish(&writer) == SMQ_OK);
    require(pad(input, body, padded) == SMQ_OK);
    require(gcm_seal(key, iv, &associated, slice_of(body, padded), body, tag) == SMQ_OK);
    require(receive(slice_of(message, writer_length(&writer))) != RATCHET_RECEIVED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static bool ready;
    static void (*const forms[])(struct slice) = {
        fuzz_parameters,  fuzz_link_parameters, fuzz_link_text, fuzz_state,   fuzz_keys,
        fuzz_message_key, fuzz_skipped_key,     fuzz_header,    fuzz_message, fuzz_authentic_header,
    };
    if (!ready)
        set_up();
    ready = true;
    if (length == 0)
        return 0;
    forms[bytes[0] % (sizeof forms / sizeof forms[0])](slice_of(bytes + 1, length - 1));
    return 0;
}
