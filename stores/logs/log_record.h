/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of the reference's logs: a line is a tag, then fields. A log brings a table with a row for each kind of
 * record; reading and writing a line is here. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

/* A line being read. What is decoded goes to `decoded`, where the record's slices then point. */
struct log_reader {
    struct reader text;
    struct writer decoded;
};

struct log_record_kind {
    const char *tag;
    /* The fields after the tag, each with the space before it. A failure sticks to the reader. */
    void (*read)(struct log_reader *reader, void *record);
    /* The same, after the tag. */
    void (*write)(struct writer *writer, const void *record);
};

struct log_record_table {
    const struct log_record_kind *kinds;
    size_t count;
    size_t record_size; /* of the struct that the rows fill */
};

/* Reads a whole line. `record` is zeroed first; its slices point into the line and to `room`, which takes what is
 * decoded: as many bytes as the line has are enough. `kind` is the row. SMQ_ERR_SYNTAX. */
enum smq_result log_record_read(const struct log_record_table *table, struct slice line, uint8_t *room,
                                size_t room_size, unsigned *kind, void *record);
/* Appends the line and its end; nothing when it does not fit (SMQ_ERR_TOO_LARGE). */
enum smq_result log_record_write(const struct log_record_table *table, struct writer *writer, unsigned kind,
                                 const void *record);

/* ---- Fields, for the rows ---- */

/* Base64url, at least one byte. */
struct slice log_read_bytes(struct log_reader *reader);
/* The same, or nothing at all. */
struct slice log_read_bytes_or_none(struct log_reader *reader);
/* Exactly `size` bytes; NULL otherwise. */
const uint8_t *log_read_fixed(struct log_reader *reader, size_t size);
/* An id: 1 to 255 bytes. */
struct slice log_read_id(struct log_reader *reader);
/* Seconds since 1970 as the day they are in; days that a u32 holds. */
uint32_t log_read_day(struct log_reader *reader);
/* Items with commas between them, as one byte string in which each has its length before it, in `length_size` bytes (1
 * or 2). `count_first`: the number of items, in a byte, comes first. */
struct slice log_read_list(struct log_reader *reader, unsigned length_size, bool count_first);

void log_write_bytes(struct writer *writer, struct slice value);
void log_write_day(struct writer *writer, uint32_t day);
void log_write_list(struct writer *writer, struct slice list, unsigned length_size, bool count_first);
