/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How smp-server ends, what it reloads, and what it refuses: signals, stores that it must not touch, certificates that
 * clients would not accept. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "stores/lmdb/lmdb.h"
#include "stores/smp/internal.h"
#include "test/support/client_load.h"
#include "test/support/require.h"
#include "test/support/server_certificate.h"
#include "test/support/server_process.h"

enum { STOP_MS = 3000, PAIRS = 2, QUEUES = 8, SENDS = 200, ROUNDS = 4, DAY_S = 86400 };

static const char reloaded[] = "reload: certificates and settings are those of the files";

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

/* ---- reload */

static const char *file_of(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", server.configuration, name);
    return path;
}

static void add_to_ini(const char *lines) {
    FILE *file = fopen(file_of("smp-server.ini"), "ae");
    require(file != NULL && fputs(lines, file) >= 0 && fclose(file) == 0);
}

static void expect_pong(struct peer *peer) {
    static const struct slice nothing;
    struct peer_answer answer;
    const struct smp_command ping = peer_command(SMP_PING);
    peer_expect(peer, NULL, nothing, &ping, SMP_PONG, &answer);
}

/* Whether the router takes no new queues (any more). */
static bool refuses_new(struct peer *peer) {
    static const struct slice nothing;
    struct peer_queue queue;
    struct peer_answer answer;
    const struct smp_command create = peer_new_command(0, &queue);
    peer_ask(peer, &queue.recipient_key, nothing, &create, &answer);
    return answer.response.tag == SMP_ERR;
}

static void test_sighup_reloads_and_keeps_connections(void **state) {
    (void)state;
    struct peer before, after;
    struct peer_queue queue;
    server_process_start(&server);
    server_process_connect(&server, &before);
    peer_create_queue(&before, 0, &queue);
    add_to_ini("\n[AUTH]\nnew_queues = off\n[TRANSPORT]\nsmp_versions = 7-17\nhost = elsewhere\n");
    assert_int_equal(SMQ_OK, credentials_renew_files(server.configuration, "localhost", KEY_ED25519, NULL, 0));
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, "reload: [AUTH] new_queues is taken over"));
    assert_true(server_process_await_log(&server, "reload: [TRANSPORT] smp_versions is taken over"));
    assert_true(server_process_await_log(&server, "reload: [TRANSPORT] host needs a restart"));
    assert_true(server_process_await_log(&server, reloaded));
    assert_true(refuses_new(&before));
    expect_pong(&before);
    server_process_connect(&server, &after);
    assert_int_equal(17, after.announced.max);
    assert_false(slice_equal(before.facts.peer_chain[0], after.facts.peer_chain[0]));
    peer_send_message(&after, &queue, NULL, "by the new certificate");
    peer_close(&after);
    peer_close(&before);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
}

static void test_bad_files_leave_everything_as_it_is(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    server_process_start(&server);
    server_certificate_write(server.configuration, -20 * DAY_S, -10 * DAY_S);
    add_to_ini("\n[AUTH]\nnew_queues = off\n");
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, "reload: nothing is changed: "));
    assert_true(server_process_await_log(&server, "server.crt: the certificate expired on"));
    assert_true(server_process_await_log(&server, "smp-server cert"));
    add_to_ini("new_queues = perhaps\n");
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, "reload: nothing is changed: "));
    assert_true(server_process_await_log(&server, "[AUTH] new_queues = perhaps"));
    server_process_connect(&server, &peer);
    peer_create_queue(&peer, 0, &queue);
    peer_close(&peer);
}

/* Whoever writes the file anew empties it first; the defaults would let everybody create queues. */
static void test_an_empty_file_of_settings_changes_nothing(void **state) {
    (void)state;
    char path[128];
    add_to_ini("\n[AUTH]\nnew_queues = off\n");
    server_process_start(&server);
    (void)snprintf(path, sizeof path, "%s/smp-server.ini", server.configuration);
    assert_int_equal(0, truncate(path, 0));
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, "has no settings"));
    assert_null(strstr(process_errors(server.process), "is taken over"));
}

/* Says something that is no TLS, and waits until it is hung up on. */
static void say_garbage(void) {
    char byte;
    int descriptor = peer_tcp(server.port);
    require(send(descriptor, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
    while (recv(descriptor, &byte, 1, 0) > 0)
        continue;
    (void)close(descriptor);
}

static void test_what_is_logged_of_connections_changes(void **state) {
    (void)state;
    server_process_start(&server);
    say_garbage();
    add_to_ini("\n[TRANSPORT]\nlog_tls_errors = on\n");
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, reloaded));
    assert_null(strstr(process_errors(server.process), "TLS handshake"));
    say_garbage();
    assert_true(server_process_await_log(&server, "TLS handshake: "));
    add_to_ini("log_peers = on\n");
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, reloaded));
    say_garbage();
    assert_true(server_process_await_log(&server, "TLS handshake with 127.0.0.1:"));
}

