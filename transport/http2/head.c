/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "transport/http2/head.h"

#include <string.h>

#include "queues/base/memory.h"

enum { FIRST_CAPACITY = 512 };

void head_begin(struct head_gathering *gathering, int32_t stream, bool is_kept) {
    head_end(gathering);
    gathering->stream = stream;
    gathering->is_kept = is_kept;
}

static enum smq_result make_room(struct head_gathering *gathering, size_t length) {
    if (gathering->places == NULL)
        gathering->places = memory_zalloc_array(HTTP2_FIELDS_MAX, sizeof gathering->places[0]);
    if (gathering->places == NULL)
        return SMQ_ERR_NO_MEMORY;
    size_t capacity = gathering->capacity > 0 ? gathering->capacity : FIRST_CAPACITY;
    while (capacity < length)
        capacity *= 2;
    if (capacity == gathering->capacity)
        return SMQ_OK;
    uint8_t *bytes = memory_resize_array(gathering->bytes, capacity, 1);
    if (bytes == NULL)
        return SMQ_ERR_NO_MEMORY;
    gathering->bytes = bytes;
    gathering->capacity = capacity;
    return SMQ_OK;
}

static uint16_t append(struct head_gathering *gathering, struct slice text) {
    size_t start = gathering->length;
    if (text.length > 0)
        memcpy(gathering->bytes + start, text.bytes, text.length);
    gathering->length += text.length;
    return (uint16_t)start;
}

enum smq_result head_add(struct head_gathering *gathering, struct slice name, struct slice value) {
    size_t size = gathering->length + name.length + value.length;
    if (gathering->count == HTTP2_FIELDS_MAX || size > HTTP2_HEAD_MAX)
        return SMQ_ERR_TOO_LARGE;
    if (!gathering->is_kept) {
        gathering->count++;
        gathering->length = size;
        return SMQ_OK;
    }
    enum smq_result result = make_room(gathering, size);
    if (result != SMQ_OK)
        return result;
    struct head_place *place = &gathering->places[gathering->count++];
    place->name = append(gathering, name);
    place->name_length = (uint16_t)name.length;
    place->value = append(gathering, value);
    place->value_length = (uint16_t)value.length;
    return SMQ_OK;
}

/* nghttp2 has checked that it is a number that fits, and comes once. */
static int64_t number_of(struct slice digits) {
    int64_t number = 0;
    for (size_t at = 0; at < digits.length && number <= INT64_MAX / 10 - 9; at++)
        number = number * 10 + (digits.bytes[at] - '0');
    return number;
}

static void set_field(struct http2_head *head, struct http2_field *fields, struct http2_field field) {
    const struct {
        const char *name;
        struct slice *value;
    } pseudo[] = {
        {":method", &head->method},
        {":scheme", &head->scheme},
        {":authority", &head->authority},
        {":path", &head->path},
    };
    for (size_t index = 0; index < sizeof pseudo / sizeof pseudo[0]; index++)
        if (slice_equal(field.name, slice_of_text(pseudo[index].name))) {
            *pseudo[index].value = field.value;
            return;
        }
    if (slice_equal(field.name, slice_of_text(":status")))
        head->status = (unsigned)number_of(field.value);
    else if (field.name.length == 0 || field.name.bytes[0] != ':')
        fields[head->field_count++] = field;
    if (slice_equal(field.name, slice_of_text("content-length")))
        head->content_length = number_of(field.value);
}

void head_finish(const struct head_gathering *gathering, struct http2_field *fields, struct http2_head *head) {
    *head = (struct http2_head){.content_length = -1, .fields = fields};
    for (size_t index = 0; index < gathering->count; index++) {
        const struct head_place *place = &gathering->places[index];
        struct http2_field field = {
            slice_of(gathering->bytes + place->name, place->name_length),
            slice_of(gathering->bytes + place->value, place->value_length),
        };
        set_field(head, fields, field);
    }
}

void head_end(struct head_gathering *gathering) {
    memory_free(gathering->bytes);
    memory_free(gathering->places);
    *gathering = (struct head_gathering){0};
}

bool http2_head_find(const struct http2_head *head, const char *name, struct slice *value) {
    for (size_t index = 0; index < head->field_count; index++)
        if (slice_equal(head->fields[index].name, slice_of_text(name))) {
            *value = head->fields[index].value;
            return true;
        }
    return false;
}
