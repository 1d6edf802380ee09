/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server stops within three seconds, whatever its peers do, and whenever it is asked to. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/client_load.h"
#include "test/support/plain_listener.h"
#include "test/support/require.h"
#include "test/support/server_process.h"
#include "transport/crypto/signature.h"
#include "transport/wire/address.h"

enum {
    STOP_MS = 3000,
    DEAF = 4,
    ANSWERS = 300, /* that nobody reads: 4.9 MB, more than the kernel takes for a connection */
    EXPENSIVE = 24,
    EXPENSIVE_BLOCKS = 20, /* of each: some ten seconds of work for two processors */
    COMMANDS = 95,         /* that fit a block */
    CONNECTIONS = 1000,
};

static struct server_process server;

static int setup(void **state) {
    (void)state;
    server_process_init(&server, "map_size = 256M\n[PROXY]\nallow_private = on");
    server_process_start(&server);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    server_process_finish(&server);
    return 0;
}

static void assert_stops_and_starts_again(void) {
    uint64_t began = clock_monotonic_ms();
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    assert_true(clock_monotonic_ms() - began <= STOP_MS);
    server_process_start(&server);
}

/* ---- peers ---- */

/* Asks and asks, and never reads. */
static void be_deaf(struct peer *peer) {
    struct peer_options options = server_process_peer_options(&server);
    struct smp_command ping = peer_command(SMP_PING);
    options.receive_buffer = 4096;
    peer_connect(peer, &options);
    for (unsigned i = 0; i < ANSWERS; i++) {
        peer_begin(peer);
        peer_add(peer, NULL, slice_of(NULL, 0), &ping);
        peer_send(peer);
    }
}

/* A SUB of a queue that is not there, with a signature of something else: as costly as a good one. */
static size_t write_expensive(const uint8_t signature[SIGNATURE_ED448_SIZE], uint8_t bytes[256]) {
    struct writer writer = writer_of(bytes, 256);
    uint8_t random[24];
    write_u8(&writer, SIGNATURE_ED448_SIZE);
    write_bytes(&writer, signature, SIGNATURE_ED448_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        random_bytes(random, sizeof random);
        if (i == 0)
            write_u8(&writer, '0'); /* no service signs */
        write_u8(&writer, sizeof random);
        write_bytes(&writer, random, sizeof random);
    }
    write_text(&writer, "SUB");
    return writer_length(&writer);
}

static void be_expensive(struct peer *peer) {
    struct peer_options options = server_process_peer_options(&server);
    struct key_pair pair;
    uint8_t signature[SIGNATURE_ED448_SIZE];
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED448, &pair));
    assert_int_equal(SMQ_OK, sign(&pair, slice_of_text("something else"), signature));
    options.is_proxy = true; /* the larger credit */
    peer_connect(peer, &options);
    for (unsigned i = 0; i < EXPENSIVE_BLOCKS; i++) {
        uint8_t bytes[256];
        peer_begin(peer);
        for (unsigned k = 0; k < COMMANDS; k++)
            peer_add_raw(peer, slice_of(bytes, write_expensive(signature, bytes)));
        peer_send(peer);
    }
}

static void test_stop_does_not_wait_for_peers_that_do_not_read(void **state) {
    (void)state;
    static struct peer peers[DEAF];
    for (unsigned i = 0; i < DEAF; i++)
        be_deaf(&peers[i]);
    assert_stops_and_starts_again();
    for (unsigned i = 0; i < DEAF; i++)
        peer_close(&peers[i]);
}

static void test_stop_does_not_wait_for_commands_that_are_not_begun(void **state) {
    (void)state;
    static struct peer peers[EXPENSIVE];
    for (unsigned i = 0; i < EXPENSIVE; i++)
        be_expensive(&peers[i]);
    assert_stops_and_starts_again();
    for (unsigned i = 0; i < EXPENSIVE; i++)
        peer_close(&peers[i]);
}

static void test_stop_does_not_wait_for_a_silent_relay(void **state) {
    (void)state;
    static struct plain_listener relay;
    struct peer peer;
    char address[128];
    uint8_t binary[256];
    struct server_address parsed;
    plain_listener_start(&relay, NULL);
    (void)snprintf(address, sizeof address, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:%u",
                   (unsigned)relay.port);
    assert_int_equal(SMQ_OK, server_address_parse(slice_of_text(address), ADDRESS_SMP, &parsed));
    struct writer writer = writer_of(binary, sizeof binary);
    write_server_address(&writer, &parsed);
    struct smp_command command = peer_command(SMP_PRXY);
    command.proxy.server = slice_of(binary, writer_length(&writer));
    server_process_connect(&server, &peer);
    peer_begin(&peer);
    peer_add(&peer, NULL, slice_of(NULL, 0), &command);
    peer_send(&peer);
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (plain_listener_accepted(&relay) == 0)
        assert_true(clock_monotonic_ms() < deadline);
    assert_stops_and_starts_again();
    peer_close(&peer);
    plain_listener_stop(&relay);
}

