/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The key agreement before a ratchet: X3DH on X448, and the KEM where one accepts what the other proposed (reference:
 * Ratchet.hs, pqX3dhSnd and pqX3dhRcv). The initiator published the link, the joiner used it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/crypto/ratchet/e2e_parameters.h"
#include "transport/crypto/ratchet/kdf.h"
#include "transport/crypto/ratchet/stored_keys.h"

enum {
    RATCHET_ASSOCIATED_SIZE = 2 * KEY_X448_SIZE,
    X3DH_KEYS_MAX = 1 + 2 * STORED_PAIR_SIZE + STORED_KEM_MAX + SNTRUP761_SHARED_SECRET_SIZE,
};

/* One party's keys of the agreement. A secret: whoever holds one wipes it. */
struct x3dh_keys {
    struct key_pair first;
    struct key_pair second;
    struct kem_state kem;
    uint8_t kem_secret[SNTRUP761_SHARED_SECRET_SIZE]; /* when KEM_ACCEPTED: what the ciphertext holds */
};

/* What the joiner does about the KEM: accepts the link's proposal, or proposes, when `pq` is wanted and the agreed
 * version has it. An initiator proposes or does nothing. */
enum kem_offer x3dh_reply_offer(const struct e2e_parameters *link, uint16_t version, bool pq);
/* Fresh keys. `peer` is whose proposal KEM_ACCEPTED accepts, else NULL. SMQ_ERR_INVALID when it made none,
 * SMQ_ERR_CRYPTO, SMQ_ERR_NO_MEMORY. Any thread; up to a millisecond. */
enum smq_result x3dh_keys_generate(const struct random_source *random, enum kem_offer offer,
                                   const struct e2e_parameters *peer, struct x3dh_keys *keys);
void x3dh_keys_wipe(struct x3dh_keys *keys);
/* The public half, to be sent. */
void x3dh_parameters(const struct x3dh_keys *keys, struct version_range versions, struct e2e_parameters *parameters);

/* For the store, which keeps them from the link to the reply. The form is this project's own. */
void write_x3dh_keys(struct writer *writer, const struct x3dh_keys *keys);
/* SMQ_ERR_SYNTAX. */
enum smq_result x3dh_keys_decode(struct slice bytes, struct x3dh_keys *keys);

/* What both parties know after it. A secret. */
struct x3dh_agreement {
    uint8_t associated[RATCHET_ASSOCIATED_SIZE]; /* the joiner's and the initiator's first key; not secret */
    uint8_t header_key[RATCHET_KEY_SIZE];        /* of the joiner's first chain */
    uint8_t next_header_key[RATCHET_KEY_SIZE];   /* of the initiator's first chain */
    uint8_t root_key[RATCHET_KEY_SIZE];
    enum kem_offer kem;                               /* KEM_NONE: go on without a KEM pair of one's own */
    uint8_t kem_secret[SNTRUP761_SHARED_SECRET_SIZE]; /* when KEM_ACCEPTED */
};

/* SMQ_ERR_PROTOCOL when a KEM was accepted that was not proposed; SMQ_ERR_CRYPTO for a peer's key of small order, or
 * when a library call failed; SMQ_ERR_NO_MEMORY. `peer` has one version. */
enum smq_result x3dh_agree_as_joiner(const struct x3dh_keys *own, const struct e2e_parameters *peer,
                                     struct x3dh_agreement *agreement);
enum smq_result x3dh_agree_as_initiator(const struct x3dh_keys *own, const struct e2e_parameters *peer,
                                        struct x3dh_agreement *agreement);
void x3dh_agreement_wipe(struct x3dh_agreement *agreement);
