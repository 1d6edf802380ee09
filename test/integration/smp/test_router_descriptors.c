/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Out of file descriptors: the router lives and serves those who are connected, and accepts again when it can. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { SPARE = 4, WAITING = 24, DEADLINE_MS = 10000 };

static struct server_process server;
static struct peer recipient;
static struct peer sender;
static struct peer_queue queue;
static struct peer_answer answer;
static int waiting[WAITING];

static int setup(void **state) {
    (void)state;
    server_process_init(&server, "map_size = 64M");
    server_process_start(&server);
    server_process_connect(&server, &recipient);
    server_process_connect(&server, &sender);
    peer_create_queue(&recipient, PEER_SECURED | PEER_SUBSCRIBE, &queue);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&recipient);
    peer_close(&sender);
    server_process_finish(&server);
    return 0;
}

static void exchange(void) {
    uint8_t id[24];
    peer_send_message(&sender, &queue, &queue.sender_key, "as ever");
    peer_receive(&recipient, &answer);
    peer_check_message(&queue, &answer, "as ever", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
}

/* The kernel completes these connections whether the router accepts them or not. */
static void use_all_descriptors_up(void) {
    server_process_limit(&server, RLIMIT_NOFILE, server_process_descriptors(&server) + SPARE);
    for (unsigned i = 0; i < WAITING; i++)
        waiting[i] = peer_tcp(server.port);
    assert_true(server_process_await_log(&server, "cannot accept connections"));
}

static void hang_up(void) {
    for (unsigned i = 0; i < WAITING; i++)
        (void)close(waiting[i]);
}

/* Whoever waits in the backlog is served once there are descriptors: nobody has to connect again. */
static void assert_served(void) {
    struct peer peer;
    struct smp_command ping = peer_command(SMP_PING);
    server_process_connect(&server, &peer);
    peer_expect(&peer, NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL);
    peer_close(&peer);
}

static void test_connected_clients_are_served_while_nobody_else_can_be(void **state) {
    (void)state;
    use_all_descriptors_up();
    for (unsigned i = 0; i < 20; i++)
        exchange();
    hang_up();
}

static void test_router_accepts_again_when_clients_leave(void **state) {
    (void)state;
    use_all_descriptors_up();
    exchange();
    hang_up();
    assert_served();
    assert_true(server_process_await_log(&server, "accepting connections again"));
    exchange();
}

static void test_router_accepts_those_who_waited_when_the_limit_is_raised(void **state) {
    (void)state;
    struct peer_options options = server_process_peer_options(&server);
    struct peer peer;
    use_all_descriptors_up();
    unsigned before = server_process_descriptors(&server);
    server_process_limit(&server, RLIMIT_NOFILE, RLIM_INFINITY);
    peer_tls(&peer, &options);
    assert_true(peer_read_block(&peer, peer.block));
    /* The one that came last was served, so all before it were accepted. */
    assert_true(server_process_descriptors(&server) >= before + WAITING - SPARE);
    peer_close(&peer);
    exchange();
    hang_up();
    assert_served();
}

/* Over and over at the limit: nothing is used up on the way. */
static void test_descriptors_are_not_lost_at_the_limit(void **state) {
    (void)state;
    unsigned before = server_process_descriptors(&server);
    for (unsigned round = 0; round < 5; round++) {
        use_all_descriptors_up();
        exchange();
        hang_up();
        server_process_limit(&server, RLIMIT_NOFILE, RLIM_INFINITY);
        assert_served();
    }
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    while (server_process_descriptors(&server) > before)
        assert_true(clock_monotonic_ms() < deadline);
    exchange();
}

static void await_listening(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    bool is_listening = false;
    while (!is_listening) {
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        is_listening = connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0;
        (void)close(descriptor);
        assert_true(clock_monotonic_ms() < deadline);
    }
}

static void assert_null_device(int number) {
    char path[64], target[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", process_id(server.process), number);
    ssize_t length = readlink(path, target, sizeof target);
    assert_int_equal(strlen("/dev/null"), length);
    assert_memory_equal("/dev/null", target, strlen("/dev/null"));
}

/* Nobody reads or writes the numbers that were closed, whatever the router opens. */
static void test_router_whose_standard_descriptors_are_closed_gives_them_to_nobody(void **state) {
    static const char program[] = BUILD_DIR "/bin/smp-server";
    static const char *const arguments[] = {"/bin/sh", "-c", "exec \"$0\" start <&- >&- 2>&-", program, NULL};
    (void)state;
    peer_close(&recipient);
    peer_close(&sender);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, DEADLINE_MS));
    process_destroy(&server.process);
    server.process = process_start(arguments, NULL);
    await_listening();
    for (int number = 0; number < 3; number++)
        assert_null_device(number);
    server_process_connect(&server, &recipient);
    server_process_connect(&server, &sender);
    peer_create_queue(&recipient, PEER_SECURED | PEER_SUBSCRIBE, &queue);
    exchange();
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_connected_clients_are_served_while_nobody_else_can_be),
        CASE(test_router_accepts_again_when_clients_leave),
        CASE(test_router_accepts_those_who_waited_when_the_limit_is_raised),
        CASE(test_descriptors_are_not_lost_at_the_limit),
        CASE(test_router_whose_standard_descriptors_are_closed_gives_them_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
