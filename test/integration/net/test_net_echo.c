/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The network roles with an echo protocol: data both ways, back-pressure, slow readers, stopping while busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"

enum { WAIT_MS = 60000 };

static const struct net_options two_lanes = {.receive_lanes = 2, .send_lanes = 2};

static void start_clients(struct echo_net *echo, struct echo_client *clients, size_t number, uint32_t count,
                          uint32_t window, bool close_when_done) {
    for (size_t i = 0; i < number; i++) {
        clients[i] =
            (struct echo_client){.count = count, .window = window, .seed = i + 1, .close_when_done = close_when_done};
        assert_int_equal(echo_connect(echo, &clients[i], NULL), SMQ_OK);
    }
}

static void test_blocks_of_100_connections_come_back_unchanged(void **state) {
    (void)state;
    enum { CLIENTS = 100, BLOCKS = 50 };
    struct echo_net echo;
    echo_net_start(&echo, &two_lanes);
    struct echo_client *clients = calloc(CLIENTS, sizeof *clients);
    start_clients(&echo, clients, CLIENTS, BLOCKS, 4, true);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(await_int(&clients[i].released, 1, WAIT_MS));
        assert_int_equal(clients[i].answered, BLOCKS);
        assert_int_equal(clients[i].wrong, 0);
        assert_int_equal(clients[i].closed, 1);
        assert_int_equal(clients[i].reason, SMQ_OK);
        assert_int_equal(clients[i].queued, 0);
    }
    assert_true(await_i64(&echo.server.closed, CLIENTS, WAIT_MS));
    struct net_statistics statistics;
    net_read_statistics(echo.net, &statistics);
    assert_int_equal(statistics.accepted, CLIENTS);
    assert_int_equal(statistics.connected, CLIENTS);
    assert_int_equal(statistics.blocks_received, 2 * CLIENTS * BLOCKS);
    assert_int_equal(statistics.blocks_sent, 2 * CLIENTS * BLOCKS);
    assert_int_equal(statistics.blocks_held, 0);
    assert_int_equal(echo.server.discarded, 0);
    echo_net_stop(&echo);
    free(clients);
}

static void test_blocks_have_the_size_that_their_protocol_states(void **state) {
    (void)state;
    enum { CLIENTS = 10, BLOCKS = 200, SIZE = 512 };
    struct echo_net echo;
    echo_net_start_with_blocks(&echo, &two_lanes, SIZE);
    struct echo_client *clients = calloc(CLIENTS, sizeof *clients);
    start_clients(&echo, clients, CLIENTS, BLOCKS, 40, true);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(await_int(&clients[i].released, 1, WAIT_MS));
        assert_int_equal(clients[i].answered, BLOCKS);
        assert_int_equal(clients[i].wrong, 0);
    }
    echo_net_stop(&echo);
    free(clients);
}

static void test_a_lane_without_credit_goes_on_when_blocks_come_back(void **state) {
    (void)state;
    enum { CLIENTS = 10, BLOCKS = 40 };
    const struct net_options options = {.receive_lanes = 1, .send_lanes = 1, .block_credit_per_lane = 3};
    struct echo_net echo;
    echo_net_start(&echo, &options);
    struct echo_client *clients = calloc(CLIENTS, sizeof *clients);
    start_clients(&echo, clients, CLIENTS, BLOCKS, BLOCKS, true);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(await_int(&clients[i].released, 1, WAIT_MS));
        assert_int_equal(clients[i].answered, BLOCKS);
        assert_int_equal(clients[i].wrong, 0);
    }
    assert_true(echo.server.most_queued <= 3);
    echo_net_stop(&echo);
    free(clients);
}

/* The client is paused, so nobody reads the answers: the server's queue stays within the connection's window. */
static void test_a_slow_reader_is_bounded_and_harms_nobody(void **state) {
    (void)state;
    enum { BLOCKS = 2000, WINDOW = 8 };
    struct echo_net echo;
    echo_net_start(&echo, &two_lanes);
    echo.server.window = WINDOW;
    struct echo_client slow = {.count = BLOCKS, .window = BLOCKS, .seed = 1};
    struct connection *connection = NULL;
    assert_int_equal(echo_connect(&echo, &slow, &connection), SMQ_OK);
    connection_pause(connection);
    assert_true(await_int(&slow.secured, 1, WAIT_MS));
    assert_true(await_i64(&echo.server.queued, WINDOW, WAIT_MS));

    struct echo_client fast[4];
    start_clients(&echo, fast, 4, 100, 4, true);
    for (size_t i = 0; i < 4; i++) {
        assert_true(await_int(&fast[i].released, 1, WAIT_MS));
        assert_int_equal(fast[i].answered, 100);
    }
    assert_true(echo.server.most_queued <= WINDOW * 5);
    assert_int_equal(slow.answered, 0);
    assert_true(slow.queued > 0);

    connection_resume(connection);
    assert_true(await_u32(&slow.answered, BLOCKS, WAIT_MS));
    assert_int_equal(slow.wrong, 0);
    connection_close(connection, SMQ_ERR_CANCELLED, true);
    assert_true(await_int(&slow.closed, 1, WAIT_MS));
    assert_int_equal(slow.reason, SMQ_ERR_CANCELLED);
    assert_int_equal(slow.released, 0);
    connection_release(connection);
    assert_true(await_int(&slow.released, 1, WAIT_MS));
    echo_net_stop(&echo);
}

