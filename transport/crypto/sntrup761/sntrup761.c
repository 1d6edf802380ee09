/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key generation, encapsulation and decapsulation.
 * Secret key: f, 1/g modulo 3, public key, rho (what a wrong ciphertext's secret comes from), hash of the public key.
 * Ciphertext: the rounded product of public key and r, then the confirmation. */
#include "transport/crypto/sntrup761/sntrup761.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/sntrup761/coding.h"
#include "transport/crypto/sntrup761/masks.h"
#include "transport/crypto/sntrup761/sampling.h"

enum {
    HASHED_SIZE = 32,
    RECIPROCAL_OFFSET = CODED_SMALL_SIZE,
    RHO_OFFSET = SNTRUP761_PUBLIC_KEY_OFFSET + SNTRUP761_PUBLIC_KEY_SIZE,
    KEY_HASH_OFFSET = RHO_OFFSET + CODED_SMALL_SIZE,
};

_Static_assert(SNTRUP761_PUBLIC_KEY_OFFSET == 2 * CODED_SMALL_SIZE, "the public key follows two small polynomials");
_Static_assert(SNTRUP761_SECRET_KEY_SIZE == KEY_HASH_OFFSET + HASHED_SIZE, "the hash is the end of the secret key");
_Static_assert(SNTRUP761_CIPHERTEXT_SIZE == CODED_ROUNDED_SIZE + HASHED_SIZE, "the confirmation ends the ciphertext");

/* What is hashed is told apart by a byte in front of it. */
enum purpose {
    PURPOSE_WRONG_SECRET = 0,
    PURPOSE_SECRET = 1,
    PURPOSE_CONFIRMATION = 2,
    PURPOSE_INPUT = 3,
    PURPOSE_PUBLIC_KEY = 4,
};

/* The first half of SHA-512 over the purpose and two parts. */
static enum smq_result hash(uint8_t purpose, struct slice first, struct slice second, uint8_t hashed[HASHED_SIZE]) {
    uint8_t digest[HASH_SHA512_SIZE];
    struct slice parts[] = {slice_of(&purpose, 1), first, second};
    enum smq_result result = hash_parts(HASH_SHA512, parts, 3, digest);
    if (result == SMQ_OK)
        memcpy(hashed, digest, HASHED_SIZE);
    secret_wipe(digest, sizeof digest);
    return result;
}

/* ---- key generation */

/* g with a reciprocal modulo 3, and that. How many polynomials were drawn in vain tells nothing of the one that is
 * used. */
static void draw_invertible(const struct random_source *random, struct small_polynomial *g,
                            struct small_polynomial *reciprocal) {
    int32_t invertible;
    do {
        sample_small(random, g);
        invertible = small_reciprocal(g, reciprocal);
        secret_declassify(&invertible, sizeof invertible);
    } while (!invertible);
}

enum smq_result sntrup761_keypair(const struct random_source *random, uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE],
                                  uint8_t secret_key[SNTRUP761_SECRET_KEY_SIZE]) {
    struct small_polynomial f, g, reciprocal;
    struct polynomial h;
    draw_invertible(random, &g, &reciprocal);
    sample_short(random, &f);
    polynomial_third_of_reciprocal(&f, &h);
    polynomial_multiply(&h, &g, &h);
    polynomial_encode(&h, public_key);
    small_encode(&f, secret_key);
    small_encode(&reciprocal, secret_key + RECIPROCAL_OFFSET);
    memcpy(secret_key + SNTRUP761_PUBLIC_KEY_OFFSET, public_key, SNTRUP761_PUBLIC_KEY_SIZE);
    random_source_fill(random, secret_key + RHO_OFFSET, CODED_SMALL_SIZE);
    secret_wipe(&f, sizeof f);
    secret_wipe(&g, sizeof g);
    secret_wipe(&reciprocal, sizeof reciprocal);
    secret_wipe(&h, sizeof h);
    return hash(PURPOSE_PUBLIC_KEY, slice_of(public_key, SNTRUP761_PUBLIC_KEY_SIZE), slice_of(NULL, 0),
                secret_key + KEY_HASH_OFFSET);
}

/* ---- encapsulation */

/* The ciphertext of r for a public key of this hash, and what the secret is made of: the hash of r. */
static enum smq_result hide(const struct small_polynomial *r, const uint8_t *public_key,
                            const uint8_t key_hash[HASHED_SIZE], uint8_t input_hash[HASHED_SIZE],
                            uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE]) {
    struct polynomial product;
    uint8_t coded[CODED_SMALL_SIZE];
    polynomial_decode(public_key, &product);
    polynomial_multiply(&product, r, &product);
    polynomial_round(&product);
    rounded_encode(&product, ciphertext);
    small_encode(r, coded);
    enum smq_result result = hash(PURPOSE_INPUT, slice_of(coded, sizeof coded), slice_of(NULL, 0), input_hash);
    if (result == SMQ_OK)
        result = hash(PURPOSE_CONFIRMATION, slice_of(input_hash, HASHED_SIZE), slice_of(key_hash, HASHED_SIZE),
                      ciphertext + CODED_ROUNDED_SIZE);
    secret_wipe(&product, sizeof product);
    secret_wipe(coded, sizeof coded);
    return result;
}

