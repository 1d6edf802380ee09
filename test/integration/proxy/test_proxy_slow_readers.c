/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proxy: a client that does not read its answers keeps nobody else waiting, and gets them all when it does read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "queues/base/clock.h"
#include "queues/base/rcu.h"
#include "test/support/client_fixture.h"
#include "test/support/forwarding.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"

/* More answers than sockets hold, and than the receive lane of the relay's connection has blocks. */
enum { COMMANDS = 1000, LONG_MS = 120000 };

static struct router_fixture proxy, relay;
static char relay_address[SMQ_ADDRESS_TEXT_SIZE];

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&proxy);
    router_fixture_init(&relay);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.client_concurrency = 2 * COMMANDS;
    proxy.config.proxy.forward_timeout_ms = LONG_MS;
    router_fixture_start(&proxy);
    router_fixture_start(&relay);
    client_fixture_address(relay.fingerprint, relay.port, relay_address, sizeof relay_address);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&proxy);
    router_fixture_finish(&relay);
    return 0;
}

static void connect_through(const struct router_fixture *router, const char *address, struct peer *client,
                            struct forwarding *forwarding) {
    struct peer_answer answer;
    router_fixture_connect(router, 0, client);
    forwarding_connect(client, address, NULL, &answer);
    assert_int_equal(answer.response.tag, SMP_PKEY);
    *forwarding = forwarding_of_key(&answer, answer.response.proxy_key.versions.max);
}

static void connect_client(struct peer *client, struct forwarding *forwarding) {
    connect_through(&proxy, relay_address, client, forwarding);
}

static void await_forwarded(uint64_t count) {
    uint64_t deadline = clock_monotonic_ms() + LONG_MS;
    struct smp_router_statistics statistics;
    do {
        smp_router_statistics(relay.router, &statistics);
        assert_true(clock_monotonic_ms() < deadline);
    } while (statistics.forwards_received < count);
}

/* A SEND to a queue that does not exist: its answer has a block of its own, as every RRES. */
static void seal_command(struct forwarding *forwarding) {
    static const uint8_t nowhere[24] = {1};
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    forwarding_seal(forwarding, NULL, slice_of(nowhere, sizeof nowhere), &command);
}

static void expect_refusal(struct peer *client, struct forwarding *forwarding) {
    struct peer_answer outer, inner;
    peer_receive(client, &outer);
    assert_int_equal(outer.response.tag, SMP_PRES);
    forwarding_open(forwarding, outer.response.payload, &inner);
    peer_check_error(&inner, smp_error_of(SMP_ERROR_AUTH));
}

static void test_answers_that_nobody_reads_keep_no_other_client_waiting(void **state) {
    (void)state;
    static struct forwarding of_slow, of_other;
    struct peer slow, other;
    int small = 65536;
    connect_client(&slow, &of_slow);
    require(setsockopt(slow.descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    seal_command(&of_slow);
    for (int i = 0; i < COMMANDS; i++)
        forwarding_send(&slow, &of_slow);
    await_forwarded(COMMANDS);
    connect_client(&other, &of_other);
    for (int i = 0; i < 3; i++) {
        seal_command(&of_other);
        forwarding_send(&other, &of_other);
        expect_refusal(&other, &of_other);
    }
    peer_close(&other);
    for (int i = 0; i < COMMANDS; i++)
        expect_refusal(&slow, &of_slow);
    peer_close(&slow);
}

static void test_answers_that_nobody_reads_go_with_their_client(void **state) {
    (void)state;
    static struct forwarding of_slow, of_other;
    struct peer slow, other;
    struct smp_router_statistics statistics;
    connect_client(&slow, &of_slow);
    seal_command(&of_slow);
    smp_router_statistics(relay.router, &statistics);
    for (int i = 0; i < COMMANDS; i++)
        forwarding_send(&slow, &of_slow);
    await_forwarded(statistics.forwards_received + COMMANDS / 2);
    peer_close(&slow);
    connect_client(&other, &of_other);
    seal_command(&of_other);
    forwarding_send(&other, &of_other);
    expect_refusal(&other, &of_other);
    peer_close(&other);
}

/* Their time is over while they wait to be sent; they are dropped when the relay's connection ends. */
static void test_commands_that_a_relay_does_not_read_time_out_and_go_with_it(void **state) {
    (void)state;
    static struct forwarding of_client;
    struct router_fixture impatient;
    struct scripted_router stalled;
    struct scripted_options options = {.hello = HELLO_RIGHT};
    struct peer client;
    struct peer_answer answer;
    router_fixture_init(&impatient);
    impatient.config.proxy.enabled = true;
    impatient.config.proxy.client_concurrency = 2 * COMMANDS;
    impatient.config.proxy.forward_timeout_ms = 500;
    router_fixture_start(&impatient);
    scripted_router_start(&stalled, &options);
    connect_through(&impatient, stalled.address, &client, &of_client);
    scripted_pause(atomic_load(&stalled.last));
    seal_command(&of_client);
    for (int i = 0; i < COMMANDS; i++)
        forwarding_send(&client, &of_client);
    for (int i = 0; i < COMMANDS; i++) {
        peer_receive(&client, &answer);
        assert_int_equal(answer.response.tag, SMP_ERR);
    }
    reclaim_barrier(); /* what was answered is let go of, but for what waits to be sent */
    scripted_close(atomic_load(&stalled.last));
    scripted_router_stop(&stalled);
    peer_close(&client);
    router_fixture_finish(&impatient);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_that_nobody_reads_keep_no_other_client_waiting),
        cmocka_unit_test(test_answers_that_nobody_reads_go_with_their_client),
        cmocka_unit_test(test_commands_that_a_relay_does_not_read_time_out_and_go_with_it),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
