/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client's side of HTTP/2 against servers written by hand: limits of streams, GOAWAY, resets, what may be made
 * again, what a server may not do. */
#include "test/support/http2_frames.h"
#include "test/support/http2_side.h"
#include "test/unit/transport/test_helpers.h"

enum { RECORD = 16384, SETTING_STREAMS = 3, WHOLE = FLAG_END_HEADERS | FLAG_END_STREAM };

static struct http2_side client;
static struct frames frames;
static uint8_t bytes[1 << 20];

static int open_client(void **state) {
    (void)state;
    http2_side_open(&client, false);
    frames.length = 0;
    return 0;
}

static int close_client(void **state) {
    (void)state;
    return http2_side_close(&client) ? 0 : -1;
}

static struct slice take_all(void) {
    size_t length = 0;
    size_t part;
    while (length + RECORD <= sizeof bytes && (part = http2_side_take(&client, bytes + length, RECORD)) > 0)
        length += part;
    return slice_of(bytes, length);
}

/* Behind the preface. */
static struct slice take_first(void) {
    struct slice output = take_all();
    assert_true(output.length > 24);
    return slice_of(output.bytes + 24, output.length - 24);
}

static enum smq_result give_frames(void) {
    enum smq_result result = http2_receive(client.http2, frames_slice(&frames), client.now);
    frames.length = 0;
    return result;
}

static void start_with(uint32_t streams) {
    frames_setting(&frames, SETTING_STREAMS, streams);
    frames_add(&frames, FRAME_SETTINGS, FLAG_ACK, 0, NULL, 0);
    assert_int_equal(give_frames(), SMQ_OK);
}

static void answer(uint32_t stream) {
    frames_head(&frames, stream, WHOLE, "\x88");
    assert_int_equal(give_frames(), SMQ_OK);
}

static void assert_ended(size_t index, enum http2_end end, uint32_t code) {
    assert_int_equal(client.exchanges[index].closed, 1);
    assert_int_equal(client.exchanges[index].end, end);
    assert_int_equal(client.exchanges[index].code, code);
}

static void request(size_t count) {
    for (size_t index = 0; index < count; index++)
        assert_non_null(http2_side_request(&client, "/", 0));
}

/* The connection ends by what the server has sent. */
static void assert_refused(uint32_t code) {
    (void)give_frames();
    struct slice output = take_all();
    struct frame frame;
    assert_true(frame_find(output, FRAME_GOAWAY, &frame));
    assert_int_equal(frame_u32(&frame, 4), code);
    assert_true(http2_is_over(client.http2));
    const char *text;
    assert_int_equal(http2_failure(client.http2, &text), SMQ_ERR_PROTOCOL);
    assert_true(text[0] != '\0');
}

/* ---- the server's limit of streams */

static void test_requests_beyond_the_servers_limit_wait(void **state) {
    (void)state;
    start_with(2);
    request(5);
    assert_int_equal(frame_count(take_first(), FRAME_HEADERS), 2);
    assert_false(http2_has_output(client.http2));
    answer(3);
    assert_ended(1, HTTP2_DONE, 0);
    assert_int_equal(client.exchanges[1].status, 200);
    struct frame frame;
    assert_true(frame_find(take_all(), FRAME_HEADERS, &frame));
    assert_int_equal(frame.stream, 5);
    answer(1);
    answer(5);
    assert_int_equal(frame_count(take_all(), FRAME_HEADERS), 2);
}

static void test_one_request_goes_before_the_server_has_spoken(void **state) {
    (void)state;
    request(5);
    assert_int_equal(frame_count(take_first(), FRAME_HEADERS), 1);
    frames_add(&frames, FRAME_SETTINGS, 0, 0, NULL, 0); /* no limit */
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(frame_count(take_all(), FRAME_HEADERS), 4);
}

static void test_limit_of_no_streams_may_be_lifted(void **state) {
    (void)state;
    start_with(0);
    request(3);
    assert_int_equal(frame_count(take_first(), FRAME_HEADERS), 0);
    frames_setting(&frames, SETTING_STREAMS, 2);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(frame_count(take_all(), FRAME_HEADERS), 2);
}

