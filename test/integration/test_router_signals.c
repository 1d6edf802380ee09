/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How smp-server ends and what it refuses: signals under load, and stores that it must not touch. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "stores/internal.h"
#include "stores/lmdb.h"
#include "test/support/client_load.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { STOP_MS = 3000, PAIRS = 2, QUEUES = 8, SENDS = 200, ROUNDS = 4 };

static struct server_process server;

static int setup(void **state) {
    (void)state;
    server_process_init(&server, "map_size = 256M");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    server_process_finish(&server);
    return 0;
}

static void stop_under_load(struct client_load *load, int signal) {
    client_load_run(load, SENDS);
    assert_int_equal(0, server_process_stop(&server, signal, STOP_MS));
    client_load_lose(load);
}

static void test_both_signals_stop_under_load_within_three_seconds_and_lose_nothing(void **state) {
    (void)state;
    struct client_load *load;
    server_process_start(&server);
    client_load_create(server.address, PAIRS, QUEUES, &load);
    for (unsigned i = 0; i < ROUNDS; i++) {
        stop_under_load(load, i % 2 == 0 ? SIGTERM : SIGINT);
        server_process_start(&server);
        client_load_connect(load);
    }
    client_load_drain(load);
    struct client_load_figures figures = client_load_figures(load);
    client_load_destroy(&load);
    /* Whatever was stored was also answered. */
    assert_int_equal(figures.sent, figures.delivered);
}

static void test_more_signals_do_not_disturb_the_stop(void **state) {
    (void)state;
    struct client_load *load;
    server_process_start(&server);
    client_load_create(server.address, PAIRS, QUEUES, &load);
    client_load_run(load, SENDS);
    process_signal(server.process, SIGTERM);
    process_signal(server.process, SIGTERM);
    process_signal(server.process, SIGINT);
    assert_int_equal(0, process_wait(server.process, STOP_MS));
    client_load_lose(load);
    client_load_destroy(&load);
}

static void test_stop_waits_for_no_handshake(void **state) {
    (void)state;
    struct peer peers[2];
    struct peer_options options = server_process_peer_options(&server);
    server_process_start(&server);
    int silent = peer_tcp(server.port);
    peer_tls(&peers[0], &options);
    peer_connect(&peers[1], &options);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    assert_true(peer_is_closed(&peers[0]));
    assert_true(peer_is_closed(&peers[1]));
    peer_close(&peers[0]);
    peer_close(&peers[1]);
    (void)close(silent);
}

/* Starts where that is expected to fail with `text` among what is said to the operator. */
static void assert_refused(struct server_process *refused, const char *text) {
    const char *errors;
    assert_int_equal(1, server_process_refusal(refused, &errors));
    if (strstr(errors, text) == NULL)
        fail_msg("no `%s` in: %s", text, errors);
}

static void put_schema(const char *directory, uint32_t schema) {
    static const char *const tables[] = {"meta"};
    struct lmdb_options options = {.directory = directory, .map_size = 1 << 28, .max_readers = 4, .sync = true};
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u32(&writer, schema);
    assert_int_equal(SMQ_OK, lmdb_open(&options, &lmdb));
    assert_int_equal(SMQ_OK, lmdb_open_tables(lmdb, tables, 1));
    assert_int_equal(SMQ_OK, lmdb_txn_create(lmdb, true, &txn));
    assert_int_equal(SMQ_OK, lmdb_begin(txn));
    assert_true(lmdb_put(txn, 0, slice_of_text("schema"), slice_of(bytes, sizeof bytes)));
    assert_int_equal(SMQ_OK, lmdb_commit(txn));
    lmdb_txn_destroy(&txn);
    lmdb_close(&lmdb);
}

static void test_store_of_a_newer_schema_is_refused_and_left_alone(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    char directory[96];
    (void)snprintf(directory, sizeof directory, "%s/store", server.data);
    server_process_start(&server);
    server_process_connect(&server, &peer);
    peer_create_queue(&peer, PEER_SECURED, &queue);
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    put_schema(directory, STORE_SCHEMA + 1);
    assert_refused(&server, "written by a newer version");
    put_schema(directory, STORE_SCHEMA);
    server_process_start(&server);
    server_process_connect(&server, &peer);
    peer_send_message(&peer, &queue, &queue.sender_key, "still there");
    peer_close(&peer);
}

static void test_store_in_use_by_another_process_is_refused_and_the_other_goes_on(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    server_process_start(&server);
    server_process_connect(&server, &peer);
    struct server_process second = server;
    second.process = NULL;
    assert_refused(&second, "in use by another process");
    process_destroy(&second.process);
    peer_create_queue(&peer, PEER_SECURED, &queue);
    peer_send_message(&peer, &queue, &queue.sender_key, "undisturbed");
    peer_close(&peer);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_both_signals_stop_under_load_within_three_seconds_and_lose_nothing),
        CASE(test_more_signals_do_not_disturb_the_stop),
        CASE(test_stop_waits_for_no_handshake),
        CASE(test_store_of_a_newer_schema_is_refused_and_left_alone),
        CASE(test_store_in_use_by_another_process_is_refused_and_the_other_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