static void test_log_level_changes(void **state) {
    (void)state;
    struct peer peer;
    char kept[128];
    uint64_t deadline = clock_monotonic_ms() + SERVER_DEADLINE_MS;
    server_process_start(&server);
    server_process_connect(&server, &peer);
    add_to_ini("\n[AUTH]\nnew_queues = off\n[LOG]\nlevel = error\n");
    process_signal(server.process, SIGHUP);
    while (!refuses_new(&peer))
        require(clock_monotonic_ms() < deadline);
    (void)snprintf(kept, sizeof kept, "%s/kept", server.root);
    require(rename(file_of("server.key"), kept) == 0);
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, "reload: nothing is changed: "));
    assert_null(strstr(process_errors(server.process), reloaded));
    require(rename(kept, file_of("server.key")) == 0);
    add_to_ini("level = debug\n");
    process_signal(server.process, SIGHUP);
    assert_true(server_process_await_log(&server, reloaded));
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
}

static void test_sighup_stays_ignored_under_nohup(void **state) {
    (void)state;
    struct peer peer;
    (void)signal(SIGHUP, SIG_IGN); /* inherited, as from nohup */
    server_process_start(&server);
    (void)signal(SIGHUP, SIG_DFL);
    add_to_ini("\n[AUTH]\nnew_queues = off\n");
    server_process_connect(&server, &peer);
    for (unsigned i = 0; i < 10; i++) {
        struct peer_queue queue;
        process_signal(server.process, SIGHUP);
        peer_create_queue(&peer, 0, &queue);
    }
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    assert_null(strstr(process_errors(server.process), "reload"));
}

static void test_signals_sent_by_mistake_do_nothing(void **state) {
    (void)state;
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                                  SIGPIPE, SIGTTIN, SIGTTOU, SIGXFSZ,   SIGIO};
    struct peer peer;
    server_process_start(&server);
    server_process_connect(&server, &peer);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        process_signal(server.process, numbers[i]);
        expect_pong(&peer);
    }
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
}

/* Also when the files are such as never come to an end. */
static void test_stop_comes_before_and_during_reloads(void **state) {
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        server_process_start(&server);
        process_signal(server.process, SIGHUP);
        process_signal(server.process, i % 2 == 0 ? SIGTERM : SIGINT);
        assert_int_equal(0, process_wait(server.process, STOP_MS));
    }
    static const char *const names[] = {"server.key", "smp-server.ini"};
    for (size_t i = 0; i < 2; i++) {
        char kept[128];
        (void)snprintf(kept, sizeof kept, "%s/kept", server.root);
        server_process_start(&server);
        require(rename(file_of(names[i]), kept) == 0 && mkfifo(file_of(names[i]), 0600) == 0);
        process_signal(server.process, SIGHUP);
        assert_true(server_process_await_log(&server, "reload: nothing is changed: "));
        assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
        require(rename(kept, file_of(names[i])) == 0);
    }
}

/* ---- certificates at the start */

static void test_certificates_that_clients_refuse_are_refused_at_the_start(void **state) {
    (void)state;
    char other[64];
    uint8_t fingerprint[FINGERPRINT_SIZE];
    temporary_folder_create(other);
    assert_int_equal(SMQ_OK, credentials_create_files(other, "localhost", KEY_ED25519, fingerprint));
    server_certificate_write(server.configuration, -20 * DAY_S, -10 * DAY_S);
    assert_refused(&server, "server.crt: the certificate expired on");
    assert_refused(&server, "make a new one with `smp-server cert`");
    server_certificate_write(server.configuration, DAY_S, 10 * DAY_S);
    assert_refused(&server, "server.crt: the certificate is not valid before");
    server_file_copy(other, server.configuration, "server.key");
    assert_refused(&server, "server.key: the key does not belong to the certificate");
    server_file_copy(other, server.configuration, "server.crt");
    assert_refused(&server, "server.crt: not signed by the first certificate of");
    temporary_folder_remove(other);
}

static void test_certificate_that_ends_soon_is_warned_of_at_the_start(void **state) {
    (void)state;
    server_certificate_write(server.configuration, -DAY_S, 29 * DAY_S);
    server_process_start(&server);
    assert_true(server_process_await_log(&server, "server.crt: the certificate expires on"));
    assert_true(server_process_await_log(&server, "make a new one with `smp-server cert`, then send SIGHUP"));
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    server_certificate_write(server.configuration, -DAY_S, 31 * DAY_S);
    server_process_start(&server);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    assert_null(strstr(process_errors(server.process), "the certificate expires on"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_both_signals_stop_under_load_within_three_seconds_and_lose_nothing),
        CASE(test_more_signals_do_not_disturb_the_stop),
        CASE(test_stop_waits_for_no_handshake),
        CASE(test_sighup_reloads_and_keeps_connections),
        CASE(test_bad_files_leave_everything_as_it_is),
        CASE(test_an_empty_file_of_settings_changes_nothing),
        CASE(test_what_is_logged_of_connections_changes),
        CASE(test_log_level_changes),
        CASE(test_sighup_stays_ignored_under_nohup),
        CASE(test_signals_sent_by_mistake_do_nothing),
        CASE(test_stop_comes_before_and_during_reloads),
        CASE(test_certificates_that_clients_refuse_are_refused_at_the_start),
        CASE(test_certificate_that_ends_soon_is_warned_of_at_the_start),
        CASE(test_store_of_a_newer_schema_is_refused_and_left_alone),
        CASE(test_store_in_use_by_another_process_is_refused_and_the_other_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
