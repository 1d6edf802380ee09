/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XSalsa20-Poly1305 boxes with the tag in front. */
#include "transport/crypto/box.h"

#include <string.h>

#include <sodium.h>

#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/wire/padding.h"

void box_key_of_secret(const uint8_t secret[BOX_KEY_SIZE], struct box_key *key) {
    static const uint8_t zeroes[crypto_core_hsalsa20_INPUTBYTES];
    (void)crypto_core_hsalsa20(key->bytes, zeroes, secret, NULL);
}

enum smq_result box_key_agree(const struct private_key *own, const struct public_key *peer, struct box_key *key) {
    struct dh_secret secret;
    enum smq_result result = dh(own, peer, &secret);
    if (result != SMQ_OK)
        return result;
    box_key_of_secret(secret.bytes, key);
    dh_secret_wipe(&secret);
    return SMQ_OK;
}

void box_key_wipe(struct box_key *key) {
    secret_wipe(key, sizeof *key);
}

void box_nonce_of(struct slice value, uint8_t nonce[BOX_NONCE_SIZE]) {
    size_t length = value.length < BOX_NONCE_SIZE ? value.length : BOX_NONCE_SIZE;
    memset(nonce, 0, BOX_NONCE_SIZE);
    if (length > 0)
        memcpy(nonce, value.bytes, length);
}

void box_nonce_reverse(const uint8_t nonce[BOX_NONCE_SIZE], uint8_t reversed[BOX_NONCE_SIZE]) {
    for (size_t i = 0; i < BOX_NONCE_SIZE; i++)
        reversed[i] = nonce[BOX_NONCE_SIZE - 1 - i];
}

void box_nonce_random(uint8_t nonce[BOX_NONCE_SIZE]) {
    random_bytes(nonce, BOX_NONCE_SIZE);
}

void box_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer, size_t length) {
    uint8_t *message = buffer + BOX_TAG_SIZE;
    (void)crypto_secretbox_detached(message, buffer, message, length, nonce, key->bytes);
}

enum smq_result box_open(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer,
                         size_t sealed_length, struct slice *message) {
    if (sealed_length < BOX_TAG_SIZE)
        return SMQ_ERR_CRYPTO;
    uint8_t *ciphertext = buffer + BOX_TAG_SIZE;
    size_t length = sealed_length - BOX_TAG_SIZE;
    if (crypto_secretbox_open_detached(ciphertext, ciphertext, buffer, length, nonce, key->bytes) != 0)
        return SMQ_ERR_CRYPTO;
    *message = slice_of(ciphertext, length);
    return SMQ_OK;
}

void box_seal_to(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], struct slice message,
                 uint8_t *output) {
    (void)crypto_secretbox_detached(output + BOX_TAG_SIZE, output, message.bytes, message.length, nonce, key->bytes);
}

enum smq_result box_open_to(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], struct slice sealed,
                            uint8_t *output) {
    if (sealed.length < BOX_TAG_SIZE)
        return SMQ_ERR_CRYPTO;
    int failed = crypto_secretbox_open_detached(output, sealed.bytes + BOX_TAG_SIZE, sealed.bytes,
                                                sealed.length - BOX_TAG_SIZE, nonce, key->bytes);
    return failed == 0 ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result box_seal_padded(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer,
                                size_t length, size_t padded_size) {
    enum smq_result result = pad_in_place(buffer + BOX_TAG_SIZE, length, padded_size);
    if (result == SMQ_OK)
        box_seal(key, nonce, buffer, padded_size);
    return result;
}

enum smq_result box_open_padded(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *buffer,
                                size_t sealed_length, struct slice *message) {
    struct slice padded;
    enum smq_result result = box_open(key, nonce, buffer, sealed_length, &padded);
    if (result == SMQ_OK && unpad(padded, message) != SMQ_OK)
        result = SMQ_ERR_CRYPTO;
    return result;
}
