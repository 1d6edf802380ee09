/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers of HTTP/2 over TLS that do their worst: each costs bounded memory and time, then its connection, while others
 * are served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/http2_frames.h"
#include "test/support/http_site.h"
#include "test/support/memory_use.h"
#include "test/support/net_peer.h"

enum {
    WAIT_MS = 60000,
    RECORD = 16384,
    WHOLE = FLAG_END_HEADERS | FLAG_END_STREAM,
    SETTING_WINDOW = 4,
    SOON_MS = 500,
    ROUNDS = 400,
    A_ROUND = 100,
};

static const struct net_options one_lane = {.receive_lanes = 1, .send_lanes = 1};
static struct http_site site;
static struct frames frames;

static void start_site(const struct http_service *service) {
    site = (struct http_site){.service = service == NULL ? (struct http_service){0} : *service};
    http_site_start(&site, &one_lane);
}

static void open_peer(struct net_peer *peer) {
    net_peer_connect(peer, listener_port(site.listener));
    assert_int_equal(net_peer_handshake(peer, site.pki.client_context, "h2", site.pki.fingerprint), SMQ_OK);
    frames.length = 0;
}

static bool send_frames(struct net_peer *peer) {
    bool is_sent = net_peer_write(peer, frames.bytes, frames.length, RECORD);
    frames.length = 0;
    return is_sent;
}

static uint32_t stream_of(uint32_t number) {
    return number * 2 + 1;
}

static void assert_others_are_served(void) {
    struct http_caller caller;
    struct http_call call = {.path = "/bytes/100000"};
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, &call, 1);
    assert_true(await_int(&call.over, 1, WAIT_MS));
    assert_int_equal(call.received, 100000);
    http_caller_finish(&caller);
}

/* ---- floods */

typedef void flood(uint32_t number);

static void rapid_reset(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
    frames_u32(&frames, FRAME_RST_STREAM, stream_of(number), HTTP2_CANCEL);
}

static void too_many_streams(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, NULL);
}

static void lying_lengths(uint32_t number) {
    frames_request(&frames, stream_of(number), FLAG_END_HEADERS, "5");
    frames_data(&frames, stream_of(number), 6, false);
}

static void settings(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_SETTINGS, 0, 0, NULL, 0);
}

static void pings(uint32_t number) {
    (void)number;
    frames_add(&frames, FRAME_PING, 0, 0, "12345678", 8);
}

static void window_updates(uint32_t number) {
    (void)number;
    frames_u32(&frames, FRAME_WINDOW_UPDATE, 0, 1);
}

static void continuations(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, 0, NULL);
    frames_add(&frames, FRAME_CONTINUATION, 0, 1, "\x40\x04note\x01x", 8);
}

static void empty_bodies(uint32_t number) {
    if (number == 0)
        frames_request(&frames, 1, FLAG_END_HEADERS, NULL);
    frames_add(&frames, FRAME_DATA, 0, 1, NULL, 0);
}

/* A field of 4,000 bytes once, then a byte for each further one of them. */
static void header_bombs(uint32_t number) {
    static uint8_t block[8192];
    size_t length = 4;
    memcpy(block, "\x83\x87\x84\x01", length);
    block[length++] = 9;
    memcpy(block + length, "localhost", 9);
    length += 9;
    if (number == 0) {
        static const uint8_t field[] = {0x40, 0x04, 'n', 'o', 't', 'e', 0x7f, 0xa1, 0x1e}; /* 4,000 bytes follow */
        memcpy(block + length, field, sizeof field);
        length += sizeof field;
        memset(block + length, 'x', 4000);
        length += 4000;
    }
    memset(block + length, 0xbe, 60);
    frames_add(&frames, FRAME_HEADERS, WHOLE, stream_of(number), block, length + 60);
}

static void flood_with(flood *add) {
    struct net_peer peer;
    start_site(NULL);
    assert_others_are_served();
    uint64_t before = memory_heap_in_use();
    open_peer(&peer);
    frames_preface(&frames);
    bool goes_on = true;
    for (uint32_t round = 0; round < ROUNDS && goes_on; round++) {
        for (uint32_t i = 0; i < A_ROUND; i++)
            add(round * A_ROUND + i);
        goes_on = send_frames(&peer);
    }
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    assert_true(await_int(&site.closed, 2, WAIT_MS));
    assert_int_equal(site.last_reason, SMQ_ERR_PROTOCOL);
    assert_true(site.requests < 1000);
    assert_others_are_served();
    assert_true(memory_heap_in_use() < before + 1000000);
    http_site_stop(&site);
}

#define FLOOD_TEST(name)                                                                                               \
    static void test_flood_of_##name##_ends_the_connection(void **state) {                                             \
        (void)state;                                                                                                   \
        flood_with(name);                                                                                              \
    }
