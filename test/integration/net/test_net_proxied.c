/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listeners behind a proxy that says whom it connects for: limits count for these, and nobody else may say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/net_peer.h"
#include "transport/net/address_range.h"

enum { WAIT_MS = 20000, CROWD = 50 };

static const char *const loopback[] = {"127.0.0.1"};
static struct echo_net echo;
static struct listener *listener;

static void start(const char *proxies, struct net_limits limits) {
    const struct net_options options = {.receive_lanes = 1, .send_lanes = 1, .limits = limits};
    struct net_address_range range;
    echo_net_start(&echo, &options);
    assert_true(net_address_range_parse(slice_of_text(proxies), &range));
    const struct listen_options listen = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = echo.pki.server_context,
        .protocol = &echo.server_protocol,
        .accept = echo_server_accept,
        .context = &echo.server,
        .proxies = &range,
        .proxy_count = 1,
    };
    assert_int_equal(net_listen(echo.net, &listen, &listener, NULL, 0), SMQ_OK);
}

static void stop(void) {
    listener_stop(&listener);
    echo_net_stop(&echo);
}

static struct net_statistics statistics(void) {
    struct net_statistics read;
    net_read_statistics(echo.net, &read);
    return read;
}

/* Says `header` in pieces of `step` bytes, then shakes hands. */
static enum smq_result come(struct net_peer *peer, const void *header, size_t length, size_t step) {
    net_peer_connect(peer, listener_port(listener));
    if (!net_peer_write(peer, header, length, step))
        return SMQ_ERR_NETWORK;
    return net_peer_handshake(peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint);
}

static enum smq_result come_with(struct net_peer *peer, const char *line) {
    return come(peer, line, strlen(line), strlen(line));
}

static void assert_echoes(struct net_peer *peer) {
    uint8_t block[BLOCK_SIZE], answer[BLOCK_SIZE];
    echo_pattern(1, 1, block);
    assert_true(net_peer_write(peer, block, sizeof block, sizeof block));
    assert_int_equal(net_peer_read(peer, answer, sizeof answer, WAIT_MS), SMQ_OK);
    assert_memory_equal(block, answer, sizeof block);
}

static void test_clients_come_through_a_proxy(void **state) {
    (void)state;
    static const char binary[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14\x67\4\0\2ab";
    static const char line[] = "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n";
    struct net_peer peer;
    start("127.0.0.0/8", (struct net_limits){0});
    for (size_t step = 1; step < 40; step += 13) {
        assert_int_equal(come(&peer, binary, sizeof binary - 1, step), SMQ_OK);
        assert_echoes(&peer);
        net_peer_close(&peer);
        assert_int_equal(come(&peer, line, sizeof line - 1, step), SMQ_OK);
        assert_echoes(&peer);
        net_peer_close(&peer);
    }
    assert_int_equal(come_with(&peer, "PROXY UNKNOWN\r\n"), SMQ_OK);
    assert_echoes(&peer);
    net_peer_close(&peer);
    assert_int_equal(statistics().refused_proxied, 0);
    stop();
}

static void test_limits_count_for_whom_the_proxy_names(void **state) {
    (void)state;
    struct net_peer first, second, other;
    start("127.0.0.1", (struct net_limits){.address_connections = 1});
    assert_int_equal(come_with(&first, "PROXY TCP4 192.0.2.1 198.51.100.7 1000 5223\r\n"), SMQ_OK);
    assert_echoes(&first);
    assert_int_not_equal(come_with(&second, "PROXY TCP4 192.0.2.1 198.51.100.7 1001 5223\r\n"), SMQ_OK);
    assert_int_equal(come_with(&other, "PROXY TCP4 192.0.2.2 198.51.100.7 1000 5223\r\n"), SMQ_OK);
    assert_echoes(&other);
    assert_int_equal(statistics().refused_connections, 1);
    net_peer_close(&first);
    net_peer_close(&second);
    net_peer_close(&other);
    stop();
}

static void test_nobody_else_may_speak_for_others(void **state) {
    (void)state;
    struct net_peer peer;
    start("192.0.2.7", (struct net_limits){0});
    net_peer_connect(&peer, listener_port(listener));
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    assert_int_equal(statistics().refused_proxied, 1);
    assert_int_equal(statistics().accepted, 0);
    stop();
}

static void test_connections_without_a_header_are_refused(void **state) {
    (void)state;
    struct net_peer peer;
    start("127.0.0.1", (struct net_limits){0});
    assert_int_not_equal(come(&peer, "", 0, 1), SMQ_OK); /* a ClientHello at once */
    net_peer_close(&peer);
    assert_int_not_equal(come_with(&peer, "PROXY TCP4 nonsense\r\n"), SMQ_OK);
    net_peer_close(&peer);
    net_peer_connect(&peer, listener_port(listener));
    assert_true(net_peer_write(&peer, (const uint8_t *)"PROXY TC", 8, 8));
    net_peer_close(&peer); /* in the middle */
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (statistics().refused_proxied < 3)
        assert_true(clock_monotonic_ms() < end_ms);
    assert_int_equal(statistics().accepted, 0);
    stop();
}

static void test_silent_ones_are_given_up_and_hold_nobody_up(void **state) {
    (void)state;
    static struct net_peer crowd[CROWD];
    struct net_peer peer;
    start("127.0.0.1", (struct net_limits){0});
    for (size_t i = 0; i < CROWD; i++) {
        net_peer_connect(&crowd[i], listener_port(listener));
        if (i % 2 == 0)
            assert_true(net_peer_write(&crowd[i], (const uint8_t *)"PROXY TCP4 1", 12, 12));
    }
    assert_int_equal(come_with(&peer, "PROXY TCP4 192.0.2.1 198.51.100.7 1000 5223\r\n"), SMQ_OK);
    assert_echoes(&peer);
    net_peer_close(&peer);
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(net_peer_sees_end(&crowd[i], WAIT_MS));
        net_peer_close(&crowd[i]);
    }
    assert_int_equal(statistics().refused_proxied, CROWD);
    for (size_t i = 0; i < CROWD; i++)
        net_peer_connect(&crowd[i], listener_port(listener));
    stop(); /* with those that still wait */
    for (size_t i = 0; i < CROWD; i++)
        net_peer_close(&crowd[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_come_through_a_proxy),
        cmocka_unit_test(test_limits_count_for_whom_the_proxy_names),
        cmocka_unit_test(test_nobody_else_may_speak_for_others),
        cmocka_unit_test(test_connections_without_a_header_are_refused),
        cmocka_unit_test(test_silent_ones_are_given_up_and_hold_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