static void test_so_many_requests_wait_and_no_more(void **state) {
    (void)state;
    start_with(0);
    (void)take_all();
    request(HTTP2_QUEUED_MAX);
    struct http2_request more = {
        slice_of_text("GET"), slice_of_text("https"), slice_of_text("a"), slice_of_text("/"), NULL, 0, false};
    struct http2_stream *stream = NULL;
    assert_int_equal(http2_request(client.http2, &more, NULL, &stream), SMQ_ERR_NO_CREDIT);
    assert_true(http2_memory(client.http2) < HTTP2_MEMORY_MAX);
    http2_cancel(client.exchanges[7].stream);
    assert_ended(7, HTTP2_CANCELLED, HTTP2_CANCEL);
}

static void test_answers_go_to_their_requests_in_any_order(void **state) {
    (void)state;
    start_with(100);
    request(3);
    (void)take_all();
    frames_head(&frames, 5, FLAG_END_HEADERS, "\x88");
    frames_head(&frames, 1, WHOLE, "\x8d");
    frames_data(&frames, 5, 700, true);
    frames_head(&frames, 3, WHOLE,
                "\x48\x03"
                "410");
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(client.exchanges[0].status, 404);
    assert_int_equal(client.exchanges[1].status, 410);
    assert_int_equal(client.exchanges[2].status, 200);
    assert_int_equal(client.exchanges[2].received, 700);
    assert_false(client.exchanges[2].body_is_wrong);
}

/* ---- GOAWAY */

static void give_goaway(uint32_t last, uint32_t code) {
    uint8_t payload[8];
    struct writer writer = writer_of(payload, sizeof payload);
    write_u32(&writer, last);
    write_u32(&writer, code);
    frames_add(&frames, FRAME_GOAWAY, 0, 0, payload, sizeof payload);
}

static void test_goaway_tells_which_requests_may_be_made_again(void **state) {
    (void)state;
    start_with(3);
    request(5);
    (void)take_all();
    give_goaway(1, HTTP2_NO_ERROR);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_int_equal(client.going_away, 1);
    assert_int_equal(client.exchanges[0].closed, 0);
    for (size_t index = 1; index < 5; index++)
        assert_ended(index, HTTP2_REFUSED, HTTP2_REFUSED_STREAM);
    assert_null(http2_side_request(&client, "/", 0));
    assert_false(http2_is_over(client.http2));
    answer(1);
    assert_ended(0, HTTP2_DONE, 0);
    (void)take_all();
    assert_true(http2_is_over(client.http2));
}

static void test_goaway_may_not_take_more_than_one_before(void **state) {
    (void)state;
    start_with(100);
    request(3);
    (void)take_all();
    give_goaway(1, HTTP2_NO_ERROR);
    give_goaway(5, HTTP2_NO_ERROR);
    assert_refused(HTTP2_PROTOCOL_ERROR);
    assert_ended(2, HTTP2_REFUSED, HTTP2_REFUSED_STREAM);
}

static void test_goaways_without_end_end_the_connection(void **state) {
    (void)state;
    start_with(100);
    request(1);
    (void)take_all();
    for (int count = 0; count < 200; count++)
        give_goaway(1, HTTP2_NO_ERROR);
    assert_refused(HTTP2_ENHANCE_YOUR_CALM);
    assert_true(client.going_away < 150);
}

static void test_lost_connection_tells_what_was_sent(void **state) {
    (void)state;
    start_with(1);
    request(2);
    (void)take_all();
    http2_destroy(&client.http2);
    assert_ended(0, HTTP2_LOST, 0);
    assert_ended(1, HTTP2_REFUSED, 0);
}

/* ---- resets */

static void assert_reset(uint32_t code, enum http2_end end) {
    size_t index = client.count;
    request(1);
    (void)take_all();
    frames_u32(&frames, FRAME_RST_STREAM, (uint32_t)index * 2 + 1, code);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_ended(index, end, code);
}

static void test_resets_by_the_server(void **state) {
    (void)state;
    start_with(100);
    assert_reset(HTTP2_REFUSED_STREAM, HTTP2_REFUSED);
    assert_reset(HTTP2_CANCEL, HTTP2_RESET);
    assert_reset(HTTP2_INTERNAL_ERROR, HTTP2_RESET);
    assert_reset(HTTP2_NO_ERROR, HTTP2_RESET);
}

