/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers that do again and again what HTTP/2 allows: each costs bounded memory and work, then the connection. */
#include "test/unit/transport/http2_victim.h"

/* ---- floods: something done again and again */

/* `number` counts from 0. */
typedef void flood(uint32_t number);

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

static void settings(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_SETTINGS, 0, 0, NULL, 0);
}

static void windows_up_and_down(uint32_t number) {
    if (number < 50)
        frames_request(&frames, stream_of(number), WHOLE, NULL);
    frames_setting(&frames, SETTING_WINDOW, number % 2);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVER(test_floods_end_the_connection),
        SERVER(test_floods_by_peers_that_read_nothing_end_too),
        SERVER(test_floods_in_one_piece_are_stopped_within),
        SERVER(test_busy_clients_never_notice),
        SERVER(test_short_requests_never_wear_us_out),
        SERVER(test_long_bodies_earn_the_opening_of_their_windows),
        SERVER(test_some_cancelled_downloads_are_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
