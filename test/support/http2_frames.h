/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/2 frames written and read by hand, for peers that do what no library would. */
#pragma once

#include "queues/base/cursor.h"

enum { FRAMES_MAX = 1 << 20 };

enum frame_type {
    FRAME_DATA,
    FRAME_HEADERS,
    FRAME_PRIORITY,
    FRAME_RST_STREAM,
    FRAME_SETTINGS,
    FRAME_PUSH_PROMISE,
    FRAME_PING,
    FRAME_GOAWAY,
    FRAME_WINDOW_UPDATE,
    FRAME_CONTINUATION,
};

enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8 };

struct frames {
    size_t length;
    uint8_t bytes[FRAMES_MAX];
};

struct slice frames_slice(const struct frames *frames);
void frames_bytes(struct frames *frames, const void *bytes, size_t length);
void frames_preface(struct frames *frames); /* a client's, with empty SETTINGS */
void frames_add(struct frames *frames, enum frame_type type, uint8_t flags, uint32_t stream, const void *payload,
                size_t length);
/* The header of a frame only. */
void frames_header(struct frames *frames, enum frame_type type, uint8_t flags, uint32_t stream, size_t length);
void frames_u32(struct frames *frames, enum frame_type type, uint32_t stream, uint32_t value);
void frames_data(struct frames *frames, uint32_t stream, size_t length, bool is_last);
void frames_setting(struct frames *frames, uint16_t name, uint32_t value);
/* POST https://localhost/ ; `content_length` NULL: none. */
void frames_request(struct frames *frames, uint32_t stream, uint8_t flags, const char *content_length);
/* A response with this one indexed or literal field, such as "\x88" for 200. */
void frames_head(struct frames *frames, uint32_t stream, uint8_t flags, const char *block);

struct frame {
    enum frame_type type;
    uint8_t flags;
    uint32_t stream;
    struct slice payload;
};

/* The next frame of `bytes`, which goes on behind it; false: none that is whole. */
bool frame_next(struct slice *bytes, struct frame *frame);
/* The first frame of a type; false: there is none. */
bool frame_find(struct slice bytes, enum frame_type type, struct frame *frame);
size_t frame_count(struct slice bytes, enum frame_type type);
uint32_t frame_u32(const struct frame *frame, size_t at);
