/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connecting through a SOCKS5 proxy, a good one and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/socks_server.h"
#include "transport/net/socks.h"

enum { WAIT_MS = 30000, SHORT_MS = 300 };

static const struct net_options one_lane = {.receive_lanes = 1, .send_lanes = 1};

static void connect_through(struct echo_net *echo, const struct socks_server *server, const char *host, uint16_t port,
                            const struct socks_credentials *credentials, uint32_t timeout_ms,
                            struct echo_client *client) {
    struct socks_proxy proxy = {.port = server->port};
    assert_int_equal(host_parse(slice_of_text("127.0.0.1"), &proxy.host), SMQ_OK);
    struct connect_options options = {
        .host = host,
        .port = port,
        .tls_context = echo->pki.client_context,
        .alpn = "smp/1",
        .protocol = &echo_client_protocol,
        .state = client,
        .timeout_ms = timeout_ms,
        .socks_proxy = &proxy,
        .socks_credentials = credentials,
    };
    memcpy(options.key_hash, echo->pki.fingerprint, FINGERPRINT_SIZE);
    assert_int_equal(net_connect(echo->net, &options, NULL), SMQ_OK);
}

static void start(struct echo_net *echo, struct socks_server *server, enum socks_behaviour behaviour) {
    echo_net_start(echo, &one_lane);
    *server = (struct socks_server){.behaviour = behaviour, .target_port = listener_port(echo->listener)};
    socks_server_start(server);
}

static void stop(struct echo_net *echo, struct socks_server *server) {
    socks_server_stop(server);
    echo_net_stop(echo);
}

static void expect_echo(struct echo_net *echo, const struct socks_server *server, const char *host,
                        const struct socks_credentials *credentials) {
    struct echo_client client = {.count = 20, .window = 4, .seed = 1, .close_when_done = true};
    connect_through(echo, server, host, 4433, credentials, WAIT_MS, &client);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.answered, 20);
    assert_int_equal(client.wrong, 0);
    assert_int_equal(client.reason, SMQ_OK);
}

static void test_blocks_go_through_and_the_proxy_looks_names_up(void **state) {
    (void)state;
    struct echo_net echo;
    struct socks_server server;
    start(&echo, &server, SOCKS_WELL);
    struct socks_credentials credentials = {.user_length = 2, .password_length = 6, .user = "me", .password = "secret"};
    static const char *const hosts[] = {"nowhere.onion", "no.such.host.invalid", "10.9.8.7", "fe80::7"};
    static const uint8_t types[] = {3, 3, 1, 4};
    for (int i = 0; i < 4; i++) {
        expect_echo(&echo, &server, hosts[i], i == 0 ? &credentials : NULL);
        assert_int_equal(atomic_load(&server.request_count), i + 1);
        assert_string_equal(server.requests[i].host, hosts[i]);
        assert_int_equal(server.requests[i].port, 4433);
        assert_int_equal(server.requests[i].address_type, types[i]);
        assert_int_equal(server.requests[i].method, i == 0 ? 2 : 0);
    }
    assert_string_equal(server.requests[0].user, "me");
    assert_string_equal(server.requests[0].password, "secret");
    stop(&echo, &server);
}

static void test_answers_in_single_bytes_are_put_together(void **state) {
    (void)state;
    struct echo_net echo;
    struct socks_server server;
    struct socks_credentials credentials = {.user_length = 1, .user = "u"};
    start(&echo, &server, SOCKS_BYTEWISE);
    expect_echo(&echo, &server, "a.b", &credentials);
    expect_echo(&echo, &server, "a.b", NULL);
    stop(&echo, &server);
}

static void expect_end(enum socks_behaviour behaviour, uint32_t timeout_ms, enum smq_result reason) {
    struct echo_net echo;
    struct socks_server server;
    struct socks_credentials credentials = {.user_length = 1, .user = "u"};
    start(&echo, &server, behaviour);
    struct echo_client client = {.count = 1, .window = 1};
    uint64_t start_ms = clock_monotonic_ms();
    connect_through(&echo, &server, "a.b", 1, &credentials, timeout_ms, &client);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.reason, reason);
    assert_int_equal(client.secured, 0);
    if (reason == SMQ_ERR_TIMEOUT)
        assert_in_range(clock_monotonic_ms() - start_ms, timeout_ms - 1, timeout_ms + 5000);
    stop(&echo, &server);
}

static void test_hostile_proxies_are_network_errors(void **state) {
    (void)state;
    expect_end(SOCKS_GARBAGE, WAIT_MS, SMQ_ERR_NETWORK);
    expect_end(SOCKS_ENDS, WAIT_MS, SMQ_ERR_NETWORK);
    expect_end(SOCKS_ENDS_IN_ANSWER, WAIT_MS, SMQ_ERR_NETWORK);
    expect_end(SOCKS_REFUSES_METHOD, WAIT_MS, SMQ_ERR_NETWORK);
    expect_end(SOCKS_OTHER_METHOD, WAIT_MS, SMQ_ERR_NETWORK);
    expect_end(SOCKS_REFUSES_LOGIN, WAIT_MS, SMQ_ERR_NETWORK);
    expect_end(SOCKS_REFUSES_CONNECTION, WAIT_MS, SMQ_ERR_NETWORK);
}

static void test_silence_and_half_answers_end_with_the_connect_timeout(void **state) {
    (void)state;
    expect_end(SOCKS_SILENT, SHORT_MS, SMQ_ERR_TIMEOUT);
    expect_end(SOCKS_HALF, SHORT_MS, SMQ_ERR_TIMEOUT);
}

static void test_absent_proxy_is_a_network_error(void **state) {
    (void)state;
    struct echo_net echo;
    struct socks_server server;
    start(&echo, &server, SOCKS_WELL);
    socks_server_stop(&server);
    struct echo_client client = {.count = 1, .window = 1};
    connect_through(&echo, &server, "127.0.0.1", listener_port(echo.listener), NULL, WAIT_MS, &client);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.reason, SMQ_ERR_NETWORK);
    echo_net_stop(&echo);
}

static void test_net_stops_in_the_middle_of_a_conversation(void **state) {
    (void)state;
    struct echo_net echo;
    struct socks_server server;
    start(&echo, &server, SOCKS_SILENT);
    struct echo_client clients[4];
    for (size_t i = 0; i < 4; i++) {
        clients[i] = (struct echo_client){.count = 1, .window = 1};
        connect_through(&echo, &server, "a.b", 1, NULL, 0, &clients[i]);
    }
    assert_true(await_int(&server.accepted, 4, WAIT_MS));
    echo_net_stop(&echo);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(clients[i].released, 1);
        assert_int_equal(clients[i].reason, SMQ_ERR_CANCELLED);
    }
    socks_server_stop(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_go_through_and_the_proxy_looks_names_up),
        cmocka_unit_test(test_answers_in_single_bytes_are_put_together),
        cmocka_unit_test(test_hostile_proxies_are_network_errors),
        cmocka_unit_test(test_silence_and_half_answers_end_with_the_connect_timeout),
        cmocka_unit_test(test_absent_proxy_is_a_network_error),
        cmocka_unit_test(test_net_stops_in_the_middle_of_a_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
