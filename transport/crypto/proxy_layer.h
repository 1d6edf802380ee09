/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two encryption layers of proxied commands (reference: Protocol.hs, FwdTransmission and FwdResponse; Client.hs,
 * proxySMPCommand). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"

/* Correlation ids here are 24 bytes and serve as nonces; responses use the same bytes in reverse order, which these
 * functions do themselves. */
enum {
    PROXY_PAYLOAD_PADDED = 16226,
    PROXY_PAYLOAD_CONTENT_MAX = PROXY_PAYLOAD_PADDED - 2,
    PROXY_PAYLOAD_SIZE = PROXY_PAYLOAD_PADDED + BOX_TAG_SIZE, /* 16,242: payload of PFWD and PRES */
    PROXY_FORWARD_MAX = 16330,                                /* payload of RFWD, with an X25519 key and a 24-byte id */
    PROXY_RESPONSE_MAX = 16283,                               /* payload of RRES */
};

/* PFWD: pads and encrypts in place the content of `length` bytes at buffer + BOX_PADDED_OFFSET; the buffer has
 * PROXY_PAYLOAD_SIZE bytes. SMQ_ERR_TOO_LARGE. */
enum smq_result proxy_payload_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                   size_t length);
enum smq_result proxy_payload_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                   size_t sealed_length, struct slice *content);
/* PRES: the same with the reversed nonce. */
enum smq_result proxy_result_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                  size_t length);
enum smq_result proxy_result_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                  size_t sealed_length, struct slice *content);

/* What a proxy forwards to the relay. */
struct proxy_forward {
    struct slice corr_id;         /* of PFWD; 24 bytes, borrowed */
    uint16_t version;             /* that the client chose for the relay */
    struct public_key client_key; /* X25519, fresh for each command */
    struct slice payload;         /* of PFWD, borrowed */
};

/* RFWD: writes and encrypts, without padding, into `output` of `capacity` bytes. SMQ_ERR_TOO_LARGE. */
enum smq_result proxy_forward_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                   const struct proxy_forward *forward, uint8_t *output, size_t capacity,
                                   size_t *length);
/* The same for a payload that lies in writable memory with proxy_forward_header_size bytes in front of it, which are
 * overwritten: what is encrypted is then in one piece, and moves to `output` by being encrypted. (A received PFWD has
 * that room in front of its payload.) */
size_t proxy_forward_header_size(size_t corr_id_length);
enum smq_result proxy_forward_seal_to(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                      const struct proxy_forward *forward, uint8_t *output, size_t capacity,
                                      size_t *length);
/* Decrypts in place. SMQ_ERR_CRYPTO, SMQ_ERR_SYNTAX. */
enum smq_result proxy_forward_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *sealed,
                                   size_t sealed_length, struct proxy_forward *forward);

/* What the relay answers. */
struct proxy_response {
    struct slice corr_id; /* of PFWD; borrowed */
    struct slice payload; /* of PRES; borrowed */
};

/* RRES, with the reversed `corr_id` of RFWD. A router builds the payload straight in its place:
 * proxy_response_payload_at(24) bytes into `output`. SMQ_ERR_TOO_LARGE. */
enum smq_result proxy_response_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                    const struct proxy_response *response, uint8_t *output, size_t capacity,
                                    size_t *length);
enum smq_result proxy_response_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *sealed,
                                    size_t sealed_length, struct proxy_response *response);
/* The same, decrypting to `output`, which has room for sealed.length bytes; `response` points into it. */
enum smq_result proxy_response_open_to(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                       struct slice sealed, uint8_t *output, struct proxy_response *response);
/* Where the payload lies in a forward or response of such a client correlation id: a payload that is there already is
 * not copied. */
size_t proxy_forward_payload_at(size_t corr_id_length);
size_t proxy_response_payload_at(size_t corr_id_length);
