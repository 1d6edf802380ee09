/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Blocks in WebSocket messages: the echo server behind a framing, good peers and bad ones; and the router. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/net_peer.h"
#include "test/support/router_fixture.h"
#include "transport/net/websocket.h"

enum { WAIT_MS = 20000, SHORT_MS = 300, HEADER = 4 };
enum { FINAL = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static const struct net_options one_lane = {.receive_lanes = 1, .send_lanes = 1};

struct fixture {
    struct echo_net echo;
    struct listener *listener;
};

static void start_with(struct fixture *fixture, const struct protocol *protocol, uint32_t tls_ms,
                       uint32_t handshake_ms) {
    static const char *const loopback[] = {"127.0.0.1"};
    echo_net_start(&fixture->echo, &one_lane);
    struct listen_options options = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = fixture->echo.pki.server_context,
        .protocol = protocol,
        .framing = &websocket_framing,
        .accept = echo_server_accept,
        .context = &fixture->echo.server,
        .manners.tls_timeout_ms = tls_ms,
        .manners.handshake_timeout_ms = handshake_ms,
    };
    assert_int_equal(net_listen(fixture->echo.net, &options, &fixture->listener, NULL, 0), SMQ_OK);
}

static void start(struct fixture *fixture, uint32_t tls_ms, uint32_t handshake_ms) {
    start_with(fixture, &echo_server_protocol, tls_ms, handshake_ms);
}

static void stop(struct fixture *fixture) {
    listener_stop(&fixture->listener);
    echo_net_stop(&fixture->echo);
}

static void connect_tls(struct fixture *fixture, struct net_peer *peer) {
    net_peer_connect(peer, listener_port(fixture->listener));
    assert_int_equal(net_peer_handshake(peer, fixture->echo.pki.client_context, "smp/1", fixture->echo.pki.fingerprint),
                     SMQ_OK);
}

static void give_text(struct net_peer *peer, const char *text, size_t record) {
    assert_true(net_peer_write(peer, (const uint8_t *)text, strlen(text), record));
}

static void expect_text(struct net_peer *peer, const char *text) {
    uint8_t bytes[512];
    assert_int_equal(net_peer_read(peer, bytes, strlen(text), WAIT_MS), SMQ_OK);
    assert_memory_equal(bytes, text, strlen(text));
}

static const char request[] = "GET / HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void open_peer(struct fixture *fixture, struct net_peer *peer) {
    connect_tls(fixture, peer);
    give_text(peer, request, 1000);
    expect_text(peer, answer);
}

/* A masked frame; `bytes` may be NULL when `length` is 0. */
static void give_frame(struct net_peer *peer, unsigned start_byte, const uint8_t *bytes, size_t length, size_t record) {
    uint8_t *frame = malloc(14 + length);
    static const uint8_t mask[4] = {9, 8, 7, 6};
    struct writer writer = writer_of(frame, 14 + length);
    write_u8(&writer, (uint8_t)start_byte);
    if (length < 126) {
        write_u8(&writer, (uint8_t)(0x80 | length));
    } else {
        write_u8(&writer, 0x80 | 126);
        write_u16(&writer, (uint16_t)length);
    }
    write_bytes(&writer, mask, sizeof mask);
    for (size_t i = 0; i < length; i++)
        write_u8(&writer, bytes[i] ^ mask[i % 4]);
    assert_true(net_peer_write(peer, frame, writer_length(&writer), record));
    free(frame);
}

static void expect_block(struct net_peer *peer, uint64_t seed, uint32_t number) {
    uint8_t header[HEADER], block[BLOCK_SIZE], expected[BLOCK_SIZE];
    assert_int_equal(net_peer_read(peer, header, sizeof header, WAIT_MS), SMQ_OK);
    assert_memory_equal(header, "\x82\x7e\x40\x00", HEADER);
    assert_int_equal(net_peer_read(peer, block, sizeof block, WAIT_MS), SMQ_OK);
    echo_pattern(seed, number, expected);
    assert_memory_equal(block, expected, BLOCK_SIZE);
}

static void test_each_message_is_a_block(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    uint8_t block[BLOCK_SIZE];
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    for (uint32_t i = 0; i < 20; i++) {
        echo_pattern(3, i, block);
        give_frame(&peer, FINAL | BINARY, block, BLOCK_SIZE, i % 2 == 0 ? 16384 : 777);
        expect_block(&peer, 3, i);
    }
    net_peer_close(&peer);
    stop(&fixture);
}

