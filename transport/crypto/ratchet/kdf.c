/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HKDF-SHA512 with the labels of the reference. */
#include "transport/crypto/ratchet/kdf.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/hkdf.h"
#include "transport/crypto/sntrup761/sntrup761.h"

void chain_advance(const uint8_t chain_key[RATCHET_KEY_SIZE], struct chain_step *step) {
    _Static_assert(sizeof *step == 96, "the output of the derivation is the step");
    hkdf_sha512(slice_of(NULL, 0), slice_of(chain_key, RATCHET_KEY_SIZE), slice_of_text("SimpleXChainRatchet"),
                (uint8_t *)step, sizeof *step);
}

enum smq_result root_advance(const uint8_t root_key[RATCHET_KEY_SIZE], const struct key_pair *own,
                             const struct public_key *peer, const uint8_t *kem_secret, struct root_step *step) {
    _Static_assert(sizeof *step == 96, "the output of the derivation is the step");
    struct dh448_secret agreed;
    enum smq_result result = dh448(own, peer, &agreed);
    if (result != SMQ_OK)
        return result;
    uint8_t input[DH448_SECRET_SIZE + SNTRUP761_SHARED_SECRET_SIZE];
    size_t length = DH448_SECRET_SIZE;
    memcpy(input, agreed.bytes, DH448_SECRET_SIZE);
    if (kem_secret != NULL) {
        memcpy(input + length, kem_secret, SNTRUP761_SHARED_SECRET_SIZE);
        length += SNTRUP761_SHARED_SECRET_SIZE;
    }
    hkdf_sha512(slice_of(root_key, RATCHET_KEY_SIZE), slice_of(input, length), slice_of_text("SimpleXRootRatchet"),
                (uint8_t *)step, sizeof *step);
    dh448_secret_wipe(&agreed);
    secret_wipe(input, sizeof input);
    return SMQ_OK;
}
