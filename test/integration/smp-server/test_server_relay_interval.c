/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The program with [PROXY] relay_error_interval: how long a relay that could not be reached is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/forwarding.h"
#include "test/support/plain_listener.h"
#include "test/support/server_process.h"

enum { INTERVAL_MS = 1000 };

static struct server_process server;
static struct peer client;
static struct plain_listener relay;
static char address[192];

static int setup(void **state) {
    (void)state;
    server_process_init(&server, "[PROXY]\nrelay_error_interval = 1\nallow_private = on\n");
    server_process_start(&server);
    server_process_connect(&server, &client);
    plain_listener_start(&relay, ""); /* it accepts and closes */
    (void)snprintf(address, sizeof address, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:%u",
                   relay.port);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&client);
    plain_listener_stop(&relay);
    server_process_finish(&server);
    return 0;
}

static void expect_refusal(void) {
    struct peer_answer answer;
    char text[128];
    forwarding_connect(&client, address, NULL, &answer);
    assert_int_equal(answer.response.tag, SMP_ERR);
    assert_string_equal(smp_error_text(&answer.response.error, text, sizeof text), "PROXY BROKER NETWORK");
}

static void test_failed_relay_is_tried_again_after_its_interval(void **state) {
    (void)state;
    uint64_t started = clock_monotonic_ms();
    expect_refusal();
    unsigned attempts = plain_listener_accepted(&relay);
    assert_true(attempts >= 1);
    uint64_t failed = clock_monotonic_ms(); /* the default of 30 s would be past the deadline */
    while (plain_listener_accepted(&relay) == attempts) {
        expect_refusal();
        assert_true(clock_monotonic_ms() < failed + PEER_DEADLINE_MS);
    }
    assert_true(clock_monotonic_ms() - started >= INTERVAL_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failed_relay_is_tried_again_after_its_interval, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
