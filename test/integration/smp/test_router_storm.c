/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A storm of commands that need commits, from many connections that ask for all their credit allows: what another
 * connection asks for is in one of the next commits, not behind all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "actors/smp/roles.h"
#include "queues/base/fault.h"
#include "test/support/router_fixture.h"

enum {
    STORMERS = 40,
    BLOCKS = 3,    /* of each: beyond its credit */
    COMMANDS = 90, /* of a block */
    STORM_COMMITS_LEAST = 20,
    COMMITS_MOST = 12 /* that a command waits for: the one under way, its own, and what a busy machine adds */
};

static struct router_fixture fixture;
static struct peer stormers[STORMERS];
static struct peer_queue queues[STORMERS];
static struct peer honest;
static struct peer_queue queue;

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.durability = ROUTER_DURABILITY_INTERVAL;
    fixture.config.queue_quota = STORMERS * BLOCKS * COMMANDS;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &honest);
    peer_create_queue(&honest, 0, &queue);
    for (unsigned i = 0; i < STORMERS; i++) {
        router_fixture_connect(&fixture, 0, &stormers[i]);
        peer_create_queue(&stormers[i], 0, &queues[i]);
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fault_disarm_all();
    for (unsigned i = 0; i < STORMERS; i++)
        peer_close(&stormers[i]);
    peer_close(&honest);
    router_fixture_finish(&fixture);
    return 0;
}

static uint64_t commits(void) {
    struct store_statistics statistics;
    store_statistics_get(fixture.router->store, &statistics);
    return statistics.commits;
}

static void storm(void) {
    const struct smp_command send = peer_send_command(slice_of_text("storm"), false);
    for (unsigned block = 0; block < BLOCKS; block++) {
        for (unsigned i = 0; i < STORMERS; i++) {
            peer_begin(&stormers[i]);
            for (unsigned j = 0; j < COMMANDS; j++)
                peer_add(&stormers[i], NULL, peer_sender(&queues[i]), &send);
            peer_send(&stormers[i]);
        }
    }
}

static void await_storm(void) {
    struct peer_answer answer;
    for (unsigned i = 0; i < STORMERS; i++) {
        for (unsigned j = 0; j < BLOCKS * COMMANDS; j++) {
            peer_receive(&stormers[i], &answer);
            assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
        }
    }
}

static void test_command_does_not_wait_for_the_commits_of_a_storm(void **state) {
    (void)state;
    uint64_t most = 0;
    uint64_t before = commits();
    fault_arm(FAULT_POINT_writer_slow, 0, UINT64_MAX);
    storm();
    for (unsigned i = 0; i < 10; i++) {
        uint64_t asked = commits();
        peer_send_message(&honest, &queue, NULL, "honest");
        uint64_t waited = commits() - asked;
        most = waited > most ? waited : most;
    }
    assert_in_range(most, 1, COMMITS_MOST);
    await_storm();
    assert_true(commits() - before >= STORM_COMMITS_LEAST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_command_does_not_wait_for_the_commits_of_a_storm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