static void test_answer_before_the_end_of_an_upload_is_an_answer(void **state) {
    (void)state;
    start_with(100);
    assert_non_null(http2_side_request(&client, "/", 1 << 20));
    (void)take_all();
    frames_head(&frames, 1, WHOLE, "\x88");
    frames_u32(&frames, FRAME_RST_STREAM, 1, HTTP2_NO_ERROR);
    assert_int_equal(give_frames(), SMQ_OK);
    assert_ended(0, HTTP2_DONE, 0);
    assert_int_equal(client.exchanges[0].status, 200);
    assert_true(client.exchanges[0].sent <= 65535);
}

static void test_cancelled_request_is_reset(void **state) {
    (void)state;
    start_with(100);
    struct exchange *exchange = http2_side_request(&client, "/", 1 << 20);
    (void)take_all();
    http2_cancel(exchange->stream);
    http2_cancel(exchange->stream);
    frames_head(&frames, 1, FLAG_END_HEADERS, "\x88");
    assert_int_equal(give_frames(), SMQ_OK);
    struct slice output = take_all();
    struct frame frame;
    assert_int_equal(frame_count(output, FRAME_RST_STREAM), 1);
    assert_true(frame_find(output, FRAME_RST_STREAM, &frame));
    assert_int_equal(frame_u32(&frame, 0), HTTP2_CANCEL);
    assert_ended(0, HTTP2_CANCELLED, HTTP2_CANCEL);
    assert_false(exchange->head_came);
}

static void test_cancelled_request_that_waits_is_never_sent(void **state) {
    (void)state;
    start_with(1);
    request(3);
    (void)take_all();
    http2_cancel(client.exchanges[1].stream);
    assert_ended(1, HTTP2_CANCELLED, HTTP2_CANCEL);
    answer(1);
    struct slice output = take_all();
    struct frame frame;
    assert_int_equal(frame_count(output, FRAME_HEADERS), 1);
    assert_int_equal(frame_count(output, FRAME_RST_STREAM), 0);
    assert_true(frame_find(output, FRAME_HEADERS, &frame));
    assert_int_equal(frame.stream, 5);
}

static void test_body_that_cannot_be_completed_resets_the_stream(void **state) {
    (void)state;
    start_with(100);
    struct exchange *exchange = http2_side_request(&client, "/", 1 << 20);
    exchange->fill_failure = SMQ_ERR_SYSTEM;
    struct frame frame;
    assert_true(frame_find(take_first(), FRAME_RST_STREAM, &frame));
    assert_int_equal(frame_u32(&frame, 0), HTTP2_INTERNAL_ERROR);
    assert_ended(0, HTTP2_CANCELLED, HTTP2_INTERNAL_ERROR);
}

/* ---- answers */

static void test_interim_answers_are_passed_over(void **state) {
    (void)state;
    start_with(100);
    request(1);
    (void)take_all();
    frames_head(&frames, 1, FLAG_END_HEADERS,
                "\x48\x03"
                "103");
    frames_head(&frames, 1, FLAG_END_HEADERS,
                "\x48\x03"
                "100");
    assert_int_equal(give_frames(), SMQ_OK);
    assert_false(client.exchanges[0].head_came);
    answer(1);
    assert_ended(0, HTTP2_DONE, 0);
    assert_int_equal(client.exchanges[0].status, 200);
}

