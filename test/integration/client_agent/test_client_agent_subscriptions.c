/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriptions of an agent on bad days: connections that break while subscribing, responses that come late or from
 * another session, refusals, subscriptions that end, and owners who do not listen. The router is scripted. */
#include <stdlib.h>

#include "queues/base/clock.h"
#include "test/support/client_agent_script.h"
#include "test/support/require.h"

enum { QUEUES = 200, QUIET_MS = 50, WAIT_MS = 10000 };

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

static void test_a_connection_lost_while_subscribing_loses_and_doubles_nothing(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER_HALF_AND_CLOSE);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_DISCONNECTED, 1);
    client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS);
    assert_int_equal(fixture.failed, 0);
    assert_int_equal(client_agent_fixture_info(&fixture).active, QUEUES);
    assert_int_equal(client_agent_fixture_info(&fixture).pending, 0);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_many_losses_in_a_row_end_with_all_active(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    struct smq_client_agent_options options;
    client_agent_fixture_options(&options);
    options.batch_size = 17;
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_script_subscribe(&fixture, context, &script, &options, queues, QUEUES);
    for (uint32_t turn = 1; turn <= 20; turn++) {
        client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CONNECTED, turn);
        client_agent_script_await(&script, &fixture, turn * 70);
        client_agent_script_close_connection(&script);
        uint32_t before = fixture.seen[SMQ_CLIENT_AGENT_DISCONNECTED];
        client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_DISCONNECTED, before + 1);
    }
    client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_refused_subscriptions_are_told_and_forgotten(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_RIGHT, REFUSE);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    while (fixture.failed < QUEUES)
        assert_true(client_agent_fixture_take(&fixture, WAIT_MS));
    struct smq_client_agent_info info = client_agent_fixture_info(&fixture);
    assert_int_equal(info.active, 0);
    assert_int_equal(info.pending, 0);
    client_agent_script_close_connection(&script);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_DISCONNECTED, 1);
    assert_false(client_agent_fixture_take(&fixture, QUIET_MS) && fixture.seen[SMQ_CLIENT_AGENT_CONNECTED] > 1);
    assert_int_equal(client_agent_fixture_info(&fixture).attempts, 1);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_a_response_after_its_timeout_makes_the_subscription_active_once(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queue;
    struct smq_client_agent_options options;
    client_agent_fixture_options(&options);
    options.client.background_timeout_ms = 100;
    options.reconnect_first_ms = options.reconnect_max_ms = 60000; /* after the first repetition the worker rests */
    client_agent_script_start(&script, HELLO_RIGHT, HOLD);
    client_agent_script_subscribe(&fixture, context, &script, &options, &queue, 1);
    client_agent_script_await(&script, &fixture, 2); /* the first has timed out, and is repeated at once */
    uint64_t deadline = clock_monotonic_ms() + 2 * options.client.background_timeout_ms;
    while (clock_monotonic_ms() < deadline)
        assert_false(client_agent_fixture_take(&fixture, 10) && fixture.active > 0);
    client_agent_script_answer_held(&script);
    client_agent_fixture_await_active(&fixture, 1, WAIT_MS);
    struct smq_client_agent_info info = client_agent_fixture_info(&fixture);
    assert_int_equal(info.active, 1);
    assert_int_equal(info.pending, 0);
    assert_int_equal(info.attempts, 1);
    client_agent_script_finish(&fixture, &script, &queue, 1);
}

static void test_a_subscription_that_ended_is_not_taken_back(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER_AND_END);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS); /* each was told as active once */
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&fixture).active + client_agent_fixture_info(&fixture).pending > 0) {
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    client_agent_script_close_connection(&script);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_DISCONNECTED, 1);
    assert_int_equal(fixture.active, QUEUES); /* the loss names none of them */
    assert_int_equal(client_agent_fixture_info(&fixture).attempts, 1);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_what_is_unsubscribed_does_not_come_back(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queues[QUEUES];
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_script_subscribe(&fixture, context, &script, NULL, queues, QUEUES);
    client_agent_fixture_await_active(&fixture, QUEUES, WAIT_MS);
    assert_int_equal(smq_client_agent_unsubscribe(fixture.agent, queues, QUEUES / 2), SMQ_OK);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&fixture).active > QUEUES / 2) {
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    client_agent_script_close_connection(&script);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_SUBSCRIBED, fixture.seen[SMQ_CLIENT_AGENT_SUBSCRIBED] + 1);
    assert_int_equal(fixture.active, QUEUES); /* a half that was never told as lost, and one that is back */
    assert_int_equal(client_agent_fixture_info(&fixture).active, QUEUES / 2);
    assert_int_equal(atomic_load(&script.subscribed), QUEUES + QUEUES / 2);
    client_agent_script_finish(&fixture, &script, queues, QUEUES);
}

