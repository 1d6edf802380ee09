/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* First states after the agreement, and states as the store keeps them. */
#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/ratchet/ratchet.h"

enum { STATE_FORMAT = 1 }; /* first byte of encoded states */

/* ---- first states */

static void take_agreement(struct ratchet *ratchet, const struct x3dh_agreement *agreement,
                           const struct e2e_parameters *peer, uint16_t version_max) {
    ratchet->version = peer->versions.max;
    ratchet->version_max = version_max;
    memcpy(ratchet->associated, agreement->associated, sizeof ratchet->associated);
}

static enum smq_result join(const struct random_source *random, const struct x3dh_agreement *agreement,
                            const struct e2e_parameters *peer, struct ratchet *ratchet) {
    struct root_step step;
    bool accepted = agreement->kem == KEM_ACCEPTED;
    enum smq_result result = key_pair_generate_from(random, KEY_X448, &ratchet->own);
    if (result == SMQ_OK)
        result = root_advance(agreement->root_key, &ratchet->own, &peer->second,
                              accepted ? agreement->kem_secret : NULL, &step);
    if (result != SMQ_OK)
        return result;
    memcpy(ratchet->root_key, step.root_key, sizeof step.root_key);
    memcpy(ratchet->next_sending_header_key, step.next_header_key, sizeof step.next_header_key);
    memcpy(ratchet->next_receiving_header_key, agreement->next_header_key, sizeof agreement->next_header_key);
    ratchet->sending.exists = true;
    memcpy(ratchet->sending.chain_key, step.chain_key, sizeof step.chain_key);
    memcpy(ratchet->sending.header_key, agreement->header_key, sizeof agreement->header_key);
    ratchet->kem_supported = ratchet->kem_enabled = agreement->kem != KEM_NONE;
    ratchet->kem_sending = accepted;
    secret_wipe(&step, sizeof step);
    return SMQ_OK;
}

enum smq_result ratchet_join(const struct random_source *random, const struct x3dh_keys *own,
                             const struct e2e_parameters *peer, uint16_t version_max, struct ratchet *ratchet) {
    struct x3dh_agreement agreement;
    struct ratchet first = {0};
    enum smq_result result = x3dh_agree_as_joiner(own, peer, &agreement);
    if (result != SMQ_OK)
        return result;
    take_agreement(&first, &agreement, peer, version_max);
    if (agreement.kem != KEM_NONE)
        first.kem = own->kem;
    result = join(random, &agreement, peer, &first);
    if (result == SMQ_OK)
        *ratchet = first;
    ratchet_wipe(&first);
    x3dh_agreement_wipe(&agreement);
    return result;
}

enum smq_result ratchet_initiate(const struct x3dh_keys *own, const struct e2e_parameters *peer, uint16_t version_max,
                                 bool pq, struct ratchet *ratchet) {
    struct x3dh_agreement agreement;
    struct ratchet first = {0};
    enum smq_result result = x3dh_agree_as_initiator(own, peer, &agreement);
    if (result != SMQ_OK)
        return result;
    take_agreement(&first, &agreement, peer, version_max);
    first.own = own->second;
    if (agreement.kem != KEM_NONE)
        first.kem = own->kem;
    first.kem_supported = first.kem_enabled = pq;
    memcpy(first.root_key, agreement.root_key, sizeof first.root_key);
    memcpy(first.next_sending_header_key, agreement.next_header_key, sizeof agreement.next_header_key);
    memcpy(first.next_receiving_header_key, agreement.header_key, sizeof agreement.header_key);
    *ratchet = first;
    ratchet_wipe(&first);
    x3dh_agreement_wipe(&agreement);
    return SMQ_OK;
}

void ratchet_wipe(struct ratchet *ratchet) {
    secret_wipe(ratchet, sizeof *ratchet);
}

/* ---- bytes */

