/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bounds-checked cursors: the only way this project reads bytes from a peer or writes bytes for one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

/* Bytes that somebody else owns. `bytes` may be NULL only when `length` is 0. */
struct slice {
    const uint8_t *bytes;
    size_t length;
};

/* A reader over borrowed bytes. The first read that does not fit, or that finds a forbidden value, sets `failed`;
 * every later read returns zeroes and empty slices, so that a parser checks once, at its end. Not thread-safe. */
struct reader {
    const uint8_t *position;
    const uint8_t *end;
    bool failed;
};

/* A writer into a caller's buffer, with the same sticky error: a write that does not fit writes nothing and sets
 * `failed`. */
struct writer {
    uint8_t *start;
    uint8_t *position;
    uint8_t *end;
    bool failed;
};

struct slice slice_of(const void *bytes, size_t length);
struct slice slice_of_text(const char *text);     /* without the terminating zero */
bool slice_equal(struct slice a, struct slice b); /* not constant-time: for public values only */

struct reader reader_of(struct slice input);
void reader_fail(struct reader *reader);
size_t reader_left(const struct reader *reader);
uint8_t reader_peek(struct reader *reader); /* next byte without consuming; fails at the end */
uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
int64_t read_i64(struct reader *reader);
struct slice read_bytes(struct reader *reader, size_t length); /* exactly `length` bytes */
struct slice read_short(struct reader *reader);                /* u8 length, then the bytes */
struct slice read_large(struct reader *reader);                /* u16 length, then the bytes */
struct slice read_tail(struct reader *reader);                 /* all that is left */
bool read_bool(struct reader *reader);                         /* 'T' or 'F' */
bool read_maybe(struct reader *reader);                        /* '1': a value follows; '0': none */
bool read_if(struct reader *reader, const char *text);         /* consumes exactly these bytes when they come next */
void read_literal(struct reader *reader, const char *text);    /* fails unless exactly these bytes come next */
struct slice read_until(struct reader *reader,
                        uint8_t stop); /* bytes before `stop` or before the end; `stop` is left */
/* SMQ_OK when nothing failed and all input was consumed, else SMQ_ERR_SYNTAX. */
enum smq_result reader_finish(const struct reader *reader);
/* SMQ_OK when nothing failed; unread input is allowed (handshakes). */
enum smq_result reader_status(const struct reader *reader);

struct writer writer_of(void *buffer, size_t capacity);
void writer_fail(struct writer *writer);
size_t writer_length(const struct writer *writer); /* bytes written so far */
size_t writer_room(const struct writer *writer);
void write_u8(struct writer *writer, uint8_t value);
void write_u16(struct writer *writer, uint16_t value);
void write_u32(struct writer *writer, uint32_t value);
void write_i64(struct writer *writer, int64_t value);
void write_bytes(struct writer *writer, const void *bytes, size_t length);
void write_slice(struct writer *writer, struct slice value);
void write_text(struct writer *writer, const char *text);
void write_short(struct writer *writer, struct slice value); /* fails when longer than 255 bytes */
void write_large(struct writer *writer, struct slice value); /* fails when longer than 65,535 bytes */
void write_bool(struct writer *writer, bool value);
void write_maybe(struct writer *writer, bool present);
uint8_t *write_reserve(struct writer *writer, size_t length); /* room filled later; NULL when it does not fit */
/* SMQ_OK, or SMQ_ERR_TOO_LARGE when something did not fit. */
enum smq_result writer_finish(const struct writer *writer);
