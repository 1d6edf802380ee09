/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* DER of keys and signed keys, and plaintexts inside boxes. The first byte of the input chooses the form. */
#include <stdlib.h>
#include <string.h>

#include "transport/crypto/client_envelope.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"
#include "transport/crypto/proxy_layer.h"
#include "transport/crypto/signature.h"
#include "transport/crypto/signed_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void fuzz_public_key(struct slice input) {
    struct public_key key;
    uint8_t der[KEY_SPKI_MAX];
    if (public_key_parse(input, &key) != SMQ_OK)
        return;
    struct writer writer = writer_of(der, sizeof der);
    write_public_key_der(&writer, &key);
    require(slice_equal(slice_of(der, writer_length(&writer)), input));
}

static void fuzz_private_key(struct slice input) {
    struct private_key key;
    uint8_t der[KEY_PKCS8_MAX];
    if (private_key_parse(input, &key) != SMQ_OK)
        return;
    struct writer writer = writer_of(der, sizeof der);
    write_private_key_der(&writer, &key);
    require(slice_equal(slice_of(der, writer_length(&writer)), input));
}

static void fuzz_signed_key(struct slice input) {
    struct signed_key parsed;
    if (signed_key_parse(input, &parsed) != SMQ_OK)
        return;
    require(parsed.signature.length == signature_size(parsed.signature_algorithm));
    (void)signed_key_verify(&parsed, &parsed.key);
}

static void fuzz_envelope_head(struct slice input) {
    struct client_envelope envelope;
    if (client_envelope_parse(input, &envelope) == SMQ_OK)
        require(envelope.ciphertext_offset + envelope.ciphertext_length == input.length);
}

/* Everything that decrypts before it parses gets the input as its plaintext, padded exactly, in an honest box. */
static void fuzz_plaintexts(struct slice input) {
    static const struct box_key key = {{1}};
    static const uint8_t nonce[BOX_NONCE_SIZE];
    struct message_body body;
    struct notification_meta meta;
    struct client_message message;
    struct proxy_forward forward;
    struct proxy_response response;
    size_t sealed_length = BOX_PADDED_OFFSET + input.length;
    uint8_t *buffer = malloc(sealed_length);
    if (buffer == NULL || input.length > 0xffff - 2) {
        free(buffer);
        return;
    }
    for (int form = 0; form < 5; form++) {
        size_t offset = form < 3 ? BOX_PADDED_OFFSET : BOX_TAG_SIZE;
        if (input.length > 0)
            memcpy(buffer + offset, input.bytes, input.length);
        if (form < 3)
            (void)box_seal_padded(&key, nonce, buffer, input.length, input.length + 2);
        else
            box_seal(&key, nonce, buffer, input.length);
        struct client_envelope envelope = {.ciphertext_length = sealed_length};
        switch (form) {
        case 0:
            (void)message_body_open(&key, slice_of(nonce, sizeof nonce), buffer, sealed_length, &body);
            break;
        case 1:
            (void)notification_meta_open(&key, nonce, buffer, sealed_length, &meta);
            break;
        case 2:
            (void)client_envelope_open(&key, &envelope, buffer, &message);
            break;
        case 3:
            (void)proxy_forward_open(&key, nonce, buffer, BOX_TAG_SIZE + input.length, &forward);
            break;
        default:
            (void)proxy_response_open(&key, nonce, buffer, BOX_TAG_SIZE + input.length, &response);
            break;
        }
    }
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static void (*const forms[])(struct slice) = {fuzz_public_key, fuzz_private_key, fuzz_signed_key,
                                                  fuzz_envelope_head, fuzz_plaintexts};
    if (length == 0)
        return 0;
    forms[bytes[0] % (sizeof forms / sizeof forms[0])](slice_of(bytes + 1, length - 1));
    return 0;
}
