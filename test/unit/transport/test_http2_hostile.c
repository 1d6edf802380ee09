/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers that do the worst that HTTP/2 allows, and what it does not: each costs bounded memory and work, then the
 * connection. Time stands still unless a test says otherwise, so that nothing is forgiven. */
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

static int open_server(void **state) {
    (void)state;
    http2_side_open(&server, true);
    frames.length = 0;
    frames_preface(&frames);
    return 0;
}

static int close_server(void **state) {
    (void)state;
    return http2_side_close(&server) ? 0 : -1;
}

/* What is sent is kept as long as there is room for it; more is taken, not kept. */
static struct slice take_all(void) {
    size_t part;
    while (output_length + RECORD <= sizeof output &&
           (part = http2_side_take(&server, output + output_length, RECORD)) > 0)
        output_length += part;
    struct slice taken = slice_of(output, output_length);
    output_length = 0;
    return taken;
}

/* Input comes in blocks of its own size. */
static enum smq_result give(const uint8_t *bytes, size_t length) {
    uint8_t *exact = heap_copy(bytes, length);
    enum smq_result result = http2_receive(server.http2, slice_of(exact, length), server.now);
    free(exact);
    return result;
}

static enum smq_result give_frames(void) {
    enum smq_result result = SMQ_OK;
    for (size_t at = 0; at < frames.length && result == SMQ_OK; at += RECORD)
        result = give(frames.bytes + at, frames.length - at < RECORD ? frames.length - at : RECORD);
    frames.length = 0;
    return result;
}

static void assert_ended_with(uint32_t code) {
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

/* ---- floods: something done again and again */

/* `number` counts from 0. */
typedef void flood(uint32_t number);

static uint32_t stream_of(uint32_t number) {
    return number * 2 + 1;
}

static void rapid_reset(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_u32(&frames, FRAME_RST_STREAM, stream_of(number), HTTP2_CANCEL);
}

static void reset_by_zero_increment(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_u32(&frames, FRAME_WINDOW_UPDATE, stream_of(number), 0);
}

static void reset_by_window_overflow(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_u32(&frames, FRAME_WINDOW_UPDATE, stream_of(number), 0x7fffffff);
}

static void reset_by_content_length(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, "5");
    frames_data(&frames, stream_of(number), 6, false);
}

static void reset_by_short_body(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, "5");
    frames_data(&frames, stream_of(number), 4, true);
}

static void reset_by_bad_head(uint32_t number) {
    frames_head(&frames, stream_of(number), WHOLE, "\x83\x87\x84\x40\x04Note\x01x");
}

static void reset_by_missing_authority(uint32_t number) {
    frames_head(&frames, stream_of(number), WHOLE, "\x83\x87\x84");
}

static void reset_by_pseudo_trailers(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_head(&frames, stream_of(number), WHOLE, "\x83");
}

static void reset_by_unended_trailers(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_head(&frames, stream_of(number), FLAG_END_HEADERS, "\x40\x04note\x01x");
}

static void reset_by_self_dependency(uint32_t number) {
    static const uint8_t payload[] = {0, 0, 0, 1, 0};
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_PRIORITY, 0, 1, payload, sizeof payload);
    (void)number;
}

static void too_many_streams(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
}

static void settings(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_SETTINGS, 0, 0, NULL, 0);
}

static void windows_up_and_down(uint32_t number) {
    if (number < 50)
        frames_request(&frames, stream_of(number), WHOLE, NULL);
    frames_setting(&frames, SETTING_WINDOW, number % 2);
}

static void pings(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_PING, 0, 0, "12345678", 8);
}

static void answers_to_no_ping(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_PING, FLAG_ACK, 0, "12345678", 8);
}

static void priorities(uint32_t number) {
    static const uint8_t payload[] = {0, 0, 0, 0, 16};
    frames_add(&frames, FRAME_PRIORITY, 0, stream_of(number), payload, sizeof payload);
}

