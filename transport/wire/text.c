/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Text encodings: base64, decimals, percent escapes. */
#include "transport/wire/text.h"

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

static bool is_base64url(uint8_t byte) {
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

/* ---- percent escapes and queries */

void write_percent_encoded(struct writer *writer, struct slice value) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.length; i++) {
        uint8_t byte = value.bytes[i];
        if (is_base64url(byte) || byte == '.' || byte == '~') {
            write_u8(writer, byte);
        } else {
            const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
            write_bytes(writer, escape, sizeof escape);
        }
    }
}

static uint8_t read_hex_digit(struct reader *reader) {
    uint8_t byte = read_u8(reader);
    if (byte >= '0' && byte <= '9')
        return (uint8_t)(byte - '0');
    uint8_t lower = byte | 0x20;
    if (lower >= 'a' && lower <= 'f')
        return (uint8_t)(lower - 'a' + 10);
    reader_fail(reader);
    return 0;
}

/* `plus_is_space`: as in queries. */
static enum smq_result decode_escapes(struct slice value, bool plus_is_space, uint8_t *buffer, size_t capacity,
                                      size_t *length) {
    struct reader reader = reader_of(value);
    struct writer writer = writer_of(buffer, capacity);
    while (reader_left(&reader) > 0) {
        uint8_t byte = read_u8(&reader);
        if (byte == '%') {
            uint8_t high = read_hex_digit(&reader);
            byte = (uint8_t)(high << 4 | read_hex_digit(&reader));
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        write_u8(&writer, byte);
    }
    enum smq_result result = reader_status(&reader);
    if (result == SMQ_OK)
        result = writer_finish(&writer);
    if (result == SMQ_OK)
        *length = writer_length(&writer);
    return result;
}

enum smq_result percent_decode(struct slice value, uint8_t *buffer, size_t capacity, size_t *length) {
    return decode_escapes(value, false, buffer, capacity, length);
}

struct slice read_query(struct reader *reader) {
    size_t length = 0, left = reader_left(reader);
    while (length < left && reader->position[length] != ' ' && reader->position[length] != '\n')
        length++;
    return read_bytes(reader, length);
}

/* Up to one of the two separators, which is taken too. */
static struct slice read_item(struct reader *query) {
    size_t length = 0, left = reader_left(query);
    while (length < left && query->position[length] != '&' && query->position[length] != ';')
        length++;
    struct slice item = read_bytes(query, length);
    if (length < left)
        (void)read_u8(query);
    return item;
}

bool query_next(struct reader *query, struct slice *name, struct slice *value) {
    if (query->failed || reader_left(query) == 0)
        return false;
    struct reader item = reader_of(read_item(query));
    *name = read_until(&item, '=');
    (void)read_if(&item, "=");
    *value = read_tail(&item);
    return true;
}

enum smq_result query_find(struct slice query, const char *name, uint8_t *buffer, size_t capacity,
                           struct slice *value) {
    struct reader reader = reader_of(query);
    struct slice item_name, item_value;
    while (query_next(&reader, &item_name, &item_value)) {
        if (!slice_equal(item_name, slice_of_text(name)))
            continue;
        size_t length;
        enum smq_result result = decode_escapes(item_value, true, buffer, capacity, &length);
        if (result == SMQ_OK)
            *value = slice_of(buffer, length);
        return result;
    }
    return SMQ_ERR_NOT_FOUND;
}
