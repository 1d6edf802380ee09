/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/2 between two sides of ours: the parameters that the reference uses, requests and answers, bodies and their
 * windows, ends in order. */
#include "test/support/http2_frames.h"
#include "test/support/http2_side.h"
#include "test/unit/transport/test_helpers.h"

enum { MIB = 1 << 20, RECORD = 16384, SETTING_WINDOW = 4 };

static struct http2_side client, server;
static uint8_t bytes[4 * MIB];
static struct frames frames;

static int open_both(void **state) {
    (void)state;
    http2_side_open(&server, true);
    http2_side_open(&client, false);
    return 0;
}

static int close_both(void **state) {
    (void)state;
    bool client_closed = http2_side_close(&client);
    return http2_side_close(&server) && client_closed ? 0 : -1;
}

/* All that a side wants sent, up to the size of `bytes`. */
static struct slice take_all(struct http2_side *side) {
    size_t length = 0;
    size_t part;
    while (length + RECORD <= sizeof bytes && (part = http2_side_take(side, bytes + length, RECORD)) > 0)
        length += part;
    return slice_of(bytes, length);
}

static void give(struct http2_side *side, struct slice input) {
    assert_int_equal(http2_receive(side->http2, input, side->now), SMQ_OK);
}

static void assert_done(const struct exchange *exchange, size_t received) {
    assert_int_equal(exchange->closed, 1);
    assert_int_equal(exchange->end, HTTP2_DONE);
    assert_int_equal(exchange->code, HTTP2_NO_ERROR);
    assert_int_equal(exchange->received, received);
    assert_false(exchange->body_is_wrong);
    assert_true(exchange->body_ended);
}

/* ---- parameters (xftp.md 1.4) */

static void assert_reference_settings(struct slice output) {
    static const uint8_t settings[] = {0, 5, 0, 0, 0x7f, 0xf7, 0, 3, 0, 0, 0, 100, 0, 4, 0, 0x0f, 0xff, 0xff};
    struct frame frame;
    assert_true(frame_next(&output, &frame));
    assert_int_equal(frame.type, FRAME_SETTINGS);
    assert_int_equal(frame.flags, 0);
    assert_slice_equal(frame.payload, slice_of(settings, sizeof settings));
    assert_true(frame_find(output, FRAME_WINDOW_UPDATE, &frame));
    assert_int_equal(frame.stream, 0);
    assert_int_equal(frame_u32(&frame, 0), 983040);
}

