/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys on the curve P-256: signatures of web tokens (ES256) and agreements of WebPush (OpenSSL). Any thread; a key may
 * be used by several at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

enum {
    P256_SECRET_SIZE = 32,
    P256_POINT_SIZE = 65, /* uncompressed: 04, x, y */
    P256_SHARED_SIZE = 32,
    P256_SIGNATURE_SIZE = 64, /* r, s: the form of RFC 7518 */
};

struct p256_key; /* a private key with its public one; owned by whoever made it */

/* Is it an uncompressed point of the curve, other than infinity? */
bool p256_point_valid(const uint8_t point[P256_POINT_SIZE]);

/* SMQ_ERR_CRYPTO, SMQ_ERR_NO_MEMORY. */
enum smq_result p256_key_generate(struct p256_key **key);
/* SMQ_ERR_CRYPTO also when the number is 0 or not below the curve's order. */
enum smq_result p256_key_of_secret(const uint8_t secret[P256_SECRET_SIZE], struct p256_key **key);
/* Exactly one unencrypted private key in PEM (PKCS#8 or SEC1): SMQ_ERR_SYNTAX when it is none, SMQ_ERR_CRYPTO when it
 * is of another kind or curve. */
enum smq_result p256_key_of_pem(struct slice pem, struct p256_key **key);
/* Wipes and frees; sets `*key` to NULL. */
void p256_key_free(struct p256_key **key);

void p256_key_point(const struct p256_key *key, uint8_t point[P256_POINT_SIZE]);
/* The x coordinate of the agreed point: a secret, to be wiped. SMQ_ERR_CRYPTO for a point that is not valid. */
enum smq_result p256_agree(const struct p256_key *key, const uint8_t peer[P256_POINT_SIZE],
                           uint8_t shared[P256_SHARED_SIZE]);
/* ECDSA with SHA-256, randomised. SMQ_ERR_CRYPTO. */
enum smq_result p256_sign(const struct p256_key *key, struct slice message, uint8_t signature[P256_SIGNATURE_SIZE]);
/* SMQ_ERR_CRYPTO unless `signature` is of this point's key. */
enum smq_result p256_verify(const uint8_t point[P256_POINT_SIZE], struct slice message,
                            const uint8_t signature[P256_SIGNATURE_SIZE]);
