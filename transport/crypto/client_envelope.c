/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The end-to-end layer of SEND bodies. */
#include "transport/crypto/client_envelope.h"

#include <string.h>

enum smq_result client_envelope_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint16_t version,
                                     const struct public_key *sender_key, const struct client_message *message,
                                     uint8_t *output) {
    size_t padded = sender_key != NULL ? ENVELOPE_CONFIRMATION_PADDED : ENVELOPE_MESSAGE_PADDED;
    size_t size = sender_key != NULL ? ENVELOPE_CONFIRMATION_SIZE : ENVELOPE_MESSAGE_SIZE;
    struct writer writer = writer_of(output, size);
    write_u16(&writer, version);
    write_maybe(&writer, sender_key != NULL);
    if (sender_key != NULL)
        write_public_key(&writer, sender_key);
    write_bytes(&writer, nonce, BOX_NONCE_SIZE);
    uint8_t *box = write_reserve(&writer, BOX_PADDED_OFFSET);
    size_t start = writer_length(&writer);
    write_u8(&writer, message->has_auth_key ? 'K' : '_');
    if (message->has_auth_key)
        write_public_key(&writer, &message->auth_key);
    write_slice(&writer, message->payload);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    return box_seal_padded(key, nonce, box, writer_length(&writer) - start, padded);
}

enum smq_result client_envelope_parse(struct slice bytes, struct client_envelope *envelope) {
    struct reader reader = reader_of(bytes);
    struct client_envelope parsed = {.version = read_u16(&reader)};
    parsed.has_sender_key = read_maybe(&reader);
    if (parsed.has_sender_key)
        read_public_key_of(&reader, KEY_X25519, &parsed.sender_key);
    struct slice nonce = read_bytes(&reader, BOX_NONCE_SIZE);
    parsed.ciphertext_length = reader_left(&reader);
    parsed.ciphertext_offset = bytes.length - parsed.ciphertext_length;
    enum smq_result result = reader_status(&reader);
    if (result != SMQ_OK)
        return result;
    memcpy(parsed.nonce, nonce.bytes, nonce.length);
    *envelope = parsed;
    return SMQ_OK;
}

enum smq_result client_envelope_open(const struct box_key *key, const struct client_envelope *envelope, uint8_t *bytes,
                                     struct client_message *message) {
    struct slice plaintext;
    enum smq_result result = box_open_padded(key, envelope->nonce, bytes + envelope->ciphertext_offset,
                                             envelope->ciphertext_length, &plaintext);
    if (result != SMQ_OK)
        return result;
    struct reader reader = reader_of(plaintext);
    struct client_message parsed = {0};
    uint8_t kind = read_u8(&reader);
    parsed.has_auth_key = kind == 'K';
    if (parsed.has_auth_key)
        read_public_key(&reader, &parsed.auth_key);
    else if (kind != '_')
        reader_fail(&reader);
    parsed.payload = read_tail(&reader);
    result = reader_finish(&reader);
    if (result == SMQ_OK)
        *message = parsed;
    return result;
}
