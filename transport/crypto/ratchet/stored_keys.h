/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One's own secret keys, and how they are written into what the store keeps. The form is this project's own. */
#pragma once

#include <stdint.h>

#include "transport/crypto/ratchet/e2e_parameters.h"

enum {
    STORED_PAIR_SIZE = 2 * KEY_X448_SIZE,
    STORED_KEM_MAX = 1 + SNTRUP761_SECRET_KEY_SIZE + SNTRUP761_CIPHERTEXT_SIZE,
};

/* One's own KEM pair, and what was encapsulated to the peer's key. A secret. */
struct kem_state {
    enum kem_offer offer;                          /* what the peer is told; KEM_NONE: there is no pair */
    uint8_t secret_key[SNTRUP761_SECRET_KEY_SIZE]; /* holds the public key too */
    uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE]; /* when KEM_ACCEPTED */
};

/* The public half, to be sent. */
void kem_state_parameters(const struct kem_state *kem, struct kem_parameters *parameters);

void write_kem_state(struct writer *writer, const struct kem_state *kem);
void read_kem_state(struct reader *reader, struct kem_state *kem);
/* Both halves, of X448: computing the public one again would cost a fourth of a millisecond. */
void write_stored_pair(struct writer *writer, const struct key_pair *pair);
void read_stored_pair(struct reader *reader, struct key_pair *pair);
/* Exactly `length` bytes, copied; zeroes when there are fewer. */
void read_secret_bytes(struct reader *reader, uint8_t *bytes, size_t length);