static void window_updates(uint32_t number) {
    (void)number;
    frames_u32(&frames, FRAME_WINDOW_UPDATE, 0, 1);
}

static void window_updates_of_ended_streams(uint32_t number) {
    if (number == 0)
        rapid_reset(0);
    frames_u32(&frames, FRAME_WINDOW_UPDATE, 1, 1);
}

static void resets_of_one_stream(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_u32(&frames, FRAME_RST_STREAM, 1, HTTP2_CANCEL);
}

static void unknown_frames(uint32_t number) {
    (void)number;
    frames_add(&frames, (enum frame_type)0x77, 0, 0, NULL, 0);
}

static void goaways(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
}

static void empty_bodies(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_DATA, 0, 1, NULL, 0);
}

static void bodies_of_a_byte(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_DATA, 0, 1, "x", 1);
}

static void padding(uint32_t number) {
    static uint8_t payload[257] = {255};
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_DATA, FLAG_PADDED, 1, payload, sizeof payload);
}

static void bodies_of_ended_streams(uint32_t number) {
    if (number == 0)
        rapid_reset(0);
    frames_data(&frames, 1, 10000, false);
}

static void empty_continuations(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, 0, NULL);
    frames_add(&frames, FRAME_CONTINUATION, 0, 1, NULL, 0);
}

static void continuations(uint32_t number) {
    static const char field[] = "\x40\x04note\x0csomething...";
    if (number == 0)
        frames_request(&frames, 1, 0, NULL);
    frames_add(&frames, FRAME_CONTINUATION, 0, 1, field, strlen(field));
}

static void fields_without_end(uint32_t number) {
    static const char start[] = "\x83\x87\x84\x41\x09localhost";
    if (number == 0) {
        frames_header(&frames, FRAME_HEADERS, FLAG_END_HEADERS, 1, 16000);
        frames_bytes(&frames, start, strlen(start));
    }
    frames_bytes(&frames, "\xa0", 1); /* an empty `cookie` */
}

