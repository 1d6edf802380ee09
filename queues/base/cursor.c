/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bounds-checked cursors. */
#include "queues/base/cursor.h"

#include <string.h>

struct slice slice_of(const void *bytes, size_t length) {
    return (struct slice){.bytes = bytes, .length = length};
}

struct slice slice_of_text(const char *text) {
    return slice_of(text, strlen(text));
}

bool slice_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* ---- reader */

struct reader reader_of(struct slice input) {
    /* An empty slice may have no bytes at all: give the cursor an address anyway, so that its arithmetic is defined. */
    static const uint8_t nothing[1];
    const uint8_t *start = input.length > 0 ? input.bytes : nothing;
    return (struct reader){.position = start, .end = start + input.length};
}

void reader_fail(struct reader *reader) {
    reader->failed = true;
    reader->position = reader->end;
}

size_t reader_left(const struct reader *reader) {
    return (size_t)(reader->end - reader->position);
}

/* The next `length` bytes, consumed; NULL, with the error set, when there are fewer. */
static const uint8_t *take(struct reader *reader, size_t length) {
    if (reader->failed || length > reader_left(reader)) {
        reader_fail(reader);
        return NULL;
    }
    const uint8_t *bytes = reader->position;
    reader->position += length;
    return bytes;
}

uint8_t reader_peek(struct reader *reader) {
    if (reader->failed || reader->position == reader->end) {
        reader_fail(reader);
        return 0;
    }
    return *reader->position;
}

uint8_t read_u8(struct reader *reader) {
    const uint8_t *bytes = take(reader, 1);
    return bytes != NULL ? bytes[0] : 0;
}

uint16_t read_u16(struct reader *reader) {
    const uint8_t *bytes = take(reader, 2);
    if (bytes == NULL)
        return 0;
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t read_u32(struct reader *reader) {
    const uint8_t *bytes = take(reader, 4);
    if (bytes == NULL)
        return 0;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

int64_t read_i64(struct reader *reader) {
    if (reader_left(reader) < 8) {
        reader_fail(reader);
        return 0;
    }
    uint64_t high = read_u32(reader);
    return (int64_t)(high << 32 | read_u32(reader));
}

struct slice read_bytes(struct reader *reader, size_t length) {
    const uint8_t *bytes = take(reader, length);
    return bytes != NULL ? slice_of(bytes, length) : (struct slice){0};
}

struct slice read_short(struct reader *reader) {
    uint8_t length = read_u8(reader);
    return read_bytes(reader, length);
}

struct slice read_large(struct reader *reader) {
    uint16_t length = read_u16(reader);
    return read_bytes(reader, length);
}

struct slice read_tail(struct reader *reader) {
    return read_bytes(reader, reader_left(reader));
}

bool read_bool(struct reader *reader) {
    uint8_t value = read_u8(reader);
    if (value != 'T' && value != 'F')
        reader_fail(reader);
    return value == 'T';
}

bool read_maybe(struct reader *reader) {
    uint8_t value = read_u8(reader);
    if (value != '0' && value != '1')
        reader_fail(reader);
    return value == '1';
}

void read_literal(struct reader *reader, const char *text) {
    size_t length = strlen(text);
    const uint8_t *bytes = take(reader, length);
    if (bytes != NULL && memcmp(bytes, text, length) != 0)
        reader_fail(reader);
}

bool read_if(struct reader *reader, const char *text) {
    size_t length = strlen(text);
    if (reader->failed || length > reader_left(reader) || memcmp(reader->position, text, length) != 0)
        return false;
    reader->position += length;
    return true;
}

struct slice read_until(struct reader *reader, uint8_t stop) {
    size_t left = reader_left(reader);
    const uint8_t *found = left > 0 ? memchr(reader->position, stop, left) : NULL;
    return read_bytes(reader, found != NULL ? (size_t)(found - reader->position) : left);
}

enum smq_result reader_status(const struct reader *reader) {
    return reader->failed ? SMQ_ERR_SYNTAX : SMQ_OK;
}

enum smq_result reader_finish(const struct reader *reader) {
    return reader->failed || reader->position != reader->end ? SMQ_ERR_SYNTAX : SMQ_OK;
}

/* ---- writer */

struct writer writer_of(void *buffer, size_t capacity) {
    uint8_t *start = buffer;
    return (struct writer){.start = start, .position = start, .end = start + capacity};
}

void writer_fail(struct writer *writer) {
    writer->failed = true;
}

size_t writer_length(const struct writer *writer) {
    return (size_t)(writer->position - writer->start);
}

size_t writer_room(const struct writer *writer) {
    return writer->failed ? 0 : (size_t)(writer->end - writer->position);
}

uint8_t *write_reserve(struct writer *writer, size_t length) {
    if (writer->failed || length > writer_room(writer)) {
        writer_fail(writer);
        return NULL;
    }
    uint8_t *bytes = writer->position;
    writer->position += length;
    return bytes;
}

void write_u8(struct writer *writer, uint8_t value) {
    uint8_t *bytes = write_reserve(writer, 1);
    if (bytes != NULL)
        bytes[0] = value;
}

void write_u16(struct writer *writer, uint16_t value) {
    uint8_t *bytes = write_reserve(writer, 2);
    if (bytes == NULL)
        return;
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put_u32(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

void write_u32(struct writer *writer, uint32_t value) {
    uint8_t *bytes = write_reserve(writer, 4);
    if (bytes != NULL)
        put_u32(bytes, value);
}

void write_i64(struct writer *writer, int64_t value) {
    uint8_t *bytes = write_reserve(writer, 8);
    if (bytes == NULL)
        return;
    put_u32(bytes, (uint32_t)((uint64_t)value >> 32));
    put_u32(bytes + 4, (uint32_t)value);
}

void write_bytes(struct writer *writer, const void *bytes, size_t length) {
    uint8_t *target = write_reserve(writer, length);
    if (target != NULL && length > 0)
        memcpy(target, bytes, length);
}

void write_slice(struct writer *writer, struct slice value) {
    write_bytes(writer, value.bytes, value.length);
}

void write_text(struct writer *writer, const char *text) {
    write_bytes(writer, text, strlen(text));
}

/* A string with its length in front is written whole or not at all. */
static bool string_fits(struct writer *writer, size_t prefix, size_t length, size_t maximum) {
    size_t room = writer_room(writer);
    if (length <= maximum && room >= prefix && length <= room - prefix)
        return true;
    writer_fail(writer);
    return false;
}

void write_short(struct writer *writer, struct slice value) {
    if (!string_fits(writer, 1, value.length, UINT8_MAX))
        return;
    write_u8(writer, (uint8_t)value.length);
    write_slice(writer, value);
}

void write_large(struct writer *writer, struct slice value) {
    if (!string_fits(writer, 2, value.length, UINT16_MAX))
        return;
    write_u16(writer, (uint16_t)value.length);
    write_slice(writer, value);
}

void write_bool(struct writer *writer, bool value) {
    write_u8(writer, value ? 'T' : 'F');
}

void write_maybe(struct writer *writer, bool present) {
    write_u8(writer, present ? '1' : '0');
}

enum smq_result writer_finish(const struct writer *writer) {
    return writer->failed ? SMQ_ERR_TOO_LARGE : SMQ_OK;
}
