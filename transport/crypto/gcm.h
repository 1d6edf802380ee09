/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* AES-256-GCM with an IV of 16 bytes, which is not the usual 12 (reference: Crypto.hs, encryptAEAD and decryptAEAD). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum {
    GCM_KEY_SIZE = 32,
    GCM_IV_SIZE = 16,
    GCM_TAG_SIZE = 16,
    GCM_ASSOCIATED_MAX = 2, /* parts of associated data */
};

/* What authenticates beside the message: the concatenation of the parts, of which any may be empty. */
struct gcm_associated {
    struct slice parts[GCM_ASSOCIATED_MAX];
};

/* Encrypts into `ciphertext`, as many bytes as `plaintext`, which may lie there. SMQ_ERR_CRYPTO when OpenSSL failed,
 * which includes want of memory. Any thread; allocates. */
enum smq_result gcm_seal(const uint8_t key[GCM_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                         const struct gcm_associated *associated, struct slice plaintext, uint8_t *ciphertext,
                         uint8_t tag[GCM_TAG_SIZE]);
/* Decrypts into `plaintext`, as many bytes as `ciphertext`, which may lie there. SMQ_ERR_AUTH when the tag is not that
 * of these bytes: `plaintext` is wiped then. SMQ_ERR_CRYPTO. */
enum smq_result gcm_open(const uint8_t key[GCM_KEY_SIZE], const uint8_t iv[GCM_IV_SIZE],
                         const struct gcm_associated *associated, struct slice ciphertext,
                         const uint8_t tag[GCM_TAG_SIZE], uint8_t *plaintext);
/* Fetches the cipher; called by crypto_setup. Idempotent. */
enum smq_result gcm_setup(void);
