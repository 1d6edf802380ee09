/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command authenticators and dummy checks. */
#include "transport/crypto/authenticator.h"

#include "queues/base/secret.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/signature.h"

enum smq_result authenticator_create(const struct box_key *key, struct slice corr_id, const struct slice *authorized,
                                     size_t count, uint8_t authenticator[AUTHENTICATOR_SIZE]) {
    uint8_t nonce[BOX_NONCE_SIZE];
    enum smq_result result = hash_parts(HASH_SHA512, authorized, count, authenticator + BOX_TAG_SIZE);
    if (result != SMQ_OK)
        return result;
    box_nonce_of(corr_id, nonce);
    box_seal(key, nonce, authenticator, HASH_SHA512_SIZE);
    return SMQ_OK;
}

enum smq_result authenticator_verify(const struct box_key *key, struct slice corr_id, const struct slice *authorized,
                                     size_t count, struct slice authenticator) {
    uint8_t expected[AUTHENTICATOR_SIZE];
    if (authenticator.length != AUTHENTICATOR_SIZE)
        return SMQ_ERR_CRYPTO;
    enum smq_result result = authenticator_create(key, corr_id, authorized, count, expected);
    if (result == SMQ_OK && !secret_equal(expected, authenticator.bytes, sizeof expected))
        result = SMQ_ERR_CRYPTO;
    secret_wipe(expected, sizeof expected);
    return result;
}

/* Public keys whose private keys were thrown away when they were made. */
static const struct public_key dummy_ed25519 = {
    .algorithm = KEY_ED25519,
    .length = 32,
    .bytes = {0x74, 0x9f, 0xd7, 0x31, 0xcc, 0xd6, 0xaf, 0x4e, 0xc8, 0xb0, 0x3d, 0xfb, 0x94, 0x8b, 0x4c, 0x3d,
              0x98, 0x4e, 0x7e, 0xab, 0x49, 0x3c, 0x30, 0x12, 0xcb, 0xba, 0xf0, 0x6f, 0x07, 0x9c, 0x41, 0xbb},
};
static const struct public_key dummy_ed448 = {
    .algorithm = KEY_ED448,
    .length = 57,
    .bytes = {0x76, 0x23, 0x45, 0x98, 0x6f, 0xcd, 0xc1, 0xee, 0x24, 0x21, 0x11, 0xca, 0x70, 0x91, 0x37,
              0x2c, 0x93, 0xa2, 0xf3, 0xbb, 0x4e, 0xf6, 0x90, 0xbf, 0x81, 0x98, 0xb2, 0x70, 0xbb, 0x0b,
              0xd1, 0xcc, 0x29, 0x6e, 0x47, 0xaf, 0xa3, 0xbc, 0xb9, 0x73, 0x8b, 0x4b, 0xf1, 0xab, 0x3c,
              0xa9, 0x5f, 0x0d, 0x9d, 0x0f, 0x27, 0xbc, 0x70, 0xeb, 0xb0, 0xad, 0x00},
};
static const struct public_key dummy_x25519 = {
    .algorithm = KEY_X25519,
    .length = 32,
    .bytes = {0xfe, 0x4b, 0x79, 0x55, 0xfb, 0xcb, 0x22, 0x5f, 0x0a, 0x6b, 0xc9, 0x64, 0xce, 0x0e, 0x9b, 0x33,
              0x86, 0xa9, 0xb6, 0x92, 0x8e, 0xcf, 0x71, 0xa6, 0x01, 0x08, 0x1b, 0x74, 0x98, 0x73, 0x52, 0x56},
};

void authorization_verify_dummy(struct slice authorization, struct slice corr_id, struct slice authorized,
                                const struct private_key *session_key) {
    struct box_key key = {0};
    switch (authorization.length) {
    case SIGNATURE_ED25519_SIZE:
        (void)signature_verify(&dummy_ed25519, authorized, authorization);
        break;
    case SIGNATURE_ED448_SIZE:
        (void)signature_verify(&dummy_ed448, authorized, authorization);
        break;
    case AUTHENTICATOR_SIZE:
        if (session_key != NULL)
            (void)box_key_agree(session_key, &dummy_x25519, &key);
        (void)authenticator_verify(&key, corr_id, &authorized, 1, authorization);
        box_key_wipe(&key);
        break;
    default:
        break;
    }
}
