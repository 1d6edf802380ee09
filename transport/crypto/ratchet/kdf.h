/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key derivations of the ratchet. */
#pragma once

#include <stdint.h>

#include "transport/crypto/gcm.h"
#include "transport/crypto/keys.h"

enum { RATCHET_KEY_SIZE = 32 };

/* What one message of a chain is encrypted with, and the chain key after it. A secret. */
struct chain_step {
    uint8_t next[RATCHET_KEY_SIZE];
    uint8_t message_key[GCM_KEY_SIZE];
    uint8_t body_iv[GCM_IV_SIZE];
    uint8_t header_iv[GCM_IV_SIZE];
};

void chain_advance(const uint8_t chain_key[RATCHET_KEY_SIZE], struct chain_step *step);

/* What a step of the root gives. A secret. */
struct root_step {
    uint8_t root_key[RATCHET_KEY_SIZE];
    uint8_t chain_key[RATCHET_KEY_SIZE];
    uint8_t next_header_key[RATCHET_KEY_SIZE];
};

/* `kem_secret` is SNTRUP761_SHARED_SECRET_SIZE bytes, or NULL. SMQ_ERR_CRYPTO as of dh448. */
enum smq_result root_advance(const uint8_t root_key[RATCHET_KEY_SIZE], const struct key_pair *own,
                             const struct public_key *peer, const uint8_t *kem_secret, struct root_step *step);
