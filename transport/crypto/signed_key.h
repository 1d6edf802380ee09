/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The ASN.1 "signed object" around session keys in handshakes: a SEQUENCE that holds the key, which is what is signed,
 * algorithm of the signature, signature (reference: Transport.hs, SignedExact PubKey). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"

enum { SIGNED_KEY_MAX = 200 }; /* room for any key and signature that we write */

struct signed_key {
    struct public_key key;
    struct slice signed_part;               /* what is signed; borrowed from the parsed bytes */
    enum key_algorithm signature_algorithm; /* KEY_ED25519 or KEY_ED448 */
    struct slice signature;                 /* borrowed */
};

/* The whole of `der` is one signed key, in DER without alternatives. SMQ_ERR_SYNTAX. */
enum smq_result signed_key_parse(struct slice der, struct signed_key *signed_key);
/* Appends the object: `key` signed by `signer` (Ed25519 or Ed448). SMQ_ERR_TOO_LARGE when it does not fit,
 * SMQ_ERR_CRYPTO when signing failed. */
enum smq_result write_signed_key(struct writer *writer, const struct key_pair *signer, const struct public_key *key);
/* SMQ_ERR_CRYPTO unless `signer` has the algorithm that the object names and the signature is its. */
enum smq_result signed_key_verify(const struct signed_key *signed_key, const struct public_key *signer);
