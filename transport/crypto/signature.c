/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ed25519 by libsodium, which verifies faster than OpenSSL; Ed448 by OpenSSL. */
#include "transport/crypto/signature.h"

#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "queues/base/secret.h"

size_t signature_size(enum key_algorithm algorithm) {
    switch (algorithm) {
    case KEY_ED25519:
        return SIGNATURE_ED25519_SIZE;
    case KEY_ED448:
        return SIGNATURE_ED448_SIZE;
    default:
        return 0;
    }
}

static enum smq_result sign_ed25519(const struct key_pair *pair, struct slice message, uint8_t *signature) {
    uint8_t expanded[crypto_sign_SECRETKEYBYTES]; /* libsodium keeps the public key behind the seed */
    memcpy(expanded, pair->private_key.bytes, crypto_sign_SEEDBYTES);
    memcpy(expanded + crypto_sign_SEEDBYTES, pair->public_key.bytes, crypto_sign_PUBLICKEYBYTES);
    int failed = crypto_sign_detached(signature, NULL, message.bytes, message.length, expanded);
    secret_wipe(expanded, sizeof expanded);
    return failed ? SMQ_ERR_CRYPTO : SMQ_OK;
}

static enum smq_result sign_ed448(const struct private_key *private_key, struct slice message, uint8_t *signature) {
    enum smq_result result = SMQ_ERR_CRYPTO;
    size_t length = SIGNATURE_ED448_SIZE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED448, NULL, private_key->bytes, private_key->length);
    if (context != NULL && key != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestSign(context, signature, &length, message.bytes, message.length) == 1 &&
        length == SIGNATURE_ED448_SIZE)
        result = SMQ_OK;
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(context);
    return result;
}

enum smq_result sign(const struct key_pair *pair, struct slice message, uint8_t *signature) {
    switch (pair->private_key.algorithm) {
    case KEY_ED25519:
        return sign_ed25519(pair, message, signature);
    case KEY_ED448:
        return sign_ed448(&pair->private_key, message, signature);
    default:
        return SMQ_ERR_CRYPTO;
    }
}

static enum smq_result verify_ed448(const struct public_key *public_key, struct slice message, struct slice signature) {
    enum smq_result result = SMQ_ERR_CRYPTO;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED448, NULL, public_key->bytes, public_key->length);
    if (context != NULL && key != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature.bytes, signature.length, message.bytes, message.length) == 1)
        result = SMQ_OK;
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(context);
    return result;
}

enum smq_result signature_verify(const struct public_key *key, struct slice message, struct slice signature) {
    if (signature.length == 0 || signature.length != signature_size(key->algorithm))
        return SMQ_ERR_CRYPTO;
    if (key->algorithm == KEY_ED448)
        return verify_ed448(key, message, signature);
    return crypto_sign_verify_detached(signature.bytes, message.bytes, message.length, key->bytes) == 0
               ? SMQ_OK
               : SMQ_ERR_CRYPTO;
}
