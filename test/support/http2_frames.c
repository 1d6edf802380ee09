/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/http2_frames.h"

#include <stdlib.h>
#include <string.h>

#include "test/support/http2_side.h"

enum { HEADER = 9 };

struct slice frames_slice(const struct frames *frames) {
    return slice_of(frames->bytes, frames->length);
}

void frames_bytes(struct frames *frames, const void *bytes, size_t length) {
    if (length > FRAMES_MAX - frames->length)
        abort();
    if (length > 0)
        memcpy(frames->bytes + frames->length, bytes, length);
    frames->length += length;
}

void frames_header(struct frames *frames, enum frame_type type, uint8_t flags, uint32_t stream, size_t length) {
    uint8_t header[HEADER];
    struct writer writer = writer_of(header, sizeof header);
    write_u8(&writer, (uint8_t)(length >> 16));
    write_u16(&writer, (uint16_t)length);
    write_u8(&writer, (uint8_t)type);
    write_u8(&writer, flags);
    write_u32(&writer, stream);
    frames_bytes(frames, header, sizeof header);
}

void frames_add(struct frames *frames, enum frame_type type, uint8_t flags, uint32_t stream, const void *payload,
                size_t length) {
    frames_header(frames, type, flags, stream, length);
    frames_bytes(frames, payload, length);
}

void frames_preface(struct frames *frames) {
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    frames_bytes(frames, magic, strlen(magic));
    frames_add(frames, FRAME_SETTINGS, 0, 0, NULL, 0);
}

void frames_u32(struct frames *frames, enum frame_type type, uint32_t stream, uint32_t value) {
    uint8_t payload[4];
    struct writer writer = writer_of(payload, sizeof payload);
    write_u32(&writer, value);
    frames_add(frames, type, 0, stream, payload, sizeof payload);
}

void frames_data(struct frames *frames, uint32_t stream, size_t length, bool is_last) {
    frames_header(frames, FRAME_DATA, is_last ? FLAG_END_STREAM : 0, stream, length);
    if (length > FRAMES_MAX - frames->length)
        abort();
    for (size_t at = 0; at < length; at++)
        frames->bytes[frames->length++] = http2_body_byte(at);
}

void frames_setting(struct frames *frames, uint16_t name, uint32_t value) {
    uint8_t payload[6];
    struct writer writer = writer_of(payload, sizeof payload);
    write_u16(&writer, name);
    write_u32(&writer, value);
    frames_add(frames, FRAME_SETTINGS, 0, 0, payload, sizeof payload);
}

void frames_request(struct frames *frames, uint32_t stream, uint8_t flags, const char *content_length) {
    static const char start[] = "\x83\x87\x84\x41\x09localhost";
    uint8_t block[64];
    struct writer writer = writer_of(block, sizeof block);
    write_text(&writer, start);
    if (content_length != NULL) {
        write_text(&writer, "\x0f\x0d");
        write_short(&writer, slice_of_text(content_length));
    }
    frames_add(frames, FRAME_HEADERS, flags, stream, block, writer_length(&writer));
}

void frames_head(struct frames *frames, uint32_t stream, uint8_t flags, const char *block) {
    frames_add(frames, FRAME_HEADERS, flags, stream, block, strlen(block));
}

bool frame_next(struct slice *bytes, struct frame *frame) {
    struct reader reader = reader_of(*bytes);
    size_t length = (size_t)read_u8(&reader) << 16;
    length += read_u16(&reader);
    frame->type = (enum frame_type)read_u8(&reader);
    frame->flags = read_u8(&reader);
    frame->stream = read_u32(&reader);
    frame->payload = read_bytes(&reader, length);
    if (reader_status(&reader) != SMQ_OK)
        return false;
    *bytes = read_tail(&reader);
    return true;
}

bool frame_find(struct slice bytes, enum frame_type type, struct frame *frame) {
    while (frame_next(&bytes, frame))
        if (frame->type == type)
            return true;
    return false;
}

size_t frame_count(struct slice bytes, enum frame_type type) {
    struct frame frame;
    size_t count = 0;
    while (frame_next(&bytes, &frame))
        count += frame.type == type;
    return count;
}

uint32_t frame_u32(const struct frame *frame, size_t at) {
    struct reader reader = reader_of(frame->payload);
    (void)read_bytes(&reader, at);
    return read_u32(&reader);
}
