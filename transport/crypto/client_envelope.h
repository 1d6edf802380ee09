/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The end-to-end layer of SEND bodies, between sender and recipient (reference: Protocol.hs, ClientMsgEnvelope and
 * ClientMessage). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"

enum {
    ENVELOPE_CONFIRMATION_PADDED = 15904, /* envelopes that carry the sender's key: confirmations and invitations */
    ENVELOPE_MESSAGE_PADDED = 16000,      /* envelopes that do not */
    ENVELOPE_CONFIRMATION_SIZE = 15992,
    ENVELOPE_MESSAGE_SIZE = 16043,
};

/* The outside. Slices and `ciphertext` are borrowed from the parsed bytes. */
struct client_envelope {
    uint16_t version; /* of the SMP client protocol */
    bool has_sender_key;
    struct public_key sender_key; /* X25519, for the agreement */
    uint8_t nonce[BOX_NONCE_SIZE];
    size_t ciphertext_offset; /* in the envelope */
    size_t ciphertext_length;
};

/* The inside: 'K' and the key that the recipient shall secure the queue with, or '_'; then the payload. */
struct client_message {
    bool has_auth_key;
    struct public_key auth_key;
    struct slice payload; /* borrowed */
};

/* Writes a whole envelope into `output`, whose size is ENVELOPE_CONFIRMATION_SIZE when `sender_key` is not NULL, else
 * ENVELOPE_MESSAGE_SIZE. SMQ_ERR_TOO_LARGE when the payload does not fit. Any thread. */
enum smq_result client_envelope_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint16_t version,
                                     const struct public_key *sender_key, const struct client_message *message,
                                     uint8_t *output);
/* SMQ_ERR_SYNTAX. Unknown versions are the caller's to refuse. */
enum smq_result client_envelope_parse(struct slice bytes, struct client_envelope *envelope);
/* Decrypts the ciphertext of `bytes`, the same bytes that were parsed, in place. SMQ_ERR_CRYPTO, SMQ_ERR_SYNTAX. */
enum smq_result client_envelope_open(const struct box_key *key, const struct client_envelope *envelope, uint8_t *bytes,
                                     struct client_message *message);
