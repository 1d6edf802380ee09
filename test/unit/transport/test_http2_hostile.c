/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers that do the worst that HTTP/2 allows, and what it does not: each costs bounded memory and work, then the
 * connection. Time stands still unless a test says otherwise, so that nothing is forgiven. */
#include "test/unit/transport/http2_victim.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
