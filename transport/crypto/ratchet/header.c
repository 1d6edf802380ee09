/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Headers and messages of the ratchet. */
#include "transport/crypto/ratchet/header.h"

/* A header is never shorter than 32 bytes, and a length of two bytes always below 0x2000: the first byte tells which of
 * the two forms it is. So a peer can change to the longer one in any message. */
enum { SHORT_LENGTH_MIN = 32 };

enum smq_result message_header_parse(uint16_t version, struct slice bytes, struct message_header *header) {
    struct reader reader = reader_of(bytes);
    header->version_max = read_u16(&reader);
    read_public_key_of(&reader, KEY_X448, &header->ratchet_key);
    header->kem.offer = KEM_NONE;
    if (version >= E2E_VERSION_KEM)
        read_kem_parameters(&reader, &header->kem);
    header->previous_count = read_u32(&reader);
    header->number = read_u32(&reader);
    return reader_status(&reader);
}

void write_message_header(struct writer *writer, uint16_t version, const struct message_header *header) {
    write_u16(writer, header->version_max);
    write_public_key(writer, &header->ratchet_key);
    if (version >= E2E_VERSION_KEM)
        write_kem_parameters(writer, &header->kem);
    write_u32(writer, header->previous_count);
    write_u32(writer, header->number);
}

size_t header_padded_size(uint16_t version, bool kem_supported) {
    return kem_supported && version >= E2E_VERSION_KEM ? HEADER_PADDED_KEM : HEADER_PADDED;
}

size_t header_length_size(uint16_t version) {
    return version >= E2E_VERSION_KEM ? 2 : 1;
}

void write_header_length(struct writer *writer, uint16_t version, size_t length) {
    if (version >= E2E_VERSION_KEM && length <= UINT16_MAX)
        write_u16(writer, (uint16_t)length);
    else if (version < E2E_VERSION_KEM && length <= UINT8_MAX)
        write_u8(writer, (uint8_t)length);
    else
        writer_fail(writer);
}

static struct slice read_short_or_large(struct reader *reader) {
    return reader_peek(reader) < SHORT_LENGTH_MIN ? read_large(reader) : read_short(reader);
}

enum smq_result sealed_header_parse(struct slice bytes, struct sealed_header *header) {
    struct reader reader = reader_of(bytes);
    header->version = read_u16(&reader);
    header->iv = read_bytes(&reader, GCM_IV_SIZE).bytes;
    header->tag = read_bytes(&reader, GCM_TAG_SIZE).bytes;
    header->ciphertext = read_short_or_large(&reader);
    return reader_finish(&reader);
}

enum smq_result sealed_message_parse(struct slice bytes, struct sealed_message *message) {
    struct reader reader = reader_of(bytes);
    message->header = read_short_or_large(&reader);
    message->tag = read_bytes(&reader, GCM_TAG_SIZE).bytes;
    message->ciphertext = read_tail(&reader);
    enum smq_result result = reader_finish(&reader);
    return result == SMQ_OK ? sealed_header_parse(message->header, &message->parsed_header) : result;
}
