/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The server's side of a WebSocket: requests that open it or do not, frames whole, in pieces and in fragments, control
 * frames, limits. */
#include "test/unit/transport/test_helpers.h"
#include "transport/net/websocket.h"

#define REQUEST_LINE "GET / HTTP/1.1\r\n"
#define UPGRADE      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION      "Sec-WebSocket-Version: 13\r\n"
#define HOST         "Host: localhost\r\n"

static const char good_request[] = REQUEST_LINE HOST UPGRADE KEY VERSION "\r\n";

/* ---- requests */

static void expect_answer(const char *request, const char *status) {
    uint8_t answer[WEBSOCKET_ANSWER_MAX];
    size_t length = 0;
    char start[64];
    uint8_t *copy = heap_copy(request, strlen(request));
    enum smq_result result = websocket_upgrade(slice_of(copy, strlen(request)), answer, &length);
    free(copy);
    assert_int_equal(result, strcmp(status, "101") == 0 ? SMQ_OK : SMQ_ERR_PROTOCOL);
    snprintf(start, sizeof start, "HTTP/1.1 %s ", status);
    assert_true(length > strlen(start) && memcmp(answer, start, strlen(start)) == 0);
    assert_memory_equal(answer + length - 4, "\r\n\r\n", 4);
}

static void test_answer_to_the_sample_of_the_rfc(void **state) {
    (void)state;
    uint8_t answer[WEBSOCKET_ANSWER_MAX];
    size_t length = 0;
    assert_int_equal(websocket_upgrade(slice_of_text(good_request), answer, &length), SMQ_OK);
    assert_slice_text(slice_of(answer, length),
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

static void test_what_browsers_and_the_reference_send_is_accepted(void **state) {
    (void)state;
    expect_answer(REQUEST_LINE "Host: \r\n" UPGRADE KEY VERSION "\r\n", "101");
    expect_answer(REQUEST_LINE HOST "upgrade: WebSocket\r\nCONNECTION: keep-alive, Upgrade\r\n" KEY VERSION
                                    "Origin: https://a.b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
                                    "User-Agent: caf\xc3\xa9 \t(x)\r\nCookie:\r\nContent-Length: 0\r\n\r\n",
                  "101");
}

static void test_other_requests_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET /other HTTP/1.1\r\n" HOST UPGRADE KEY VERSION "\r\n", "404"},
        {"GET /?q HTTP/1.1\r\n" HOST UPGRADE KEY VERSION "\r\n", "404"},
        {"POST / HTTP/1.1\r\n" HOST UPGRADE KEY VERSION "\r\n", "405"},
        {"get / HTTP/1.1\r\n" HOST UPGRADE KEY VERSION "\r\n", "405"},
        {"GET / HTTP/1.0\r\n" HOST UPGRADE KEY VERSION "\r\n", "400"},
        {"GET  / HTTP/1.1\r\n" HOST UPGRADE KEY VERSION "\r\n", "400"},
        {"GET /\r\n" HOST UPGRADE KEY VERSION "\r\n", "400"},
        {"\r\n\r\n", "400"},
        {REQUEST_LINE "\r\n", "400"},
        {REQUEST_LINE HOST HOST UPGRADE KEY VERSION "\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY KEY VERSION "\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE VERSION "\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY "\r\n", "426"},
        {REQUEST_LINE HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", "426"},
        {REQUEST_LINE HOST KEY VERSION "\r\n", "426"},
        {REQUEST_LINE HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY VERSION "\r\n", "426"},
        {REQUEST_LINE HOST "Upgrade: websocket\r\nConnection: close\r\n" KEY VERSION "\r\n", "426"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "Transfer-Encoding: chunked\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "Content-Length: 5\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION " folded\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "No colon\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "Space : x\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION ": x\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "A: bare\nB: c\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "A: bare\rB: c\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "A: \x01\r\n\r\n", "400"},
        {REQUEST_LINE HOST UPGRADE KEY VERSION "\r\nmore", "400"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_answer(cases[i].request, cases[i].status);
}

/* ---- frames */

enum { ROOM = 1 << 18 };

struct collected {
    struct framing_sink sink;
    int opened, messages;
    size_t payload_length, replies_length;
    uint8_t payload[ROOM], replies[ROOM];
    enum smq_result refuse; /* what message_end returns */
};

static struct collected *collected_of(struct framing_sink *sink) {
    return (struct collected *)(void *)sink;
}

static enum smq_result note_opened(struct framing_sink *sink) {
    collected_of(sink)->opened++;
    return SMQ_OK;
}

static enum smq_result note_payload(struct framing_sink *sink, struct slice bytes) {
    struct collected *collected = collected_of(sink);
    assert_true(collected->opened == 1 && bytes.length <= ROOM - collected->payload_length);
    memcpy(collected->payload + collected->payload_length, bytes.bytes, bytes.length);
    collected->payload_length += bytes.length;
    return SMQ_OK;
}

static enum smq_result note_end(struct framing_sink *sink) {
    collected_of(sink)->messages++;
    return collected_of(sink)->refuse;
}

static enum smq_result note_reply(struct framing_sink *sink, struct slice bytes) {
    struct collected *collected = collected_of(sink);
    assert_true(bytes.length <= ROOM - collected->replies_length);
    memcpy(collected->replies + collected->replies_length, bytes.bytes, bytes.length);
    collected->replies_length += bytes.length;
    return SMQ_OK;
}

struct fixture {
    void *websocket;
    struct collected collected;
};

/* Gives `bytes` in parts of `part`. */
static enum smq_result give(struct fixture *fixture, const void *bytes, size_t length, size_t part) {
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < length && result == SMQ_OK; i += part) {
        size_t size = length - i < part ? length - i : part;
        uint8_t *copy = heap_copy((const uint8_t *)bytes + i, size);
        result = websocket_framing.receive(fixture->websocket, slice_of(copy, size), &fixture->collected.sink);
        free(copy);
    }
    return result;
}

static struct fixture *start(void) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->collected.sink = (struct framing_sink){note_opened, note_payload, note_end, note_reply};
    assert_int_equal(websocket_framing.create(&fixture->websocket), SMQ_OK);
    return fixture;
}

static struct fixture *start_open(void) {
    struct fixture *fixture = start();
    assert_int_equal(give(fixture, good_request, sizeof good_request - 1, 7), SMQ_OK);
    assert_int_equal(fixture->collected.opened, 1);
    fixture->collected.replies_length = 0;
    return fixture;
}

static void stop(struct fixture *fixture) {
    websocket_framing.destroy(&fixture->websocket);
    assert_null(fixture->websocket);
    free(fixture);
}

enum { FINAL = 0x80, CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* A masked frame of `length` bytes, which count up from `first`. */
static size_t make_frame(uint8_t *bytes, unsigned start_byte, uint8_t first, size_t length) {
    static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};
    struct writer writer = writer_of(bytes, ROOM);
    write_u8(&writer, (uint8_t)start_byte);
    if (length < 126) {
        write_u8(&writer, (uint8_t)(0x80 | length));
    } else if (length <= UINT16_MAX) {
        write_u8(&writer, 0x80 | 126);
        write_u16(&writer, (uint16_t)length);
    } else {
        write_u8(&writer, 0x80 | 127);
        write_i64(&writer, (int64_t)length);
    }
    write_bytes(&writer, mask, 4);
    for (size_t i = 0; i < length; i++)
        write_u8(&writer, (uint8_t)((uint8_t)(first + i) ^ mask[i % 4]));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return writer_length(&writer);
}

static enum smq_result give_frame(struct fixture *fixture, unsigned start_byte, uint8_t first, size_t length,
                                  size_t part) {
    uint8_t *bytes = malloc(ROOM);
    size_t size = make_frame(bytes, start_byte, first, length);
    enum smq_result result = give(fixture, bytes, size, part);
    free(bytes);
    return result;
}

static void expect_payload(const struct fixture *fixture, size_t length) {
    assert_int_equal(fixture->collected.payload_length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(fixture->collected.payload[i], (uint8_t)i);
}

/* The last reply is a close frame with this status. */
static void expect_close(const struct fixture *fixture, unsigned status) {
    const struct collected *collected = &fixture->collected;
    assert_true(collected->replies_length >= 4);
    const uint8_t *frame = collected->replies + collected->replies_length - 4;
    assert_int_equal(frame[0], FINAL | CLOSE);
    assert_int_equal(frame[1], 2);
    assert_int_equal(frame[2] << 8 | frame[3], status);
}

static void test_request_in_any_parts_opens_once(void **state) {
    (void)state;
    static const size_t parts[] = {1, 2, 3, 50, 1000};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct fixture *fixture = start();
        assert_int_equal(give(fixture, good_request, sizeof good_request - 2, parts[i]), SMQ_OK);
        assert_int_equal(fixture->collected.opened + (int)fixture->collected.replies_length, 0);
        assert_int_equal(give(fixture, "\n", 1, 1), SMQ_OK);
        assert_int_equal(fixture->collected.opened, 1);
        assert_memory_equal(fixture->collected.replies, "HTTP/1.1 101 ", 13);
        stop(fixture);
    }
}

static void test_request_that_is_refused_or_endless_does_not_open(void **state) {
    (void)state;
    struct fixture *fixture = start();
    assert_int_equal(give(fixture, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 28, 5), SMQ_ERR_PROTOCOL);
    assert_int_equal(fixture->collected.opened, 0);
    assert_memory_equal(fixture->collected.replies, "HTTP/1.1 404 ", 13);
    stop(fixture);
    fixture = start();
    char endless[WEBSOCKET_HEAD_MAX + 1];
    memset(endless, 'a', sizeof endless);
    assert_int_equal(give(fixture, endless, WEBSOCKET_HEAD_MAX, 1000), SMQ_OK);
    assert_int_equal(give(fixture, endless, 1, 1), SMQ_ERR_PROTOCOL);
    assert_int_equal(fixture->collected.opened, 0);
    stop(fixture);
}

static void test_message_in_any_parts_and_fragments_comes_whole(void **state) {
    (void)state;
    static const size_t parts[] = {1, 13, 4096, 20000};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct fixture *fixture = start_open();
        assert_int_equal(give_frame(fixture, FINAL | BINARY, 0, WEBSOCKET_FRAME_MAX, parts[i]), SMQ_OK);
        assert_int_equal(fixture->collected.messages, 1);
        expect_payload(fixture, WEBSOCKET_FRAME_MAX);
        fixture->collected.payload_length = 0;
        assert_int_equal(give_frame(fixture, BINARY, 0, 256, parts[i]), SMQ_OK);
        assert_int_equal(give_frame(fixture, CONTINUATION, 0, 0, parts[i]), SMQ_OK);
        assert_int_equal(give_frame(fixture, FINAL | PING, 0, 3, parts[i]), SMQ_OK);
        assert_int_equal(give_frame(fixture, CONTINUATION, 0, WEBSOCKET_FRAME_MAX - 512, parts[i]), SMQ_OK);
        assert_int_equal(fixture->collected.messages, 1);
        assert_int_equal(give_frame(fixture, FINAL | CONTINUATION, 0, 256, parts[i]), SMQ_OK);
        assert_int_equal(fixture->collected.messages, 2);
        expect_payload(fixture, WEBSOCKET_FRAME_MAX);
        stop(fixture);
    }
}

static void test_frames_behind_the_request_are_not_lost(void **state) {
    (void)state;
    struct fixture *fixture = start();
    uint8_t *bytes = malloc(ROOM);
    size_t length = sizeof good_request - 1;
    memcpy(bytes, good_request, length);
    uint8_t *frame = malloc(ROOM);
    size_t frame_length = make_frame(frame, FINAL | BINARY, 0, 10);
    memcpy(bytes + length, frame, frame_length);
    assert_int_equal(give(fixture, bytes, length + frame_length, ROOM), SMQ_OK);
    assert_int_equal(fixture->collected.messages, 1);
    expect_payload(fixture, 10);
    free(frame);
    free(bytes);
    stop(fixture);
}

static void test_pings_are_answered_and_pongs_ignored(void **state) {
    (void)state;
    struct fixture *fixture = start_open();
    assert_int_equal(give_frame(fixture, FINAL | PONG, 0, 5, 100), SMQ_OK);
    assert_int_equal(fixture->collected.replies_length, 0);
    assert_int_equal(give_frame(fixture, FINAL | PING, 0, 125, 10), SMQ_OK);
    assert_int_equal(fixture->collected.replies_length, 127);
    assert_int_equal(fixture->collected.replies[0], FINAL | PONG);
    assert_int_equal(fixture->collected.replies[1], 125);
    for (int i = 0; i < 125; i++)
        assert_int_equal(fixture->collected.replies[2 + i], i);
    assert_int_equal(fixture->collected.payload_length, 0);
    fixture->collected.replies_length = 0;
    uint8_t *bytes = malloc(ROOM);
    size_t length = 0;
    for (int i = 0; i < 1000; i++)
        length += make_frame(bytes + length, FINAL | PING, 0, 1);
    assert_int_equal(give(fixture, bytes, length, ROOM), SMQ_OK);
    assert_int_equal(fixture->collected.replies_length, 3000);
    free(bytes);
    stop(fixture);
}

static void test_close_is_answered_and_ends(void **state) {
    (void)state;
    struct fixture *fixture = start_open();
    uint8_t frame[] = {FINAL | CLOSE, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
    assert_int_equal(give(fixture, frame, sizeof frame, 3), SMQ_ERR_CLOSED);
    expect_close(fixture, 1000);
    stop(fixture);
    fixture = start_open();
    uint8_t empty[] = {FINAL | CLOSE, 0x80, 0, 0, 0, 0};
    assert_int_equal(give(fixture, empty, sizeof empty, 100), SMQ_ERR_CLOSED);
    stop(fixture);
}

static void expect_refusal(unsigned start_byte, size_t length) {
    struct fixture *fixture = start_open();
    assert_int_equal(give_frame(fixture, start_byte, 0, length, 1000), SMQ_ERR_PROTOCOL);
    assert_int_equal(fixture->collected.messages, 0);
    assert_true(fixture->collected.replies_length > 0);
    stop(fixture);
}

static void test_frames_that_break_the_rules_are_refused(void **state) {
    (void)state;
    expect_refusal(FINAL | TEXT, 5);
    expect_refusal(FINAL | BINARY, WEBSOCKET_FRAME_MAX + 1);
    expect_refusal(FINAL | BINARY, 70000);
    expect_refusal(FINAL | BINARY | 0x40, 5);
    expect_refusal(FINAL | CONTINUATION, 5);
    expect_refusal(FINAL | 3, 5);
    struct fixture *fixture = start_open();
    static const uint8_t unmasked[] = {FINAL | BINARY, 2, 'h', 'i'};
    assert_int_equal(give(fixture, unmasked, sizeof unmasked, 100), SMQ_ERR_PROTOCOL);
    assert_int_equal(fixture->collected.payload_length, 0);
    stop(fixture);
    static const uint8_t long_ping[] = {FINAL | PING, 0xfe, 0, 126, 0, 0, 0, 0};
    static const uint8_t fragmented_ping[] = {PING, 0x80, 0, 0, 0, 0};
    static const uint8_t padded_length[] = {FINAL | BINARY, 0xfe, 0, 5, 0, 0, 0, 0};
    static const uint8_t negative_length[] = {FINAL | BINARY, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0};
    const struct slice frames[] = {
        slice_of(long_ping, sizeof long_ping), slice_of(fragmented_ping, sizeof fragmented_ping),
        slice_of(padded_length, sizeof padded_length), slice_of(negative_length, sizeof negative_length)};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        fixture = start_open();
        assert_int_equal(give(fixture, frames[i].bytes, frames[i].length, 100), SMQ_ERR_PROTOCOL);
        stop(fixture);
    }
}

static void test_messages_are_limited_whatever_their_fragments(void **state) {
    (void)state;
    struct fixture *fixture = start_open();
    assert_int_equal(give_frame(fixture, BINARY, 0, WEBSOCKET_FRAME_MAX, 5000), SMQ_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(give_frame(fixture, CONTINUATION, 0, WEBSOCKET_FRAME_MAX, 5000), SMQ_OK);
    assert_int_equal(give_frame(fixture, CONTINUATION, 0, 1, 5000), SMQ_ERR_PROTOCOL);
    expect_close(fixture, 1009);
    stop(fixture);
}

static void test_refusal_by_the_sink_ends(void **state) {
    (void)state;
    struct fixture *fixture = start_open();
    fixture->collected.refuse = SMQ_ERR_VERSION;
    assert_int_equal(give_frame(fixture, FINAL | BINARY, 0, 4, 100), SMQ_ERR_VERSION);
    assert_int_equal(fixture->collected.messages, 1);
    stop(fixture);
}

static void test_headers_of_our_frames(void **state) {
    (void)state;
    uint8_t header[FRAMING_HEADER_MAX];
    assert_int_equal(websocket_framing.header(125, header), 2);
    assert_memory_equal(header, "\x82\x7d", 2);
    assert_int_equal(websocket_framing.header(16384, header), 4);
    assert_memory_equal(header, "\x82\x7e\x40\x00", 4);
    assert_int_equal(websocket_framing.header(65536, header), 10);
    assert_memory_equal(header, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_to_the_sample_of_the_rfc),
        cmocka_unit_test(test_what_browsers_and_the_reference_send_is_accepted),
        cmocka_unit_test(test_other_requests_are_refused),
        cmocka_unit_test(test_request_in_any_parts_opens_once),
        cmocka_unit_test(test_request_that_is_refused_or_endless_does_not_open),
        cmocka_unit_test(test_message_in_any_parts_and_fragments_comes_whole),
        cmocka_unit_test(test_frames_behind_the_request_are_not_lost),
        cmocka_unit_test(test_pings_are_answered_and_pongs_ignored),
        cmocka_unit_test(test_close_is_answered_and_ends),
        cmocka_unit_test(test_frames_that_break_the_rules_are_refused),
        cmocka_unit_test(test_messages_are_limited_whatever_their_fragments),
        cmocka_unit_test(test_refusal_by_the_sink_ends),
        cmocka_unit_test(test_headers_of_our_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
