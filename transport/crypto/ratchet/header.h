/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages of the ratchet as bytes: an encrypted header, then the encrypted body (reference: Ratchet.hs, MsgHeader,
 * EncMessageHeader, EncRatchetMessage). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/crypto/gcm.h"
#include "transport/crypto/ratchet/e2e_parameters.h"

enum {
    HEADER_PADDED = 88,       /* of headers without room for a KEM */
    HEADER_PADDED_KEM = 2310, /* with room for one, whether or not it is there */
    SEALED_HEADER_OVERHEAD = 2 + GCM_IV_SIZE + GCM_TAG_SIZE + 2,
    SEALED_HEADER_MAX = SEALED_HEADER_OVERHEAD + HEADER_PADDED_KEM, /* that we write */
    HEADER_RECEIVED_MAX = 0x1fff,                                   /* the longest that its length can say */
};

/* What a header says, decrypted. */
struct message_header {
    uint16_t version_max;          /* the highest that its sender supports */
    struct public_key ratchet_key; /* X448 */
    struct kem_parameters kem;     /* KEM_NONE below E2E_VERSION_KEM */
    uint32_t previous_count;       /* messages of the sender's chain before this one (PN) */
    uint32_t number;               /* of this message in its chain, from 0 (Ns) */
};

/* `version` is the one that stands outside of the encrypted header. SMQ_ERR_SYNTAX; more bytes at the end are
 * allowed. */
enum smq_result message_header_parse(uint16_t version, struct slice bytes, struct message_header *header);
void write_message_header(struct writer *writer, uint16_t version, const struct message_header *header);
/* To how many bytes it is padded. */
size_t header_padded_size(uint16_t version, bool kem_supported);

/* The encrypted header. Slices are borrowed. */
struct sealed_header {
    uint16_t version; /* the sender's current one */
    const uint8_t *iv;
    const uint8_t *tag;
    struct slice ciphertext;
};

/* SMQ_ERR_SYNTAX. */
enum smq_result sealed_header_parse(struct slice bytes, struct sealed_header *header);

/* The whole message. Slices are borrowed. */
struct sealed_message {
    struct slice header; /* as it stands there, which the body's tag covers */
    struct sealed_header parsed_header;
    const uint8_t *tag;
    struct slice ciphertext;
};

/* SMQ_ERR_SYNTAX; any length of the body is accepted. */
enum smq_result sealed_message_parse(struct slice bytes, struct sealed_message *message);

/* The length in front of headers: two bytes from E2E_VERSION_KEM on, one byte before. */
void write_header_length(struct writer *writer, uint16_t version, size_t length);
size_t header_length_size(uint16_t version);
