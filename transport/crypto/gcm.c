/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* AES-256-GCM with OpenSSL. The cipher is fetched once a process. A context is made for every message and freed, which
 * wipes the key in it. */
#include "transport/crypto/gcm.h"

#include <limits.h>
#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "queues/base/secret.h"

static pthread_once_t setup_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *cipher;

static void setup(void) {
    cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

enum smq_result gcm_setup(void) {
    return pthread_once(&setup_once, setup) == 0 && cipher != NULL ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum direction { OPEN = 0, SEAL = 1 };

/* A context with key, IV and associated data; NULL when OpenSSL failed. */
static EVP_CIPHER_CTX *begin(enum direction direction, const uint8_t *key, const uint8_t *iv,
                             const struct gcm_associated *associated) {
    size_t iv_length = GCM_IV_SIZE;
    OSSL_PARAM parameters[] = {OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &iv_length), OSSL_PARAM_END};
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int going = context != NULL && EVP_CipherInit_ex2(context, cipher, key, iv, (int)direction, parameters) == 1;
    for (size_t i = 0; going && i < GCM_ASSOCIATED_MAX; i++) {
        int length;
        struct slice part = associated->parts[i];
        going = part.length <= INT_MAX &&
                (part.length == 0 || EVP_CipherUpdate(context, NULL, &length, part.bytes, (int)part.length) == 1);
    }
    if (!going) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

static int update(EVP_CIPHER_CTX *context, struct slice input, uint8_t *output) {
    int length = 0;
    if (input.length > INT_MAX)
        return 0;
    if (input.length == 0)
        return 1;
    return EVP_CipherUpdate(context, output, &length, input.bytes, (int)input.length) == 1 &&
           (size_t)length == input.length;
}

enum smq_result gcm_seal(const uint8_t key[GCM_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                         const struct gcm_associated *associated, struct slice plaintext, uint8_t *ciphertext,
                         uint8_t tag[GCM_TAG_SIZE]) {
    enum smq_result result = gcm_setup();
    if (result != SMQ_OK)
        return result;
    int last = 0;
    uint8_t nothing[GCM_TAG_SIZE];
    EVP_CIPHER_CTX *context = begin(SEAL, key, iv, associated);
    result = context != NULL && update(context, plaintext, ciphertext) &&
                     EVP_CipherFinal_ex(context, nothing, &last) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag) == 1
                 ? SMQ_OK
                 : SMQ_ERR_CRYPTO;
    EVP_CIPHER_CTX_free(context);
    return result;
}

enum smq_result gcm_open(const uint8_t key[GCM_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                         const struct gcm_associated *associated, struct slice ciphertext,
                         const uint8_t tag[GCM_TAG_SIZE], uint8_t *plaintext) {
    enum smq_result result = gcm_setup();
    if (result != SMQ_OK)
        return result;
    int last = 0;
    uint8_t expected[GCM_TAG_SIZE], nothing[GCM_TAG_SIZE];
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = tag[i]; /* the call below takes no const pointer */
    EVP_CIPHER_CTX *context = begin(OPEN, key, iv, associated);
    if (context == NULL || !update(context, ciphertext, plaintext) ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, expected) != 1)
        result = SMQ_ERR_CRYPTO;
    else if (EVP_CipherFinal_ex(context, nothing, &last) != 1)
        result = SMQ_ERR_AUTH;
    if (result != SMQ_OK)
        secret_wipe(plaintext, ciphertext.length);
    EVP_CIPHER_CTX_free(context);
    return result;
}
