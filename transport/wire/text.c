/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Text encodings: percent escapes and queries. */
#include "transport/wire/text.h"

#include <string.h>

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