static void test_fragments_and_pings_between_them_make_a_block(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    uint8_t block[BLOCK_SIZE];
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    echo_pattern(1, 1, block);
    give_frame(&peer, BINARY, block, 10000, 16384);
    give_frame(&peer, FINAL | PING, (const uint8_t *)"hello", 5, 1);
    expect_text(&peer, "\x8a\x05hello");
    give_frame(&peer, 0, block + 10000, BLOCK_SIZE - 10000, 16384);
    give_frame(&peer, FINAL, NULL, 0, 16384);
    expect_block(&peer, 1, 1);
    net_peer_close(&peer);
    stop(&fixture);
}

/* More than the socket holds, so that writes stop in the middle of frames. */
static void test_slow_reader_gets_every_block_unchanged(void **state) {
    (void)state;
    enum { BLOCKS = 600 };
    struct fixture fixture;
    struct net_peer peer;
    uint8_t block[BLOCK_SIZE];
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    uint32_t given = 0, taken = 0;
    while (taken < BLOCKS) {
        for (; given < BLOCKS && given < taken + 300; given++) {
            echo_pattern(5, given, block);
            give_frame(&peer, FINAL | BINARY, block, BLOCK_SIZE, 16384);
        }
        for (; taken < given; taken++)
            expect_block(&peer, 5, taken);
    }
    net_peer_close(&peer);
    stop(&fixture);
}

static void expect_end(unsigned start_byte, size_t length) {
    struct fixture fixture;
    struct net_peer peer;
    uint8_t *bytes = calloc(1, 65536);
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    give_frame(&peer, start_byte, bytes, length, 16384);
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    assert_true(await_i64(&fixture.echo.server.closed, 1, WAIT_MS));
    assert_int_equal(fixture.echo.server.received, 0);
    free(bytes);
    stop(&fixture);
}

static void test_messages_of_another_size_or_kind_end_the_connection(void **state) {
    (void)state;
    expect_end(FINAL | BINARY, BLOCK_SIZE - 1);
    expect_end(FINAL | BINARY, BLOCK_SIZE + 1);
    expect_end(FINAL | BINARY, 0);
    expect_end(FINAL | TEXT, BLOCK_SIZE);
    expect_end(FINAL | 0, BLOCK_SIZE);
}

static void test_fragments_over_a_block_end_the_connection(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    uint8_t block[BLOCK_SIZE] = {0};
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    give_frame(&peer, BINARY, block, BLOCK_SIZE, 16384);
    give_frame(&peer, 0, block, 1, 16384);
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    assert_int_equal(fixture.echo.server.received, 0);
    net_peer_close(&peer);
    stop(&fixture);
}

static void test_close_frame_is_answered(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    give_frame(&peer, FINAL | CLOSE, (const uint8_t *)"\x03\xe8", 2, 16384);
    expect_text(&peer, "\x88\x02\x03\xe8");
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    stop(&fixture);
}

