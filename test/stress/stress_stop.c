/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server with 10,000 connections stops within three seconds: idle ones, half-open ones with and without a piece of
 * a hello, and such as have asked much and read nothing. Prints how long the stop took. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum {
    IDLE = 5000,
    HALF_OPEN = 3500,
    SLOW = 1500,
    ANSWERS = 8, /* blocks that a slow reader leaves unread */
    AT_ONCE = 200,
    ROUNDS = 2,
    CONNECT_MS = 120000,
    STOP_MS = 3000,
    DESCRIPTORS = IDLE + HALF_OPEN + SLOW + 500,
};

static struct server_process server;
static struct smq_client *idle[IDLE];
static int half_open[HALF_OPEN];
static struct peer *slow[SLOW];

static bool raise_limit(void) {
    struct rlimit limit;
    require(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= DESCRIPTORS;
}

/* Takes events until `left` clients are still connecting. */
static void await_connected(struct smq_events *events, unsigned *connecting, unsigned left) {
    struct smq_batch *batch;
    while (*connecting > left) {
        require(smq_events_take(events, CONNECT_MS, &batch) == SMQ_OK);
        for (size_t i = 0; i < smq_batch_count(batch); i++) {
            require(smq_batch_event(batch, i)->kind == SMQ_EVENT_CONNECTED);
            require(smq_batch_event(batch, i)->result == SMQ_OK);
            (*connecting)--;
        }
        smq_batch_release(&batch);
    }
}

static void connect_idle(struct smq_context *context, struct smq_events *events) {
    unsigned connecting = 0;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = events;
    options.connect_timeout_ms = CONNECT_MS;
    for (unsigned i = 0; i < IDLE; i++) {
        require(smq_client_connect_async(context, server.address, &options, &idle[i]) == SMQ_OK);
        connecting++;
        await_connected(events, &connecting, AT_ONCE);
    }
    await_connected(events, &connecting, 0);
}

static void connect_slow(void) {
    struct peer_options options = server_process_peer_options(&server);
    struct smp_command ping = peer_command(SMP_PING);
    options.receive_buffer = 4096;
    for (unsigned i = 0; i < SLOW; i++) {
        slow[i] = calloc(1, sizeof *slow[i]);
        require(slow[i] != NULL);
        peer_connect(slow[i], &options);
        for (unsigned block = 0; block < ANSWERS; block++) {
            peer_begin(slow[i]);
            peer_add(slow[i], NULL, slice_of(NULL, 0), &ping);
            peer_send(slow[i]);
        }
    }
}

/* Last, for TLS is not awaited for long. Every second one has sent what a hello begins with. */
static void connect_half_open(void) {
    static const uint8_t begun[] = {22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3};
    for (unsigned i = 0; i < HALF_OPEN; i++) {
        half_open[i] = peer_tcp(server.port);
        require(i % 2 == 0 || write(half_open[i], begun, sizeof begun) == (ssize_t)sizeof begun);
    }
}

static void await_descriptors(unsigned count) {
    uint64_t deadline = clock_monotonic_ms() + CONNECT_MS;
    while (server_process_descriptors(&server) < count) {
        require(clock_monotonic_ms() < deadline);
        (void)usleep(20000);
    }
}

static void stop_once(void) {
    struct smq_context *context = NULL;
    struct smq_events *events = NULL;
    require(smq_context_create(NULL, &context) == SMQ_OK && smq_events_create(NULL, &events) == SMQ_OK);
    server_process_start(&server);
    connect_idle(context, events);
    connect_slow();
    connect_half_open();
    await_descriptors(IDLE + HALF_OPEN + SLOW);
    uint64_t began = clock_monotonic_ms();
    assert_int_equal(0, server_process_stop(&server, SIGTERM, CONNECT_MS));
    uint64_t took_ms = clock_monotonic_ms() - began;
    print_message("stopped with %u connections in %llu ms\n", IDLE + HALF_OPEN + SLOW, (unsigned long long)took_ms);
    assert_in_range(took_ms, 0, STOP_MS);
    smq_context_destroy_within(&context, 0);
    for (unsigned i = 0; i < IDLE; i++)
        smq_client_close(&idle[i]);
    smq_events_destroy(&events);
    for (unsigned i = 0; i < HALF_OPEN; i++)
        (void)close(half_open[i]);
    for (unsigned i = 0; i < SLOW; i++) {
        peer_close(slow[i]);
        free(slow[i]);
    }
}

static void test_stop_with_ten_thousand_connections_takes_three_seconds_at_most(void **state) {
    (void)state;
    if (!raise_limit())
        skip();
    server_process_init(&server, "map_size = 256M\n[TRANSPORT]\ntls_timeout = 300\nhandshake_timeout = 300\n[LIMITS]\n"
                                 "handshake_rate = 0\nmax_handshakes = 0");
    for (unsigned i = 0; i < ROUNDS; i++)
        stop_once();
    server_process_finish(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_with_ten_thousand_connections_takes_three_seconds_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
