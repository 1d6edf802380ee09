/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A relay that falls silent: the proxy gives its connection up after the configured silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/forwarding.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"

enum { FORWARD_MS = 150, CHECK_MS = 300, SILENCE_MS = 600 };

static struct router_fixture proxy;
static struct scripted_router relay;
static struct peer client;
static struct peer_answer answer;
static struct forwarding forwarding;

/* Every command is heard, and none is answered. */
static void say_nothing(struct scripted_connection *connection, const struct scripted_command *command, void *context) {
    (void)connection;
    (void)command;
    (void)context;
}

static int setup(void **state) {
    (void)state;
    const struct scripted_options options = {.hello = HELLO_RIGHT, .handle = say_nothing};
    router_fixture_init(&proxy);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.forward_timeout_ms = FORWARD_MS;
    proxy.config.proxy.ping_interval_ms = CHECK_MS;
    proxy.config.proxy.silence_ms = SILENCE_MS;
    router_fixture_start(&proxy);
    scripted_router_start(&relay, &options);
    router_fixture_connect(&proxy, 0, &client);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&client);
    scripted_router_stop(&relay);
    router_fixture_finish(&proxy);
    return 0;
}

static void forward(char *text, size_t size) {
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    forwarding_seal(&forwarding, NULL, slice_of_text("somebody's queue"), &command);
    forwarding_send(&client, &forwarding);
    forwarding_await(&client, &forwarding, &answer);
    assert_int_equal(answer.response.tag, SMP_ERR);
    (void)smp_error_text(&answer.response.error, text, size);
}

/* Until then commands time out; then the session is gone, and asking for the relay makes another connection. */
static void test_silent_relay_is_given_up_and_connected_to_anew(void **state) {
    (void)state;
    char text[128];
    forwarding_connect(&client, relay.address, NULL, &answer);
    assert_int_equal(answer.response.tag, SMP_PKEY);
    forwarding = forwarding_of_key(&answer, SMP_PROXIED_VERSION_MAX);
    uint64_t started = clock_monotonic_ms();
    for (forward(text, sizeof text); strcmp(text, "PROXY BROKER TIMEOUT") == 0; forward(text, sizeof text))
        assert_true(clock_monotonic_ms() - started < PEER_DEADLINE_MS);
    assert_true(clock_monotonic_ms() - started >= SILENCE_MS);
    forward(text, sizeof text);
    assert_string_equal(text, "PROXY NO_SESSION");
    struct forwarding before = forwarding;
    forwarding_connect(&client, relay.address, NULL, &answer);
    assert_int_equal(answer.response.tag, SMP_PKEY);
    forwarding = forwarding_of_key(&answer, SMP_PROXIED_VERSION_MAX);
    assert_memory_not_equal(before.session_id, forwarding.session_id, before.session_id_length);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_silent_relay_is_given_up_and_connected_to_anew, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