static void test_other_requests_get_an_http_error(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    start(&fixture, 0, 0);
    connect_tls(&fixture, &peer);
    give_text(&peer, "GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n", 7);
    expect_text(&peer, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    connect_tls(&fixture, &peer);
    uint8_t block[BLOCK_SIZE];
    memset(block, 'x', sizeof block);
    assert_true(net_peer_write(&peer, block, sizeof block, sizeof block)); /* as a plain client would */
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    stop(&fixture);
}

static void test_half_a_request_ends_with_the_tls_timeout(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    start(&fixture, SHORT_MS, WAIT_MS);
    uint64_t start_ms = clock_monotonic_ms();
    connect_tls(&fixture, &peer);
    give_text(&peer, "GET / HTTP/1.1\r\nHost: a\r\n", 1000);
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    assert_in_range(clock_monotonic_ms() - start_ms, SHORT_MS - 1, SHORT_MS + 5000);
    net_peer_close(&peer);
    stop(&fixture);
}

static enum smq_result secured_without_handshake(struct connection *connection, void *state) {
    (void)connection;
    (void)state;
    return SMQ_OK;
}

static void test_handshake_timeout_counts_from_the_upgrade(void **state) {
    (void)state;
    struct protocol protocol = echo_server_protocol;
    protocol.secured = secured_without_handshake;
    struct fixture fixture;
    struct net_peer peer;
    start_with(&fixture, &protocol, WAIT_MS, SHORT_MS);
    open_peer(&fixture, &peer);
    uint64_t start_ms = clock_monotonic_ms();
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    assert_in_range(clock_monotonic_ms() - start_ms, SHORT_MS - 50, SHORT_MS + 5000);
    net_peer_close(&peer);
    stop(&fixture);
}

/* The peer never reads; what it asks for stays bounded, since the connection is given up. */
static void test_flood_of_pings_without_reading_ends(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer peer;
    uint8_t payload[125] = {0}, frames[131 * 100];
    start(&fixture, 0, 0);
    open_peer(&fixture, &peer);
    size_t length = 0;
    for (int i = 0; i < 100; i++) {
        frames[length] = FINAL | PING;
        frames[length + 1] = 0x80 | sizeof payload;
        memset(frames + length + 2, 0, 4 + sizeof payload);
        length += 6 + sizeof payload;
    }
    bool written = true;
    for (int i = 0; i < 20000 && written && atomic_load(&fixture.echo.server.closed) == 0; i++)
        written = net_peer_write(&peer, frames, length, 16384);
    assert_true(await_i64(&fixture.echo.server.closed, 1, WAIT_MS));
    net_peer_close(&peer);
    stop(&fixture);
}

static void test_net_stops_with_open_and_opening_connections(void **state) {
    (void)state;
    struct fixture fixture;
    struct net_peer opening, opened;
    start(&fixture, 0, 0);
    connect_tls(&fixture, &opening);
    give_text(&opening, "GET / HTTP/1.1\r\n", 1000);
    open_peer(&fixture, &opened);
    give_frame(&opened, BINARY, (const uint8_t *)"abc", 3, 1);
    stop(&fixture);
    net_peer_close(&opening);
    net_peer_close(&opened);
}

/* ---- the router */

static void serve_both_transports(struct net_limits limits) {
    static const uint16_t any_port[] = {0};
    struct router_fixture router;
    struct peer recipient, sender;
    struct peer_queue queue;
    struct peer_answer message;
    uint8_t id[24];
    router_fixture_init(&router);
    router.config.websocket_ports = any_port;
    router.config.websocket_port_count = 1;
    router.config.limits = limits;
    router_fixture_start(&router);
    struct net_peer silent;
    net_peer_connect(&silent, router.port); /* in handshake, and accepted before the others */
    struct peer_options options = router_fixture_peer_options(&router);
    router_fixture_connect(&router, 0, &sender);
    options.port = smp_router_port(router.router, 1);
    options.websocket = true;
    assert_int_not_equal(options.port, router.port);
    peer_connect(&recipient, &options);
    assert_int_equal(recipient.session.version, 18);
    peer_create_queue(&recipient, PEER_SUBSCRIBE | PEER_SECURED, &queue);
    for (int i = 0; i < 5; i++) {
        peer_send_message(&sender, &queue, &queue.sender_key, "over a socket of the web");
        peer_receive(&recipient, &message);
        peer_check_message(&queue, &message, "over a socket of the web", id);
        peer_acknowledge(&recipient, &queue, id, SMP_OK, &message);
        peer_send_message(&recipient, &queue, &queue.sender_key, "from there");
        peer_receive(&recipient, &message);
        peer_check_message(&queue, &message, "from there", id);
        peer_acknowledge(&recipient, &queue, id, SMP_OK, &message);
    }
    net_peer_close(&silent);
    peer_close(&recipient);
    peer_close(&sender);
    router_fixture_finish(&router);
}

static void test_router_serves_both_transports(void **state) {
    (void)state;
    serve_both_transports(smp_router_config_default().limits);
}

/* With all that hangs on a session's id. */
static void test_router_serves_both_transports_with_cookies(void **state) {
    (void)state;
    serve_both_transports((struct net_limits){.cookie_handshakes = 1});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_message_is_a_block),
        cmocka_unit_test(test_fragments_and_pings_between_them_make_a_block),
        cmocka_unit_test(test_slow_reader_gets_every_block_unchanged),
        cmocka_unit_test(test_messages_of_another_size_or_kind_end_the_connection),
        cmocka_unit_test(test_fragments_over_a_block_end_the_connection),
        cmocka_unit_test(test_close_frame_is_answered),
        cmocka_unit_test(test_other_requests_get_an_http_error),
        cmocka_unit_test(test_half_a_request_ends_with_the_tls_timeout),
        cmocka_unit_test(test_handshake_timeout_counts_from_the_upgrade),
        cmocka_unit_test(test_flood_of_pings_without_reading_ends),
        cmocka_unit_test(test_net_stops_with_open_and_opening_connections),
        cmocka_unit_test(test_router_serves_both_transports),
        cmocka_unit_test(test_router_serves_both_transports_with_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
