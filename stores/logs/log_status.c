/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Statuses and reasons of blocking. */
#include "stores/logs/log_status.h"

#include <string.h>

/* A JSON object, by its braces. */
static void skip_object(struct reader *reader) {
    unsigned depth = 0;
    bool in_text = false;
    do {
        uint8_t byte = read_u8(reader);
        if (byte < ' ')
            reader_fail(reader);
        else if (byte == '\\' && in_text)
            (void)read_u8(reader);
        else if (byte == '"')
            in_text = !in_text;
        else if (!in_text)
            depth += byte == '{' ? 1U : byte == '}' ? -1U : 0U;
    } while (depth > 0 && !reader->failed);
}

struct slice log_read_blocking(struct reader *reader) {
    const uint8_t *start = reader->position;
    read_literal(reader, "reason=");
    if (!read_if(reader, "spam"))
        read_literal(reader, "content");
    if (read_if(reader, ",notice={")) {
        reader->position--;
        skip_object(reader);
    }
    return reader->failed ? slice_of("", 0) : slice_of(start, (size_t)(reader->position - start));
}

bool log_blocking_has_notice(struct slice blocking) {
    return blocking.length > 0 && memmem(blocking.bytes, blocking.length, ",notice=", 8) != NULL;
}

enum log_status log_read_status(struct reader *reader, struct slice *info) {
    if (read_if(reader, "off"))
        return LOG_STATUS_OFF;
    if (read_if(reader, "blocked,")) {
        *info = log_read_blocking(reader);
        return LOG_STATUS_BLOCKED;
    }
    read_literal(reader, "active");
    return LOG_STATUS_ACTIVE;
}

void log_write_status(struct writer *writer, enum log_status status, struct slice info) {
    static const char *const texts[] = {"active", "off", "blocked,"};
    write_text(writer, texts[status]);
    if (status == LOG_STATUS_BLOCKED)
        write_slice(writer, info);
}
