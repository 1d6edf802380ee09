/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of an agent: shared, refused, never answered, dropped; and the agent's own end at every point. The router
 * is scripted. */
#include <stdio.h>
#include <string.h>

#include "actors/client_agent/client_agent.h"
#include "queues/base/clock.h"
#include "test/support/client_agent_script.h"
#include "test/support/process.h"
#include "test/support/require.h"

enum { QUEUES = 200, WAIT_MS = 10000 };

static struct smq_context *context;

static int start(void **state) {
    (void)state;
    require(smq_context_create(NULL, &context) == SMQ_OK);
    return 0;
}

static int stop(void **state) {
    (void)state;
    smq_context_destroy(&context);
    return 0;
}

/* ---- connections ---- */

static void test_all_callers_share_one_connection(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_client *client = NULL, *again = NULL;
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    for (uint64_t tag = 0; tag < 100; tag++)
        assert_int_equal(smq_client_agent_connect_async(fixture.agent, script.router.address, 0, tag), SMQ_OK);
    assert_int_equal(smq_client_agent_connect(fixture.agent, script.router.address, 0, &client, NULL), SMQ_OK);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CONNECTION, 100);
    assert_ptr_equal(fixture.last_client, client);
    assert_int_equal(fixture.seen[SMQ_CLIENT_AGENT_CONNECTED], 1);
    assert_int_equal(smq_client_agent_connect(fixture.agent, script.router.address, 0, &again, NULL), SMQ_OK);
    assert_ptr_equal(again, client);
    struct smq_client_agent_info info = client_agent_fixture_info(&fixture);
    assert_int_equal(info.attempts, 1);
    assert_int_equal(info.connections, 1);
    assert_int_equal(info.servers, 1);
    struct smq_client_info session;
    smq_client_info(client, &session);
    struct smq_client *found =
        client_agent_find_session(fixture.agent, slice_of(session.session_id, session.session_id_length));
    assert_ptr_equal(found, client);
    assert_int_equal(smq_ping(client, 0, NULL), SMQ_OK);
    smq_client_agent_client_release(&found);
    smq_client_agent_client_release(&again);

    client_agent_script_close_connection(&script);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_DISCONNECTED, 1);
    assert_null(client_agent_find_session(fixture.agent, slice_of(session.session_id, session.session_id_length)));
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&fixture).servers > 0) { /* nothing needs it */
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    assert_int_equal(client_agent_fixture_info(&fixture).connections, 0);
    smq_client_agent_client_release(&client);
    client_agent_fixture_finish(&fixture);
    client_agent_script_stop(&script);
}

static void test_a_failure_is_remembered_for_some_time_and_then_tried_again(void **state) {
    (void)state;
    struct client_agent_fixture fixture;
    struct smq_client *client = NULL;
    struct smq_error error;
    char address[128];
    (void)snprintf(address, sizeof(address), "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@127.0.0.1:%u",
                   free_port());
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    uint64_t began = clock_monotonic_ms();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(smq_client_agent_connect(fixture.agent, address, 0, &client, &error), SMQ_ERR_NETWORK);
        assert_int_equal(error.result, SMQ_ERR_NETWORK);
    }
    bool quick = clock_monotonic_ms() - began < 150;
    assert_true(!quick || client_agent_fixture_info(&fixture).attempts == 1);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&fixture).servers > 0) { /* forgotten with its error */
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    uint64_t attempts = client_agent_fixture_info(&fixture).attempts;
    assert_int_equal(smq_client_agent_connect(fixture.agent, address, 0, &client, NULL), SMQ_ERR_NETWORK);
    assert_int_equal(client_agent_fixture_info(&fixture).attempts, attempts + 1);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CONNECT_FAILED, 1);
    assert_int_equal(fixture.last[SMQ_CLIENT_AGENT_CONNECT_FAILED], SMQ_ERR_NETWORK);
    assert_int_equal(smq_client_agent_connect(fixture.agent, "smp://nonsense", 0, &client, NULL), SMQ_ERR_SYNTAX);
    assert_int_equal(smq_client_agent_connect_async(fixture.agent, "smp://nonsense", 0, 0), SMQ_ERR_SYNTAX);
    client_agent_fixture_finish(&fixture);
}