static void test_client_begins_with_preface_settings_and_window(void **state) {
    (void)state;
    struct slice output = take_all(&client);
    assert_true(output.length > 24);
    assert_memory_equal(output.bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    assert_reference_settings(slice_of(output.bytes + 24, output.length - 24));
}

static void test_server_says_nothing_before_the_client(void **state) {
    (void)state;
    assert_false(http2_has_output(server.http2));
    assert_int_equal(take_all(&server).length, 0);
    struct slice output = take_all(&client);
    give(&server, slice_of(output.bytes, 24));
    assert_int_equal(take_all(&server).length, 0);
}

static void test_server_sends_its_settings_before_it_acknowledges(void **state) {
    (void)state;
    give(&server, take_all(&client));
    struct slice output = take_all(&server);
    assert_reference_settings(output);
    struct frame frame;
    assert_true(frame_next(&output, &frame));
    assert_true(frame_find(output, FRAME_SETTINGS, &frame));
    assert_int_equal(frame.flags, FLAG_ACK);
}

static void test_window_opens_by_steps_of_what_is_consumed(void **state) {
    (void)state;
    server.holds = true;
    http2_wire(&client, &server, RECORD);
    assert_non_null(http2_side_request(&client, "/", 4 * MIB));
    http2_wire(&client, &server, RECORD);
    struct exchange *exchange = &server.exchanges[0];
    http2_consume(exchange->stream, 65534);
    assert_int_equal(take_all(&server).length, 0);
    http2_consume(exchange->stream, 1);
    struct slice output = take_all(&server);
    struct frame frame;
    int on_stream = 0;
    assert_int_equal(frame_count(output, FRAME_WINDOW_UPDATE), 2);
    while (frame_next(&output, &frame)) {
        assert_int_equal(frame.type, FRAME_WINDOW_UPDATE);
        assert_int_equal(frame_u32(&frame, 0), 65535);
        on_stream += frame.stream != 0;
    }
    assert_int_equal(on_stream, 1);
}

static void test_frames_of_bodies_are_whole_records_without_padding(void **state) {
    (void)state;
    http2_wire(&client, &server, RECORD);
    struct exchange *exchange = http2_side_request(&client, "/", 100000);
    size_t length = http2_side_take(&client, bytes, RECORD);
    while (length > 0 && exchange->sent < 90000) {
        struct slice output = slice_of(bytes, length);
        struct frame frame = {0};
        assert_int_equal(length, RECORD);
        while (frame_next(&output, &frame))
            assert_int_equal(frame.flags & FLAG_PADDED, 0);
        assert_int_equal(output.length, 0);
        assert_int_equal(frame.type, FRAME_DATA);
        give(&server, slice_of(bytes, length));
        length = http2_side_take(&client, bytes, RECORD);
    }
    give(&server, slice_of(bytes, length));
    http2_wire(&client, &server, RECORD);
    assert_int_equal(server.exchanges[0].received, 100000);
}

/* ---- requests and answers */

static void test_request_and_answer_without_bodies(void **state) {
    (void)state;
    server.answers = true;
    struct exchange *exchange = http2_side_request(&client, "/a/path?query", 0);
    http2_wire(&client, &server, RECORD);
    assert_string_equal(server.exchanges[0].method, "POST");
    assert_string_equal(server.exchanges[0].path, "/a/path?query");
    assert_false(server.exchanges[0].has_body);
    assert_int_equal(server.exchanges[0].content_length, -1);
    assert_done(&server.exchanges[0], 0);
    assert_int_equal(exchange->status, 200);
    assert_string_equal(exchange->note, "an answer");
    assert_false(exchange->has_body);
    assert_done(exchange, 0);
    assert_int_equal(http2_stream_count(server.http2) + http2_stream_count(client.http2), 0);
}

static void exchange_bodies(size_t step, size_t length) {
    server.answers = true;
    server.answer_length = length;
    struct exchange *exchange = http2_side_request(&client, "/", length);
    http2_wire(&client, &server, step);
    assert_done(&server.exchanges[0], length);
    assert_done(exchange, length);
}

static void test_bodies_larger_than_all_windows_pass_both_ways(void **state) {
    (void)state;
    exchange_bodies(RECORD, 5 * MIB + 12345);
}

static void test_bytes_may_come_one_at_a_time(void **state) {
    (void)state;
    exchange_bodies(1, 100000);
}

static void test_streams_go_on_beside_each_other(void **state) {
    (void)state;
    enum { STREAMS = 100 };
    server.answers = true;
    server.answer_length = 70000;
    for (int index = 0; index < STREAMS; index++)
        assert_non_null(http2_side_request(&client, "/", 30000 + (size_t)index));
    http2_wire(&client, &server, 5000);
    for (size_t index = 0; index < STREAMS; index++) {
        assert_done(&client.exchanges[index], 70000);
        assert_true(server.exchanges[index].received >= 30000);
        assert_false(server.exchanges[index].body_is_wrong);
    }
}

static void test_frames_larger_than_the_room_are_cut(void **state) {
    (void)state;
    static char value[12000];
    memset(value, 'v', sizeof value);
    struct http2_field field = {slice_of_text("note"), slice_of(value, sizeof value)};
    struct http2_request request = {
        slice_of_text("GET"), slice_of_text("https"), slice_of_text("localhost"), slice_of_text("/"), &field, 1, false};
    struct exchange *exchange = &client.exchanges[client.count++];
    assert_int_equal(http2_request(client.http2, &request, exchange, &exchange->stream), SMQ_OK);
    size_t length;
    while ((length = http2_side_take(&client, bytes, HTTP2_OUTPUT_MIN)) > 0)
        give(&server, slice_of(bytes, length));
    assert_int_equal(server.count, 1);
    assert_string_equal(server.exchanges[0].method, "GET");
    assert_int_equal(strspn(server.exchanges[0].note, "v"), sizeof server.exchanges[0].note - 1);
    assert_int_equal(http2_output(client.http2, bytes, HTTP2_OUTPUT_MIN - 1, 0, &length), SMQ_ERR_INVALID);
}

static void test_one_answer_a_request(void **state) {
    (void)state;
    server.keeps = true;
    assert_non_null(http2_side_request(&client, "/", 0));
    http2_wire(&client, &server, RECORD);
    struct http2_stream *stream = server.exchanges[0].stream;
    struct http2_response response = {.status = 204};
    assert_int_equal(http2_respond(stream, &response), SMQ_OK);
    assert_int_equal(http2_respond(stream, &response), SMQ_ERR_INVALID);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(http2_respond(stream, &response), SMQ_ERR_CLOSED);
    assert_int_equal(client.exchanges[0].status, 204);
    http2_release(stream);
}

/* ---- credit */

static void test_no_more_comes_than_was_consumed(void **state) {
    (void)state;
    server.holds = true;
    assert_non_null(http2_side_request(&client, "/", 3 * MIB));
    http2_wire(&client, &server, RECORD);
    struct exchange *exchange = &server.exchanges[0];
    assert_int_equal(exchange->received, HTTP2_WINDOW);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(exchange->received, HTTP2_WINDOW);
    http2_consume(exchange->stream, 100000);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(exchange->received, HTTP2_WINDOW + 100000);
    while (!exchange->body_ended) {
        http2_consume(exchange->stream, 50000);
        http2_wire(&client, &server, RECORD);
    }
    assert_int_equal(exchange->received, 3 * MIB);
    assert_false(exchange->body_is_wrong);
}

static void test_what_an_ended_stream_left_counts_until_it_is_consumed(void **state) {
    (void)state;
    server.holds = true;
    server.keeps = true;
    struct exchange *first = http2_side_request(&client, "/", 700000);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(server.exchanges[0].received, 700000);
    http2_cancel(first->stream);
    assert_non_null(http2_side_request(&client, "/", MIB));
    http2_wire(&client, &server, RECORD);
    assert_int_equal(server.exchanges[0].end, HTTP2_RESET);
    assert_int_equal(server.exchanges[0].code, HTTP2_CANCEL);
    assert_int_equal(server.exchanges[1].received, HTTP2_WINDOW - 700000);
    http2_release(server.exchanges[0].stream);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(server.exchanges[1].received, HTTP2_WINDOW);
}

static void test_fill_is_asked_only_while_the_windows_are_open(void **state) {
    (void)state;
    client.holds = true;
    server.answers = true;
    server.answer_length = 3 * MIB;
    struct exchange *exchange = http2_side_request(&client, "/", 0);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(server.exchanges[0].sent, HTTP2_WINDOW);
    assert_int_equal(http2_window(server.exchanges[0].stream), 0);
    http2_consume(exchange->stream, 80000);
    (void)take_all(&server);
    give(&server, take_all(&client));
    assert_int_equal(http2_window(server.exchanges[0].stream), 80000);
    server.exchanges[0].most_asked = 0;
    http2_wire(&client, &server, RECORD);
    assert_int_equal(server.exchanges[0].sent, HTTP2_WINDOW + 80000);
    assert_true(server.exchanges[0].most_asked <= RECORD);
}

static void test_a_window_of_one_stream_holds_up_no_other(void **state) {
    (void)state;
    frames.length = 0;
    frames_preface(&frames);
    frames_setting(&frames, SETTING_WINDOW, 0);
    frames_request(&frames, 1, FLAG_END_HEADERS | FLAG_END_STREAM, NULL);
    frames_request(&frames, 3, FLAG_END_HEADERS | FLAG_END_STREAM, NULL);
    frames_u32(&frames, FRAME_WINDOW_UPDATE, 3, 5000);
    server.answers = true;
    server.answer_length = 4000;
    give(&server, frames_slice(&frames));
    (void)take_all(&server);
    assert_int_equal(server.exchanges[0].most_asked, 0);
    assert_int_equal(server.exchanges[1].end, HTTP2_DONE);
    assert_int_equal(server.exchanges[1].sent, 4000);
}

static void test_bodies_of_a_connection_share_it_evenly(void **state) {
    (void)state;
    enum { STREAMS = 5, RECORDS = 50 };
    server.answers = true;
    server.answer_length = 4 * MIB;
    http2_wire(&client, &server, RECORD);
    for (int index = 0; index < STREAMS; index++)
        assert_non_null(http2_side_request(&client, "/", 0));
    give(&server, take_all(&client));
    for (int count = 0; count < RECORDS; count++)
        assert_true(http2_side_take(&server, bytes, RECORD) > 0);
    for (size_t index = 0; index < STREAMS; index++)
        assert_in_range(server.exchanges[index].sent, (RECORDS / STREAMS - 2) * RECORD,
                        (RECORDS / STREAMS + 2) * RECORD);
}

static void test_a_body_that_is_not_there_yet_is_resumed(void **state) {
    (void)state;
    struct exchange *exchange = http2_side_request(&client, "/", 1000);
    exchange->stalls = true;
    server.answers = true;
    http2_wire(&client, &server, RECORD);
    assert_true(server.exchanges[0].head_came);
    assert_false(http2_has_output(client.http2));
    exchange->stalls = false;
    http2_resume(exchange->stream);
    http2_resume(exchange->stream);
    http2_wire(&client, &server, RECORD);
    assert_done(&server.exchanges[0], 1000);
}

/* ---- content-length, trailers, rests */

static void give_request_of(const char *content_length, size_t length) {
    frames.length = 0;
    frames_preface(&frames);
    frames_request(&frames, 1, FLAG_END_HEADERS, content_length);
    frames_data(&frames, 1, length, true);
    give(&server, frames_slice(&frames));
}

static void test_content_length_is_told_and_holds(void **state) {
    (void)state;
    server.answers = true;
    give_request_of("5000", 5000);
    (void)take_all(&server);
    assert_int_equal(server.exchanges[0].content_length, 5000);
    assert_done(&server.exchanges[0], 5000);
}

static void assert_broken_body(const char *content_length, size_t length) {
    http2_destroy(&server.http2);
    http2_side_open(&server, true);
    give_request_of(content_length, length);
    struct frame frame;
    assert_true(frame_find(take_all(&server), FRAME_RST_STREAM, &frame));
    assert_int_equal(frame_u32(&frame, 0), HTTP2_PROTOCOL_ERROR);
    assert_int_equal(server.exchanges[0].closed, 1);
    assert_int_equal(server.exchanges[0].end, HTTP2_BROKEN);
    assert_false(server.exchanges[0].body_ended);
    assert_true(server.exchanges[0].received <= 10000);
}

static void test_body_that_is_not_of_its_content_length_never_ends_well(void **state) {
    (void)state;
    assert_broken_body("5000", 4999);
    assert_broken_body("5000", 5001);
    assert_broken_body("0", 1);
    assert_broken_body("9223372036854775807", 10000);
}

static void test_content_length_that_is_no_number_is_no_request(void **state) {
    (void)state;
    static const char *const lengths[] = {"", "-1", "+5", "5x", "9223372036854775808", "99999999999999999999999"};
    for (size_t index = 0; index < sizeof lengths / sizeof lengths[0]; index++) {
        http2_destroy(&server.http2);
        http2_side_open(&server, true);
        give_request_of(lengths[index], 5);
        assert_int_equal(frame_count(take_all(&server), FRAME_RST_STREAM), 1);
        assert_int_equal(server.count, 0);
        assert_int_equal(http2_stream_count(server.http2), 0);
    }
}

static void test_trailers_end_a_body_and_are_ignored(void **state) {
    (void)state;
    frames.length = 0;
    frames_preface(&frames);
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_data(&frames, 1, 100, false);
    frames_head(&frames, 1, FLAG_END_HEADERS | FLAG_END_STREAM, "\x40\x04note\x05later");
    server.answers = true;
    give(&server, frames_slice(&frames));
    (void)take_all(&server);
    assert_done(&server.exchanges[0], 100);
    assert_string_equal(server.exchanges[0].note, "");
}

static void test_end_of_a_request_that_is_answered_already_is_taken(void **state) {
    (void)state;
    frames.length = 0;
    frames_preface(&frames);
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    server.answers_at_once = true;
    give(&server, frames_slice(&frames));
    assert_int_equal(frame_count(take_all(&server), FRAME_RST_STREAM), 0);
    frames.length = 0;
    frames_data(&frames, 1, 16384, true);
    give(&server, frames_slice(&frames));
    assert_int_equal(server.exchanges[0].end, HTTP2_DONE);
    assert_int_equal(server.exchanges[0].received, 0);
    assert_int_equal(take_all(&server).length, 0);
}

static void test_long_rest_of_an_answered_request_is_cut_without_error(void **state) {
    (void)state;
    server.answers_at_once = true;
    struct exchange *exchange = http2_side_request(&client, "/", 4 * MIB);
    for (int turn = 0; turn < 40 && exchange->closed == 0; turn++) {
        size_t length = http2_side_take(&client, bytes, RECORD);
        give(&server, slice_of(bytes, length));
        struct slice output = take_all(&server);
        give(&client, output);
    }
    http2_wire(&client, &server, RECORD);
    assert_int_equal(exchange->end, HTTP2_DONE);
    assert_int_equal(exchange->status, 200);
    assert_true(exchange->sent > HTTP2_REST_MAX && exchange->sent < MIB);
    assert_int_equal(server.exchanges[0].end, HTTP2_DONE);
    assert_true(server.exchanges[0].received < RECORD);
    exchange = http2_side_request(&client, "/", 3 * MIB);
    server.answers_at_once = false;
    server.answers = true;
    http2_wire(&client, &server, RECORD);
    assert_done(exchange, 0);
    assert_done(&server.exchanges[1], 3 * MIB);
}

static void test_rest_is_cut_after_its_time(void **state) {
    (void)state;
    frames.length = 0;
    frames_preface(&frames);
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    server.answers_at_once = true;
    give(&server, frames_slice(&frames));
    (void)take_all(&server);
    assert_int_equal(http2_deadline(server.http2), server.now + 10000);
    http2_expire(server.http2, server.now + 10000);
    struct frame frame;
    assert_true(frame_find(take_all(&server), FRAME_RST_STREAM, &frame));
    assert_int_equal(frame_u32(&frame, 0), HTTP2_NO_ERROR);
    assert_int_equal(server.exchanges[0].end, HTTP2_DONE);
    assert_int_equal(server.exchanges[0].expired, 0);
    assert_int_equal(http2_deadline(server.http2), UINT64_MAX);
}

static void test_discarded_body_is_drained_to_its_end(void **state) {
    (void)state;
    struct exchange *exchange = http2_side_request(&client, "/", 3 * MIB);
    give(&server, slice_of(bytes, http2_side_take(&client, bytes, HTTP2_OUTPUT_MIN)));
    http2_discard(server.exchanges[0].stream);
    http2_side_answer(&server.exchanges[0], 200, 0);
    size_t before = server.exchanges[0].received;
    http2_wire(&client, &server, RECORD);
    assert_int_equal(exchange->sent, 3 * MIB);
    assert_int_equal(exchange->end, HTTP2_DONE);
    assert_int_equal(server.exchanges[0].end, HTTP2_DONE);
    assert_int_equal(server.exchanges[0].received, before);
}

static void test_given_up_request_is_not_told_of_any_more(void **state) {
    (void)state;
    frames.length = 0;
    frames_preface(&frames);
    frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    give(&server, frames_slice(&frames));
    http2_cancel(server.exchanges[0].stream);
    http2_cancel(server.exchanges[0].stream);
    frames.length = 0;
    frames_data(&frames, 1, 1000, true);
    give(&server, frames_slice(&frames));
    struct slice output = take_all(&server);
    struct frame frame;
    assert_int_equal(frame_count(output, FRAME_RST_STREAM), 1);
    assert_true(frame_find(output, FRAME_RST_STREAM, &frame));
    assert_int_equal(frame_u32(&frame, 0), HTTP2_INTERNAL_ERROR);
    assert_int_equal(server.exchanges[0].received, 0);
    assert_false(server.exchanges[0].body_ended);
    assert_int_equal(server.exchanges[0].end, HTTP2_CANCELLED);
}

/* ---- time, ends */

static void test_deadline_is_told_once(void **state) {
    (void)state;
    assert_non_null(http2_side_request(&client, "/", 0));
    assert_non_null(http2_side_request(&client, "/", 0));
    http2_wire(&client, &server, RECORD);
    assert_int_equal(http2_deadline(server.http2), UINT64_MAX);
    http2_set_deadline(server.exchanges[0].stream, 5000);
    http2_set_deadline(server.exchanges[1].stream, 6000);
    assert_int_equal(http2_deadline(server.http2), 5000);
    http2_expire(server.http2, 4999);
    assert_int_equal(server.exchanges[0].expired, 0);
    http2_expire(server.http2, 5000);
    http2_expire(server.http2, 5001);
    assert_int_equal(server.exchanges[0].expired, 1);
    assert_int_equal(server.exchanges[1].expired, 0);
    assert_int_equal(http2_deadline(server.http2), 6000);
}

static void test_server_shuts_down_after_what_is_under_way(void **state) {
    (void)state;
    struct exchange *exchange = http2_side_request(&client, "/", 1000);
    http2_wire(&client, &server, RECORD);
    http2_shutdown(server.http2);
    http2_shutdown(server.http2);
    http2_wire(&client, &server, RECORD);
    assert_int_equal(client.going_away, 1);
    assert_int_equal(client.going_away_code, HTTP2_NO_ERROR);
    assert_null(http2_side_request(&client, "/", 0));
    assert_false(http2_is_over(server.http2));
    http2_side_answer(&server.exchanges[0], 200, 2000);
    http2_wire(&client, &server, RECORD);
    assert_done(exchange, 2000);
    assert_true(http2_is_over(server.http2));
    assert_true(http2_is_over(client.http2));
    assert_int_equal(http2_receive(server.http2, slice_of("x", 1), 0), SMQ_ERR_CLOSED);
    const char *text;
    assert_int_equal(http2_failure(server.http2, &text), SMQ_OK);
}

static void test_client_shuts_down_as_the_reference_does(void **state) {
    (void)state;
    http2_wire(&client, &server, RECORD);
    http2_shutdown(client.http2);
    struct slice output = take_all(&client);
    struct frame frame;
    assert_true(frame_next(&output, &frame));
    assert_int_equal(frame.type, FRAME_GOAWAY);
    assert_int_equal(frame_u32(&frame, 0), 0);
    assert_int_equal(frame_u32(&frame, 4), HTTP2_NO_ERROR);
    give(&server, slice_of(bytes, 17));
    assert_true(http2_is_over(client.http2));
    assert_true(http2_is_over(server.http2));
}

static void test_close_says_why_and_takes_nothing_more(void **state) {
    (void)state;
    assert_non_null(http2_side_request(&client, "/", 1000));
    http2_wire(&client, &server, RECORD);
    http2_close(server.http2, HTTP2_INTERNAL_ERROR);
    assert_int_equal(http2_receive(server.http2, slice_of("x", 1), 0), SMQ_ERR_CLOSED);
    assert_false(http2_is_over(server.http2));
    http2_wire(&server, &client, RECORD);
    assert_true(http2_is_over(server.http2));
    assert_int_equal(client.going_away_code, HTTP2_INTERNAL_ERROR);
    const char *text;
    assert_int_equal(http2_failure(server.http2, &text), SMQ_ERR_CLOSED);
}

#define SIDES(test) cmocka_unit_test_setup_teardown(test, open_both, close_both)

int main(void) {
    const struct CMUnitTest tests[] = {
        SIDES(test_client_begins_with_preface_settings_and_window),
        SIDES(test_server_says_nothing_before_the_client),
        SIDES(test_server_sends_its_settings_before_it_acknowledges),
        SIDES(test_window_opens_by_steps_of_what_is_consumed),
        SIDES(test_frames_of_bodies_are_whole_records_without_padding),
        SIDES(test_request_and_answer_without_bodies),
        SIDES(test_bodies_larger_than_all_windows_pass_both_ways),
        SIDES(test_bytes_may_come_one_at_a_time),
        SIDES(test_streams_go_on_beside_each_other),
        SIDES(test_frames_larger_than_the_room_are_cut),
        SIDES(test_one_answer_a_request),
        SIDES(test_no_more_comes_than_was_consumed),
        SIDES(test_what_an_ended_stream_left_counts_until_it_is_consumed),
        SIDES(test_fill_is_asked_only_while_the_windows_are_open),
        SIDES(test_a_window_of_one_stream_holds_up_no_other),
        SIDES(test_bodies_of_a_connection_share_it_evenly),
        SIDES(test_a_body_that_is_not_there_yet_is_resumed),
        SIDES(test_content_length_is_told_and_holds),
        SIDES(test_body_that_is_not_of_its_content_length_never_ends_well),
        SIDES(test_content_length_that_is_no_number_is_no_request),
        SIDES(test_trailers_end_a_body_and_are_ignored),
        SIDES(test_end_of_a_request_that_is_answered_already_is_taken),
        SIDES(test_long_rest_of_an_answered_request_is_cut_without_error),
        SIDES(test_rest_is_cut_after_its_time),
        SIDES(test_discarded_body_is_drained_to_its_end),
        SIDES(test_given_up_request_is_not_told_of_any_more),
        SIDES(test_deadline_is_told_once),
        SIDES(test_server_shuts_down_after_what_is_under_way),
        SIDES(test_client_shuts_down_as_the_reference_does),
        SIDES(test_close_says_why_and_takes_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
