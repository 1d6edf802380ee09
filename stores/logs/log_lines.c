/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines through one buffer. */
#include "stores/logs/log_lines.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"

struct log_lines {
    struct log_source source;
    uint8_t *buffer;
    size_t capacity;
    size_t start; /* of what was not taken */
    size_t end;
    bool at_end;   /* the source has nothing more */
    bool skipping; /* inside a line that is too long and was given already */
    uint64_t count;
};

enum smq_result log_lines_create(struct log_source source, size_t capacity, struct log_lines **out) {
    struct log_lines *lines = memory_zalloc(sizeof *lines);
    if (lines == NULL)
        return SMQ_ERR_NO_MEMORY;
    lines->buffer = memory_alloc(capacity);
    if (lines->buffer == NULL) {
        memory_free(lines);
        return SMQ_ERR_NO_MEMORY;
    }
    lines->source = source;
    lines->capacity = capacity;
    *out = lines;
    return SMQ_OK;
}

void log_lines_destroy(struct log_lines **lines) {
    if (*lines == NULL)
        return;
    secret_wipe((*lines)->buffer, (*lines)->capacity);
    memory_free((*lines)->buffer);
    memory_free(*lines);
    *lines = NULL;
}

static const uint8_t *line_end(const struct log_lines *lines) {
    return memchr(lines->buffer + lines->start, '\n', lines->end - lines->start);
}

/* Takes the rest of a line that was too long out of the buffer, as far as it is there. */
static void skip_rest(struct log_lines *lines) {
    const uint8_t *end = line_end(lines);
    lines->start = end != NULL ? (size_t)(end - lines->buffer) + 1 : lines->end;
    lines->skipping = end == NULL && !lines->at_end;
}

static enum smq_result fill(struct log_lines *lines) {
    while (lines->end < lines->capacity && !lines->at_end) {
        size_t length = 0;
        enum smq_result result = lines->source.read(lines->source.context, lines->buffer + lines->end,
                                                    lines->capacity - lines->end, &length);
        if (result != SMQ_OK)
            return result;
        lines->at_end = length == 0;
        lines->end += length;
    }
    return SMQ_OK;
}

enum smq_result log_lines_load(struct log_lines *lines) {
    do {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
        enum smq_result result = fill(lines);
        if (result != SMQ_OK)
            return result;
        if (lines->skipping)
            skip_rest(lines);
    } while (lines->skipping);
    return lines->start == lines->end && lines->at_end ? SMQ_ERR_EMPTY : SMQ_OK;
}

static void take(struct log_lines *lines, struct log_line *line, size_t length, enum log_line_state state) {
    *line = (struct log_line){
        .number = ++lines->count, .text = slice_of(lines->buffer + lines->start, length), .state = state};
}

bool log_lines_next(struct log_lines *lines, struct log_line *line) {
    const uint8_t *end = line_end(lines);
    size_t left = lines->end - lines->start;
    if (end != NULL) {
        take(lines, line, (size_t)(end - lines->buffer) - lines->start, LOG_LINE_WHOLE);
        lines->start += line->text.length + 1;
        return true;
    }
    if (left == 0 || (!lines->at_end && left < lines->capacity))
        return false;
    take(lines, line, left, lines->at_end ? LOG_LINE_TORN : LOG_LINE_TOO_LONG);
    lines->start = lines->end;
    lines->skipping = !lines->at_end;
    return true;
}

uint64_t log_lines_count(const struct log_lines *lines) {
    return lines->count;
}

size_t log_lines_loaded(const struct log_lines *lines) {
    return lines->end - lines->start;
}