static void test_close_with_flush_sends_what_was_queued(void **state) {
    (void)state;
    enum { BLOCKS = 30 };
    struct echo_net echo;
    echo_net_start(&echo, &two_lanes);
    struct echo_client client = {.seed = 1};
    struct connection *connection = NULL;
    assert_int_equal(echo_connect(&echo, &client, &connection), SMQ_OK);
    for (uint32_t i = 0; i < BLOCKS; i++)
        assert_true(echo_send(&client, connection, i)); /* before TLS is up: kept */
    assert_true(await_int(&client.secured, 1, WAIT_MS));
    connection_close(connection, SMQ_ERR_CANCELLED, true);
    assert_false(connection_is_open(connection));
    assert_false(echo_send(&client, connection, BLOCKS));
    connection_close(connection, SMQ_ERR_TIMEOUT, true);
    assert_true(await_int(&client.closed, 1, WAIT_MS));
    assert_int_equal(client.reason, SMQ_ERR_CANCELLED);
    assert_true(await_i64(&echo.server.closed, 1, WAIT_MS));
    assert_int_equal(echo.server.received, BLOCKS);
    connection_release(connection);
    echo_net_stop(&echo);
    assert_int_equal(client.queued, 0);
    assert_int_equal(client.released, 1);
}

static void test_stopping_while_busy_loses_no_item_and_no_state(void **state) {
    (void)state;
    enum { CLIENTS = 40 };
    struct echo_net echo;
    echo_net_start(&echo, &two_lanes);
    struct echo_client *clients = calloc(CLIENTS, sizeof *clients);
    struct connection *connections[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = (struct echo_client){.count = UINT32_MAX, .window = 16, .seed = i + 1};
        assert_int_equal(echo_connect(&echo, &clients[i], &connections[i]), SMQ_OK);
    }
    for (size_t i = 0; i < CLIENTS / 2; i++)
        assert_true(await_u32(&clients[i].answered, 5, WAIT_MS));
    echo_net_stop(&echo);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(clients[i].closed, 1);
        assert_int_equal(clients[i].queued, 0);
        assert_int_equal(clients[i].wrong, 0);
        assert_int_equal(clients[i].released, 0);
        assert_false(echo_send(&clients[i], connections[i], 0)); /* harmless after the net is gone */
        connection_close(connections[i], SMQ_ERR_TIMEOUT, true);
        connection_pause(connections[i]);
        connection_resume(connections[i]);
        connection_release(connections[i]);
        assert_int_equal(clients[i].released, 1);
    }
    free(clients);
}

static void test_ordered_stop_answers_what_was_received(void **state) {
    (void)state;
    enum { CLIENTS = 20 };
    struct echo_net echo;
    echo_net_start(&echo, &two_lanes);
    struct echo_client *clients = calloc(CLIENTS, sizeof *clients);
    start_clients(&echo, clients, CLIENTS, UINT32_MAX, 4, false);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_true(await_u32(&clients[i].answered, 3, WAIT_MS));
    listener_stop(&echo.listener);
    assert_int_equal(net_stop_reading(echo.net, 10000), SMQ_OK);
    struct net_statistics before;
    net_read_statistics(echo.net, &before);
    assert_int_equal(net_flush(echo.net, 10000), SMQ_OK);
    assert_int_equal(echo.server.queued, 0);
    struct net_statistics after;
    net_read_statistics(echo.net, &after);
    assert_int_equal(before.blocks_received, after.blocks_received);
    echo_net_stop(&echo);
    assert_int_equal(echo.server.discarded, 0);
    free(clients);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_of_100_connections_come_back_unchanged),
        cmocka_unit_test(test_blocks_have_the_size_that_their_protocol_states),
        cmocka_unit_test(test_a_lane_without_credit_goes_on_when_blocks_come_back),
        cmocka_unit_test(test_a_slow_reader_is_bounded_and_harms_nobody),
        cmocka_unit_test(test_close_with_flush_sends_what_was_queued),
        cmocka_unit_test(test_stopping_while_busy_loses_no_item_and_no_state),
        cmocka_unit_test(test_ordered_stop_answers_what_was_received),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