static void test_interim_answers_without_end_end_the_connection(void **state) {
    (void)state;
    start_with(100);
    request(1);
    (void)take_all();
    for (int count = 0; count < 3000; count++)
        frames_head(&frames, 1, FLAG_END_HEADERS,
                    "\x48\x03"
                    "103");
    assert_refused(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_answer_of_another_length_than_said_is_broken(void **state) {
    (void)state;
    start_with(100);
    request(2);
    (void)take_all();
    frames_head(&frames, 1, FLAG_END_HEADERS,
                "\x88\x0f\x0d\x03"
                "500");
    frames_data(&frames, 1, 499, true);
    frames_head(&frames, 3, FLAG_END_HEADERS,
                "\x88\x0f\x0d\x03"
                "500");
    frames_data(&frames, 3, 501, false);
    assert_int_equal(give_frames(), SMQ_OK);
    (void)take_all();
    assert_ended(0, HTTP2_BROKEN, HTTP2_PROTOCOL_ERROR);
    assert_ended(1, HTTP2_BROKEN, HTTP2_PROTOCOL_ERROR);
    assert_int_equal(client.exchanges[0].content_length, 500);
    assert_false(client.exchanges[0].body_ended);
    assert_int_equal(client.exchanges[1].received, 0);
}

static void test_discarded_answer_is_taken_to_its_end(void **state) {
    (void)state;
    start_with(100);
    request(1);
    (void)take_all();
    frames_head(&frames, 1, FLAG_END_HEADERS, "\x88");
    frames_data(&frames, 1, 100, false);
    assert_int_equal(give_frames(), SMQ_OK);
    http2_discard(client.exchanges[0].stream);
    for (int count = 0; count < 200; count++) {
        frames_data(&frames, 1, 16384, count == 199);
        assert_int_equal(give_frames(), SMQ_OK);
        (void)take_all();
    }
    assert_int_equal(client.exchanges[0].received, 100);
    assert_ended(0, HTTP2_DONE, 0);
}

static void test_pushed_streams_end_the_connection(void **state) {
    (void)state;
    start_with(100);
    request(1);
    (void)take_all();
    frames_add(&frames, FRAME_PUSH_PROMISE, FLAG_END_HEADERS, 1, "\0\0\0\2\x82\x87\x84\x41\x01x", 10);
    assert_refused(HTTP2_ENHANCE_YOUR_CALM);
}

static void test_server_that_sends_requests_ends_the_connection(void **state) {
    (void)state;
    start_with(100);
    (void)take_all();
    frames_request(&frames, 2, WHOLE, NULL);
    assert_refused(HTTP2_PROTOCOL_ERROR);
    assert_int_equal(client.count, 0);
}

static void test_server_that_speaks_http_1_is_refused(void **state) {
    (void)state;
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    (void)take_all();
    frames_bytes(&frames, text, strlen(text));
    (void)give_frames();
    assert_int_equal(frame_count(take_all(), FRAME_GOAWAY), 1);
    assert_true(http2_is_over(client.http2));
}

static void test_silent_server_is_late(void **state) {
    (void)state;
    request(1);
    (void)take_all();
    assert_int_equal(http2_deadline(client.http2), client.now + 10000);
    http2_expire(client.http2, client.now + 10000);
    const char *text;
    assert_int_equal(http2_failure(client.http2, &text), SMQ_ERR_PROTOCOL);
}

#define CLIENT(test) cmocka_unit_test_setup_teardown(test, open_client, close_client)

int main(void) {
    const struct CMUnitTest tests[] = {
        CLIENT(test_requests_beyond_the_servers_limit_wait),
        CLIENT(test_one_request_goes_before_the_server_has_spoken),
        CLIENT(test_limit_of_no_streams_may_be_lifted),
        CLIENT(test_so_many_requests_wait_and_no_more),
        CLIENT(test_answers_go_to_their_requests_in_any_order),
        CLIENT(test_goaway_tells_which_requests_may_be_made_again),
        CLIENT(test_goaway_may_not_take_more_than_one_before),
        CLIENT(test_goaways_without_end_end_the_connection),
        CLIENT(test_lost_connection_tells_what_was_sent),
        CLIENT(test_resets_by_the_server),
        CLIENT(test_answer_before_the_end_of_an_upload_is_an_answer),
        CLIENT(test_cancelled_request_is_reset),
        CLIENT(test_cancelled_request_that_waits_is_never_sent),
        CLIENT(test_body_that_cannot_be_completed_resets_the_stream),
        CLIENT(test_interim_answers_are_passed_over),
        CLIENT(test_interim_answers_without_end_end_the_connection),
        CLIENT(test_answer_of_another_length_than_said_is_broken),
        CLIENT(test_discarded_answer_is_taken_to_its_end),
        CLIENT(test_pushed_streams_end_the_connection),
        CLIENT(test_server_that_sends_requests_ends_the_connection),
        CLIENT(test_server_that_speaks_http_1_is_refused),
        CLIENT(test_silent_server_is_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
