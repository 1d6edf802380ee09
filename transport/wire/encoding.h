/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The binary primitives of the protocols that the byte cursors do not have themselves (reference: Encoding.hs). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"

/* Integers, booleans ('T'/'F'), short and large strings, optional markers ('0'/'1') and tails are in
 * queues/base/cursor.h. Everything here is pure: no allocation, no I/O, any thread; errors stick to the cursor. */

/* The single byte 0x20 that separates tags from parameters; any other byte fails. */
void read_space(struct reader *reader);
void write_space(struct writer *writer);

/* The u8 count in front of a list; read_count_nonempty fails on 0. The items follow and are the caller's to read. */
uint8_t read_count(struct reader *reader);
uint8_t read_count_nonempty(struct reader *reader);
/* Fails when `count` is over 255. */
void write_count(struct writer *writer, size_t count);

/* A marker, then a short string when it says so. `*present` is always set; absent gives an empty slice. */
struct slice read_maybe_short(struct reader *reader, bool *present);
/* `value` NULL: absent. */
void write_maybe_short(struct writer *writer, const struct slice *value);

/* A short string that must be UTF-8; fails otherwise. */
struct slice read_utf8_short(struct reader *reader);
/* A short string of at most 255 bytes: the longest prefix of `text` that fits and does not cut a UTF-8 character. For
 * error texts, which may be cut; identifiers use write_short, which refuses. */
void write_text_short(struct writer *writer, struct slice text);
/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(struct slice text);

/* Seconds since 1970-01-01 UTC in 8 bytes. */
int64_t read_time(struct reader *reader);
void write_time(struct writer *writer, int64_t seconds);
