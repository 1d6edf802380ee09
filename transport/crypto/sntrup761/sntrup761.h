/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The key encapsulation mechanism sntrup761: Streamlined NTRU Prime with p = 761, q = 4591, w = 286, in the form with
 * hashed confirmation that OpenSSH uses too (specification: https://ntruprime.cr.yp.to; reference: SNTRUP761.hs).
 * No branch, index or division depends on a secret. */
#pragma once

#include <stdint.h>

#include "smq/result.h"
#include "transport/crypto/random_source.h"

enum {
    SNTRUP761_PUBLIC_KEY_SIZE = 1158,
    SNTRUP761_SECRET_KEY_SIZE = 1763,
    SNTRUP761_CIPHERTEXT_SIZE = 1039,
    SNTRUP761_SHARED_SECRET_SIZE = 32,
    SNTRUP761_PUBLIC_KEY_OFFSET = 382, /* where the public key lies in the secret key */
};

/* A fresh pair. The secret key holds the public key, and is the caller's to wipe. A known stream of random bytes gives
 * the keys that the reference makes of it. SMQ_ERR_CRYPTO, SMQ_ERR_NO_MEMORY: hashing failed. Any thread, about half a
 * millisecond. */
enum smq_result sntrup761_keypair(const struct random_source *random, uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE],
                                  uint8_t secret_key[SNTRUP761_SECRET_KEY_SIZE]);

/* A fresh secret (the caller's to wipe) for whoever has the secret key. Any 1,158 bytes are a public key. Errors as
 * above. */
enum smq_result sntrup761_encapsulate(const struct random_source *random,
                                      const uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE],
                                      uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE],
                                      uint8_t shared_secret[SNTRUP761_SHARED_SECRET_SIZE]);

/* The secret of a ciphertext. One that was not made for this key gives another secret, always the same, which only the
 * holder of the secret key can compute: there is no error, and nobody must be able to tell. Errors as above. */
enum smq_result sntrup761_decapsulate(const uint8_t secret_key[SNTRUP761_SECRET_KEY_SIZE],
                                      const uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE],
                                      uint8_t shared_secret[SNTRUP761_SHARED_SECRET_SIZE]);
