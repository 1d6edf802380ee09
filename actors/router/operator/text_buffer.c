/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/text_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "queues/base/memory.h"
#include "transport/wire/text.h"

enum { FIRST_CAPACITY = 1024 };

/* Room for `more` bytes and the zero. */
static bool make_room(struct text_buffer *text, size_t more) {
    size_t capacity = text->capacity == 0 ? FIRST_CAPACITY : text->capacity;
    if (text->has_failed)
        return false;
    while (capacity - text->length <= more)
        capacity *= 2;
    if (capacity == text->capacity)
        return true;
    char *grown = memory_resize_array(text->bytes, capacity, 1);
    text->has_failed = grown == NULL;
    if (grown == NULL)
        return false;
    text->bytes = grown;
    text->capacity = capacity;
    return true;
}

void text_add(struct text_buffer *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !make_room(text, (size_t)length))
        return;
    va_start(arguments, format);
    (void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_add_slice(struct text_buffer *text, struct slice bytes) {
    if (!make_room(text, bytes.length))
        return;
    if (bytes.length > 0)
        memcpy(text->bytes + text->length, bytes.bytes, bytes.length);
    text->length += bytes.length;
    text->bytes[text->length] = 0;
}

void text_add_base64url(struct text_buffer *text, struct slice bytes) {
    size_t length = base64_length(bytes.length, BASE64_URL);
    if (!make_room(text, length))
        return;
    struct writer writer = writer_of(text->bytes + text->length, length);
    write_base64(&writer, bytes, BASE64_URL);
    text->length += writer_length(&writer);
    text->bytes[text->length] = 0;
}

void text_add_quoted(struct text_buffer *text, const char *value) {
    text_add(text, "\"");
    for (; *value != 0; value++) {
        unsigned char byte = (unsigned char)*value;
        if (byte == '"' || byte == '\\')
            text_add(text, "\\%c", byte);
        else if (byte == '\n')
            text_add(text, "\\n");
        else if (byte < 0x20)
            text_add(text, "\\u%04x", byte);
        else
            text_add(text, "%c", byte);
    }
    text_add(text, "\"");
}

enum smq_result text_result(const struct text_buffer *text) {
    return text->has_failed ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

void text_clear(struct text_buffer *text) {
    text->length = 0;
    text->has_failed = false;
}

void text_free(struct text_buffer *text) {
    memory_free(text->bytes);
    *text = (struct text_buffer){0};
}
