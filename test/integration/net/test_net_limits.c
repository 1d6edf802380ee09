/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers that take what belongs to all: places, half blocks, half hellos. Others are served meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/net/connection_private.h"
#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/net_peer.h"

enum { WAIT_MS = 30000, CROWD = 80 };

static const char *const loopback[] = {"127.0.0.1"};
static struct echo_net echo;
static struct net_peer crowd[CROWD];

static void start(struct net_limits limits) {
    const struct net_options options = {.receive_lanes = 1, .send_lanes = 1, .limits = limits};
    echo_net_start(&echo, &options);
}

static void assert_serves(void) {
    struct echo_client client = {.count = 3, .window = 1, .seed = 7, .close_when_done = true};
    assert_int_equal(echo_connect(&echo, &client, NULL), SMQ_OK);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.answered, 3);
}

static struct net_statistics statistics(void) {
    struct net_statistics read;
    net_read_statistics(echo.net, &read);
    return read;
}

static void await_accepted(uint64_t count) {
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (statistics().accepted < count) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
}

static void connect_tls(struct net_peer *peer) {
    net_peer_connect(peer, listener_port(echo.listener));
    assert_int_equal(net_peer_handshake(peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
}

static void test_silent_newcomers_push_out_the_oldest_of_them(void **state) {
    (void)state;
    enum { MOST = 10 };
    start((struct net_limits){.address_handshakes = MOST, .limit_loopback = true});
    for (size_t i = 0; i < 3 * MOST; i++) {
        net_peer_connect(&crowd[i], listener_port(echo.listener));
        await_accepted(i + 1);
    }
    for (size_t i = 0; i < 2 * MOST; i++)
        assert_true(net_peer_sees_end(&crowd[i], WAIT_MS));
    for (size_t i = 2 * MOST; i < 3 * MOST; i++)
        assert_false(net_peer_sees_end(&crowd[i], 1));
    assert_serves();
    assert_true(statistics().dropped_handshakes >= 2 * MOST);
    for (size_t i = 0; i < 3 * MOST; i++)
        net_peer_close(&crowd[i]);
    echo_net_stop(&echo);
}

static void test_too_many_connections_of_an_address_are_refused_until_one_leaves(void **state) {
    (void)state;
    start((struct net_limits){.address_connections = 2, .limit_loopback = true});
    struct net_peer peers[3];
    uint8_t block[BLOCK_SIZE] = {1};
    for (size_t i = 0; i < 2; i++) {
        connect_tls(&peers[i]);
        assert_true(net_peer_write(&peers[i], block, BLOCK_SIZE, BLOCK_SIZE));
        assert_int_equal(net_peer_read(&peers[i], block, BLOCK_SIZE, WAIT_MS), SMQ_OK);
    }
    /* The listener may learn of the second one a moment later. */
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (statistics().refused_connections == 0) {
        assert_true(clock_monotonic_ms() < end_ms);
        net_peer_connect(&peers[2], listener_port(echo.listener));
        (void)net_peer_sees_end(&peers[2], 20);
        net_peer_close(&peers[2]);
    }
    net_peer_close(&peers[0]);
    assert_true(await_i64(&echo.server.closed, 1, WAIT_MS));
    const struct net_limits none = {0};
    net_set_limits(echo.net, &none); /* the limits are replaced while it runs */
    assert_serves();
    assert_serves();
    net_peer_close(&peers[1]);
    echo_net_stop(&echo);
}

static void test_a_full_net_lets_others_wait_in_the_backlog(void **state) {
    (void)state;
    start((struct net_limits){.max_connections = 1});
    struct net_peer first, second;
    uint8_t block[BLOCK_SIZE] = {1};
    connect_tls(&first);
    assert_true(net_peer_write(&first, block, BLOCK_SIZE, BLOCK_SIZE));
    assert_int_equal(net_peer_read(&first, block, BLOCK_SIZE, WAIT_MS), SMQ_OK);
    net_peer_connect(&second, listener_port(echo.listener));
    assert_false(net_peer_sees_end(&second, 100));
    assert_int_equal(statistics().accepted, 1);
    net_peer_close(&first);
    assert_int_equal(net_peer_handshake(&second, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    net_peer_close(&second);
    echo_net_stop(&echo);
}

/* A hello that never becomes whole costs no TLS, and one in crumbs is served like any other. */
static void test_a_hello_in_crumbs_is_served_once_it_is_whole(void **state) {
    (void)state;
    static const uint8_t head[] = {22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    static const uint8_t too_long[] = {22, 3, 1, 0x3f, 0, 1, 2, 0, 0};
    static const uint8_t split[] = {22, 3, 1, 0, 1, 1, 22, 3, 1};
    start((struct net_limits){0});
    for (size_t i = 1; i <= sizeof head; i++) {
        net_peer_connect(&crowd[i], listener_port(echo.listener));
        assert_int_equal(send(crowd[i].descriptor, head, i, MSG_NOSIGNAL), i);
    }
    const struct {
        const uint8_t *bytes;
        size_t length;
    } refused[] = {{too_long, sizeof too_long}, {split, sizeof split}};
    for (size_t i = 0; i < 2; i++) {
        struct net_peer peer;
        net_peer_connect(&peer, listener_port(echo.listener));
        assert_int_equal(send(peer.descriptor, refused[i].bytes, refused[i].length, MSG_NOSIGNAL), refused[i].length);
        assert_true(net_peer_sees_end(&peer, WAIT_MS));
        net_peer_close(&peer);
    }
    assert_int_equal(statistics().tls_failures, 2);
    assert_serves();
    for (size_t i = 1; i <= sizeof head; i++) {
        assert_false(net_peer_sees_end(&crowd[i], 1));
        assert_int_equal(shutdown(crowd[i].descriptor, SHUT_WR), 0); /* ends with less than was awaited */
        assert_true(net_peer_sees_end(&crowd[i], WAIT_MS));
        net_peer_close(&crowd[i]);
    }
    echo_net_stop(&echo);
}

/* ---- tokens for handshakes */

enum { HELLO_MAX = 4096 };

/* Each peer connects and says the same that a client says first. */
static void send_hellos(size_t count) {
    uint8_t hello[HELLO_MAX];
    int ends[2];
    struct tls *tls;
    enum tls_want want;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(tls_create_client(echo.pki.client_context, ends[0], "smp/1", echo.pki.fingerprint, &tls), SMQ_OK);
    assert_int_equal(tls_handshake(tls, &want), SMQ_ERR_AGAIN);
    ssize_t length = read(ends[1], hello, sizeof hello);
    assert_in_range(length, 100, HELLO_MAX - 1);
    for (size_t i = 0; i < count; i++) {
        net_peer_connect(&crowd[i], listener_port(echo.listener));
        assert_int_equal(send(crowd[i].descriptor, hello, (size_t)length, MSG_NOSIGNAL), length);
    }
    tls_destroy(&tls);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static size_t count_answered(void) {
    size_t answered = 0;
    for (size_t i = 0; i < CROWD; i++) {
        struct pollfd polled = {.fd = crowd[i].descriptor, .events = POLLIN};
        answered += poll(&polled, 1, 0) == 1;
    }
    return answered;
}

static void test_more_handshakes_than_tokens_wait_while_others_go_on(void **state) {
    (void)state;
    enum { RATE = 2, BURST = 3 };
    struct net_peer established, newcomer;
    uint8_t block[BLOCK_SIZE] = {1};
    start((struct net_limits){.handshake_rate = RATE, .handshake_burst = BURST});
    uint64_t start_ms = clock_monotonic_ms();
    connect_tls(&established);
    send_hellos(CROWD);
    await_accepted(1 + CROWD);
    connect_tls(&newcomer); /* overtakes those who wait */
    for (int i = 0; i < 20; i++) {
        assert_true(net_peer_write(&established, block, BLOCK_SIZE, BLOCK_SIZE));
        assert_int_equal(net_peer_read(&established, block, BLOCK_SIZE, WAIT_MS), SMQ_OK);
    }
    size_t begun = 2 + count_answered();
    assert_true(begun <= BURST + 1 + (clock_monotonic_ms() - start_ms) * RATE / 1000);
    assert_true(begun < CROWD);
    const struct net_limits none = {0};
    net_set_limits(echo.net, &none);
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (count_answered() < CROWD) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
    for (size_t i = 0; i < CROWD; i++)
        net_peer_close(&crowd[i]);
    net_peer_close(&newcomer);
    net_peer_close(&established);
    echo_net_stop(&echo);
}

static void test_of_those_that_wait_for_tokens_the_oldest_is_dropped(void **state) {
    (void)state;
    start((struct net_limits){.handshake_rate = 1, .handshake_burst = 1, .max_handshakes = CROWD / 2});
    send_hellos(CROWD);
    await_accepted(CROWD);
    for (size_t i = 1; i < CROWD / 4; i++)
        assert_true(net_peer_sees_end(&crowd[i], WAIT_MS));
    assert_false(net_peer_sees_end(&crowd[CROWD - 1], 1));
    for (size_t i = 0; i < CROWD; i++)
        net_peer_close(&crowd[i]);
    echo_net_stop(&echo);
}

/* ---- a place that is wanted when its handshake is just done */

static enum smq_result establish_and_drop(struct connection *connection, void *state) {
    enum smq_result result = echo_server_protocol.secured(connection, state);
    assert_int_equal(connection_request_receive(connection, RECEIVE_DROP), SMQ_OK);
    return result;
}

static enum smq_result only_drop(struct connection *connection, void *state) {
    (void)state;
    assert_int_equal(connection_request_receive(connection, RECEIVE_DROP), SMQ_OK);
    return SMQ_OK;
}

static void test_only_who_is_not_established_can_be_dropped(void **state) {
    (void)state;
    struct protocol protocols[2] = {echo_server_protocol, echo_server_protocol};
    protocols[0].secured = only_drop;
    protocols[1].secured = establish_and_drop;
    start((struct net_limits){0});
    for (int established = 0; established < 2; established++) {
        struct listener *listener = NULL;
        const struct listen_options options = {
            .addresses = loopback,
            .address_count = 1,
            .tls_context = echo.pki.server_context,
            .protocol = &protocols[established],
            .accept = echo_server_accept,
            .context = &echo.server,
        };
        assert_int_equal(net_listen(echo.net, &options, &listener, NULL, 0), SMQ_OK);
        struct net_peer peer;
        uint8_t block[BLOCK_SIZE] = {1};
        net_peer_connect(&peer, listener_port(listener));
        assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
        if (established) {
            assert_true(net_peer_write(&peer, block, BLOCK_SIZE, BLOCK_SIZE));
            assert_int_equal(net_peer_read(&peer, block, BLOCK_SIZE, WAIT_MS), SMQ_OK);
        } else {
            assert_true(net_peer_sees_end(&peer, WAIT_MS));
        }
        assert_int_equal(statistics().dropped_handshakes, 1);
        int64_t ended = 1 + established;
        net_peer_close(&peer);
        assert_true(await_i64(&echo.server.closed, ended, WAIT_MS));
        listener_stop(&listener);
    }
    echo_net_stop(&echo);
}

static void test_half_a_block_has_its_deadline(void **state) {
    (void)state;
    start((struct net_limits){.block_timeout_ms = 300});
    struct net_peer slow, idle, record;
    uint8_t byte = 1;
    static const uint8_t header[] = {23, 3, 3, 0x40, 0x11, 1, 2, 3};
    connect_tls(&slow);
    connect_tls(&idle);
    connect_tls(&record);
    assert_true(net_peer_write(&slow, &byte, 1, 1));
    assert_int_equal(send(record.descriptor, header, sizeof header, MSG_NOSIGNAL), sizeof header);
    for (int i = 0; i < 100 && !net_peer_sees_end(&slow, 20); i++)
        (void)net_peer_write(&slow, &byte, 1, 1); /* drops do not make a block */
    assert_true(net_peer_sees_end(&slow, WAIT_MS));
    assert_true(net_peer_sees_end(&record, WAIT_MS));
    assert_false(net_peer_sees_end(&idle, 400)); /* holds nothing */
    assert_int_equal(statistics().dropped_blocks, 2);
    assert_serves();
    net_peer_close(&slow);
    net_peer_close(&idle);
    net_peer_close(&record);
    echo_net_stop(&echo);
}

static void test_half_blocks_are_no_more_than_the_lanes_budget(void **state) {
    (void)state;
    enum { MOST = 64 };
    const struct net_options options = {.receive_lanes = 1, .send_lanes = 1, .block_credit_per_lane = 4};
    echo_net_start(&echo, &options);
    uint8_t byte = 1;
    for (size_t i = 0; i < CROWD; i++) {
        connect_tls(&crowd[i]);
        assert_true(net_peer_write(&crowd[i], &byte, 1, 1));
    }
    for (size_t i = 0; i < 8; i++)
        assert_true(net_peer_sees_end(&crowd[i], WAIT_MS));
    assert_serves();
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (statistics().dropped_blocks < CROWD - MOST)
        assert_true(clock_monotonic_ms() < end_ms);
    assert_in_range(statistics().dropped_blocks, CROWD - MOST, CROWD - MOST + 4);
    for (size_t i = 0; i < CROWD; i++)
        net_peer_close(&crowd[i]);
    echo_net_stop(&echo);
}

/* ---- vanished peers: what the kernel is told about an accepted socket */

static _Atomic int accepted_descriptor;

static enum smq_result note_descriptor(struct connection *connection, void *state) {
    (void)state;
    atomic_store(&accepted_descriptor, connection->descriptor);
    return SMQ_OK;
}

static int option_of(int descriptor, int level, int option) {
    int value = -1;
    socklen_t length = sizeof value;
    assert_int_equal(getsockopt(descriptor, level, option, &value, &length), 0);
    return value;
}

static void test_accepted_sockets_are_kept_alive(void **state) {
    (void)state;
    struct protocol protocol = echo_server_protocol;
    protocol.secured = note_descriptor;
    start((struct net_limits){0});
    struct listener *listener = NULL;
    const struct listen_options options = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = echo.pki.server_context,
        .protocol = &protocol,
        .accept = echo_server_accept,
        .context = &echo.server,
        .has_keep_alive = true,
        .manners.keep_alive = {.idle_s = 300, .interval_s = 60, .probes = 5, .user_timeout_s = 600},
    };
    assert_int_equal(net_listen(echo.net, &options, &listener, NULL, 0), SMQ_OK);
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(listener));
    assert_int_equal(net_peer_handshake(&peer, echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    assert_true(await_int(&accepted_descriptor, 1, WAIT_MS));
    int descriptor = accepted_descriptor;
    assert_int_equal(option_of(descriptor, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(descriptor, IPPROTO_TCP, TCP_KEEPIDLE), 300);
    assert_int_equal(option_of(descriptor, IPPROTO_TCP, TCP_KEEPINTVL), 60);
    assert_int_equal(option_of(descriptor, IPPROTO_TCP, TCP_KEEPCNT), 5);
    assert_int_equal(option_of(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT), 600000);
    net_peer_close(&peer);
    listener_stop(&listener);
    echo_net_stop(&echo);
}

/* A peer whose kernel does not answer any more: TCP_REPAIR lets it vanish without a word. */
static void test_a_vanished_peer_is_found(void **state) {
    (void)state;
    start((struct net_limits){0});
    struct listener *listener = NULL;
    const struct listen_options options = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = echo.pki.server_context,
        .protocol = &echo_server_protocol,
        .accept = echo_server_accept,
        .context = &echo.server,
        .has_keep_alive = true,
        .manners.keep_alive = {.idle_s = 1, .interval_s = 1, .probes = 2, .user_timeout_s = 2},
    };
    assert_int_equal(net_listen(echo.net, &options, &listener, NULL, 0), SMQ_OK);
    struct net_peer alive, vanished;
    struct net_peer *const peers[] = {&alive, &vanished};
    for (int i = 0; i < 2; i++) {
        net_peer_connect(peers[i], listener_port(listener));
        assert_int_equal(net_peer_handshake(peers[i], echo.pki.client_context, "smp/1", echo.pki.fingerprint), SMQ_OK);
    }
    int on = 1;
    if (setsockopt(vanished.descriptor, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) {
        net_peer_close(&alive);
        net_peer_close(&vanished);
        listener_stop(&listener);
        echo_net_stop(&echo);
        skip(); /* needs CAP_NET_ADMIN; the options are seen by the test before */
    }
    net_peer_close(&vanished);
    assert_true(await_i64(&echo.server.closed, 1, WAIT_MS));
    assert_false(net_peer_sees_end(&alive, 1));
    net_peer_close(&alive);
    listener_stop(&listener);
    echo_net_stop(&echo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_newcomers_push_out_the_oldest_of_them),
        cmocka_unit_test(test_too_many_connections_of_an_address_are_refused_until_one_leaves),
        cmocka_unit_test(test_a_full_net_lets_others_wait_in_the_backlog),
        cmocka_unit_test(test_a_hello_in_crumbs_is_served_once_it_is_whole),
        cmocka_unit_test(test_more_handshakes_than_tokens_wait_while_others_go_on),
        cmocka_unit_test(test_of_those_that_wait_for_tokens_the_oldest_is_dropped),
        cmocka_unit_test(test_only_who_is_not_established_can_be_dropped),
        cmocka_unit_test(test_half_a_block_has_its_deadline),
        cmocka_unit_test(test_half_blocks_are_no_more_than_the_lanes_budget),
        cmocka_unit_test(test_accepted_sockets_are_kept_alive),
        cmocka_unit_test(test_a_vanished_peer_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