static void test_what_is_unsubscribed_in_flight_is_dropped(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue *queue;
    client_agent_script_start(&script, HELLO_RIGHT, HOLD);
    client_agent_script_subscribe(&fixture, context, &script, NULL, &queue, 1);
    client_agent_script_await(&script, &fixture, 1);
    assert_int_equal(smq_client_agent_unsubscribe(fixture.agent, &queue, 1), SMQ_OK);
    /* a round trip through the agent: the request was seen */
    assert_int_equal(smq_client_agent_connect_async(fixture.agent, script.router.address, 0, 1), SMQ_OK);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_CONNECTION, 1);
    assert_int_equal(client_agent_fixture_info(&fixture).pending, 1);
    client_agent_script_answer_held(&script);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&fixture).pending > 0) {
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    assert_int_equal(client_agent_fixture_info(&fixture).active, 0);
    assert_int_equal(fixture.active, 0);
    client_agent_script_finish(&fixture, &script, &queue, 1);
}

static void test_an_owner_who_does_not_listen_loses_nothing(void **state) {
    (void)state;
    enum { MANY = 3000 };
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_receive_queue **queues = calloc(MANY, sizeof(struct smq_receive_queue *));
    assert_non_null(queues);
    struct smq_client_agent_options options;
    struct smq_events_options few;
    smq_events_options_init(&few);
    few.batches = 2;
    client_agent_fixture_options(&options);
    options.batch_size = 10;
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_fixture_invent_queues(script.router.address, MANY, queues);
    client_agent_fixture_start(&fixture, context, &options, &few);
    client_agent_fixture_ledger(&fixture, (void **)queues, MANY);
    assert_int_equal(smq_client_agent_subscribe(fixture.agent, queues, MANY), SMQ_OK);
    /* the agent is held: it stops with what was in flight */
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS, quiet = clock_monotonic_ms();
    for (uint32_t last = 0; clock_monotonic_ms() - quiet < QUIET_MS;) {
        uint32_t now = atomic_load(&script.subscribed);
        quiet = now != last || now == 0 ? clock_monotonic_ms() : quiet;
        last = now;
        assert_true(clock_monotonic_ms() < deadline);
    }
    assert_true(atomic_load(&script.subscribed) < MANY);
    client_agent_script_close_connection(&script);
    client_agent_fixture_await_active(&fixture, MANY, WAIT_MS);
    assert_int_equal(client_agent_fixture_info(&fixture).active, MANY);
    client_agent_script_finish(&fixture, &script, queues, MANY);
    free(queues);
}

static void test_a_service_without_a_certificate_is_unavailable(void **state) {
    (void)state;
    struct client_agent_script script;
    struct client_agent_fixture fixture;
    struct smq_bytes id = {(const uint8_t *)"some service", 12};
    client_agent_script_start(&script, HELLO_RIGHT, ANSWER);
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    assert_int_equal(smq_client_agent_subscribe_service(fixture.agent, script.router.address, id, 42), SMQ_OK);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_SERVICE_UNAVAILABLE, 1);
    assert_int_equal(fixture.expected, 42);
    assert_int_equal(
        smq_client_agent_subscribe_service(fixture.agent, script.router.address, (struct smq_bytes){NULL, 0}, 1),
        SMQ_ERR_INVALID);
    assert_int_equal(smq_client_agent_subscribe_service(fixture.agent, "nonsense", id, 1), SMQ_ERR_SYNTAX);
    client_agent_fixture_finish(&fixture);
    client_agent_script_stop(&script);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_lost_while_subscribing_loses_and_doubles_nothing),
        cmocka_unit_test(test_many_losses_in_a_row_end_with_all_active),
        cmocka_unit_test(test_refused_subscriptions_are_told_and_forgotten),
        cmocka_unit_test(test_a_response_after_its_timeout_makes_the_subscription_active_once),
        cmocka_unit_test(test_a_subscription_that_ended_is_not_taken_back),
        cmocka_unit_test(test_what_is_unsubscribed_does_not_come_back),
        cmocka_unit_test(test_what_is_unsubscribed_in_flight_is_dropped),
        cmocka_unit_test(test_an_owner_who_does_not_listen_loses_nothing),
        cmocka_unit_test(test_a_service_without_a_certificate_is_unavailable),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
