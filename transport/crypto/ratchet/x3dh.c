/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys of the agreement, and the agreement. */
#include "transport/crypto/ratchet/x3dh.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/hkdf.h"

enum { KEYS_FORMAT = 1 }; /* first byte of encoded keys */

/* ---- keys */

enum kem_offer x3dh_reply_offer(const struct e2e_parameters *link, uint16_t version, bool pq) {
    if (!pq || version < E2E_VERSION_KEM)
        return KEM_NONE;
    return link->kem.offer == KEM_PROPOSED ? KEM_ACCEPTED : KEM_PROPOSED;
}

static enum smq_result generate_kem(const struct random_source *random, enum kem_offer offer,
                                    const struct e2e_parameters *peer, struct x3dh_keys *keys) {
    uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE];
    enum smq_result result = sntrup761_keypair(random, public_key, keys->kem.secret_key);
    if (result == SMQ_OK && offer == KEM_ACCEPTED)
        result = sntrup761_encapsulate(random, peer->kem.public_key, keys->kem.ciphertext, keys->kem_secret);
    keys->kem.offer = offer;
    return result;
}

enum smq_result x3dh_keys_generate(const struct random_source *random, enum kem_offer offer,
                                   const struct e2e_parameters *peer, struct x3dh_keys *keys) {
    struct x3dh_keys fresh = {.kem.offer = KEM_NONE};
    if (offer == KEM_ACCEPTED && (peer == NULL || peer->kem.offer != KEM_PROPOSED))
        return SMQ_ERR_INVALID;
    enum smq_result result = key_pair_generate_from(random, KEY_X448, &fresh.first);
    if (result == SMQ_OK)
        result = key_pair_generate_from(random, KEY_X448, &fresh.second);
    if (result == SMQ_OK && offer != KEM_NONE)
        result = generate_kem(random, offer, peer, &fresh);
    if (result == SMQ_OK)
        *keys = fresh;
    x3dh_keys_wipe(&fresh);
    return result;
}

void x3dh_keys_wipe(struct x3dh_keys *keys) {
    secret_wipe(keys, sizeof *keys);
}

void x3dh_parameters(const struct x3dh_keys *keys, struct version_range versions, struct e2e_parameters *parameters) {
    parameters->versions = versions;
    parameters->first = keys->first.public_key;
    parameters->second = keys->second.public_key;
    kem_state_parameters(&keys->kem, &parameters->kem);
}

/* ---- their bytes */

void write_x3dh_keys(struct writer *writer, const struct x3dh_keys *keys) {
    write_u8(writer, KEYS_FORMAT);
    write_stored_pair(writer, &keys->first);
    write_stored_pair(writer, &keys->second);
    write_kem_state(writer, &keys->kem);
    if (keys->kem.offer == KEM_ACCEPTED)
        write_bytes(writer, keys->kem_secret, sizeof keys->kem_secret);
}

enum smq_result x3dh_keys_decode(struct slice bytes, struct x3dh_keys *keys) {
    struct x3dh_keys decoded = {.kem.offer = KEM_NONE};
    struct reader reader = reader_of(bytes);
    if (read_u8(&reader) != KEYS_FORMAT)
        reader_fail(&reader);
    read_stored_pair(&reader, &decoded.first);
    read_stored_pair(&reader, &decoded.second);
    read_kem_state(&reader, &decoded.kem);
    if (decoded.kem.offer == KEM_ACCEPTED)
        read_secret_bytes(&reader, decoded.kem_secret, sizeof decoded.kem_secret);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *keys = decoded;
    x3dh_keys_wipe(&decoded);
    return result;
}

/* ---- agreement */

/* The agreements in the order of the derivation: each of an own pair with a peer's key. */
struct dh_order {
    const struct key_pair *own[3];
    const struct public_key *peer[3];
};

