/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ed25519 and Ed448 signatures over contiguous bytes (reference: Crypto.hs, sign' and verify'). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"

enum {
    SIGNATURE_ED25519_SIZE = 64,
    SIGNATURE_ED448_SIZE = 114,
    SIGNATURE_MAX = 114,
};

/* 64, 114, or 0 for algorithms that do not sign. */
size_t signature_size(enum key_algorithm algorithm);
/* Signs `message`. `signature` has room for signature_size bytes of the pair's algorithm. The pair's public key must be
 * the private key's. SMQ_ERR_CRYPTO for keys that do not sign. */
enum smq_result sign(const struct key_pair *pair, struct slice message, uint8_t *signature);
/* SMQ_OK, or SMQ_ERR_CRYPTO when the signature does not verify, has the wrong size or the key does not sign. Any
 * thread. */
enum smq_result signature_verify(const struct public_key *key, struct slice message, struct slice signature);
