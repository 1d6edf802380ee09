/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A server whose peer does the worst, for the tests of that. */
#pragma once

#include "test/support/http2_frames.h"
#include "test/support/http2_side.h"
#include "test/unit/transport/test_helpers.h"

enum {
    RECORD = 16384,
    WHOLE = FLAG_END_HEADERS | FLAG_END_STREAM,
    SETTING_WINDOW = 4,
    LEAST_MEMORY = 100000, /* no flood of small frames comes near the limit */
};

static struct http2_side server;
static struct frames frames;
static uint8_t output[1 << 20];
static size_t output_length;

static inline int open_server(void **state) {
    (void)state;
    http2_side_open(&server, true);
    frames.length = 0;
    frames_preface(&frames);
    return 0;
}

static inline int close_server(void **state) {
    (void)state;
    return http2_side_close(&server) ? 0 : -1;
}

/* What is sent is kept as long as there is room for it; more is taken, not kept. */
static inline struct slice take_all(void) {
    size_t part;
    while (output_length + RECORD <= sizeof output &&
           (part = http2_side_take(&server, output + output_length, RECORD)) > 0)
        output_length += part;
    struct slice taken = slice_of(output, output_length);
    output_length = 0;
    return taken;
}

/* Input comes in blocks of its own size. */
static inline enum smq_result give(const uint8_t *bytes, size_t length) {
    uint8_t *exact = heap_copy(bytes, length);
    enum smq_result result = http2_receive(server.http2, slice_of(exact, length), server.now);
    free(exact);
    return result;
}

static inline enum smq_result give_frames(void) {
    enum smq_result result = SMQ_OK;
    for (size_t at = 0; at < frames.length && result == SMQ_OK; at += RECORD)
        result = give(frames.bytes + at, frames.length - at < RECORD ? frames.length - at : RECORD);
    frames.length = 0;
    return result;
}

static inline void assert_ended_with(uint32_t code) {
    struct slice left = take_all();
    struct frame frame;
    struct frame last = {0};
    while (frame_next(&left, &frame))
        last = frame;
    assert_int_equal(left.length, 0);
    assert_int_equal(last.type, FRAME_GOAWAY);
    assert_int_equal(frame_u32(&last, 4), code);
    assert_true(http2_is_over(server.http2));
    const char *text;
    assert_int_equal(http2_failure(server.http2, &text), SMQ_ERR_PROTOCOL);
    assert_true(text[0] != '\0');
    assert_int_not_equal(give((const uint8_t *)"x", 1), SMQ_OK);
}

static inline uint32_t stream_of(uint32_t number) {
    return number * 2 + 1;
}

static inline void rapid_reset(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_u32(&frames, FRAME_RST_STREAM, stream_of(number), HTTP2_CANCEL);
}

static inline void too_many_streams(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
}

static inline void reset_by_bad_head(uint32_t number) {
    frames_head(&frames, stream_of(number), WHOLE, "\x83\x87\x84\x40\x04Note\x01x");
}

static inline void reset_by_missing_authority(uint32_t number) {
    frames_head(&frames, stream_of(number), WHOLE, "\x83\x87\x84");
}

static inline void goaways(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
}

static inline void pings(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_PING, 0, 0, "12345678", 8);
}

/* A test with such a server. */
#define SERVER(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)