static enum smq_result derive(const struct dh_order *order, struct x3dh_agreement *agreement) {
    static const uint8_t salt[64];
    uint8_t input[3 * DH448_SECRET_SIZE + SNTRUP761_SHARED_SECRET_SIZE];
    uint8_t output[3 * RATCHET_KEY_SIZE];
    struct writer writer = writer_of(input, sizeof input);
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < 3 && result == SMQ_OK; i++) {
        struct dh448_secret agreed;
        result = dh448(order->own[i], order->peer[i], &agreed);
        if (result == SMQ_OK)
            write_bytes(&writer, agreed.bytes, sizeof agreed.bytes);
        dh448_secret_wipe(&agreed);
    }
    if (agreement->kem == KEM_ACCEPTED)
        write_bytes(&writer, agreement->kem_secret, sizeof agreement->kem_secret);
    if (result == SMQ_OK) {
        hkdf_sha512(slice_of(salt, sizeof salt), slice_of(input, writer_length(&writer)), slice_of_text("SimpleXX3DH"),
                    output, sizeof output);
        memcpy(agreement->header_key, output, RATCHET_KEY_SIZE);
        memcpy(agreement->next_header_key, output + RATCHET_KEY_SIZE, RATCHET_KEY_SIZE);
        memcpy(agreement->root_key, output + (size_t)2 * RATCHET_KEY_SIZE, RATCHET_KEY_SIZE);
    }
    secret_wipe(input, sizeof input);
    secret_wipe(output, sizeof output);
    return result;
}

static void set_associated(struct x3dh_agreement *agreement, const struct public_key *joiner,
                           const struct public_key *initiator) {
    memcpy(agreement->associated, joiner->bytes, KEY_X448_SIZE);
    memcpy(agreement->associated + KEY_X448_SIZE, initiator->bytes, KEY_X448_SIZE);
}

static enum smq_result joiner_kem(const struct x3dh_keys *own, const struct e2e_parameters *peer,
                                  struct x3dh_agreement *agreement) {
    agreement->kem = peer->versions.max >= E2E_VERSION_KEM ? own->kem.offer : KEM_NONE;
    if (agreement->kem != KEM_ACCEPTED)
        return SMQ_OK;
    memcpy(agreement->kem_secret, own->kem_secret, sizeof agreement->kem_secret);
    return peer->kem.offer == KEM_PROPOSED ? SMQ_OK : SMQ_ERR_PROTOCOL;
}

/* An initiator's pair is of no use unless the joiner accepted it. */
static enum smq_result initiator_kem(const struct x3dh_keys *own, const struct e2e_parameters *peer,
                                     struct x3dh_agreement *agreement) {
    agreement->kem = KEM_NONE;
    if (peer->versions.max < E2E_VERSION_KEM || peer->kem.offer != KEM_ACCEPTED)
        return SMQ_OK;
    if (own->kem.offer != KEM_PROPOSED)
        return SMQ_ERR_PROTOCOL;
    agreement->kem = KEM_ACCEPTED;
    return sntrup761_decapsulate(own->kem.secret_key, peer->kem.ciphertext, agreement->kem_secret);
}

static enum smq_result finish(enum smq_result result, const struct dh_order *order, struct x3dh_agreement *made,
                              struct x3dh_agreement *agreement) {
    if (result == SMQ_OK)
        result = derive(order, made);
    if (result == SMQ_OK)
        *agreement = *made;
    x3dh_agreement_wipe(made);
    return result;
}

enum smq_result x3dh_agree_as_joiner(const struct x3dh_keys *own, const struct e2e_parameters *peer,
                                     struct x3dh_agreement *agreement) {
    struct dh_order order = {.own = {&own->second, &own->first, &own->second},
                             .peer = {&peer->first, &peer->second, &peer->second}};
    struct x3dh_agreement made = {0};
    set_associated(&made, &own->first.public_key, &peer->first);
    return finish(joiner_kem(own, peer, &made), &order, &made, agreement);
}

enum smq_result x3dh_agree_as_initiator(const struct x3dh_keys *own, const struct e2e_parameters *peer,
                                        struct x3dh_agreement *agreement) {
    struct dh_order order = {.own = {&own->first, &own->second, &own->second},
                             .peer = {&peer->second, &peer->first, &peer->second}};
    struct x3dh_agreement made = {0};
    set_associated(&made, &peer->first, &own->first.public_key);
    return finish(initiator_kem(own, peer, &made), &order, &made, agreement);
}

void x3dh_agreement_wipe(struct x3dh_agreement *agreement) {
    secret_wipe(agreement, sizeof *agreement);
}
