/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines of a text of any size, through one buffer of fixed size: a source fills it, whole lines are taken out of it.
 * Whatever a file holds, no more of it is in memory than the buffer. One thread; blocks as its source does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

/* Where bytes come from: a file (log_file.h), or something that makes the same lines (journal, database). */
struct log_source {
    /* Puts at most `capacity` bytes to `bytes`; none only at the end. The error of a source ends the reading; it has
     * told the reason. */
    enum smq_result (*read)(void *context, uint8_t *bytes, size_t capacity, size_t *length);
    void *context;
};

enum log_line_state {
    LOG_LINE_WHOLE,
    LOG_LINE_TORN,     /* the text ends without the end of this line: it was cut, even if it can be read */
    LOG_LINE_TOO_LONG, /* `text` is its start */
};

struct log_line {
    uint64_t number;   /* from 1 */
    struct slice text; /* without its end; valid until the next log_lines_load */
    enum log_line_state state;
};

struct log_lines;

/* `capacity`: bytes of the buffer, and the longest line; at least 256. SMQ_ERR_NO_MEMORY. */
enum smq_result log_lines_create(struct log_source source, size_t capacity, struct log_lines **out);
/* Takes ownership and nulls the pointer; NULL inside is allowed. Does not end the source. */
void log_lines_destroy(struct log_lines **lines);

/* Makes room of what was taken and fills the buffer. SMQ_ERR_EMPTY: there is nothing more. Errors of the source. */
enum smq_result log_lines_load(struct log_lines *lines);
/* The next line in the buffer; false: none that is whole, load again. */
bool log_lines_next(struct log_lines *lines, struct log_line *line);
/* Bytes in the buffer that were not taken. */
size_t log_lines_loaded(const struct log_lines *lines);
/* How many lines were taken. */
uint64_t log_lines_count(const struct log_lines *lines);