static void test_a_caller_waits_only_as_long_as_it_said(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_client *client = NULL;
    client_agent_script_start(&script, HELLO_NEVER, ANSWER);
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    assert_int_equal(smq_client_agent_connect(fixture.agent, script.router.address, 50, &client, NULL),
                     SMQ_ERR_TIMEOUT);
    assert_int_equal(smq_client_agent_connect_async(fixture.agent, script.router.address, 50, 7), SMQ_OK);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CONNECTION, 1);
    assert_int_equal(fixture.last_tag, 7);
    assert_int_equal(fixture.last[SMQ_CLIENT_AGENT_CONNECTION], SMQ_ERR_TIMEOUT);
    assert_int_equal(client_agent_fixture_info(&fixture).attempts, 1);
    client_agent_fixture_finish(&fixture);
    client_agent_script_stop(&script);
}

static void test_dead_routers_delay_nobody_else(void **state) {
    (void)state;
    enum { DEAD = 50 };
    struct client_agent_script script, dead;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES], *dead_queues[DEAD];
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_script_start(&dead, HELLO_NEVER, ANSWER);
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    for (size_t i = 0; i < DEAD; i++) { /* many routers by name, one by socket */
        char address[160], host[32];
        (void)snprintf(host, sizeof(host), "@127.0.0.1,h%zu.onion:", i);
        const char *at = strchr(dead.router.address, '@');
        (void)snprintf(address, sizeof(address), "%.*s%s%u", (int)(at - dead.router.address), dead.router.address, host,
                       dead.router.port);
        client_agent_fixture_invent_queues(address, 1, &dead_queues[i]);
    }
    assert_int_equal(smq_client_agent_subscribe(fixture.agent, dead_queues, DEAD), SMQ_OK);
    client_agent_fixture_invent_queues(script.router.address, QUEUES, queues);
    client_agent_fixture_ledger(&fixture, (void **)queues, QUEUES);
    uint64_t began = clock_monotonic_ms();
    assert_int_equal(smq_client_agent_subscribe(fixture.agent, queues, QUEUES), SMQ_OK);
    client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS);
    assert_true(clock_monotonic_ms() - began < 5000);
    struct smq_client_agent_info info = client_agent_fixture_info(&fixture);
    assert_int_equal(info.servers, DEAD + 1);
    assert_int_equal(info.connections, 1);
    assert_int_equal(info.pending, DEAD);
    client_agent_fixture_release_queues(dead_queues, DEAD);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
    client_agent_script_stop(&dead);
}

static void test_attempts_keep_their_distance(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queue;
    struct smq_client_agent_options options;
    client_agent_fixture_options(&options);
    options.reconnect_first_ms = 100;
    options.error_persistence_ms = 0;
    client_agent_script_start(&script, HELLO_GARBAGE, ANSWER);
    uint64_t began = clock_monotonic_ms();
    client_agent_script_subscribe(&fixture, context, &script, &options, &queue, 1);
    while (client_agent_fixture_info(&fixture).attempts < 5) {
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() - began < WAIT_MS);
    }
    /* the first, one at once, then one after every wait */
    assert_true(clock_monotonic_ms() - began >= 3 * 100 - 10);
    assert_int_equal(fixture.seen[SMQ_CLIENT_AGENT_CONNECT_FAILED], 1); /* the same failure is told once */
    client_agent_script_finish(&fixture, &script, &queue, 1);
}

