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
