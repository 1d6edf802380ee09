/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the reading of lines. The first two bytes are the size of the buffer and how many bytes come at a time; the
 * rest is the text. What is given must be what is there. */
#include "stores/logs/log_lines.h"
#include "test/fuzz/fuzz.h"

enum { CAPACITY_MIN = 256 };

struct text {
    const uint8_t *bytes;
    size_t left, step;
};

static enum smq_result read_text(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    struct text *text = context;
    *length = text->left < capacity ? text->left : capacity;
    if (*length > text->step)
        *length = text->step;
    memcpy(bytes, text->bytes, *length);
    text->bytes += *length;
    text->left -= *length;
    return SMQ_OK;
}

/* The line as the text has it; `position` moves behind it. */
static void check_line(const struct log_line *line, struct slice text, size_t *position, size_t capacity) {
    const uint8_t *start = text.bytes + *position;
    size_t left = text.length - *position;
    const uint8_t *end = memchr(start, '\n', left);
    size_t length = end != NULL ? (size_t)(end - start) : left;
    PROMISE(line->text.length <= length && memcmp(line->text.bytes, start, line->text.length) == 0);
    PROMISE(line->text.length == length || line->state == LOG_LINE_TOO_LONG);
    PROMISE(line->state != LOG_LINE_TOO_LONG || line->text.length == capacity);
    PROMISE(line->state != LOG_LINE_TORN || end == NULL);
    PROMISE(line->state != LOG_LINE_WHOLE || end != NULL);
    *position += length + (end != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct log_lines *lines;
    struct log_line line;
    size_t position = 0;
    uint64_t count = 0;
    if (length < 2)
        return 0;
    size_t capacity = CAPACITY_MIN + bytes[0];
    struct slice text = slice_of(bytes + 2, length - 2);
    struct text source = {.bytes = text.bytes, .left = text.length, .step = 1U + bytes[1]};
    PROMISE(log_lines_create((struct log_source){read_text, &source}, capacity, &lines) == SMQ_OK);
    enum smq_result result;
    while ((result = log_lines_load(lines)) == SMQ_OK)
        while (log_lines_next(lines, &line)) {
            PROMISE(line.number == ++count);
            check_line(&line, text, &position, capacity);
        }
    PROMISE(result == SMQ_ERR_EMPTY && position == text.length && log_lines_count(lines) == count);
    log_lines_destroy(&lines);
    return 0;
}