static void test_a_router_that_drops_every_connection_is_not_hammered(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    struct smq_client_agent_options options;
    client_agent_fixture_options(&options);
    options.reconnect_first_ms = options.reconnect_max_ms = 100;
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    uint64_t began = clock_monotonic_ms();
    client_agent_script_subscribe(&fixture, context, &script, &options, queues, QUEUES);
    for (uint32_t turn = 1; turn <= 5; turn++) {
        client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS);
        client_agent_script_close_connection(&script);
        client_agent_fixture_await_active(&fixture, 0, WAIT_MS);
    }
    uint64_t spent = clock_monotonic_ms() - began;
    assert_true(client_agent_fixture_info(&fixture).attempts <= 7 + spent / 100);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_options_are_checked(void **state) {
    (void)state;
    struct smq_client_agent_options options;
    struct smq_client_agent *agent = NULL;
    smq_client_agent_options_init(&options);
    options.batch_size = 0;
    assert_int_equal(smq_client_agent_create(context, &options, &agent), SMQ_ERR_INVALID);
    options.batch_size = 100000;
    assert_int_equal(smq_client_agent_create(context, &options, &agent), SMQ_ERR_INVALID);
    smq_client_agent_options_init(&options);
    options.reconnect_first_ms = 0;
    assert_int_equal(smq_client_agent_create(context, &options, &agent), SMQ_ERR_INVALID);
    assert_int_equal(smq_client_agent_create(context, NULL, &agent), SMQ_OK); /* without events */
    smq_client_agent_close(&agent);
    smq_client_agent_close(&agent);
}

/* ---- the agent's end ---- */

static void test_close_while_connecting(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_NEVER, ANSWER);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    assert_int_equal(smq_client_agent_connect_async(fixture.agent, script.router.address, 0, 1), SMQ_OK);
    uint64_t began = clock_monotonic_ms();
    smq_client_agent_close(&fixture.agent);
    assert_true(clock_monotonic_ms() - began < 5000);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CLOSED, 1);
    assert_int_equal(fixture.seen[SMQ_CLIENT_AGENT_CONNECTION], 1);
    assert_int_equal(fixture.last[SMQ_CLIENT_AGENT_CONNECTION], SMQ_ERR_CANCELLED);
    assert_int_equal(fixture.seen[SMQ_CLIENT_AGENT_SUBSCRIBED], 0);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_close_while_subscribing(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_RIGHT, KEEP_SILENT);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    client_agent_script_await(&script, &fixture, QUEUES);
    smq_client_agent_close(&fixture.agent);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CLOSED, 1);
    assert_int_equal(fixture.active, 0);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_close_while_reconnecting(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS);
    client_agent_script_stop(&script);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CONNECT_FAILED, 1);
    assert_int_equal(fixture.active, 0);
    assert_int_equal(client_agent_fixture_info(&fixture).pending, QUEUES);
    smq_client_agent_close(&fixture.agent);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CLOSED, 1);
    client_agent_fixture_finish(&fixture);
    client_agent_fixture_release_queues(queues, QUEUES);
}

static void test_close_at_any_moment(void **state) {
    (void)state;
    struct client_agent_script script;
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    for (int turn = 0; turn < 30; turn++) {
        struct client_agent_fixture fixture;
        struct smq_receive_queue *queues[QUEUES];
        client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
        uint64_t until = clock_monotonic_us() + (uint64_t)turn * 1000;
        while (clock_monotonic_us() < until)
            (void)client_agent_fixture_take(&fixture, 0);
        client_agent_fixture_finish(&fixture);
        client_agent_fixture_release_queues(queues, QUEUES);
    }
    client_agent_script_stop(&script);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_callers_share_one_connection),
        cmocka_unit_test(test_a_failure_is_remembered_for_some_time_and_then_tried_again),
        cmocka_unit_test(test_a_caller_waits_only_as_long_as_it_said),
        cmocka_unit_test(test_dead_routers_delay_nobody_else),
        cmocka_unit_test(test_attempts_keep_their_distance),
        cmocka_unit_test(test_a_router_that_drops_every_connection_is_not_hammered),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_close_while_connecting),
        cmocka_unit_test(test_close_while_subscribing),
        cmocka_unit_test(test_close_while_reconnecting),
        cmocka_unit_test(test_close_at_any_moment),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
