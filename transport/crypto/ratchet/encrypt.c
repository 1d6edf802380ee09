/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sending: a step of the chain makes the message's key and encrypts its header; the body may wait. */
#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/ratchet/ratchet.h"
#include "transport/wire/padding.h"

/* ---- header */

static void header_of(const struct ratchet *ratchet, uint16_t version_max, struct message_header *header) {
    header->version_max = version_max;
    header->ratchet_key = ratchet->own.public_key;
    kem_state_parameters(&ratchet->kem, &header->kem);
    header->previous_count = ratchet->sending.previous_count;
    header->number = ratchet->sending.count;
}

static enum smq_result pad_header(uint16_t version, const struct message_header *header, uint8_t *buffer,
                                  size_t padded) {
    struct writer writer = writer_of(buffer + PADDING_HEADER_SIZE, padded - PADDING_HEADER_SIZE);
    write_message_header(&writer, version, header);
    enum smq_result result = writer_finish(&writer);
    return result == SMQ_OK ? pad_in_place(buffer, writer_length(&writer), padded) : result;
}

static enum smq_result seal_header(const struct ratchet *ratchet, const struct message_header *header, size_t padded,
                                   const uint8_t *iv, struct message_key *key) {
    uint16_t version = ratchet->version;
    struct gcm_associated associated = {{slice_of(ratchet->associated, sizeof ratchet->associated)}};
    struct writer writer = writer_of(key->header, sizeof key->header);
    write_u16(&writer, version);
    write_bytes(&writer, iv, GCM_IV_SIZE);
    uint8_t *tag = write_reserve(&writer, GCM_TAG_SIZE);
    write_header_length(&writer, version, padded);
    uint8_t *body = write_reserve(&writer, padded);
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = pad_header(version, header, body, padded);
    if (result == SMQ_OK)
        result = gcm_seal(ratchet->sending.header_key, iv, &associated, slice_of(body, padded), body, tag);
    key->header_length = (uint16_t)writer_length(&writer);
    return result;
}

/* ---- step */

static void request_kem(struct ratchet *ratchet, enum pq_request request) {
    if (request != PQ_AS_IT_IS)
        ratchet->kem_enabled = request == PQ_ON;
    if (ratchet->version >= E2E_VERSION_KEM && ratchet->kem_enabled)
        ratchet->kem_supported = true;
}

static uint16_t highest_version(const struct ratchet *ratchet, enum pq_request request, uint16_t version_max) {
    uint16_t least = request == PQ_ON ? E2E_VERSION_KEM : ratchet->version;
    return version_max > least ? version_max : least;
}

static enum smq_result encrypt(struct ratchet *ratchet, enum pq_request request, uint16_t version_max,
                               struct message_key *key) {
    struct chain_step step;
    struct message_header header;
    ratchet->version_max = highest_version(ratchet, request, version_max);
    header_of(ratchet, ratchet->version_max, &header);
    request_kem(ratchet, request);
    chain_advance(ratchet->sending.chain_key, &step);
    key->version = ratchet->version;
    memcpy(key->associated, ratchet->associated, sizeof key->associated);
    memcpy(key->key, step.message_key, sizeof key->key);
    memcpy(key->iv, step.body_iv, sizeof key->iv);
    size_t padded = header_padded_size(ratchet->version, ratchet->kem_supported);
    enum smq_result result = seal_header(ratchet, &header, padded, step.header_iv, key);
    memcpy(ratchet->sending.chain_key, step.next, RATCHET_KEY_SIZE);
    ratchet->sending.count++;
    secret_wipe(&step, sizeof step);
    return result;
}

enum smq_result ratchet_encrypt(struct ratchet *ratchet, enum pq_request request, uint16_t version_max,
                                struct message_key *key) {
    if (!ratchet->sending.exists)
        return SMQ_ERR_CLOSED;
    if (ratchet->sending.count == UINT32_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct ratchet next = *ratchet;
    struct message_key made;
    enum smq_result result = encrypt(&next, request, version_max, &made);
    if (result == SMQ_OK) {
        *ratchet = next;
        *key = made;
    }
    ratchet_wipe(&next);
    message_key_wipe(&made);
    return result;
}

/* ---- body */

size_t message_size(const struct message_key *key, size_t padded) {
    return header_length_size(key->version) + key->header_length + GCM_TAG_SIZE + padded;
}

enum smq_result message_key_seal(const struct message_key *key, struct slice plaintext, size_t padded,
                                 uint8_t *message) {
    struct gcm_associated associated = {
        {slice_of(key->associated, sizeof key->associated), slice_of(key->header, key->header_length)}};
    struct writer writer = writer_of(message, message_size(key, padded));
    write_header_length(&writer, key->version, key->header_length);
    write_bytes(&writer, key->header, key->header_length);
    uint8_t *tag = write_reserve(&writer, GCM_TAG_SIZE);
    uint8_t *body = write_reserve(&writer, padded);
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = pad(plaintext, body, padded);
    return result == SMQ_OK ? gcm_seal(key->key, key->iv, &associated, slice_of(body, padded), body, tag) : result;
}

void message_key_wipe(struct message_key *key) {
    secret_wipe(key, sizeof *key);
}

void write_message_key(struct writer *writer, const struct message_key *key) {
    write_u16(writer, key->version);
    write_short(writer, slice_of(key->associated, sizeof key->associated));
    write_short(writer, slice_of(key->key, sizeof key->key));
    write_bytes(writer, key->iv, sizeof key->iv);
    write_large(writer, slice_of(key->header, key->header_length));
}

static void read_field(struct reader *reader, struct slice value, uint8_t *field, size_t length) {
    if (value.length != length)
        reader_fail(reader);
    if (!reader->failed)
        memcpy(field, value.bytes, length);
}

enum smq_result message_key_decode(struct slice bytes, struct message_key *key) {
    struct message_key decoded = {0};
    struct reader reader = reader_of(bytes);
    decoded.version = read_u16(&reader);
    read_field(&reader, read_short(&reader), decoded.associated, sizeof decoded.associated);
    read_field(&reader, read_short(&reader), decoded.key, sizeof decoded.key);
    read_field(&reader, read_bytes(&reader, GCM_IV_SIZE), decoded.iv, sizeof decoded.iv);
    struct slice header = read_large(&reader);
    if (header.length > sizeof decoded.header)
        reader_fail(&reader);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK) {
        decoded.header_length = (uint16_t)header.length;
        if (header.length > 0)
            memcpy(decoded.header, header.bytes, header.length);
        *key = decoded;
    }
    message_key_wipe(&decoded);
    return result;
}
