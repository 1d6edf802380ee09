/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two encryption layers of proxied commands. */
#include "transport/crypto/proxy_layer.h"

#include <string.h>

/* ---- between client and relay: padded */

enum smq_result proxy_payload_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                   size_t length) {
    return box_seal_padded(key, corr_id, buffer, length, PROXY_PAYLOAD_PADDED);
}

enum smq_result proxy_payload_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                   size_t sealed_length, struct slice *content) {
    return box_open_padded(key, corr_id, buffer, sealed_length, content);
}

enum smq_result proxy_result_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                  size_t length) {
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_reverse(corr_id, nonce);
    return box_seal_padded(key, nonce, buffer, length, PROXY_PAYLOAD_PADDED);
}

enum smq_result proxy_result_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *buffer,
                                  size_t sealed_length, struct slice *content) {
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_reverse(corr_id, nonce);
    return box_open_padded(key, nonce, buffer, sealed_length, content);
}

/* ---- between proxy and relay: not padded */

size_t proxy_forward_header_size(size_t corr_id_length) {
    return 1 + corr_id_length + 2 + 1 + KEY_X25519_SPKI;
}

size_t proxy_forward_payload_at(size_t corr_id_length) {
    return BOX_TAG_SIZE + proxy_forward_header_size(corr_id_length);
}

size_t proxy_response_payload_at(size_t corr_id_length) {
    return BOX_TAG_SIZE + 1 + corr_id_length;
}

/* The last field. It may lie in its place already, or overlap it. */
static void write_payload(struct writer *writer, struct slice payload) {
    uint8_t *place = write_reserve(writer, payload.length);
    if (place != NULL && payload.length > 0 && place != payload.bytes)
        memmove(place, payload.bytes, payload.length);
}

enum smq_result proxy_forward_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                   const struct proxy_forward *forward, uint8_t *output, size_t capacity,
                                   size_t *length) {
    struct writer writer = writer_of(output, capacity);
    (void)write_reserve(&writer, BOX_TAG_SIZE);
    write_short(&writer, forward->corr_id);
    write_u16(&writer, forward->version);
    write_public_key(&writer, &forward->client_key);
    write_payload(&writer, forward->payload);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    *length = writer_length(&writer);
    box_seal(key, corr_id, output, *length - BOX_TAG_SIZE);
    return SMQ_OK;
}

enum smq_result proxy_forward_seal_to(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                      const struct proxy_forward *forward, uint8_t *output, size_t capacity,
                                      size_t *length) {
    size_t header_size = proxy_forward_header_size(forward->corr_id.length);
    uint8_t *header = (uint8_t *)(uintptr_t)forward->payload.bytes - header_size;
    struct writer writer = writer_of(header, header_size);
    size_t plain_size = header_size + forward->payload.length;
    write_short(&writer, forward->corr_id);
    write_u16(&writer, forward->version);
    write_public_key(&writer, &forward->client_key);
    if (writer_finish(&writer) != SMQ_OK || plain_size + BOX_TAG_SIZE > capacity)
        return SMQ_ERR_TOO_LARGE;
    *length = plain_size + BOX_TAG_SIZE;
    box_seal_to(key, corr_id, slice_of(header, plain_size), output);
    return SMQ_OK;
}

enum smq_result proxy_forward_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *sealed,
                                   size_t sealed_length, struct proxy_forward *forward) {
    struct slice plaintext;
    enum smq_result result = box_open(key, corr_id, sealed, sealed_length, &plaintext);
    if (result != SMQ_OK)
        return result;
    struct reader reader = reader_of(plaintext);
    struct proxy_forward parsed = {.corr_id = read_short(&reader)};
    if (parsed.corr_id.length != BOX_NONCE_SIZE)
        reader_fail(&reader);
    parsed.version = read_u16(&reader);
    read_public_key_of(&reader, KEY_X25519, &parsed.client_key);
    parsed.payload = read_tail(&reader);
    result = reader_finish(&reader);
    if (result == SMQ_OK)
        *forward = parsed;
    return result;
}

enum smq_result proxy_response_seal(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                    const struct proxy_response *response, uint8_t *output, size_t capacity,
                                    size_t *length) {
    uint8_t nonce[BOX_NONCE_SIZE];
    struct writer writer = writer_of(output, capacity);
    (void)write_reserve(&writer, BOX_TAG_SIZE);
    write_short(&writer, response->corr_id);
    write_payload(&writer, response->payload);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    *length = writer_length(&writer);
    box_nonce_reverse(corr_id, nonce);
    box_seal(key, nonce, output, *length - BOX_TAG_SIZE);
    return SMQ_OK;
}

static enum smq_result parse_response(struct slice plaintext, struct proxy_response *response) {
    struct reader reader = reader_of(plaintext);
    struct proxy_response parsed = {.corr_id = read_short(&reader)};
    parsed.payload = read_tail(&reader);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *response = parsed;
    return result;
}

enum smq_result proxy_response_open(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE], uint8_t *sealed,
                                    size_t sealed_length, struct proxy_response *response) {
    uint8_t nonce[BOX_NONCE_SIZE];
    struct slice plaintext;
    box_nonce_reverse(corr_id, nonce);
    enum smq_result result = box_open(key, nonce, sealed, sealed_length, &plaintext);
    return result == SMQ_OK ? parse_response(plaintext, response) : result;
}

enum smq_result proxy_response_open_to(const struct box_key *key, const uint8_t corr_id[BOX_NONCE_SIZE],
                                       struct slice sealed, uint8_t *output, struct proxy_response *response) {
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_reverse(corr_id, nonce);
    enum smq_result result = box_open_to(key, nonce, sealed, output);
    return result == SMQ_OK ? parse_response(slice_of(output, sealed.length - BOX_TAG_SIZE), response) : result;
}
