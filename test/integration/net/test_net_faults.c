/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The network roles on bad days: peers that break TLS, stall or vanish, addresses in use, no descriptors left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/net/connection_private.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/support/echo.h"
#include "test/support/net_peer.h"

enum { WAIT_MS = 30000 };

static const struct net_options one_lane = {.receive_lanes = 1, .send_lanes = 1};
static const char *const loopback[] = {"127.0.0.1"};

/* One echo client does its work: the server is well. */
static void assert_serves(struct echo_net *echo) {
    struct echo_client client = {.count = 3, .window = 1, .seed = 7, .close_when_done = true};
    assert_int_equal(echo_connect(echo, &client, NULL), SMQ_OK);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.answered, 3);
    assert_int_equal(client.wrong, 0);
}

static uint64_t tls_failures(struct echo_net *echo) {
    struct net_statistics statistics;
    net_read_statistics(echo->net, &statistics);
    return statistics.tls_failures;
}

/* A second listener of the same net with short deadlines. */
static struct listener *listen_with_deadlines(struct echo_net *echo, const struct protocol *protocol, uint32_t tls_ms,
                                              uint32_t handshake_ms) {
    struct listener *listener = NULL;
    struct listen_options options = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = echo->pki.server_context,
        .protocol = protocol,
        .accept = echo_server_accept,
        .context = &echo->server,
        .manners.tls_timeout_ms = tls_ms,
        .manners.handshake_timeout_ms = handshake_ms,
    };
    assert_int_equal(net_listen(echo->net, &options, &listener, NULL, 0), SMQ_OK);
    return listener;
}

static void test_random_bytes_instead_of_tls_close_only_their_connection(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    for (int i = 0; i < 20; i++) {
        uint8_t garbage[2000];
        random_bytes(garbage, sizeof garbage);
        garbage[0] = 'G';
        struct net_peer peer;
        net_peer_connect(&peer, listener_port(echo.listener));
        assert_int_equal(send(peer.descriptor, garbage, sizeof garbage, MSG_NOSIGNAL), sizeof garbage);
        assert_true(net_peer_sees_end(&peer, WAIT_MS));
        net_peer_close(&peer);
    }
    assert_int_equal(tls_failures(&echo), 20);
    assert_serves(&echo);
    echo_net_stop(&echo);
}

static void test_random_bytes_inside_of_tls_close_only_their_connection(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    static const uint8_t record[] = {23, 3,  3,  0,  20, 1,  2,  3,  4,  5,  6,  7, 8,
                                     9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    assert_int_equal(send(peer.descriptor, record, sizeof record, MSG_NOSIGNAL), sizeof record);
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    assert_serves(&echo);
    echo_net_stop(&echo);
}

static void test_an_unknown_alpn_is_refused_and_none_is_not(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "foo/9", echo.pki.fingerprint), SMQ_ERR_TLS);
    assert_non_null(strstr(tls_failure_text(peer.tls), "no application protocol"));
    net_peer_close(&peer);
    net_peer_connect(&peer, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, NULL, echo.pki.fingerprint), SMQ_OK);
    net_peer_close(&peer);
    echo_net_stop(&echo);
}

static void test_blocks_may_be_cut_into_records_anywhere(void **state) {
    (void)state;
    enum { BLOCKS = 6 };
    static const size_t records[] = {1000, 16384, 5461, 16383, 300, 7};
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    uint8_t *sent = malloc(BLOCKS * BLOCK_SIZE);
    uint8_t *got = malloc(BLOCKS * BLOCK_SIZE);
    random_bytes(sent, BLOCKS * BLOCK_SIZE);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct net_peer peer;
        net_peer_connect(&peer, listener_port(echo.listener));
        assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
        size_t blocks = records[i] < 100 ? 1 : BLOCKS;
        assert_true(net_peer_write(&peer, sent, blocks * BLOCK_SIZE, records[i]));
        assert_int_equal(net_peer_read(&peer, got, blocks * BLOCK_SIZE, WAIT_MS), SMQ_OK);
        assert_memory_equal(sent, got, blocks * BLOCK_SIZE);
        net_peer_close(&peer);
    }
    free(got);
    free(sent);
    echo_net_stop(&echo);
}

