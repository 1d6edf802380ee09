/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How agents end: whoever waits is told, no event is lost or comes twice, and commands under way have their
 * outcomes. */
#include <stdio.h>

#include "actors/client_agent/smq/client_agent.h"
#include "queues/base/clock.h"
#include "queues/base/thread.h"
#include "test/support/plain_listener.h"
#include "test/support/require.h"
#include "test/support/scripted_router.h"

enum { WAITERS = 50, COMMANDS = 100, SOON_MS = 3000 };

static struct smq_context *context;
static struct smq_events *events;
static struct smq_client_agent *agent;

static void begin(uint32_t batches) {
    struct smq_client_agent_options options;
    struct smq_events_options events_options;
    smq_events_options_init(&events_options);
    events_options.batches = batches;
    require(smq_context_create(NULL, &context) == SMQ_OK);
    require(smq_events_create(&events_options, &events) == SMQ_OK);
    smq_client_agent_options_init(&options);
    options.events = events;
    require(smq_client_agent_create(context, &options, &agent) == SMQ_OK);
}

static void end(void) {
    smq_client_agent_close(&agent);
    smq_context_destroy(&context);
    smq_events_destroy(&events);
}

struct seen {
    unsigned connections, cancelled, closed, completed, ok, disconnected;
    bool closed_last; /* of the agent's own events */
};

static void count(struct seen *seen, const struct smq_event *event) {
    if (event->kind == SMQ_EVENT_CLIENT_AGENT) {
        seen->closed_last = event->agent->kind == SMQ_CLIENT_AGENT_CLOSED;
        seen->closed += event->agent->kind == SMQ_CLIENT_AGENT_CLOSED;
        seen->connections += event->agent->kind == SMQ_CLIENT_AGENT_CONNECTION;
        seen->cancelled += event->agent->kind == SMQ_CLIENT_AGENT_CONNECTION && event->result == SMQ_ERR_CANCELLED;
    }
    seen->completed += event->kind == SMQ_EVENT_COMPLETED;
    seen->ok += event->kind == SMQ_EVENT_COMPLETED && event->result == SMQ_OK;
    seen->disconnected += event->kind == SMQ_EVENT_DISCONNECTED;
}

static struct seen take_all(void) {
    struct seen seen = {.connections = 0};
    struct smq_batch *batch;
    while (smq_events_take(events, 0, &batch) == SMQ_OK) {
        for (size_t i = 0; i < smq_batch_count(batch); i++)
            count(&seen, smq_batch_event(batch, i));
        smq_batch_release(&batch);
    }
    return seen;
}

static void address_of(const struct plain_listener *listener, char address[128]) {
    (void)snprintf(address, 128, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:%u",
                   (unsigned)listener->port);
}

static void test_everybody_who_waits_is_told_even_when_the_owner_takes_no_events(void **state) {
    (void)state;
    static struct plain_listener silent;
    char address[128];
    plain_listener_start(&silent, NULL);
    address_of(&silent, address);
    begin(2);
    for (uint64_t i = 0; i < WAITERS; i++)
        assert_int_equal(SMQ_OK, smq_client_agent_connect_async(agent, address, 0, i));
    uint64_t began = clock_monotonic_ms();
    smq_client_agent_close(&agent);
    assert_true(clock_monotonic_ms() - began < SOON_MS);
    struct seen seen = take_all();
    assert_int_equal(WAITERS, seen.connections);
    assert_int_equal(WAITERS, seen.cancelled);
    assert_int_equal(1, seen.closed);
    assert_true(seen.closed_last);
    end();
    plain_listener_stop(&silent);
}

struct caller {
    struct thread *thread;
    char address[128];
    enum smq_result result;
};

static void call(void *argument) {
    struct caller *caller = argument;
    struct smq_client *client = NULL;
    caller->result = smq_client_agent_connect(agent, caller->address, 60000, &client, NULL);
}

/* The handle may only go when no other thread can be about to use it: the callers are known to wait. */
static void test_callers_that_block_are_told(void **state) {
    (void)state;
    enum { CALLERS = 4 };
    static struct plain_listener silent;
    static struct caller callers[CALLERS];
    plain_listener_start(&silent, NULL);
    begin(0);
    struct smq_client_agent_info info = {.attempts = 0};
    for (unsigned i = 0; i < CALLERS; i++) {
        (void)snprintf(callers[i].address, sizeof(callers[i].address),
                       "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.%u:%u", i + 1,
                       (unsigned)silent.port);
        require(thread_create(&callers[i].thread, "caller", call, &callers[i]) == SMQ_OK);
    }
    uint64_t deadline = clock_monotonic_ms() + 10000;
    while (info.attempts < CALLERS) {
        assert_true(clock_monotonic_ms() < deadline);
        smq_client_agent_info(agent, &info);
    }
    struct smq_client_agent *closed = agent;
    smq_client_agent_close(&closed);
    for (unsigned i = 0; i < CALLERS; i++) {
        thread_join(&callers[i].thread);
        assert_true(callers[i].result == SMQ_ERR_CANCELLED || callers[i].result == SMQ_ERR_NETWORK);
    }
    agent = NULL;
    end();
    plain_listener_stop(&silent);
}

