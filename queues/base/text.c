/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Base64 and decimals. */
#include "queues/base/text.h"

#include <string.h>

#include <sodium.h>

/* ---- base64 */

static int libsodium_variant(enum base64_form form) {
    switch (form) {
    case BASE64_URL:
        return sodium_base64_VARIANT_URLSAFE;
    case BASE64_URL_UNPADDED:
        return sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    default:
        return sodium_base64_VARIANT_ORIGINAL;
    }
}

size_t base64_length(size_t length, enum base64_form form) {
    return sodium_base64_encoded_len(length, libsodium_variant(form)) - 1;
}

void write_base64(struct writer *writer, struct slice value, enum base64_form form) {
    /* In pieces of whole triples, through a buffer: libsodium ends its output with a zero that has no room in ours. */
    enum { PIECE = 96 };
    char text[sodium_base64_ENCODED_LEN(PIECE, sodium_base64_VARIANT_URLSAFE)];
    if (base64_length(value.length, form) > writer_room(writer)) {
        writer_fail(writer);
        return;
    }
    for (size_t done = 0; done < value.length; done += PIECE) {
        size_t piece = value.length - done < PIECE ? value.length - done : PIECE;
        (void)sodium_bin2base64(text, sizeof text, value.bytes + done, piece, libsodium_variant(form));
        write_text(writer, text);
    }
    sodium_memzero(text, sizeof text);
}

static bool is_alphanumeric(uint8_t byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

bool is_base64url(uint8_t byte) {
    return is_alphanumeric(byte) || byte == '-' || byte == '_';
}

size_t read_base64url(struct reader *reader, uint8_t *bytes, size_t capacity) {
    const char *text = (const char *)reader->position;
    size_t length = 0;
    size_t decoded = 0;
    while (length < reader_left(reader) && is_base64url(reader->position[length]))
        length++;
    (void)read_bytes(reader, length);
    while (read_if(reader, "=")) {
    }
    if (reader->failed || length == 0 ||
        sodium_base642bin(bytes, capacity, text, length, NULL, &decoded, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
        reader_fail(reader);
        return 0;
    }
    return decoded;
}

enum smq_result base64url_parse(struct slice text, uint8_t *bytes, size_t capacity, size_t *length) {
    struct reader reader = reader_of(text);
    size_t decoded = read_base64url(&reader, bytes, capacity);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *length = decoded;
    return result;
}

/* ---- decimals */

uint64_t read_decimal(struct reader *reader, uint64_t maximum) {
    uint64_t value = 0;
    size_t digits = 0;
    while (reader_left(reader) > 0) {
        uint8_t byte = reader_peek(reader);
        if (byte < '0' || byte > '9')
            break;
        (void)read_u8(reader);
        unsigned digit = (unsigned)(byte - '0');
        if (digit > maximum || value > (maximum - digit) / 10) {
            reader_fail(reader);
            return 0;
        }
        value = value * 10 + digit;
        digits++;
    }
    if (digits == 0)
        reader_fail(reader);
    return value;
}

void write_decimal(struct writer *writer, uint64_t value) {
    char digits[20]; /* of UINT64_MAX */
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    write_bytes(writer, digits + start, sizeof digits - start);
}

int64_t read_signed_decimal(struct reader *reader) {
    if (!read_if(reader, "-"))
        return (int64_t)read_decimal(reader, INT64_MAX);
    uint64_t magnitude = read_decimal(reader, (uint64_t)INT64_MAX + 1);
    return (int64_t)(0 - magnitude);
}

void write_signed_decimal(struct writer *writer, int64_t value) {
    if (value < 0)
        write_u8(writer, '-');
    write_decimal(writer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}
