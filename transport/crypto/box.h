/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XSalsa20-Poly1305 boxes, in place, with the tag in front (reference: Crypto.hs, cbEncrypt and sbEncrypt). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"

enum {
    BOX_KEY_SIZE = 32,
    BOX_NONCE_SIZE = 24,
    BOX_TAG_SIZE = 16,
    BOX_PADDED_OFFSET = BOX_TAG_SIZE + 2, /* where the message lies in the buffer of a padded box */
};

/* A ready key: HSalsa20 of a DH secret or of a raw "secretbox" key. The reference applies this step to both, so plain
 * crypto_secretbox with the raw key would give other bytes. Keep one for as long as the secret is used. A secret: to be
 * wiped. */
struct box_key {
    uint8_t bytes[BOX_KEY_SIZE];
};

/* From the 32 bytes of a DH secret, a stored queue secret, a chain step or a link encryption key. */
void box_key_of_secret(const uint8_t secret[BOX_KEY_SIZE], struct box_key *key);
/* dh, then box_key_of_secret. SMQ_ERR_CRYPTO as dh. */
enum smq_result box_key_agree(const struct private_key *own, const struct public_key *peer, struct box_key *key);
void box_key_wipe(struct box_key *key);

/* The nonce that `value` stands for: right-padded with zeroes, or cut, to 24 bytes. */
void box_nonce_of(struct slice value, uint8_t nonce[BOX_NONCE_SIZE]);
/* `nonce` in reverse byte order (responses through a proxy). The two must not overlap. */
void box_nonce_reverse(const uint8_t nonce[BOX_NONCE_SIZE], uint8_t reversed[BOX_NONCE_SIZE]);
void box_nonce_random(uint8_t nonce[BOX_NONCE_SIZE]);

/* Encrypts in place. `buffer` has room for BOX_TAG_SIZE bytes, then the message of `length` bytes; it becomes tag and
 * ciphertext. No copy, no allocation, any thread. */
void box_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer, size_t length);
/* Decrypts in place `sealed_length` bytes of tag and ciphertext; the message stays at buffer + BOX_TAG_SIZE, and
 * `*message` says so. SMQ_ERR_CRYPTO when it is shorter than a tag or the tag (compared in constant time) is wrong; the
 * buffer is then unchanged. */
enum smq_result box_open(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer,
                         size_t sealed_length, struct slice *message);

/* The same out of place, for bytes that have to move anyway: `output` has room for the tag and the message, or for the
 * message alone. Input and output must not overlap. */
void box_seal_to(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], struct slice message, uint8_t *output);
enum smq_result box_open_to(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], struct slice sealed,
                            uint8_t *output);

/* In place with padding: the message of `length` bytes lies at buffer + BOX_PADDED_OFFSET and becomes a box of
 * BOX_TAG_SIZE + `padded_size` bytes. SMQ_ERR_TOO_LARGE when the message is longer than `padded_size` - 2. */
enum smq_result box_seal_padded(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer,
                                size_t length, size_t padded_size);
/* `*message` points into `buffer`. SMQ_ERR_CRYPTO also when the padding is broken. */
enum smq_result box_open_padded(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer,
                                size_t sealed_length, struct slice *message);
