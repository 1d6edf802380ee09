/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The router's log: a reader that stands still, and what is said of peers. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/thread.h"
#include "test/support/require.h"
#include "test/support/server_process.h"
#include "transport/crypto/setup.h"

enum { STOP_MS = 3000, BAD_PEERS = 20 };

static struct server_process server;

static int teardown(void **state) {
    (void)state;
    server_process_finish(&server);
    return 0;
}

/* Says something that is no TLS, and waits until it is hung up on. */
static void connect_badly(void) {
    static const char words[] = "GET / HTTP/1.0\r\n\r\n";
    char answer[256];
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(descriptor >= 0);
    require(connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0);
    require(send(descriptor, words, sizeof words - 1, MSG_NOSIGNAL) > 0);
    while (recv(descriptor, answer, sizeof answer, 0) > 0) {
    }
    (void)close(descriptor);
}

/* A pipe that is full, and whose reader, the test, reads nothing. */
static int full_pipe(char path[96]) {
    static const char bytes[4096];
    (void)snprintf(path, 96, "%s/errors", server.root);
    require(mkfifo(path, 0600) == 0);
    int descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    require(descriptor >= 0);
    while (write(descriptor, bytes, sizeof bytes) > 0) {
    }
    return descriptor;
}

static void test_a_log_that_nobody_reads_holds_up_neither_clients_nor_the_stop(void **state) {
    (void)state;
    char path[96];
    struct peer peer;
    server_process_init(&server, "[TRANSPORT]\nlog_tls_errors = on");
    int pipe = full_pipe(path);
    server_process_start_with_errors(&server, path);
    for (int i = 0; i < BAD_PEERS; i++)
        connect_badly();
    server_process_connect(&server, &peer);
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    (void)close(pipe);
}

static void test_a_failed_handshake_is_told_without_the_address_of_the_peer(void **state) {
    (void)state;
    server_process_init(&server, "[TRANSPORT]\nlog_tls_errors = on");
    server_process_start(&server);
    connect_badly();
    assert_true(server_process_await_log(&server, "TLS handshake: "));
    assert_null(strstr(process_errors(server.process), "127.0.0.1"));
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
}

static void test_a_failed_handshake_is_told_with_the_address_when_the_operator_asks(void **state) {
    (void)state;
    server_process_init(&server, "[TRANSPORT]\nlog_tls_errors = on\nlog_peers = on");
    server_process_start(&server);
    connect_badly();
    assert_true(server_process_await_log(&server, "TLS handshake with 127.0.0.1:"));
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_log_that_nobody_reads_holds_up_neither_clients_nor_the_stop, teardown),
        cmocka_unit_test_teardown(test_a_failed_handshake_is_told_without_the_address_of_the_peer, teardown),
        cmocka_unit_test_teardown(test_a_failed_handshake_is_told_with_the_address_when_the_operator_asks, teardown),
    };
    thread_attach();
    if (crypto_setup() != SMQ_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
