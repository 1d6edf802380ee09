/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The binary primitives that the byte cursors do not have themselves. */
#include "transport/wire/encoding.h"

void read_space(struct reader *reader) {
    if (read_u8(reader) != ' ')
        reader_fail(reader);
}

void write_space(struct writer *writer) {
    write_u8(writer, ' ');
}

uint8_t read_count(struct reader *reader) {
    return read_u8(reader);
}

uint8_t read_count_nonempty(struct reader *reader) {
    uint8_t count = read_u8(reader);
    if (count == 0)
        reader_fail(reader);
    return count;
}

void write_count(struct writer *writer, size_t count) {
    if (count > UINT8_MAX)
        writer_fail(writer);
    else
        write_u8(writer, (uint8_t)count);
}

struct slice read_maybe_short(struct reader *reader, bool *present) {
    *present = read_maybe(reader);
    return *present ? read_short(reader) : (struct slice){0};
}

void write_maybe_short(struct writer *writer, const struct slice *value) {
    write_maybe(writer, value != NULL);
    if (value != NULL)
        write_short(writer, *value);
}

/* ---- UTF-8 */

/* What may follow each kind of first byte: the range of the second byte excludes overlong forms, surrogates and
 * everything above U+10FFFF; all further bytes are 80..BF. */
struct utf8_row {
    uint8_t first_low, first_high;
    uint8_t second_low, second_high;
    uint8_t length;
};
static const struct utf8_row utf8_rows[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Bytes of the character at the start of `text`, which is not empty; 0 when there is no whole one. */
static size_t utf8_character(struct slice text) {
    for (size_t i = 0; i < sizeof utf8_rows / sizeof utf8_rows[0]; i++) {
        const struct utf8_row *row = &utf8_rows[i];
        if (text.bytes[0] < row->first_low || text.bytes[0] > row->first_high)
            continue;
        if (text.length < row->length)
            return 0;
        if (row->length > 1 && (text.bytes[1] < row->second_low || text.bytes[1] > row->second_high))
            return 0;
        for (size_t k = 2; k < row->length; k++)
            if ((text.bytes[k] & 0xc0) != 0x80)
                return 0;
        return row->length;
    }
    return 0;
}

bool utf8_valid(struct slice text) {
    while (text.length > 0) {
        size_t length = utf8_character(text);
        if (length == 0)
            return false;
        text = slice_of(text.bytes + length, text.length - length);
    }
    return true;
}

struct slice read_utf8_short(struct reader *reader) {
    struct slice text = read_short(reader);
    if (!utf8_valid(text)) {
        reader_fail(reader);
        return (struct slice){0};
    }
    return text;
}

void write_text_short(struct writer *writer, struct slice text) {
    size_t length = text.length;
    if (length > UINT8_MAX) {
        length = UINT8_MAX;
        while (length > 0 && (text.bytes[length] & 0xc0) == 0x80)
            length--;
    }
    write_short(writer, slice_of(text.bytes, length));
}

int64_t read_time(struct reader *reader) {
    return read_i64(reader);
}

void write_time(struct writer *writer, int64_t seconds) {
    write_i64(writer, seconds);
}