FLOOD_TEST(rapid_reset)
FLOOD_TEST(too_many_streams)
FLOOD_TEST(lying_lengths)
FLOOD_TEST(settings)
FLOOD_TEST(pings)
FLOOD_TEST(window_updates)
FLOOD_TEST(continuations)
FLOOD_TEST(empty_bodies)
FLOOD_TEST(header_bombs)

/* ---- hoarding */

static void add_get(uint32_t stream, const char *path) {
    uint8_t block[128];
    size_t length = 0;
    block[length++] = 0x82; /* GET */
    block[length++] = 0x87; /* https */
    block[length++] = 0x01; /* authority */
    block[length++] = 9;
    memcpy(block + length, "localhost", 9);
    length += 9;
    block[length++] = 0x04; /* path */
    block[length++] = (uint8_t)strlen(path);
    memcpy(block + length, path, strlen(path));
    length += strlen(path);
    frames_add(&frames, FRAME_HEADERS, WHOLE, stream, block, length);
}

static void test_answers_are_not_made_while_windows_are_shut(void **state) {
    (void)state;
    enum { STREAMS = 100, MOST = 4 << 20 };
    struct net_peer peer;
    start_site(NULL);
    assert_others_are_served();
    int64_t filled = site.filled;
    uint64_t before = memory_heap_in_use();
    open_peer(&peer);
    frames_preface(&frames);
    frames_setting(&frames, SETTING_WINDOW, 0);
    for (uint32_t i = 0; i < STREAMS; i++)
        add_get(stream_of(i), "/bytes/1000000");
    assert_true(send_frames(&peer));
    assert_true(await_int(&site.requests, STREAMS + 1, WAIT_MS));
    assert_others_are_served();
    assert_int_equal(site.filled, filled + 100000); /* those of the others */
    assert_true(memory_heap_in_use() < before + MOST);
    frames_u32(&frames, FRAME_WINDOW_UPDATE, 1, 1000);
    assert_true(send_frames(&peer));
    assert_true(await_i64(&site.filled, filled + 101000, WAIT_MS));
    assert_others_are_served();
    assert_int_equal(site.filled, filled + 201000);
    net_peer_close(&peer);
    http_site_stop(&site);
}

static void test_reader_that_does_not_read_is_given_up(void **state) {
    (void)state;
    struct net_peer peer;
    const struct http_service service = {.stall_ms = SOON_MS};
    start_site(&service);
    open_peer(&peer);
    frames_preface(&frames);
    frames_setting(&frames, SETTING_WINDOW, 0x7fffffff);
    frames_u32(&frames, FRAME_WINDOW_UPDATE, 0, 0x7fff0000);
    add_get(1, "/bytes/500000000");
    assert_true(send_frames(&peer));
    uint64_t before = memory_heap_in_use();
    assert_true(await_i64(&site.filled, 1, WAIT_MS));
    assert_others_are_served();
    assert_true(await_int(&site.closed, 2, WAIT_MS));
    assert_int_equal(site.lost, 1);
    assert_true(site.filled < 100000000); /* what sockets take */
    assert_true(memory_heap_in_use() < before + 1000000);
    net_peer_close(&peer);
    http_site_stop(&site);
}

static void test_requests_that_never_end_are_given_up(void **state) {
    (void)state;
    enum { STREAMS = 50 };
    struct net_peer peer;
    const struct http_service service = {.exchange_ms = SOON_MS};
    start_site(&service);
    open_peer(&peer);
    frames_preface(&frames);
    for (uint32_t i = 0; i < STREAMS; i++) {
        frames_request(&frames, stream_of(i), FLAG_END_HEADERS, NULL);
        frames_data(&frames, stream_of(i), 1, false);
    }
    assert_true(send_frames(&peer));
    assert_true(await_int(&site.expired, STREAMS, WAIT_MS));
    assert_true(await_int(&site.over, STREAMS, WAIT_MS));
    assert_int_equal(site.done, 0);
    net_peer_close(&peer);
    atomic_store(&site.wrong, 0); /* its bodies are not ours */
    http_site_stop(&site);
}

/* ---- slowness */

static void assert_is_let_go(struct net_peer *peer) {
    assert_true(net_peer_sees_end(peer, WAIT_MS));
    net_peer_close(peer);
}

static void test_silence_after_the_handshake_ends_the_connection(void **state) {
    (void)state;
    struct net_peer peer;
    const struct http_service service = {.head_ms = SOON_MS};
    start_site(&service);
    open_peer(&peer);
    assert_is_let_go(&peer);
    assert_true(await_int(&site.closed, 1, WAIT_MS));
    assert_int_equal(site.last_reason, SMQ_ERR_TIMEOUT);
    http_site_stop(&site);
}

