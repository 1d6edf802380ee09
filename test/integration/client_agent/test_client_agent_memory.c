/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An agent that runs out of memory at any one point, while it connects, subscribes, or loses a connection: it does not
 * crash, what it could not do it does later, and its owner is told the truth. */
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "test/support/client_agent_fixture.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { QUEUES = 20, WAIT_MS = 20000, POINTS_MAX = 3000 };

static struct server_process server;
static struct smq_receive_queue *queues[QUEUES];

static int start(void **state) {
    (void)state;
    struct smq_context *context;
    server_process_init(&server, "map_size = 256M");
    server_process_start(&server);
    require(smq_context_create(NULL, &context) == SMQ_OK);
    client_agent_fixture_create_queues(context, server.address, QUEUES, queues);
    smq_context_destroy(&context);
    return 0;
}

static int stop(void **state) {
    (void)state;
    client_agent_fixture_release_queues(queues, QUEUES);
    server_process_finish(&server);
    return 0;
}

/* The client of the connection, to end that from here. */
static void lose_connection(struct client_agent_fixture *fixture) {
    struct smq_client *client = NULL;
    if (smq_client_agent_connect(fixture->agent, server.address, WAIT_MS, &client, NULL) == SMQ_OK)
        smq_client_close(&client);
}

/* What the agent refused, since there was no memory to know it at all. */
static void ask_again(struct client_agent_fixture *fixture) {
    for (size_t i = 0; fixture->failed > 0 && i < QUEUES; i++) {
        struct ledger_entry *entry = &fixture->ledger[i];
        struct smq_receive_queue *queue = (struct smq_receive_queue *)(uintptr_t)entry->handle;
        if (entry->failed) {
            entry->failed = false;
            fixture->failed--;
            assert_int_equal(smq_client_agent_subscribe(fixture->agent, &queue, 1), SMQ_OK);
        }
    }
}

static void lose_and_return(struct client_agent_fixture *fixture, uint64_t deadline) {
    lose_connection(fixture);
    while (fixture->seen[SMQ_CLIENT_AGENT_DISCONNECTED] == 0 || fixture->active < QUEUES) {
        (void)client_agent_fixture_take(fixture, 20);
        if (fault_fired(FAULT_POINT_memory_alloc) > 0 && fixture->seen[SMQ_CLIENT_AGENT_DISCONNECTED] == 0)
            lose_connection(fixture); /* it may have failed for that */
        assert_true(clock_monotonic_ms() < deadline);
    }
}

/* Whether the allocation number `point` was ever made. */
static bool run(uint64_t point, bool lose) {
    struct smq_context *context;
    struct client_agent_fixture fixture;
    struct smq_client_agent_options options;
    client_agent_fixture_options(&options);
    options.error_persistence_ms = 0;
    assert_int_equal(smq_context_create(NULL, &context), SMQ_OK);
    client_agent_fixture_start(&fixture, context, &options, NULL);
    client_agent_fixture_ledger(&fixture, (void **)queues, QUEUES);
    if (!lose)
        fault_arm(FAULT_POINT_memory_alloc, point, 1);
    if (smq_client_agent_subscribe(fixture.agent, queues, QUEUES) != SMQ_OK)
        assert_int_equal(smq_client_agent_subscribe(fixture.agent, queues, QUEUES), SMQ_OK);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (fixture.active < QUEUES) {
        (void)client_agent_fixture_take(&fixture, 20);
        ask_again(&fixture);
        assert_true(clock_monotonic_ms() < deadline);
    }
    if (lose) {
        fault_arm(FAULT_POINT_memory_alloc, point, 1);
        lose_and_return(&fixture, deadline);
    }
    bool fired = fault_fired(FAULT_POINT_memory_alloc) > 0;
    fault_disarm_all();
    client_agent_fixture_finish(&fixture);
    smq_context_destroy(&context);
    return fired;
}

static void run_all(bool lose) {
    uint64_t point = 0;
    while (run(point, lose))
        assert_true(++point < POINTS_MAX);
    assert_true(point > 20);
}

static void test_out_of_memory_while_connecting_and_subscribing(void **state) {
    (void)state;
    run_all(false);
}

static void test_out_of_memory_while_losing_a_connection(void **state) {
    (void)state;
    run_all(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_memory_while_connecting_and_subscribing),
        cmocka_unit_test(test_out_of_memory_while_losing_a_connection),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
