/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key pairs of the four curves, their DER forms and Diffie-Hellman (reference: Crypto.hs). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/random_source.h"

enum key_algorithm {
    KEY_NONE,
    KEY_ED25519,
    KEY_ED448,
    KEY_X25519,
    KEY_X448,
};

enum {
    KEY_BYTES_MAX = 57,
    KEY_SPKI_MAX = 69,    /* DER of a public key */
    KEY_X25519_SPKI = 44, /* the usual one */
    KEY_PKCS8_MAX = 73,   /* DER of a private key */
    DH_SECRET_SIZE = 32,
    KEY_X448_SIZE = 56,
    DH448_SECRET_SIZE = 56,
};

/* Plain data. `length` bytes are used, the others are zero. algorithm KEY_NONE: no key. */
struct public_key {
    enum key_algorithm algorithm;
    uint8_t length;
    uint8_t bytes[KEY_BYTES_MAX];
};

/* A secret: whoever holds one wipes it with private_key_wipe. Ed25519 is the 32-byte seed. */
struct private_key {
    enum key_algorithm algorithm;
    uint8_t length;
    uint8_t bytes[KEY_BYTES_MAX];
};

struct key_pair {
    struct public_key public_key;
    struct private_key private_key;
};

/* Result of X25519: a secret, to be wiped. */
struct dh_secret {
    uint8_t bytes[DH_SECRET_SIZE];
};

/* Result of X448: a secret, to be wiped. */
struct dh448_secret {
    uint8_t bytes[DH448_SECRET_SIZE];
};

/* Raw length of a key of this algorithm; 0 for KEY_NONE. */
size_t key_raw_length(enum key_algorithm algorithm);
/* Length of its SubjectPublicKeyInfo DER; 0 for KEY_NONE. */
size_t key_spki_length(enum key_algorithm algorithm);
/* SMQ_ERR_SYNTAX when the length is not the algorithm's. */
enum smq_result public_key_of_raw(enum key_algorithm algorithm, struct slice raw, struct public_key *key);
enum smq_result private_key_of_raw(enum key_algorithm algorithm, struct slice raw, struct private_key *key);

/* SubjectPublicKeyInfo DER: exactly one of the four known prefixes, then the key, then nothing. SMQ_ERR_SYNTAX. */
enum smq_result public_key_parse(struct slice der, struct public_key *key);
/* Appends the DER; fails for KEY_NONE. */
void write_public_key_der(struct writer *writer, const struct public_key *key);
/* PKCS#8 version 1 DER, the same way. */
enum smq_result private_key_parse(struct slice der, struct private_key *key);
void write_private_key_der(struct writer *writer, const struct private_key *key);

/* A short string that holds the DER, of any algorithm. */
void read_public_key(struct reader *reader, struct public_key *key);
/* The same, but fails unless the algorithm is this one. */
void read_public_key_of(struct reader *reader, enum key_algorithm algorithm, struct public_key *key);
void write_public_key(struct writer *writer, const struct public_key *key);

/* May this key authorize commands on a queue: Ed25519, Ed448 or X25519? X448 may not. */
bool key_authorizes_queues(enum key_algorithm algorithm);
/* Same algorithm and bytes; constant time in the bytes. */
bool public_key_equal(const struct public_key *a, const struct public_key *b);

/* Fresh random pair. SMQ_ERR_CRYPTO when a library call failed, SMQ_ERR_INVALID for KEY_NONE. */
enum smq_result key_pair_generate(enum key_algorithm algorithm, struct key_pair *pair);
/* The same with random bytes from `random`: as many as the raw key has, which they are. */
enum smq_result key_pair_generate_from(const struct random_source *random, enum key_algorithm algorithm,
                                       struct key_pair *pair);
/* Computes the public key of `private_key`; `pair` gets a copy of both. */
enum smq_result key_pair_of_private(const struct private_key *private_key, struct key_pair *pair);
void private_key_wipe(struct private_key *key);
void key_pair_wipe(struct key_pair *pair);

/* X25519. SMQ_ERR_CRYPTO when a key is of another algorithm, and for an all-zero result (a peer's key of small order):
 * callers treat that as failed authorization or a failed handshake. */
enum smq_result dh(const struct private_key *own, const struct public_key *peer, struct dh_secret *secret);
void dh_secret_wipe(struct dh_secret *secret);

/* X448. SMQ_ERR_CRYPTO as for dh; `own` is a whole pair, since OpenSSL would compute the public key again. */
enum smq_result dh448(const struct key_pair *own, const struct public_key *peer, struct dh448_secret *secret);
void dh448_secret_wipe(struct dh448_secret *secret);