static void test_commands_under_way_have_their_answers_before_the_connection_ends(void **state) {
    (void)state;
    static struct scripted_router router;
    struct smq_client *client = NULL;
    scripted_router_start(&router, &(struct scripted_options){.handle = NULL});
    begin(0);
    assert_int_equal(SMQ_OK, smq_client_agent_connect(agent, router.address, 0, &client, NULL));
    scripted_pause(atomic_load(&router.last));
    for (uint64_t i = 0; i < COMMANDS; i++)
        assert_int_equal(SMQ_OK, smq_ping_async(client, 0, i));
    smq_client_agent_close(&agent);
    assert_int_equal(SMQ_ERR_CANCELLED, smq_ping(client, 0, NULL));
    scripted_resume(atomic_load(&router.last));
    smq_context_destroy(&context);
    struct seen seen = take_all();
    assert_int_equal(COMMANDS, seen.ok);
    assert_int_equal(COMMANDS, seen.completed);
    assert_int_equal(1, seen.disconnected);
    assert_int_equal(1, seen.closed);
    smq_client_agent_client_release(&client);
    end();
    scripted_router_stop(&router);
}

/* Connects, has a silent router owe answers, and closes within the time. */
static struct seen close_with_commands_under_way(bool resume, uint32_t timeout_ms, enum smq_result expected) {
    static struct scripted_router router;
    struct smq_client *client = NULL;
    scripted_router_start(&router, &(struct scripted_options){.handle = NULL});
    begin(0);
    require(smq_client_agent_connect(agent, router.address, 0, &client, NULL) == SMQ_OK);
    scripted_pause(atomic_load(&router.last));
    for (uint64_t i = 0; i < COMMANDS; i++)
        require(smq_ping_async(client, 0, i) == SMQ_OK);
    if (resume)
        scripted_resume(atomic_load(&router.last));
    uint64_t began = clock_monotonic_ms();
    assert_int_equal(expected, smq_client_agent_close_within(&agent, timeout_ms));
    assert_null(agent);
    assert_true(clock_monotonic_ms() - began < SOON_MS);
    struct seen seen = take_all(); /* without a destroy: all has ended */
    assert_int_equal(SMQ_ERR_CANCELLED, smq_ping(client, 0, NULL));
    smq_client_agent_client_release(&client);
    end();
    scripted_router_stop(&router);
    return seen;
}

static void test_close_within_a_time_waits_for_answers_and_for_the_end(void **state) {
    (void)state;
    struct seen seen = close_with_commands_under_way(true, 60000, SMQ_OK);
    assert_int_equal(COMMANDS, seen.ok);
    assert_int_equal(1, seen.disconnected);
    assert_int_equal(1, seen.closed);
}

static void test_close_within_a_time_does_not_wait_for_a_silent_router(void **state) {
    (void)state;
    static const uint32_t times[] = {0, 100};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct seen seen = close_with_commands_under_way(false, times[i], SMQ_ERR_TIMEOUT);
        assert_int_equal(0, seen.ok);
        assert_int_equal(COMMANDS, seen.completed);
        assert_int_equal(1, seen.disconnected);
        assert_int_equal(1, seen.closed);
    }
}

static void test_close_within_a_time_of_an_agent_without_connections_is_done_at_once(void **state) {
    (void)state;
    begin(0);
    assert_int_equal(SMQ_OK, smq_client_agent_close_within(&agent, 60000));
    assert_int_equal(1, take_all().closed);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_who_waits_is_told_even_when_the_owner_takes_no_events),
        cmocka_unit_test(test_callers_that_block_are_told),
        cmocka_unit_test(test_commands_under_way_have_their_answers_before_the_connection_ends),
        cmocka_unit_test(test_close_within_a_time_waits_for_answers_and_for_the_end),
        cmocka_unit_test(test_close_within_a_time_does_not_wait_for_a_silent_router),
        cmocka_unit_test(test_close_within_a_time_of_an_agent_without_connections_is_done_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