static void test_stop_closes_a_thousand_connections(void **state) {
    (void)state;
    static int descriptors[CONNECTIONS];
    static struct peer peers[2];
    struct peer_options options = server_process_peer_options(&server);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        descriptors[i] = peer_tcp(server.port);
    peer_tls(&peers[0], &options);
    peer_connect(&peers[1], &options);
    assert_stops_and_starts_again();
    peer_close(&peers[0]);
    peer_close(&peers[1]);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        (void)close(descriptors[i]);
}

static bool port_is_open(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    bool connected = connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0;
    (void)close(descriptor);
    return connected;
}

/* ---- moments ---- */

static void test_signal_that_comes_during_the_start_stops_in_order(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    server_process_connect(&server, &peer);
    peer_create_queue(&peer, PEER_SECURED, &queue);
    peer_close(&peer);
    for (unsigned round = 0; round < 5; round++) {
        assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
        server_process_start_without_waiting(&server);
        assert_true(process_wait_output(server.process, "smp://", SERVER_DEADLINE_MS)); /* signals are awaited by now */
        process_signal(server.process, SIGTERM);
        process_signal(server.process, SIGINT);
        assert_int_equal(0, process_wait(server.process, STOP_MS));
        server_process_start(&server);
    }
    server_process_connect(&server, &peer);
    peer_send_message(&peer, &queue, &queue.sender_key, "still there");
    peer_close(&peer);
}

static void test_stop_under_all_of_it_keeps_what_was_answered(void **state) {
    (void)state;
    static struct peer deaf[DEAF];
    static struct peer expensive[4];
    struct client_load *load;
    client_load_create(server.address, 2, 8, &load);
    for (unsigned i = 0; i < DEAF; i++)
        be_deaf(&deaf[i]);
    client_load_run(load, 200);
    for (unsigned i = 0; i < 4; i++)
        be_expensive(&expensive[i]);
    process_signal(server.process, SIGTERM);
    assert_stops_and_starts_again();
    client_load_lose(load);
    client_load_connect(load);
    client_load_drain(load);
    struct client_load_figures figures = client_load_figures(load);
    client_load_destroy(&load);
    assert_true(figures.delivered >= figures.sent); /* more: stored, and their answers were not waited for */
    for (unsigned i = 0; i < DEAF; i++)
        peer_close(&deaf[i]);
    for (unsigned i = 0; i < 4; i++)
        peer_close(&expensive[i]);
}

/* Both outputs are one pipe that is full and that nobody reads: the router serves, and hears signals. */
static void test_start_and_stop_do_not_wait_for_a_reader_of_the_output(void **state) {
    (void)state;
    char path[96];
    static const char zeros[4096];
    struct peer peer;
    struct peer_options options = server_process_peer_options(&server);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    (void)snprintf(path, sizeof path, "%s/full", server.root);
    assert_int_equal(0, mkfifo(path, 0600));
    int pipe = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(pipe >= 0);
    while (write(pipe, zeros, sizeof zeros) > 0)
        continue;
    static const char router[] = BUILD_DIR "/bin/smp-server";
    const char *const arguments[] = {"/bin/sh", "-c", "exec \"$0\" start >\"$1\" 2>&1", router, path, NULL};
    process_destroy(&server.process);
    server.process = process_start(arguments, NULL);
    uint64_t deadline = clock_monotonic_ms() + SERVER_DEADLINE_MS;
    while (!port_is_open(server.port))
        assert_true(clock_monotonic_ms() < deadline);
    peer_connect(&peer, &options);
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    assert_int_equal(0, close(pipe));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_stop_does_not_wait_for_peers_that_do_not_read),
        CASE(test_stop_does_not_wait_for_commands_that_are_not_begun),
        CASE(test_stop_does_not_wait_for_a_silent_relay),
        CASE(test_stop_closes_a_thousand_connections),
        CASE(test_signal_that_comes_during_the_start_stops_in_order),
        CASE(test_start_and_stop_do_not_wait_for_a_reader_of_the_output),
        CASE(test_stop_under_all_of_it_keeps_what_was_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
