/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Padding to a fixed size. */
#include "transport/wire/padding.h"

#include <string.h>

enum smq_result pad_in_place(uint8_t *buffer, size_t message_length, size_t padded_size) {
    if (message_length > PADDING_MESSAGE_MAX || padded_size < PADDING_HEADER_SIZE ||
        message_length > padded_size - PADDING_HEADER_SIZE)
        return SMQ_ERR_TOO_LARGE;
    buffer[0] = (uint8_t)(message_length >> 8);
    buffer[1] = (uint8_t)message_length;
    memset(buffer + PADDING_HEADER_SIZE + message_length, '#', padded_size - PADDING_HEADER_SIZE - message_length);
    return SMQ_OK;
}

enum smq_result pad(struct slice message, uint8_t *buffer, size_t padded_size) {
    enum smq_result result = pad_in_place(buffer, message.length, padded_size);
    if (result == SMQ_OK && message.length > 0)
        memcpy(buffer + PADDING_HEADER_SIZE, message.bytes, message.length);
    return result;
}

enum smq_result unpad(struct slice padded, struct slice *message) {
    struct reader reader = reader_of(padded);
    struct slice content = read_large(&reader);
    if (reader_status(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    *message = content;
    return SMQ_OK;
}

struct writer padded_writer(uint8_t *buffer, size_t padded_size) {
    return writer_of(buffer + PADDING_HEADER_SIZE, padded_size - PADDING_HEADER_SIZE);
}

enum smq_result padded_finish(const struct writer *writer, uint8_t *buffer, size_t padded_size) {
    enum smq_result result = writer_finish(writer);
    return result == SMQ_OK ? pad_in_place(buffer, writer_length(writer), padded_size) : result;
}

struct reader padded_reader(struct slice padded) {
    struct slice message = {0};
    enum smq_result result = unpad(padded, &message);
    struct reader reader = reader_of(message);
    if (result != SMQ_OK)
        reader_fail(&reader);
    return reader;
}
