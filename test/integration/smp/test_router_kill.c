/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SIGKILL under load, again and again: every acknowledged SEND is delivered exactly as sent and in order, and nothing
 * whose ACK was acknowledged is delivered again. */
#include <inttypes.h>
#include <stdio.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/client_load.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { KILLS = 20, PAIRS = 3, QUEUES = 18, SENDS_MIN = 100, SENDS_SPREAD = 500 };

static struct server_process server;

static int setup(void **state) {
    (void)state;
    server_process_init(&server, "map_size = 1G");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    server_process_finish(&server);
    return 0;
}

static void test_nothing_acknowledged_is_lost_or_comes_again_over_twenty_kills(void **state) {
    (void)state;
    struct client_load *load;
    uint64_t started = clock_monotonic_ms();
    server_process_start(&server);
    client_load_create(server.address, PAIRS, QUEUES, &load);
    for (unsigned i = 0; i < KILLS; i++) {
        client_load_run(load, SENDS_MIN + random_below(SENDS_SPREAD));
        server_process_kill(&server);
        client_load_lose(load);
        server_process_start(&server);
        client_load_connect(load);
    }
    client_load_drain(load);
    struct client_load_figures figures = client_load_figures(load);
    client_load_destroy(&load);
    printf("%d kills in %" PRIu64 " ms: %" PRIu64 " sends acknowledged, %" PRIu64 " uncertain; %" PRIu64
           " messages delivered, %" PRIu64 " of them again, %" PRIu64 " acknowledgements\n",
           KILLS, clock_monotonic_ms() - started, figures.sent, figures.uncertain, figures.delivered,
           figures.redelivered, figures.consumed);
    assert_true(figures.delivered >= figures.sent);
    assert_true(figures.delivered <= figures.sent + figures.uncertain);
    assert_true(figures.uncertain > 0);
    assert_int_equal(-1, process_wait(server.process, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_acknowledged_is_lost_or_comes_again_over_twenty_kills),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