void write_ratchet(struct writer *writer, const struct ratchet *ratchet) {
    write_u8(writer, STATE_FORMAT);
    write_u16(writer, ratchet->version);
    write_u16(writer, ratchet->version_max);
    write_bytes(writer, ratchet->associated, sizeof ratchet->associated);
    write_stored_pair(writer, &ratchet->own);
    write_bool(writer, ratchet->kem_supported);
    write_bool(writer, ratchet->kem_enabled);
    write_bool(writer, ratchet->kem_sending);
    write_bool(writer, ratchet->kem_receiving);
    write_bytes(writer, ratchet->root_key, sizeof ratchet->root_key);
    write_bytes(writer, ratchet->next_sending_header_key, RATCHET_KEY_SIZE);
    write_bytes(writer, ratchet->next_receiving_header_key, RATCHET_KEY_SIZE);
    write_bool(writer, ratchet->sending.exists);
    if (ratchet->sending.exists) {
        write_bytes(writer, ratchet->sending.chain_key, RATCHET_KEY_SIZE);
        write_bytes(writer, ratchet->sending.header_key, RATCHET_KEY_SIZE);
        write_u32(writer, ratchet->sending.count);
        write_u32(writer, ratchet->sending.previous_count);
    }
    write_bool(writer, ratchet->receiving.exists);
    if (ratchet->receiving.exists) {
        write_bytes(writer, ratchet->receiving.chain_key, RATCHET_KEY_SIZE);
        write_bytes(writer, ratchet->receiving.header_key, RATCHET_KEY_SIZE);
        write_u32(writer, ratchet->receiving.count);
    }
    write_kem_state(writer, &ratchet->kem);
}

static void read_chains(struct reader *reader, struct ratchet *ratchet) {
    ratchet->sending.exists = read_bool(reader);
    if (ratchet->sending.exists) {
        read_secret_bytes(reader, ratchet->sending.chain_key, RATCHET_KEY_SIZE);
        read_secret_bytes(reader, ratchet->sending.header_key, RATCHET_KEY_SIZE);
        ratchet->sending.count = read_u32(reader);
        ratchet->sending.previous_count = read_u32(reader);
    }
    ratchet->receiving.exists = read_bool(reader);
    if (ratchet->receiving.exists) {
        read_secret_bytes(reader, ratchet->receiving.chain_key, RATCHET_KEY_SIZE);
        read_secret_bytes(reader, ratchet->receiving.header_key, RATCHET_KEY_SIZE);
        ratchet->receiving.count = read_u32(reader);
    }
}

static void read_state(struct reader *reader, struct ratchet *ratchet) {
    ratchet->version = read_u16(reader);
    ratchet->version_max = read_u16(reader);
    read_secret_bytes(reader, ratchet->associated, sizeof ratchet->associated);
    read_stored_pair(reader, &ratchet->own);
    ratchet->kem_supported = read_bool(reader);
    ratchet->kem_enabled = read_bool(reader);
    ratchet->kem_sending = read_bool(reader);
    ratchet->kem_receiving = read_bool(reader);
    read_secret_bytes(reader, ratchet->root_key, sizeof ratchet->root_key);
    read_secret_bytes(reader, ratchet->next_sending_header_key, RATCHET_KEY_SIZE);
    read_secret_bytes(reader, ratchet->next_receiving_header_key, RATCHET_KEY_SIZE);
    read_chains(reader, ratchet);
    read_kem_state(reader, &ratchet->kem);
}

enum smq_result ratchet_decode(struct slice bytes, struct ratchet *ratchet) {
    struct ratchet decoded = {0};
    struct reader reader = reader_of(bytes);
    uint8_t format = read_u8(&reader);
    if (format > STATE_FORMAT)
        return SMQ_ERR_VERSION;
    if (format < STATE_FORMAT)
        reader_fail(&reader);
    read_state(&reader, &decoded);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *ratchet = decoded;
    ratchet_wipe(&decoded);
    return result;
}