static void test_unfinished_blocks_use_up_nobodys_credit(void **state) {
    (void)state;
    enum { PEERS = 8 };
    const struct net_options options = {.receive_lanes = 1, .send_lanes = 1, .block_credit_per_lane = 2};
    struct echo_net echo;
    echo_net_start(&echo, &options);
    struct net_peer peers[PEERS];
    uint8_t block[BLOCK_SIZE] = {1, 2, 3};
    for (size_t i = 0; i < PEERS; i++) {
        net_peer_connect(&peers[i], listener_port(echo.listener));
        assert_int_equal(net_peer_handshake(&peers[i], echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
        assert_true(net_peer_write(&peers[i], block, BLOCK_SIZE - 1, BLOCK_SIZE));
    }
    assert_serves(&echo);
    for (size_t i = 0; i < PEERS; i++) {
        uint8_t got[BLOCK_SIZE];
        assert_true(net_peer_write(&peers[i], block + BLOCK_SIZE - 1, 1, 1));
        assert_int_equal(net_peer_read(&peers[i], got, BLOCK_SIZE, WAIT_MS), SMQ_OK);
        assert_memory_equal(block, got, BLOCK_SIZE);
        net_peer_close(&peers[i]);
    }
    echo_net_stop(&echo);
}

static void test_a_peer_that_vanishes_is_closed_with_its_unfinished_block(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct net_peer peer;
    uint8_t bytes[100] = {0};
    net_peer_connect(&peer, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_true(net_peer_write(&peer, bytes, sizeof bytes, sizeof bytes));
    net_peer_close(&peer); /* no close_notify */
    assert_true(await_i64(&echo.server.closed, 1, WAIT_MS));
    struct net_peer half;
    net_peer_connect(&half, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(&half, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_int_equal(shutdown(half.descriptor, SHUT_WR), 0);
    assert_true(net_peer_sees_end(&half, WAIT_MS));
    net_peer_close(&half);
    assert_true(await_i64(&echo.server.closed, 2, WAIT_MS));
    echo_net_stop(&echo);
}

static void test_a_handshake_that_never_ends_is_ended(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct listener *listener = listen_with_deadlines(&echo, &echo_server_protocol, 200, 0);
    struct net_peer peer;
    uint64_t start_ms = clock_monotonic_ms();
    net_peer_connect(&peer, listener_port(listener));
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    assert_true(clock_monotonic_ms() - start_ms >= 190);
    net_peer_close(&peer);
    /* A connection whose TLS came up in time is not touched by that deadline. */
    net_peer_connect(&peer, listener_port(listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_false(net_peer_sees_end(&peer, 400));
    net_peer_close(&peer);
    listener_stop(&listener);
    echo_net_stop(&echo);
}

static enum smq_result secured_without_handshake(struct connection *connection, void *state) {
    (void)connection;
    (void)state;
    return SMQ_OK;
}

static void test_a_protocol_handshake_that_never_ends_is_ended(void **state) {
    (void)state;
    struct protocol protocol = echo_server_protocol;
    protocol.secured = secured_without_handshake;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct listener *listener = listen_with_deadlines(&echo, &protocol, 10000, 200);
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_true(net_peer_sees_end(&peer, WAIT_MS));
    net_peer_close(&peer);
    listener_stop(&listener);
    echo_net_stop(&echo);
}

static _Atomic int checks;

static uint32_t count_check(struct connection *connection, void *state, uint64_t now_ms) {
    (void)state;
    (void)now_ms;
    int count = atomic_fetch_add(&checks, 1) + 1;
    if (count == 3)
        connection_close(connection, SMQ_ERR_TIMEOUT, true);
    return count < 3 ? 20 : 0;
}

static void test_the_monitor_checks_as_often_as_it_is_told(void **state) {
    (void)state;
    struct protocol protocol = echo_server_protocol;
    protocol.check = count_check;
    protocol.first_check_ms = 30;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct listener *listener = listen_with_deadlines(&echo, &protocol, 0, 0);
    struct net_peer peer;
    uint8_t byte;
    net_peer_connect(&peer, listener_port(listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_int_equal(net_peer_read(&peer, &byte, 1, WAIT_MS), SMQ_ERR_CLOSED); /* close_notify, then the end */
    assert_int_equal(checks, 3);
    net_peer_close(&peer);
    assert_true(await_i64(&echo.server.closed, 1, WAIT_MS));
    listener_stop(&listener);
    echo_net_stop(&echo);
}

/* The peer sends, but does not read the answers. */
static void test_a_flush_gives_slow_readers_up(void **state) {
    (void)state;
    enum { BLOCKS = 900 };
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct net_peer peer;
    uint8_t *blocks = calloc(BLOCKS, BLOCK_SIZE);
    net_peer_connect(&peer, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_true(net_peer_write(&peer, blocks, BLOCKS * BLOCK_SIZE, BLOCK_SIZE));
    assert_true(await_i64(&echo.server.received, BLOCKS, WAIT_MS));
    assert_serves(&echo);
    uint64_t start_ms = clock_monotonic_ms();
    assert_int_equal(net_flush(echo.net, 300), SMQ_ERR_TIMEOUT);
    assert_true(clock_monotonic_ms() - start_ms < 5000);
    echo_net_stop(&echo);
    assert_true(echo.server.discarded > 0);
    net_peer_close(&peer);
    free(blocks);
}

/* A close that flushes may be asked for while the connection ends by itself: its request then reaches the send lane
 * after the end. */
static void test_a_request_to_flush_may_come_after_the_end(void **state) {
    (void)state;
    struct echo_net echo;
    struct echo_client client = {.count = 0};
    struct connection *connection = NULL;
    echo_net_start(&echo, &one_lane);
    assert_int_equal(echo_connect(&echo, &client, &connection), SMQ_OK);
    assert_true(await_int(&client.secured, 1, WAIT_MS));
    connection_close(connection, SMQ_ERR_CANCELLED, false);
    assert_true(await_i64(&echo.server.closed, 1, WAIT_MS)); /* the send lane has let go of the socket, */
    assert_int_equal(net_flush(echo.net, WAIT_MS), SMQ_OK);  /* and of the connection */
    assert_int_equal(connection_request_send(connection, SEND_FLUSH), SMQ_OK);
    connection_release(connection);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_serves(&echo);
    echo_net_stop(&echo);
}

/* ---- connecting */

struct target {
    const char *host;
    uint16_t port;
    uint32_t timeout_ms;
    uint8_t key_hash[FINGERPRINT_SIZE];
};

static enum smq_result connect_and_fail(struct echo_net *echo, const struct target *target) {
    struct echo_client client = {.count = 0};
    struct connect_options options = {
        .host = target->host,
        .port = target->port,
        .tls_context = echo->pki.client_context,
        .alpn = "smp/1",
        .protocol = &echo_client_protocol,
        .state = &client,
        .timeout_ms = target->timeout_ms,
    };
    memcpy(options.key_hash, target->key_hash, FINGERPRINT_SIZE);
    assert_int_equal(net_connect(echo->net, &options, NULL), SMQ_OK);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.closed, 1);
    assert_int_equal(client.secured, 0);
    return (enum smq_result)client.reason;
}

/* A port that nobody listens on. */
static uint16_t free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(descriptor, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &length), 0);
    close(descriptor);
    return ntohs(address.sin_port);
}

static void test_failures_to_connect_have_their_reasons(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct target target = {.host = "127.0.0.1", .port = free_port(), .timeout_ms = 10000};
    memcpy(target.key_hash, echo.pki.fingerprint, FINGERPRINT_SIZE);
    assert_int_equal(connect_and_fail(&echo, &target), SMQ_ERR_NETWORK); /* refused */
    target.host = "name.invalid";
    assert_int_equal(connect_and_fail(&echo, &target), SMQ_ERR_NETWORK);
    target.host = "127.0.0.1";
    target.port = listener_port(echo.listener);
    target.key_hash[0] ^= 1;
    assert_int_equal(connect_and_fail(&echo, &target), SMQ_ERR_IDENTITY);
    echo_net_stop(&echo);
}

static void test_a_server_that_does_not_answer_uses_up_the_budget(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(silent, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(silent, 5), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&address, &length), 0);
    struct target target = {.host = "127.0.0.1", .port = ntohs(address.sin_port), .timeout_ms = 200};
    uint64_t start_ms = clock_monotonic_ms();
    assert_int_equal(connect_and_fail(&echo, &target), SMQ_ERR_TIMEOUT);
    assert_true(clock_monotonic_ms() - start_ms >= 190);
    close(silent);
    echo_net_stop(&echo);
}

static void test_a_server_that_talks_no_tls_is_an_error_of_tls(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int talker = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(talker, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(talker, 5), 0);
    assert_int_equal(getsockname(talker, (struct sockaddr *)&address, &length), 0);
    struct echo_client client = {.count = 0};
    struct connect_options options = {
        .host = "localhost",
        .port = ntohs(address.sin_port),
        .tls_context = echo.pki.client_context,
        .protocol = &echo_client_protocol,
        .state = &client,
        .timeout_ms = 10000,
    };
    assert_int_equal(net_connect(echo.net, &options, NULL), SMQ_OK);
    int accepted = accept(talker, NULL, NULL); /* a name: resolved, its addresses tried in order */
    assert_true(accepted >= 0);
    static const char greeting[] = "220 mail.example.org ESMTP\r\n";
    assert_true(send(accepted, greeting, sizeof greeting - 1, MSG_NOSIGNAL) > 0);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.reason, SMQ_ERR_TLS);
    close(accepted);
    close(talker);
    echo_net_stop(&echo);
}

static void test_a_connection_may_be_closed_at_any_time_of_its_set_up(void **state) {
    (void)state;
    enum { CLIENTS = 60 };
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct echo_client *clients = calloc(CLIENTS, sizeof *clients);
    struct connection *connections[CLIENTS];
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = (struct echo_client){.count = UINT32_MAX, .window = 2, .seed = i};
        assert_int_equal(echo_connect(&echo, &clients[i], &connections[i]), SMQ_OK);
        if (i % 2 == 0)
            connection_close(connections[i], SMQ_ERR_CANCELLED, i % 4 == 0);
    }
    for (uint32_t i = 1; i < CLIENTS; i += 2) {
        assert_true(await_int(&clients[i].secured, 1, WAIT_MS));
        connection_close(connections[i], SMQ_ERR_CANCELLED, i % 4 == 1);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        assert_true(await_int(&clients[i].closed, 1, WAIT_MS));
        assert_int_equal(clients[i].reason, SMQ_ERR_CANCELLED);
        connection_release(connections[i]);
        assert_true(await_int(&clients[i].released, 1, WAIT_MS));
        assert_int_equal(clients[i].queued, 0);
    }
    echo_net_stop(&echo);
    free(clients);
}

/* ---- listening */

static void test_an_address_in_use_is_named(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct listener *second = NULL;
    char error[200] = "";
    struct listen_options options = {
        .addresses = loopback,
        .address_count = 1,
        .port = listener_port(echo.listener),
        .tls_context = echo.pki.server_context,
        .protocol = &echo_server_protocol,
        .accept = echo_server_accept,
        .context = &echo.server,
    };
    assert_int_equal(net_listen(echo.net, &options, &second, error, sizeof error), SMQ_ERR_SYSTEM);
    assert_null(second);
    char expected[100];
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1:%u: Address already in use",
             (unsigned)options.port);
    assert_string_equal(error, expected);
    static const char *const wrong[] = {"not.an.address.invalid"};
    options.addresses = wrong;
    options.port = 0;
    assert_int_equal(net_listen(echo.net, &options, &second, error, sizeof error), SMQ_ERR_SYSTEM);
    assert_non_null(strstr(error, "not.an.address.invalid"));
    assert_serves(&echo);
    echo_net_stop(&echo);
}

static void test_the_default_is_all_addresses_of_both_families(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct listener *all = NULL;
    struct listen_options options = {
        .tls_context = echo.pki.server_context,
        .protocol = &echo_server_protocol,
        .accept = echo_server_accept,
        .context = &echo.server,
    };
    assert_int_equal(net_listen(echo.net, &options, &all, NULL, 0), SMQ_OK);
    assert_true(listener_port(all) != 0);
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has_ipv6 = probe >= 0 && bind(probe, (const struct sockaddr *)&six, sizeof six) == 0;
    if (probe >= 0)
        close(probe);
    static const char *const hosts[] = {"127.0.0.1", "[::1]", "::1"};
    for (size_t i = 0; i < (has_ipv6 ? 3 : 1); i++) {
        struct echo_client client = {.count = 1, .window = 1, .close_when_done = true};
        struct connect_options connect_options = {
            .host = hosts[i],
            .port = listener_port(all),
            .tls_context = echo.pki.client_context,
            .alpn = "smp/1",
            .protocol = &echo_client_protocol,
            .state = &client,
            .timeout_ms = 10000,
        };
        memcpy(connect_options.key_hash, echo.pki.fingerprint, FINGERPRINT_SIZE);
        assert_int_equal(net_connect(echo.net, &connect_options, NULL), SMQ_OK);
        assert_true(await_int(&client.released, 1, WAIT_MS));
        assert_int_equal(client.answered, 1);
    }
    listener_stop(&all);
    echo_net_stop(&echo);
}

static void test_accepting_goes_on_when_descriptors_are_back(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    assert_serves(&echo);
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(echo.listener)); /* accepted with the last descriptors */
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);

    struct net_peer waiting;
    waiting.descriptor = -1;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int highest = dup(0);
    assert_true(highest >= 0);
    /* Fill every descriptor below the limit, then one is needed for the client, none is left for the server. */
    limit = before;
    limit.rlim_cur = (rlim_t)highest + 1;
    close(highest);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    net_peer_connect(&waiting, listener_port(echo.listener));
    uint8_t block[BLOCK_SIZE] = {9};
    uint8_t got[BLOCK_SIZE];
    assert_true(net_peer_write(&peer, block, BLOCK_SIZE, BLOCK_SIZE)); /* the others are served */
    assert_int_equal(net_peer_read(&peer, got, BLOCK_SIZE, WAIT_MS), SMQ_OK);
    assert_false(net_peer_sees_end(&waiting, 300)); /* kept in the backlog, not refused */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(net_peer_handshake(&waiting, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    net_peer_close(&waiting);
    net_peer_close(&peer);
    assert_serves(&echo);
    echo_net_stop(&echo);
}

static void test_failing_accepts_pause_and_resume(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    fault_arm(FAULT_POINT_socket_accept, 0, 3);
    assert_serves(&echo);
    assert_int_equal(fault_fired(FAULT_POINT_socket_accept), 3);
    fault_disarm_all();
    echo_net_stop(&echo);
}

static void test_a_stopped_listener_refuses_and_keeps_its_connections(void **state) {
    (void)state;
    struct echo_net echo;
    echo_net_start(&echo, &one_lane);
    struct net_peer peer;
    uint16_t port = listener_port(echo.listener);
    net_peer_connect(&peer, port);
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    listener_stop(&echo.listener);
    struct target target = {.host = "127.0.0.1", .port = port, .timeout_ms = 10000};
    assert_int_equal(connect_and_fail(&echo, &target), SMQ_ERR_NETWORK);
    uint8_t block[BLOCK_SIZE] = {9};
    uint8_t got[BLOCK_SIZE];
    assert_true(net_peer_write(&peer, block, BLOCK_SIZE, BLOCK_SIZE));
    assert_int_equal(net_peer_read(&peer, got, BLOCK_SIZE, WAIT_MS), SMQ_OK);
    net_peer_close(&peer);
    echo_net_stop(&echo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_bytes_instead_of_tls_close_only_their_connection),
        cmocka_unit_test(test_random_bytes_inside_of_tls_close_only_their_connection),
        cmocka_unit_test(test_an_unknown_alpn_is_refused_and_none_is_not),
        cmocka_unit_test(test_blocks_may_be_cut_into_records_anywhere),
        cmocka_unit_test(test_unfinished_blocks_use_up_nobodys_credit),
        cmocka_unit_test(test_a_peer_that_vanishes_is_closed_with_its_unfinished_block),
        cmocka_unit_test(test_a_handshake_that_never_ends_is_ended),
        cmocka_unit_test(test_a_protocol_handshake_that_never_ends_is_ended),
        cmocka_unit_test(test_the_monitor_checks_as_often_as_it_is_told),
        cmocka_unit_test(test_a_flush_gives_slow_readers_up),
        cmocka_unit_test(test_a_request_to_flush_may_come_after_the_end),
        cmocka_unit_test(test_failures_to_connect_have_their_reasons),
        cmocka_unit_test(test_a_server_that_does_not_answer_uses_up_the_budget),
        cmocka_unit_test(test_a_server_that_talks_no_tls_is_an_error_of_tls),
        cmocka_unit_test(test_a_connection_may_be_closed_at_any_time_of_its_set_up),
        cmocka_unit_test(test_an_address_in_use_is_named),
        cmocka_unit_test(test_the_default_is_all_addresses_of_both_families),
        cmocka_unit_test(test_accepting_goes_on_when_descriptors_are_back),
        cmocka_unit_test(test_failing_accepts_pause_and_resume),
        cmocka_unit_test(test_a_stopped_listener_refuses_and_keeps_its_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