enum smq_result sntrup761_encapsulate(const struct random_source *random,
                                      const uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE],
                                      uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE],
                                      uint8_t shared_secret[SNTRUP761_SHARED_SECRET_SIZE]) {
    struct small_polynomial r;
    uint8_t key_hash[HASHED_SIZE], input_hash[HASHED_SIZE];
    enum smq_result result =
        hash(PURPOSE_PUBLIC_KEY, slice_of(public_key, SNTRUP761_PUBLIC_KEY_SIZE), slice_of(NULL, 0), key_hash);
    sample_short(random, &r);
    if (result == SMQ_OK)
        result = hide(&r, public_key, key_hash, input_hash, ciphertext);
    if (result == SMQ_OK)
        result = hash(PURPOSE_SECRET, slice_of(input_hash, sizeof input_hash),
                      slice_of(ciphertext, SNTRUP761_CIPHERTEXT_SIZE), shared_secret);
    secret_wipe(&r, sizeof r);
    secret_wipe(input_hash, sizeof input_hash);
    return result;
}

/* ---- decapsulation */

/* The r of an honest ciphertext, and otherwise something of the right weight. */
static void reveal(const uint8_t *secret_key, const uint8_t *ciphertext, struct small_polynomial *r) {
    struct small_polynomial f, reciprocal;
    struct polynomial c;
    small_decode(secret_key, &f);
    small_decode(secret_key + RECIPROCAL_OFFSET, &reciprocal);
    rounded_decode(ciphertext, &c);
    polynomial_multiply(&c, &f, &c);
    polynomial_triple(&c);
    polynomial_modulo_3(&c, r);
    small_multiply(r, &reciprocal, r);
    int32_t right_weight = weight_mask(r);
    for (int i = 0; i < RING_DEGREE; i++) {
        int substitute = i < SHORT_WEIGHT;
        r->at[i] = (int8_t)((r->at[i] & right_weight) | (substitute & ~right_weight));
    }
    secret_wipe(&f, sizeof f);
    secret_wipe(&reciprocal, sizeof reciprocal);
    secret_wipe(&c, sizeof c);
}

/* -1 when the bytes are equal, else 0. */
static int32_t equal_mask(const uint8_t *a, const uint8_t *b, size_t length) {
    uint32_t different = 0;
    for (size_t i = 0; i < length; i++)
        different |= a[i] ^ b[i];
    return ~nonzero_mask((int32_t)different);
}

enum smq_result sntrup761_decapsulate(const uint8_t secret_key[SNTRUP761_SECRET_KEY_SIZE],
                                      const uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE],
                                      uint8_t shared_secret[SNTRUP761_SHARED_SECRET_SIZE]) {
    struct small_polynomial r;
    uint8_t input_hash[HASHED_SIZE], rho_hash[HASHED_SIZE], again[SNTRUP761_CIPHERTEXT_SIZE];
    reveal(secret_key, ciphertext, &r);
    enum smq_result result =
        hide(&r, secret_key + SNTRUP761_PUBLIC_KEY_OFFSET, secret_key + KEY_HASH_OFFSET, input_hash, again);
    if (result == SMQ_OK)
        result = hash(PURPOSE_INPUT, slice_of(secret_key + RHO_OFFSET, CODED_SMALL_SIZE), slice_of(NULL, 0), rho_hash);
    if (result == SMQ_OK) {
        int32_t honest = equal_mask(again, ciphertext, sizeof again);
        for (size_t i = 0; i < sizeof input_hash; i++)
            input_hash[i] = (uint8_t)((input_hash[i] & honest) | (rho_hash[i] & ~honest));
        uint8_t purpose = (uint8_t)((PURPOSE_SECRET & honest) | (PURPOSE_WRONG_SECRET & ~honest));
        result = hash(purpose, slice_of(input_hash, sizeof input_hash), slice_of(ciphertext, SNTRUP761_CIPHERTEXT_SIZE),
                      shared_secret);
    }
    secret_wipe(&r, sizeof r);
    secret_wipe(input_hash, sizeof input_hash);
    secret_wipe(rho_hash, sizeof rho_hash);
    secret_wipe(again, sizeof again);
    return result;
}
