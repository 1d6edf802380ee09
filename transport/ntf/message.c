/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a push tells an app. */
#include "transport/ntf/message.h"

#include <string.h>

#include "transport/wire/padding.h"
#include "transport/wire/text.h"

static void read_sized(struct reader *reader, uint8_t *bytes, size_t size) {
    read_literal(reader, " ");
    if (read_base64url(reader, bytes, size) != size)
        reader_fail(reader);
}

void read_ntf_message(struct reader *reader, struct ntf_message *message) {
    read_ntf_queue_text(reader, &message->queue);
    read_literal(reader, " ");
    message->timestamp = read_signed_decimal(reader);
    read_sized(reader, message->nonce, sizeof message->nonce);
    read_sized(reader, message->meta, sizeof message->meta);
}

void write_ntf_message(struct writer *writer, const struct ntf_message *message) {
    write_ntf_queue_text(writer, &message->queue);
    write_text(writer, " ");
    write_signed_decimal(writer, message->timestamp);
    write_text(writer, " ");
    write_base64(writer, slice_of(message->nonce, sizeof message->nonce), BASE64_URL);
    write_text(writer, " ");
    write_base64(writer, slice_of(message->meta, sizeof message->meta), BASE64_URL);
}

bool ntf_messages_next(struct reader *reader, struct ntf_message *message) {
    if (reader->failed || reader_left(reader) == 0)
        return false;
    read_ntf_message(reader, message);
    if (reader->failed)
        return false;
    if (reader_left(reader) > 0) {
        read_literal(reader, ";");
        if (reader_left(reader) == 0)
            reader_fail(reader);
    }
    return !reader->failed;
}

void write_ntf_messages_item(struct writer *writer, const struct ntf_message *message) {
    if (writer_length(writer) > 0)
        write_text(writer, ";");
    write_ntf_message(writer, message);
}

enum smq_result ntf_push_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], struct slice plaintext,
                              size_t padded_size, uint8_t *sealed) {
    if (padded_size < NTF_PADDED_MIN || padded_size > NTF_PADDED_MAX ||
        plaintext.length > padded_size - PADDING_HEADER_SIZE)
        return SMQ_ERR_TOO_LARGE;
    if (plaintext.length > 0)
        memcpy(sealed + BOX_PADDED_OFFSET, plaintext.bytes, plaintext.length);
    return box_seal_padded(key, nonce, sealed, plaintext.length, padded_size);
}

enum smq_result ntf_push_open(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *sealed,
                              size_t length, struct slice *plaintext) {
    return box_open_padded(key, nonce, sealed, length, plaintext);
}