static void test_half_a_preface_or_a_head_ends_the_connection(void **state) {
    (void)state;
    struct net_peer peers[3];
    const struct http_service service = {.head_ms = SOON_MS};
    start_site(&service);
    for (size_t i = 0; i < 3; i++)
        open_peer(&peers[i]);
    assert_true(net_peer_write(&peers[0], (const uint8_t *)"PR", 2, 1));
    assert_true(net_peer_write(&peers[1], (const uint8_t *)"PRI * HTTP/2.0\r\n", 16, 1));
    frames_preface(&frames);
    frames_request(&frames, 1, 0, NULL); /* a CONTINUATION is to follow */
    assert_true(send_frames(&peers[2]));
    for (size_t i = 0; i < 3; i++)
        assert_is_let_go(&peers[i]);
    assert_int_equal(site.requests, 0);
    http_site_stop(&site);
}

static void test_connection_without_requests_ends_in_order(void **state) {
    (void)state;
    struct http_caller caller;
    struct http_call call = {.path = "/bytes/10"};
    const struct http_service service = {.idle_ms = SOON_MS};
    start_site(&service);
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, &call, 1);
    assert_true(await_int(&caller.closed, 1, WAIT_MS));
    assert_int_equal(call.end, HTTP2_DONE);
    assert_int_equal(caller.reason, SMQ_ERR_CLOSED);
    assert_int_equal(site.last_reason, SMQ_ERR_TIMEOUT);
    connection_release(caller.connection);
    assert_true(await_int(&caller.released, 1, WAIT_MS));
    http_site_stop(&site);
}

static void test_what_is_not_http_ends_the_connection(void **state) {
    (void)state;
    static uint8_t noise[100000];
    start_site(NULL);
    for (int i = 0; i < 20; i++) {
        struct net_peer peer;
        open_peer(&peer);
        for (size_t at = 0; at < sizeof noise; at++)
            noise[at] = (uint8_t)(at * 7919 >> (i % 8));
        (void)net_peer_write(&peer, noise, sizeof noise, RECORD);
        assert_is_let_go(&peer);
    }
    assert_others_are_served();
    assert_int_equal(site.requests, 1);
    http_site_stop(&site);
}

/* ---- memory */

static void test_idle_connection_holds_at_most_40_kb(void **state) {
    (void)state;
    enum { PEERS = 200, MOST = 40 * 1024 };
    struct net_peer *peers = calloc(PEERS, sizeof *peers);
    uint8_t answer[9];
    start_site(NULL);
    assert_others_are_served();
    uint64_t before = memory_heap_in_use();
    for (size_t i = 0; i < PEERS; i++) {
        open_peer(&peers[i]);
        frames_preface(&frames);
        add_get(1, "/bytes/30000");
        assert_true(send_frames(&peers[i]));
        assert_int_equal(net_peer_read(&peers[i], answer, sizeof answer, WAIT_MS), SMQ_OK);
        tls_destroy(&peers[i].tls); /* the socket stays, and what it holds here is not counted */
    }
    assert_true(await_int(&site.done, PEERS + 1, WAIT_MS));
    uint64_t each = (memory_heap_in_use() - before) / PEERS;
    print_message("an idle connection: %llu bytes\n", (unsigned long long)each);
    assert_true(each <= MOST);
    for (size_t i = 0; i < PEERS; i++)
        net_peer_close(&peers[i]);
    http_site_stop(&site);
    free(peers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood_of_rapid_reset_ends_the_connection),
        cmocka_unit_test(test_flood_of_too_many_streams_ends_the_connection),
        cmocka_unit_test(test_flood_of_lying_lengths_ends_the_connection),
        cmocka_unit_test(test_flood_of_settings_ends_the_connection),
        cmocka_unit_test(test_flood_of_pings_ends_the_connection),
        cmocka_unit_test(test_flood_of_window_updates_ends_the_connection),
        cmocka_unit_test(test_flood_of_continuations_ends_the_connection),
        cmocka_unit_test(test_flood_of_empty_bodies_ends_the_connection),
        cmocka_unit_test(test_flood_of_header_bombs_ends_the_connection),
        cmocka_unit_test(test_answers_are_not_made_while_windows_are_shut),
        cmocka_unit_test(test_reader_that_does_not_read_is_given_up),
        cmocka_unit_test(test_requests_that_never_end_are_given_up),
        cmocka_unit_test(test_silence_after_the_handshake_ends_the_connection),
        cmocka_unit_test(test_half_a_preface_or_a_head_ends_the_connection),
        cmocka_unit_test(test_connection_without_requests_ends_in_order),
        cmocka_unit_test(test_what_is_not_http_ends_the_connection),
        cmocka_unit_test(test_idle_connection_holds_at_most_40_kb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