static const struct {
    const char *name;
    flood *send;
    uint32_t most; /* times, before the connection must have ended */
    uint32_t code;
} floods[] = {
    {"rapid reset", rapid_reset, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by a zero increment", reset_by_zero_increment, 110, HTTP2_PROTOCOL_ERROR},
    {"reset by an overflow", reset_by_window_overflow, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by a long body", reset_by_content_length, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by a short body", reset_by_short_body, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by a bad head", reset_by_bad_head, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by a head without authority", reset_by_missing_authority, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by pseudo-header fields as trailers", reset_by_pseudo_trailers, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"reset by trailers that do not end", reset_by_unended_trailers, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"a stream that depends on itself", reset_by_self_dependency, 10, HTTP2_PROTOCOL_ERROR},
    {"too many streams", too_many_streams, 220, HTTP2_ENHANCE_YOUR_CALM},
    {"SETTINGS", settings, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"windows up and down", windows_up_and_down, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"PING", pings, 210, HTTP2_ENHANCE_YOUR_CALM},
    {"answers to no PING", answers_to_no_ping, 210, HTTP2_ENHANCE_YOUR_CALM},
    {"PRIORITY", priorities, 600, HTTP2_ENHANCE_YOUR_CALM},
    {"WINDOW_UPDATE", window_updates, 600, HTTP2_ENHANCE_YOUR_CALM},
    {"WINDOW_UPDATE of an ended stream", window_updates_of_ended_streams, 600, HTTP2_ENHANCE_YOUR_CALM},
    {"RST_STREAM of one stream", resets_of_one_stream, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"unknown frames", unknown_frames, 20000, HTTP2_ENHANCE_YOUR_CALM},
    {"GOAWAY", goaways, 110, HTTP2_ENHANCE_YOUR_CALM},
    {"empty DATA", empty_bodies, 1100, HTTP2_ENHANCE_YOUR_CALM},
    {"DATA of a byte", bodies_of_a_byte, 1100, HTTP2_ENHANCE_YOUR_CALM},
    {"padding", padding, 1100, HTTP2_ENHANCE_YOUR_CALM},
    {"DATA of an ended stream", bodies_of_ended_streams, 20, HTTP2_ENHANCE_YOUR_CALM},
    {"empty CONTINUATION", empty_continuations, 20, HTTP2_ENHANCE_YOUR_CALM},
    {"CONTINUATION", continuations, 20, HTTP2_ENHANCE_YOUR_CALM},
    {"fields without end", fields_without_end, 100, HTTP2_ENHANCE_YOUR_CALM},
};

/* What nghttp2 says at the end is kept for the test. */
static void take_unless_it_ended(void) {
    const char *text;
    size_t length = http2_side_take(&server, output, RECORD);
    output_length = http2_failure(server.http2, &text) == SMQ_OK ? 0 : length;
}

/* Floods until the connection fails; all that is owed is taken, or nothing. */
static void flood_once(flood *send, uint32_t most, uint32_t code, bool is_taken) {
    enum smq_result result = SMQ_OK;
    size_t memory = 0;
    for (uint32_t number = 0; result == SMQ_OK && number <= most && !http2_is_over(server.http2); number++) {
        send(number);
        result = give_frames();
        if (http2_memory(server.http2) > memory)
            memory = http2_memory(server.http2);
        if (is_taken && result == SMQ_OK)
            take_unless_it_ended();
    }
    assert_true(memory < LEAST_MEMORY);
    if (!is_taken && result == SMQ_ERR_AGAIN)
        return; /* such a peer is not read any more */
    assert_ended_with(code);
    assert_true(server.count <= 110);
}

static void test_floods_end_the_connection(void **state) {
    for (size_t index = 0; index < sizeof floods / sizeof floods[0]; index++) {
        print_message("%s\n", floods[index].name);
        flood_once(floods[index].send, floods[index].most, floods[index].code, true);
        assert_int_equal(close_server(state), 0);
        assert_int_equal(open_server(state), 0);
    }
}

static void test_floods_by_peers_that_read_nothing_end_too(void **state) {
    for (size_t index = 0; index < sizeof floods / sizeof floods[0]; index++) {
        print_message("%s\n", floods[index].name);
        flood_once(floods[index].send, floods[index].most, floods[index].code, false);
        assert_int_equal(close_server(state), 0);
        assert_int_equal(open_server(state), 0);
    }
}

/* All of it in one piece, as it comes when a lane was busy for a while. */
static void test_floods_in_one_piece_are_stopped_within(void **state) {
    for (size_t index = 0; index < sizeof floods / sizeof floods[0]; index++) {
        print_message("%s\n", floods[index].name);
        for (uint32_t number = 0; number < 2000 && frames.length < FRAMES_MAX / 4; number++)
            floods[index].send(number);
        (void)http2_receive(server.http2, frames_slice(&frames), server.now);
        assert_true(http2_memory(server.http2) < LEAST_MEMORY);
        assert_true(server.count <= 110);
        size_t owed = take_all().length;
        assert_true(owed < 100000);
        assert_int_equal(close_server(state), 0);
        assert_int_equal(open_server(state), 0);
    }
}

/* ---- what an owner holds */

static void test_ended_requests_that_are_not_given_up_are_limited(void **state) {
    (void)state;
    server.keeps = true;
    enum smq_result result = give_frames();
    uint32_t number = 0;
    for (; result == SMQ_OK && number < 1000; number++) {
        server.now += 1000; /* all patience comes back */
        rapid_reset(number);
        result = give_frames();
        if (result == SMQ_OK)
            (void)take_all();
    }
    assert_int_equal(result, SMQ_ERR_PROTOCOL);
    assert_in_range(number, HTTP2_STREAMS_MAX, HTTP2_STREAMS_MAX + 5);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_no_more_streams_than_said(void **state) {
    (void)state;
    frames_add(&frames, FRAME_SETTINGS, FLAG_ACK, 0, NULL, 0);
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    for (uint32_t number = 0; number < HTTP2_STREAMS_MAX + 10; number++)
        too_many_streams(number);
    (void)give_frames();
    assert_true(server.count <= HTTP2_STREAMS_MAX);
    assert_true(http2_stream_count(server.http2) <= HTTP2_STREAMS_MAX);
}

static void test_zero_windows_hold_nothing_and_end_by_their_deadlines(void **state) {
    (void)state;
    server.answers = true;
    server.answer_length = 4 << 20;
    frames_setting(&frames, SETTING_WINDOW, 0);
    for (uint32_t number = 0; number < HTTP2_STREAMS_MAX; number++)
        frames_request(&frames, stream_of(number), WHOLE, NULL);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_true(take_all().length < 10000);
    assert_int_equal(server.count, HTTP2_STREAMS_MAX);
    for (size_t index = 0; index < server.count; index++) {
        assert_int_equal(server.exchanges[index].most_asked, 0);
        http2_set_deadline(server.exchanges[index].stream, 5000 + index);
    }
    assert_false(http2_has_output(server.http2));
    assert_true(http2_memory(server.http2) < LEAST_MEMORY);
    http2_expire(server.http2, 5049);
    for (size_t index = 0; index < server.count; index++)
        assert_int_equal(server.exchanges[index].expired, index < 50);
    for (size_t index = 0; index < 50; index++)
        http2_cancel(server.exchanges[index].stream);
    assert_int_equal(frame_count(take_all(), FRAME_RST_STREAM), 50);
    assert_int_equal(http2_stream_count(server.http2), 50);
    assert_true(http2_failure(server.http2, &(const char *){NULL}) == SMQ_OK);
}

static void test_windows_of_a_byte_end_the_connection(void **state) {
    (void)state;
    server.answers = true;
    server.answer_length = 4 << 20;
    frames_setting(&frames, SETTING_WINDOW, 1);
    frames_request(&frames, 1, WHOLE, NULL);
    enum smq_result result = give_frames();
    for (int count = 0; count < 600 && result == SMQ_OK; count++) {
        (void)http2_side_take(&server, output, RECORD);
        frames_u32(&frames, FRAME_WINDOW_UPDATE, 1, 1);
        result = give_frames();
    }
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
    assert_true(server.exchanges[0].sent < 600);
}

static void test_streams_that_never_end_have_their_deadlines(void **state) {
    (void)state;
    for (uint32_t number = 0; number < 10; number++) {
        frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
        frames_data(&frames, stream_of(number), 1000, false);
    }
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    for (size_t index = 0; index < 10; index++)
        http2_set_deadline(server.exchanges[index].stream, 300000);
    http2_expire(server.http2, 300000);
    for (size_t index = 0; index < 10; index++) {
        assert_int_equal(server.exchanges[index].expired, 1);
        http2_side_answer(&server.exchanges[index], 200, 100);
    }
    assert_true(take_all().length > 1000);
    assert_int_equal(http2_deadline(server.http2), 310000);
    http2_expire(server.http2, 310000);
    assert_int_equal(frame_count(take_all(), FRAME_RST_STREAM), 10);
    assert_int_equal(http2_stream_count(server.http2), 0);
}

/* The answer was sent, the request goes on for ever. */
static void test_rest_that_never_ends_ends_the_connection(void **state) {
    (void)state;
    server.answers_at_once = true;
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    frames_add(&frames, FRAME_SETTINGS, FLAG_ACK, 0, NULL, 0);
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    enum smq_result result = give_frames();
    size_t resets = 0;
    size_t sent = 0;
    while (result == SMQ_OK && sent < (8 << 20)) {
        resets += frame_count(take_all(), FRAME_RST_STREAM);
        frames_data(&frames, 1, RECORD, false);
        result = give_frames();
        sent += RECORD;
    }
    assert_int_equal(resets, 1);
    assert_int_equal(server.exchanges[0].end, HTTP2_DONE);
    assert_in_range(sent, 2 * HTTP2_WINDOW, 3 * HTTP2_WINDOW);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_no_new_streams_after_a_shutdown(void **state) {
    (void)state;
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    assert_int_equal(give_frames(), SMQ_OK);
    http2_shutdown(server.http2);
    (void)take_all();
    frames_request(&frames, 3, WHOLE, NULL);
    frames_data(&frames, 1, 100, true);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(server.count, 1);
    assert_true(server.exchanges[0].body_ended);
    http2_side_answer(&server.exchanges[0], 200, 10);
    (void)take_all();
    assert_true(http2_is_over(server.http2));
}

/* What stays while nothing is under way: entries of the table, as small as they get, and idle streams. */
static void test_what_a_peer_leaves_behind_is_bounded(void **state) {
    (void)state;
    uint8_t block[600];
    for (uint32_t number = 0; number < 60; number++) {
        static const uint8_t depends[] = {0, 0, 0, 0, 1};
        struct writer writer = writer_of(block, sizeof block);
        write_text(&writer, "\x83\x87\x84\x01\x09localhost");
        for (int count = 0; count < HTTP2_FIELDS_MAX - 4; count++)
            write_text(&writer, "\x40\x01x\x01y");
        frames_add(&frames, FRAME_HEADERS, WHOLE, stream_of(number), block, writer_length(&writer));
        frames_add(&frames, FRAME_PRIORITY, 0, 1001 + 2 * number, depends, sizeof depends);
        server.now += 1000;
        server.answers = true;
        assert_int_equal(give_frames(), SMQ_OK);
        (void)take_all();
    }
    assert_int_equal(server.count, 60);
    assert_int_equal(http2_stream_count(server.http2), 0);
    print_message("%zu bytes\n", http2_memory(server.http2));
    assert_true(http2_memory(server.http2) < 50000);
}

/* ---- header blocks */

static void test_fields_that_are_declared_and_never_come_take_no_memory(void **state) {
    (void)state;
    static const uint8_t field[] = {0x83, 0x87, 0x84, 0x40, 0x04, 'n', 'o', 't', 'e', 0xff, 0x80, 0xfe, 0x03};
    frames_header(&frames, FRAME_HEADERS, 0, 1, 16000);
    frames_bytes(&frames, field, sizeof field); /* Huffman, 65,407 bytes */
    assert_int_equal(give_frames(), SMQ_ERR_PROTOCOL);
    assert_true(http2_memory(server.http2) < LEAST_MEMORY);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

/* An entry of the table as large as it gets, then a byte for each further time. */
static void test_compressed_bomb_ends_the_connection(void **state) {
    (void)state;
    static uint8_t block[12000];
    struct writer writer = writer_of(block, sizeof block);
    write_text(&writer, "\x83\x87\x84\x41\x09localhost\x40\x04note\x7f\xa1\x1e");
    memset(write_reserve(&writer, 4000), 'v', 4000);
    while (writer_room(&writer) > 0)
        write_u8(&writer, 0xbe);
    frames_add(&frames, FRAME_HEADERS, WHOLE, 1, block, sizeof block);
    assert_int_equal(give_frames(), SMQ_ERR_PROTOCOL);
    assert_true(http2_memory(server.http2) < LEAST_MEMORY);
    assert_int_equal(server.count, 0);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_bomb_in_trailers_ends_the_connection(void **state) {
    (void)state;
    static uint8_t block[200];
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    memset(block, 0xbe, sizeof block); /* the authority again and again */
    frames_add(&frames, FRAME_HEADERS, WHOLE, 1, block, sizeof block);
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    assert_int_equal(server.exchanges[0].end, HTTP2_BROKEN);
    frames_request(&frames, 3, FLAG_END_HEADERS, NULL);
    memset(block, 0x80 | 32, sizeof block); /* an empty `cookie` */
    frames_add(&frames, FRAME_HEADERS, WHOLE, 3, block, sizeof block);
    assert_int_equal(give_frames(), SMQ_ERR_PROTOCOL);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

/* A request with one field so long that all names and values are `size` bytes. */
static enum smq_result give_head_of(uint32_t stream, size_t size) {
    static const char fixed[] = ":methodPOST:schemehttps:path/:authoritylocalhostnote";
    static uint8_t block[HTTP2_HEAD_MAX + 100];
    size_t length = size - strlen(fixed);
    struct writer writer = writer_of(block, sizeof block);
    write_text(&writer, "\x83\x87\x84\x01\x09localhost");
    write_bytes(&writer, "\x00\x04note\x7f", 7);
    write_u8(&writer, (uint8_t)(0x80 | ((length - 127) & 0x7f)));
    write_u8(&writer, (uint8_t)((length - 127) >> 7));
    memset(write_reserve(&writer, length), 'v', length);
    frames_add(&frames, FRAME_HEADERS, FLAG_END_STREAM, stream, block, 16000);
    frames_add(&frames, FRAME_CONTINUATION, FLAG_END_HEADERS, stream, block + 16000, writer_length(&writer) - 16000);
    return give_frames();
}

static void test_head_as_long_as_allowed_passes(void **state) {
    (void)state;
    assert_int_equal(give_head_of(1, HTTP2_HEAD_MAX), SMQ_OK);
    assert_int_equal(server.count, 1);
    assert_int_equal(strspn(server.exchanges[0].note, "v"), sizeof server.exchanges[0].note - 1);
    assert_int_equal(give_head_of(3, HTTP2_HEAD_MAX + 1), SMQ_ERR_PROTOCOL);
    assert_int_equal(server.count, 1);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_as_many_fields_as_allowed_pass(void **state) {
    (void)state;
    static uint8_t block[13 + HTTP2_FIELDS_MAX];
    struct writer writer = writer_of(block, sizeof block);
    write_text(&writer, "\x83\x87\x84\x41\x09localhost");
    for (int count = 4; count < HTTP2_FIELDS_MAX; count++)
        write_u8(&writer, 0x80 | 32);
    frames_add(&frames, FRAME_HEADERS, WHOLE, 1, block, writer_length(&writer));
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(server.exchanges[0].field_count, HTTP2_FIELDS_MAX - 4);
    write_u8(&writer, 0x80 | 32);
    frames_add(&frames, FRAME_HEADERS, WHOLE, 3, block, writer_length(&writer));
    assert_int_equal(give_frames(), SMQ_ERR_PROTOCOL);
    assert_int_equal(server.count, 1);
}

/* ---- garbage and half things */

static void test_other_protocols_are_refused_at_once(void **state) {
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "PRI * HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02",
        "\r\n",
    };
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        frames.length = 0;
        frames_bytes(&frames, texts[index], strlen(texts[index]));
        assert_int_equal(give_frames(), SMQ_ERR_PROTOCOL);
        assert_ended_with(HTTP2_PROTOCOL_ERROR);
        assert_int_equal(close_server(state), 0);
        assert_int_equal(open_server(state), 0);
    }
}

static void assert_frame_ends_with(enum frame_type type, uint8_t flags, uint32_t stream, size_t length, uint32_t code) {
    static const uint8_t zeroes[100];
    void *state = NULL;
    assert_int_equal(close_server(&state), 0);
    assert_int_equal(open_server(&state), 0);
    frames_header(&frames, type, flags, stream, length);
    frames_bytes(&frames, zeroes, length < sizeof zeroes ? length : sizeof zeroes);
    assert_true(give_frames() != SMQ_ERR_NO_MEMORY);
    assert_ended_with(code);
}

static void test_frames_against_the_rules_end_the_connection(void **state) {
    (void)state;
    enum { FRAME_SIZE_ERROR = 6 };
    assert_frame_ends_with(FRAME_DATA, 0, 0, 1, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_DATA, 0, 1, 1, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_HEADERS, WHOLE, 0, 3, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_HEADERS, WHOLE, 2, 3, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_RST_STREAM, 0, 1, 4, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_RST_STREAM, 0, 1, 3, FRAME_SIZE_ERROR);
    assert_frame_ends_with(FRAME_SETTINGS, 0, 1, 0, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_SETTINGS, 0, 0, 5, FRAME_SIZE_ERROR);
    assert_frame_ends_with(FRAME_SETTINGS, FLAG_ACK, 0, 6, FRAME_SIZE_ERROR);
    assert_frame_ends_with(FRAME_PING, 0, 0, 7, FRAME_SIZE_ERROR);
    assert_frame_ends_with(FRAME_WINDOW_UPDATE, 0, 0, 4, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_WINDOW_UPDATE, 0, 1, 4, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_CONTINUATION, FLAG_END_HEADERS, 1, 3, HTTP2_PROTOCOL_ERROR);
    assert_frame_ends_with(FRAME_PUSH_PROMISE, FLAG_END_HEADERS, 1, 8, HTTP2_ENHANCE_YOUR_CALM);
    assert_frame_ends_with(FRAME_PING, 0, 0, HTTP2_FRAME_MAX + 1, FRAME_SIZE_ERROR);
    assert_frame_ends_with((enum frame_type)0x77, 0, 0, 0xffffff, FRAME_SIZE_ERROR);
}

static void test_half_a_preface_is_late(void **state) {
    (void)state;
    assert_int_equal(give((const uint8_t *)"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24), SMQ_OK);
    assert_int_equal(http2_deadline(server.http2), server.now + 10000);
    http2_expire(server.http2, server.now + 9999);
    assert_int_equal(take_all().length, 0);
    http2_expire(server.http2, server.now + 10000);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_half_a_header_block_is_late(void **state) {
    (void)state;
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    assert_int_equal(http2_deadline(server.http2), UINT64_MAX);
    server.now += 5000;
    frames_request(&frames, 1, 0, NULL);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(http2_deadline(server.http2), server.now + 10000);
    http2_expire(server.http2, server.now + 10000);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(server.count, 0);
}

static void test_half_a_goaway_is_late(void **state) {
    (void)state;
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    frames_header(&frames, FRAME_GOAWAY, 0, 0, 16000);
    frames_bytes(&frames, "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(give_frames(), SMQ_OK);
    http2_expire(server.http2, server.now + 9999);
    assert_false(http2_has_output(server.http2));
    http2_expire(server.http2, server.now + 10000);
    assert_ended_with(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_connect_has_no_path(void **state) {
    (void)state;
    frames_head(&frames, 1, FLAG_END_HEADERS,
                "\x02\x07"
                "CONNECT\x41\x09localhost");
    assert_int_equal(give_frames(), SMQ_OK);
    assert_string_equal(server.exchanges[0].method, "CONNECT");
    assert_string_equal(server.exchanges[0].path, "");
}

static void test_header_block_that_is_whole_or_broken_is_not_late(void **state) {
    (void)state;
    frames_request(&frames, 1, 0, NULL);
    frames_add(&frames, FRAME_CONTINUATION, FLAG_END_HEADERS, 1, NULL, 0);
    reset_by_bad_head(1);
    reset_by_missing_authority(2);
    goaways(1);
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    assert_int_equal(server.count, 1);
    assert_int_equal(http2_deadline(server.http2), UINT64_MAX);
}

static void test_who_reads_nothing_is_not_read(void **state) {
    (void)state;
    enum smq_result result = give_frames();
    size_t count = 0;
    for (; count < 5000 && result == SMQ_OK; count++) {
        server.now += 100;
        pings(0);
        result = give_frames();
    }
    assert_int_equal(result, SMQ_ERR_AGAIN);
    assert_true(count < 300);
    assert_true(http2_memory(server.http2) < LEAST_MEMORY);
    (void)take_all();
    pings(0);
    assert_int_equal(give_frames(), SMQ_OK);
}

/* ---- and those who are no worse than others */

static void exchange_often(int rounds, size_t upload, size_t download) {
    struct http2_side *client = calloc(1, sizeof *client);
    assert_non_null(client);
    http2_side_open(client, false);
    server.answers = true;
    server.answer_length = download;
    for (int round = 0; round < rounds; round++) {
        client->count = server.count = 0;
        memset(server.exchanges, 0, sizeof server.exchanges[0]);
        memset(client->exchanges, 0, sizeof client->exchanges[0]);
        assert_non_null(http2_side_request(client, "/", upload));
        http2_wire(client, &server, RECORD);
        assert_int_equal(client->exchanges[0].end, HTTP2_DONE);
        assert_int_equal(client->exchanges[0].received, download);
    }
    assert_true(http2_side_close(client));
    free(client);
}

static void test_busy_clients_never_notice(void **state) {
    (void)state;
    exchange_often(1000, 16384, 16384);
}

static void test_short_requests_never_wear_us_out(void **state) {
    (void)state;
    exchange_often(2500, 0, 0);
}

/* Each window that is opened costs something, on the side that is told. */
static void test_long_bodies_earn_the_opening_of_their_windows(void **state) {
    (void)state;
    exchange_often(1, 20 << 20, 20 << 20);
}

static void test_some_cancelled_downloads_are_nothing(void **state) {
    (void)state;
    struct http2_side *client = calloc(1, sizeof *client);
    assert_non_null(client);
    http2_side_open(client, false);
    server.answers = true;
    server.answer_length = 4 << 20;
    client->holds = true;
    for (int round = 0; round < 60; round++) {
        struct exchange *exchange = http2_side_request(client, "/", 0);
        http2_wire(client, &server, RECORD);
        http2_cancel(exchange->stream);
        http2_wire(client, &server, RECORD);
        assert_int_equal(exchange->end, HTTP2_CANCELLED);
    }
    assert_true(http2_failure(server.http2, &(const char *){NULL}) == SMQ_OK);
    assert_true(http2_side_close(client));
    free(client);
}

#define SERVER(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVER(test_floods_end_the_connection),
        SERVER(test_floods_by_peers_that_read_nothing_end_too),
        SERVER(test_floods_in_one_piece_are_stopped_within),
        SERVER(test_ended_requests_that_are_not_given_up_are_limited),
        SERVER(test_no_more_streams_than_said),
        SERVER(test_zero_windows_hold_nothing_and_end_by_their_deadlines),
        SERVER(test_windows_of_a_byte_end_the_connection),
        SERVER(test_streams_that_never_end_have_their_deadlines),
        SERVER(test_rest_that_never_ends_ends_the_connection),
        SERVER(test_no_new_streams_after_a_shutdown),
        SERVER(test_what_a_peer_leaves_behind_is_bounded),
        SERVER(test_fields_that_are_declared_and_never_come_take_no_memory),
        SERVER(test_compressed_bomb_ends_the_connection),
        SERVER(test_bomb_in_trailers_ends_the_connection),
        SERVER(test_head_as_long_as_allowed_passes),
        SERVER(test_as_many_fields_as_allowed_pass),
        SERVER(test_other_protocols_are_refused_at_once),
        SERVER(test_frames_against_the_rules_end_the_connection),
        SERVER(test_half_a_preface_is_late),
        SERVER(test_half_a_header_block_is_late),
        SERVER(test_half_a_goaway_is_late),
        SERVER(test_connect_has_no_path),
        SERVER(test_header_block_that_is_whole_or_broken_is_not_late),
        SERVER(test_who_reads_nothing_is_not_read),
        SERVER(test_busy_clients_never_notice),
        SERVER(test_short_requests_never_wear_us_out),
        SERVER(test_long_bodies_earn_the_opening_of_their_windows),
        SERVER(test_some_cancelled_downloads_are_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
