/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What smp-server tells a service manager, which the test plays: ready, alive as long as all roles make turns,
 * stopping. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/setup.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { PATIENCE_MS = 20000, STOP_MS = 3000, QUIET_MS = 1500 };

static struct server_process server;
static int manager; /* the socket of the service manager */

static int setup(void **state) {
    (void)state;
    require(base_setup() == SMQ_OK); /* before SMQ_FAULT is set, which is for the server alone */
    server_process_init(&server, "map_size = 256M");
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    require(manager >= 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    (void)unsetenv("SMQ_FAULT");
    (void)close(manager);
    server_process_finish(&server);
    return 0;
}

/* Binds the manager's socket in the server's folder or, `is_abstract`, outside of any, and names it to the server. */
static void listen_for_service(bool is_abstract) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s%s/notify", is_abstract ? "@" : "", server.root);
    (void)setenv("NOTIFY_SOCKET", address.sun_path, 1);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path));
    if (is_abstract)
        address.sun_path[0] = 0;
    require(bind(manager, (const struct sockaddr *)&address, size) == 0);
}

/* Whether a datagram comes within the time: `lines` gets it. */
static bool hear(char lines[128], uint64_t timeout_ms) {
    struct timeval time = {.tv_sec = (time_t)(timeout_ms / 1000), .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    if (timeout_ms == 0)
        time.tv_usec = 1;
    require(setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    ssize_t length = recv(manager, lines, 127, 0);
    lines[length > 0 ? length : 0] = 0;
    return length > 0;
}

static void expect(const char *text) {
    char lines[128];
    require(hear(lines, PATIENCE_MS));
    assert_string_equal(text, lines);
}

static void forget_what_came(void) {
    char lines[128];
    while (hear(lines, 0))
        continue;
}

static void stop_server(void) {
    char lines[128] = "";
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    while (strcmp(lines, "STOPPING=1") != 0)
        require(hear(lines, PATIENCE_MS));
    assert_false(hear(lines, 0));
}

static void test_manager_hears_ready_and_stopping_and_nothing_else_unless_it_wants_to(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++) {
        (void)setenv("WATCHDOG_USEC", "100000", 1);
        (void)setenv("WATCHDOG_PID", "1", 1); /* somebody else's */
        if (round == 1)
            (void)unsetenv("WATCHDOG_USEC");
        if (round == 0)
            listen_for_service(true);
        server_process_start(&server);
        expect("READY=1");
        stop_server();
    }
}

static void test_manager_that_does_not_listen_does_no_harm(void **state) {
    (void)state;
    static const char *const names[] = {"/nowhere/at/all", "@nobody listens to this", "relative", "/", ""};
    (void)setenv("WATCHDOG_USEC", "100000", 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)setenv("NOTIFY_SOCKET", names[i], 1);
        server_process_start(&server);
        assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    }
}

static void test_manager_that_does_not_read_holds_nobody_up(void **state) {
    (void)state;
    struct peer peer;
    (void)setenv("WATCHDOG_USEC", "4000", 1); /* a datagram every two milliseconds fills its queue soon */
    listen_for_service(false);
    server_process_start(&server);
    uint64_t until = clock_monotonic_ms() + 500;
    while (clock_monotonic_ms() < until) {
        server_process_connect(&server, &peer);
        peer_close(&peer);
    }
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
}

static void test_reload_is_told_and_signals_without_end_do_not_starve_the_watchdog(void **state) {
    (void)state;
    char lines[128] = "";
    (void)setenv("WATCHDOG_USEC", "1000000", 1);
    listen_for_service(false);
    server_process_start(&server);
    expect("READY=1");
    process_signal(server.process, SIGHUP);
    while (strncmp(lines, "RELOADING=1\nMONOTONIC_USEC=", 27) != 0)
        require(hear(lines, PATIENCE_MS));
    while (strcmp(lines, "READY=1") != 0)
        require(hear(lines, PATIENCE_MS));
    unsigned fed = 0;
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (fed < 5) { /* a signal in less than every look's time */
        assert_true(clock_monotonic_ms() < deadline);
        process_signal(server.process, SIGHUP);
        fed += hear(lines, 20) && strcmp(lines, "WATCHDOG=1") == 0;
    }
    stop_server();
}

#ifdef DEBUG_FAULTS
/* Has the server's actors make turns until one sticks in one, and that is logged. */
static void make_turns_until_one_sticks(void) {
    struct smq_context *context;
    struct client_fixture client;
    struct smq_context_options options;
    smq_context_options_init(&options);
    options.receive_lanes = options.process_lanes = options.send_lanes = 1;
    require(smq_context_create(&options, &context) == SMQ_OK);
    client_fixture_connect(&client, context, server.address, NULL);
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (strstr(process_errors(server.process), ": a turn takes") == NULL) {
        require(clock_monotonic_ms() < deadline);
        (void)smq_ping(client.client, 100, NULL); /* the role that is to answer it may be the one */
    }
    smq_context_destroy_within(&context, 0);
    smq_client_close(&client.client);
    smq_events_destroy(&client.events);
}

static void test_role_that_sticks_is_logged_and_the_watchdog_is_not_fed_until_it_goes_on(void **state) {
    (void)state;
    char lines[128];
    (void)setenv("WATCHDOG_USEC", "1000000", 1);
    listen_for_service(false);
    (void)setenv("SMQ_FAULT", "actor_turn:3000:1", 1);
    server_process_start(&server);
    (void)unsetenv("SMQ_FAULT");
    expect("READY=1");
    for (int i = 0; i < 3; i++)
        expect("WATCHDOG=1");
    make_turns_until_one_sticks();
    forget_what_came();
    assert_false(hear(lines, QUIET_MS));
    assert_true(server_process_await_log(&server, ": a turn took 4"));
    expect("WATCHDOG=1");
    expect("WATCHDOG=1");
    stop_server();
}
#endif

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_manager_hears_ready_and_stopping_and_nothing_else_unless_it_wants_to),
        CASE(test_manager_that_does_not_listen_does_no_harm),
        CASE(test_manager_that_does_not_read_holds_nobody_up),
        CASE(test_reload_is_told_and_signals_without_end_do_not_starve_the_watchdog),
#ifdef DEBUG_FAULTS
        CASE(test_role_that_sticks_is_logged_and_the_watchdog_is_not_fed_until_it_goes_on),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
