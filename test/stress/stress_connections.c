/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Many threads open, use, pause and close echo connections in random ways, on several lanes with little credit.
 * Whatever happens: each connection is closed once and released once, no item and no block is lost, no byte is changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "queues/base/thread.h"
#include "test/support/echo.h"

enum { WORKERS = 4, CONNECTIONS = 100, AT_ONCE = 5, WAIT_MS = 60000 };

struct worker {
    struct echo_net *echo;
    struct thread *thread;
    _Atomic int failures;
    uint64_t answered;
};

static void require(struct worker *worker, bool condition) {
    if (!condition)
        atomic_fetch_add(&worker->failures, 1);
}

/* One connection's life after net_connect. */
static void use(struct worker *worker, struct echo_client *client, struct connection *connection) {
    uint32_t choice = random_below(8);
    if (choice >= 2)
        require(worker, await_u32(&client->answered, random_below(client->count) + 1, WAIT_MS));
    for (uint32_t i = 0; i < random_below(4); i++) {
        connection_pause(connection);
        if (choice == 3)
            await_u32(&client->answered, client->count, 2);
        connection_resume(connection);
    }
    if (choice >= 4)
        require(worker, await_u32(&client->answered, client->count, WAIT_MS));
    connection_close(connection, SMQ_ERR_CANCELLED, choice % 2 == 0);
    if (choice == 5)
        connection_close(connection, SMQ_ERR_TIMEOUT, false);
}

static void run_worker(void *argument) {
    struct worker *worker = argument;
    for (int done = 0; done < CONNECTIONS; done += AT_ONCE) {
        struct echo_client clients[AT_ONCE];
        struct connection *connections[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            clients[i] = (struct echo_client){
                .count = random_below(30) + 1, .window = random_below(5) + 1, .seed = random_below(1000)};
            require(worker, echo_connect(worker->echo, &clients[i], &connections[i]) == SMQ_OK);
        }
        for (int i = 0; i < AT_ONCE; i++)
            use(worker, &clients[i], connections[i]);
        for (int i = 0; i < AT_ONCE; i++) {
            require(worker, await_int(&clients[i].closed, 1, WAIT_MS));
            require(worker, clients[i].reason == SMQ_ERR_CANCELLED);
            connection_release(connections[i]);
            require(worker, await_int(&clients[i].released, 1, WAIT_MS));
            require(worker, clients[i].closed == 1 && clients[i].released == 1);
            require(worker, clients[i].wrong == 0 && clients[i].queued == 0);
            worker->answered += clients[i].answered;
        }
    }
}

static void test_connections_are_conserved(void **state) {
    (void)state;
    const struct net_options options = {.receive_lanes = 3, .send_lanes = 2, .block_credit_per_lane = 6};
    struct echo_net echo;
    echo_net_start(&echo, &options);
    echo.server.window = 3;
    struct worker workers[WORKERS] = {0};
    for (int i = 0; i < WORKERS; i++) {
        workers[i].echo = &echo;
        assert_int_equal(thread_create(&workers[i].thread, "worker", run_worker, &workers[i]), SMQ_OK);
    }
    uint64_t answered = 0;
    for (int i = 0; i < WORKERS; i++) {
        thread_join(&workers[i].thread);
        assert_int_equal(workers[i].failures, 0);
        answered += workers[i].answered;
    }
    assert_true(answered > 0);
    /* Connections that were closed before TLS came up may never have been accepted. */
    struct net_statistics statistics;
    net_read_statistics(echo.net, &statistics);
    assert_true(statistics.accepted <= WORKERS * CONNECTIONS);
    assert_true(await_i64(&echo.server.closed, (int64_t)statistics.accepted, WAIT_MS));
    net_read_statistics(echo.net, &statistics);
    assert_int_equal(statistics.blocks_held, 0);
    assert_true((uint64_t)echo.server.received >= answered);
    echo_net_stop(&echo);
}

/* The net is destroyed while connections are made and used. */
static void test_destroying_at_any_moment_releases_everything(void **state) {
    (void)state;
    enum { ROUNDS = 20, CLIENTS = 12 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const struct net_options options = {.receive_lanes = 2, .send_lanes = 2, .block_credit_per_lane = 5};
        struct echo_net echo;
        echo_net_start(&echo, &options);
        struct echo_client clients[CLIENTS];
        for (uint32_t i = 0; i < CLIENTS; i++) {
            clients[i] = (struct echo_client){.count = UINT32_MAX, .window = 3, .seed = i};
            assert_int_equal(echo_connect(&echo, &clients[i], NULL), SMQ_OK);
        }
        await_u32(&clients[0].answered, round * 2, (int)round * 2);
        echo_net_stop(&echo);
        for (uint32_t i = 0; i < CLIENTS; i++) {
            assert_int_equal(clients[i].closed, 1);
            assert_int_equal(clients[i].released, 1);
            assert_int_equal(clients[i].queued, 0);
            assert_int_equal(clients[i].wrong, 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_conserved),
        cmocka_unit_test(test_destroying_at_any_moment_releases_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
