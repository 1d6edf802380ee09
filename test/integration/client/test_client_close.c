/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How clients end: what was accepted is sent and has its one outcome, in the time of the close, whatever the router
 * does; flushes; contexts that end while clients connect. */
#include <stdio.h>
#include <string.h>

#include "actors/client/smq/network.h"
#include "queues/base/clock.h"
#include "queues/base/thread.h"
#include "test/support/client_fixture.h"
#include "test/support/plain_listener.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"
#include "test/support/socks_server.h"

enum {
    COMMANDS = 100,
    SHORT_MS = 300,
    SLACK_MS = 3000, /* for a busy machine; below every default that would hold a close up */
};

/* ---- what comes on a queue of events ---- */

struct outcomes {
    unsigned completed, ok, cancelled, other, connected, disconnected, flushed, messages;
    enum smq_result reason; /* of CONNECTED or DISCONNECTED */
    bool in_order;          /* nothing followed DISCONNECTED */
};

static void count(struct outcomes *outcomes, const struct smq_event *event) {
    outcomes->in_order = outcomes->in_order && outcomes->disconnected == 0;
    switch (event->kind) {
    case SMQ_EVENT_COMPLETED:
        outcomes->completed++;
        outcomes->ok += event->result == SMQ_OK;
        outcomes->cancelled += event->result == SMQ_ERR_CANCELLED;
        outcomes->other += event->result != SMQ_OK && event->result != SMQ_ERR_CANCELLED;
        break;
    case SMQ_EVENT_CONNECTED:
        outcomes->connected++;
        outcomes->reason = event->result;
        break;
    case SMQ_EVENT_DISCONNECTED:
        outcomes->disconnected++;
        outcomes->reason = event->result;
        break;
    case SMQ_EVENT_FLUSHED:
        outcomes->flushed++;
        break;
    case SMQ_EVENT_MESSAGE:
        outcomes->messages++;
        break;
    default:
        break;
    }
}

/* All that is there, and, when `until_end`, all that comes up to the end of a client. */
static struct outcomes take_all(struct smq_events *events, bool until_end) {
    struct outcomes outcomes = {.in_order = true};
    struct smq_batch *batch = NULL;
    uint64_t deadline = clock_monotonic_ms() + 10000;
    for (;;) {
        bool waits = until_end && outcomes.disconnected == 0;
        enum smq_result result = smq_events_take(events, waits ? 100 : 0, &batch);
        if (result != SMQ_OK) {
            if (!waits)
                return outcomes;
            require(clock_monotonic_ms() < deadline);
            continue;
        }
        for (size_t i = 0; i < smq_batch_count(batch); i++)
            count(&outcomes, smq_batch_event(batch, i));
        smq_batch_release(&batch);
    }
}

/* ---- a router that misbehaves ---- */

enum manner { ANSWERS, IS_SILENT, RESETS, DRIPS };
static _Atomic enum manner manner;
static _Atomic unsigned dripped;

static void handle(struct scripted_connection *connection, const struct scripted_command *command, void *shared) {
    (void)shared;
    switch (atomic_load(&manner)) {
    case ANSWERS:
        scripted_answer(connection, command);
        break;
    case IS_SILENT:
        break;
    case RESETS:
        scripted_close(connection);
        break;
    case DRIPS: /* one answer in ten, the rest never */
        if (atomic_fetch_add(&dripped, 1) % 10 == 0)
            scripted_answer(connection, command);
        break;
    }
}

struct set {
    struct scripted_router router;
    struct smq_context *context;
    struct smq_events *events;
    struct smq_client *client;
};

/* `batches`: most events that wait; 0: as many as a queue takes by itself. */
static void begin(struct set *set, enum manner first, uint32_t batches) {
    struct smq_events_options events_options;
    smq_events_options_init(&events_options);
    events_options.batches = batches;
    memset(set, 0, sizeof(*set));
    atomic_store(&manner, first);
    scripted_router_start(&set->router, &(struct scripted_options){.handle = handle});
    require(smq_context_create(NULL, &set->context) == SMQ_OK);
    require(smq_events_create(&events_options, &set->events) == SMQ_OK);
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = set->events;
    require(smq_client_connect(set->context, set->router.address, &options, &set->client, NULL) == SMQ_OK);
}

static void end(struct set *set) {
    smq_client_close(&set->client);
    smq_context_destroy(&set->context);
    smq_events_destroy(&set->events);
    scripted_router_stop(&set->router);
}

static void submit_pings(struct set *set, unsigned number) {
    for (unsigned i = 0; i < number; i++)
        require(smq_ping_async(set->client, 60000, i) == SMQ_OK);
}

static void require_passed(uint64_t since_ms, uint64_t at_most_ms) {
    uint64_t passed = clock_monotonic_ms() - since_ms;
    if (passed > at_most_ms)
        (void)fprintf(stderr, "it took %llu ms\n", (unsigned long long)passed);
    require(passed <= at_most_ms);
}

/* ---- closes ---- */

static void test_what_was_accepted_before_close_and_destroy_is_in_the_router(void **state) {
    (void)state;
    static uint8_t body[10000];
    struct router_fixture router;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    struct smq_context *context;
    struct client_fixture sender;
    char address[256];
    router_fixture_init(&router);
    router_fixture_start(&router);
    client_fixture_address(router.fingerprint, router.port, address, sizeof(address));
    require(smq_context_create(NULL, &context) == SMQ_OK);
    client_fixture_connect(&sender, context, address, NULL);
    struct smq_create_options create;
    smq_create_options_init(&create);
    create.subscribe = false;
    require(smq_create_queue(sender.client, &create, 0, &queue, NULL) == SMQ_OK);
    require(smq_send_queue_from_receive_queue(queue, &send_queue) == SMQ_OK);
    for (uint64_t i = 0; i < COMMANDS; i++) {
        struct smq_bytes bytes = {body, sizeof(body)};
        assert_int_equal(SMQ_OK, smq_send_async(sender.client, send_queue, false, bytes, 0, i));
    }
    smq_client_close(&sender.client);
    smq_context_destroy(&context);
    struct outcomes outcomes = take_all(sender.events, false);
    assert_int_equal(COMMANDS, outcomes.ok);
    assert_int_equal(COMMANDS, outcomes.completed);
    assert_int_equal(1, outcomes.disconnected);
    assert_int_equal(SMQ_ERR_CANCELLED, outcomes.reason);
    assert_true(outcomes.in_order);
    struct smp_router_statistics statistics;
    smp_router_statistics(router.router, &statistics);
    assert_int_equal(COMMANDS, statistics.messages);
    smq_events_destroy(&sender.events);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    router_fixture_finish(&router);
}

static void close_with(enum manner chosen, unsigned least_ok, enum smq_result expected) {
    static struct set set;
    begin(&set, chosen, 0);
    atomic_store(&dripped, 0);
    submit_pings(&set, COMMANDS);
    uint64_t started = clock_monotonic_ms();
    assert_int_equal(expected, smq_client_close_within(&set.client, SHORT_MS));
    assert_null(set.client);
    require_passed(started, SHORT_MS + SLACK_MS);
    assert_true(expected != SMQ_ERR_TIMEOUT || clock_monotonic_ms() - started >= SHORT_MS - 20);
    struct outcomes outcomes = take_all(set.events, true);
    assert_int_equal(COMMANDS, outcomes.completed);
    assert_int_equal(COMMANDS, outcomes.ok + outcomes.cancelled);
    assert_true(outcomes.ok >= least_ok);
    assert_int_equal(1, outcomes.disconnected);
    assert_true(outcomes.in_order);
    end(&set);
}

static void test_close_ends_when_the_last_answer_is_there(void **state) {
    (void)state;
    close_with(ANSWERS, COMMANDS, SMQ_OK);
}

static void test_close_ends_in_its_time_when_the_router_is_silent(void **state) {
    (void)state;
    close_with(IS_SILENT, 0, SMQ_ERR_TIMEOUT);
}

static void test_close_ends_in_its_time_when_answers_drip(void **state) {
    (void)state;
    close_with(DRIPS, COMMANDS / 10, SMQ_ERR_TIMEOUT);
}

static void test_router_that_ends_the_connection_ends_the_close(void **state) {
    (void)state;
    static struct set set;
    begin(&set, RESETS, 0);
    scripted_pause(atomic_load(&set.router.last));
    submit_pings(&set, COMMANDS);
    struct smq_client *second = smq_client_reference(set.client);
    smq_client_close(&set.client);
    scripted_resume(atomic_load(&set.router.last));
    assert_int_equal(SMQ_ERR_CLOSED, smq_client_close_within(&second, 20000));
    struct outcomes outcomes = take_all(set.events, true);
    assert_int_equal(COMMANDS, outcomes.cancelled);
    assert_true(outcomes.in_order);
    end(&set);
}

static void test_close_ends_in_its_time_when_the_router_does_not_read(void **state) {
    (void)state;
    enum { LARGE = 2000 }; /* 32 MB: more than the kernel buffers */
    static uint8_t body[SMQ_BODY_MAX];
    static struct set set;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    begin(&set, ANSWERS, 0);
    require(smq_send_queue_from_uri("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:5223/"
                                    "aWQgb2YgYSBxdWV1ZSBvbiBub3RoaW5n#/?v=1-4&dh=MCowBQYDK2VuAyEA"
                                    "QJ6qTDyHHAHQJqHXmPJPnGuXWVrJiDLwuU9NQKzmd1E%3D",
                                    &send_queue) == SMQ_OK);
    queue = NULL;
    scripted_pause(atomic_load(&set.router.last));
    unsigned accepted = 0;
    for (uint64_t i = 0; i < LARGE; i++) {
        struct smq_bytes bytes = {body, sizeof(body)};
        accepted += smq_send_async(set.client, send_queue, false, bytes, 60000, i) == SMQ_OK;
    }
    assert_true(accepted > COMMANDS);
    uint64_t started = clock_monotonic_ms();
    assert_int_equal(SMQ_ERR_TIMEOUT, smq_client_close_within(&set.client, SHORT_MS));
    require_passed(started, SHORT_MS + SLACK_MS);
    struct outcomes outcomes = take_all(set.events, true);
    assert_int_equal(accepted, outcomes.completed);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    end(&set);
}

static void test_later_close_shortens_but_never_prolongs(void **state) {
    (void)state;
    static struct set set;
    begin(&set, IS_SILENT, 0);
    submit_pings(&set, 1);
    struct smq_client *second = smq_client_reference(set.client);
    uint64_t started = clock_monotonic_ms();
    smq_client_close(&set.client); /* 5 s */
    assert_int_equal(SMQ_ERR_CANCELLED, smq_ping(second, 0, NULL));
    assert_int_equal(SMQ_OK, smq_ping_async(second, 0, 7));
    assert_int_equal(SMQ_ERR_TIMEOUT, smq_client_close_within(&second, 0));
    require_passed(started, SLACK_MS);
    struct outcomes outcomes = take_all(set.events, true);
    assert_int_equal(2, outcomes.cancelled);
    end(&set);
}

static void test_messages_go_on_arriving_during_a_close(void **state) {
    (void)state;
    static const uint8_t id[24] = "a message, or its queue.";
    static struct set set;
    begin(&set, IS_SILENT, 0);
    submit_pings(&set, 1);
    scripted_await(&set.router, SMP_PING, 1);
    struct smq_client *second = smq_client_reference(set.client);
    smq_client_close(&set.client);
    struct smp_response response = {.tag = SMP_MSG};
    response.message.id = slice_of(id, sizeof(id));
    response.message.body = slice_of(id, sizeof(id));
    scripted_respond(atomic_load(&set.router.last), slice_of(NULL, 0), slice_of(id, sizeof(id)), &response);
    assert_int_equal(SMQ_ERR_TIMEOUT, smq_client_close_within(&second, SHORT_MS));
    assert_int_equal(1, take_all(set.events, true).messages);
    end(&set);
}

static void test_full_queue_of_events_loses_no_outcome_at_the_end(void **state) {
    (void)state;
    static struct set set;
    begin(&set, IS_SILENT, 2);
    submit_pings(&set, COMMANDS);
    smq_context_destroy_within(&set.context, SHORT_MS);
    struct outcomes outcomes = take_all(set.events, false);
    assert_int_equal(COMMANDS, outcomes.cancelled);
    assert_int_equal(1, outcomes.disconnected);
    assert_true(outcomes.in_order);
    assert_int_equal(SMQ_ERR_CLOSED, smq_ping_async(set.client, 0, 0));
    end(&set);
}

static void test_commands_after_the_end_wait_for_room_like_others(void **state) {
    (void)state;
    static struct set set;
    struct outcomes outcomes = {.in_order = true};
    begin(&set, ANSWERS, 1);
    scripted_close(atomic_load(&set.router.last));
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 10; i++)
            assert_int_equal(SMQ_OK, smq_ping_async(set.client, 0, i));
        for (unsigned seen = 0; seen < 10;) {
            struct outcomes more = take_all(set.events, false);
            seen += more.completed;
            outcomes.disconnected += more.disconnected;
        }
    }
    assert_int_equal(1, outcomes.disconnected);
    end(&set);
}

/* ---- flushes ---- */

static void test_flush_returns_behind_the_outcomes_that_it_waits_for(void **state) {
    (void)state;
    static struct set set;
    begin(&set, ANSWERS, 0);
    for (unsigned round = 0; round < 20; round++) {
        submit_pings(&set, COMMANDS);
        assert_int_equal(SMQ_OK, smq_client_flush(set.client, 10000, NULL));
        assert_int_equal(COMMANDS, take_all(set.events, false).ok);
    }
    assert_int_equal(SMQ_OK, smq_client_flush(set.client, 0, NULL)); /* of nothing */
    end(&set);
}

static void test_flush_waits_only_for_what_came_before_and_for_its_time(void **state) {
    (void)state;
    static struct set set;
    struct smq_error error;
    begin(&set, ANSWERS, 0);
    scripted_pause(atomic_load(&set.router.last));
    submit_pings(&set, COMMANDS);
    assert_int_equal(SMQ_OK, smq_client_flush_async(set.client, 10000, 77));
    assert_int_equal(SMQ_ERR_TIMEOUT, smq_client_flush(set.client, 50, &error));
    assert_int_equal(SMQ_ERR_TIMEOUT, error.result);
    struct client_fixture fixture = {.events = set.events};
    scripted_resume(atomic_load(&set.router.last));
    for (unsigned i = 0; i < COMMANDS; i++)
        assert_int_equal(SMQ_OK, client_fixture_expect(&fixture, SMQ_EVENT_COMPLETED)->result);
    const struct smq_event *event = client_fixture_expect(&fixture, SMQ_EVENT_FLUSHED);
    assert_int_equal(SMQ_OK, event->result);
    assert_int_equal(77, event->tag);
    atomic_store(&manner, IS_SILENT);
    submit_pings(&set, 1);
    assert_int_equal(SMQ_OK, smq_client_flush_async(set.client, 50, 78));
    event = client_fixture_expect(&fixture, SMQ_EVENT_FLUSHED);
    assert_int_equal(SMQ_ERR_TIMEOUT, event->result);
    assert_int_equal(78, event->tag);
    smq_batch_release(&fixture.batch);
    end(&set);
}

static void test_end_of_the_connection_ends_flushes(void **state) {
    (void)state;
    static struct set set;
    begin(&set, IS_SILENT, 0);
    submit_pings(&set, COMMANDS);
    assert_int_equal(SMQ_OK, smq_client_flush_async(set.client, 60000, 1));
    scripted_await(&set.router, SMP_PING, COMMANDS);
    scripted_close(atomic_load(&set.router.last));
    uint64_t started = clock_monotonic_ms();
    assert_int_equal(SMQ_ERR_CLOSED, smq_client_flush(set.client, 60000, NULL));
    require_passed(started, SLACK_MS);
    struct outcomes outcomes = take_all(set.events, true);
    assert_int_equal(1, outcomes.flushed);
    assert_int_equal(COMMANDS, outcomes.completed);
    assert_true(outcomes.in_order);
    end(&set);
}

/* ---- contexts that end while clients connect ---- */

struct destruction {
    const char *address;
    struct smq_network *network;
    unsigned rounds;
    _Atomic unsigned failures;
};

enum { CLIENTS = 8 };

/* Each client gets exactly one event, whatever it has come to. */
static bool destroy_once(struct destruction *destruction, bool close_first) {
    struct smq_context_options context_options;
    smq_context_options_init(&context_options);
    context_options.receive_lanes = context_options.process_lanes = context_options.send_lanes = 1;
    struct smq_context *context = NULL;
    struct smq_events *events = NULL;
    struct smq_client *clients[CLIENTS] = {NULL};
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.network = destruction->network;
    bool good = smq_context_create(&context_options, &context) == SMQ_OK && smq_events_create(NULL, &events) == SMQ_OK;
    options.events = events;
    for (unsigned i = 0; i < CLIENTS && good; i++)
        good = smq_client_connect_async(context, destruction->address, &options, &clients[i]) == SMQ_OK;
    for (unsigned i = 0; i < CLIENTS && close_first; i++)
        smq_client_close(&clients[i]);
    smq_context_destroy(&context);
    struct smq_batch *batch;
    unsigned ended = 0;
    while (events != NULL && smq_events_take(events, 0, &batch) == SMQ_OK) {
        const struct smq_event *event = smq_batch_event(batch, 0);
        ended += event->kind == SMQ_EVENT_DISCONNECTED || event->result != SMQ_OK;
        smq_batch_release(&batch);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        smq_client_close(&clients[i]);
    smq_events_destroy(&events);
    return good && ended == CLIENTS;
}

static void destroy_rounds(void *argument) {
    struct destruction *destruction = argument;
    for (unsigned i = 0; i < destruction->rounds; i++)
        atomic_fetch_add(&destruction->failures, !destroy_once(destruction, i % 2 == 0));
}

static void destroy_while_connecting(const char *address, struct smq_network *network, unsigned rounds) {
    struct destruction destruction = {.address = address, .network = network, .rounds = rounds};
    struct thread *threads[3];
    uint64_t started = clock_monotonic_ms();
    for (unsigned i = 0; i < 3; i++)
        require(thread_create(&threads[i], "destroyer", destroy_rounds, &destruction) == SMQ_OK);
    for (unsigned i = 0; i < 3; i++)
        thread_join(&threads[i]);
    assert_int_equal(0, atomic_load(&destruction.failures));
    require_passed(started, 30000);
}

static void test_context_ends_at_any_moment_of_connecting(void **state) {
    (void)state;
    static struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.handle = NULL});
    destroy_while_connecting(router.address, NULL, 60);
    scripted_router_stop(&router);
}

static void test_context_ends_while_names_are_looked_up(void **state) {
    (void)state;
    destroy_while_connecting("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost:9", NULL, 20);
}

static void test_context_ends_while_routers_are_silent(void **state) {
    (void)state;
    char address[128];
    static struct scripted_router router;
    static struct plain_listener listener;
    plain_listener_start(&listener, NULL);
    (void)snprintf(address, sizeof(address), "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:%u",
                   (unsigned)listener.port);
    destroy_while_connecting(address, NULL, 10);
    plain_listener_stop(&listener);
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_NEVER});
    destroy_while_connecting(router.address, NULL, 10);
    scripted_router_stop(&router);
}

static void test_context_ends_during_the_conversation_with_a_proxy(void **state) {
    (void)state;
    char proxy[32];
    static struct socks_server server = {.behaviour = SOCKS_SILENT};
    struct smq_network_options options;
    struct smq_network *network;
    socks_server_start(&server);
    (void)snprintf(proxy, sizeof(proxy), "127.0.0.1:%u", (unsigned)server.port);
    smq_network_options_init(&options);
    options.socks_proxy = proxy;
    require(smq_network_create(&options, &network) == SMQ_OK);
    destroy_while_connecting("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@relay.example", network, 10);
    smq_network_release(&network);
    socks_server_stop(&server);
}

/* ---- threads that use a client while another one closes it ---- */

struct user {
    struct smq_client *client; /* its own handle */
    _Atomic bool refused;      /* it saw the close */
    unsigned accepted;
};

static void use(void *argument) {
    struct user *user = argument;
    while (!atomic_load(&user->refused)) {
        enum smq_result result = smq_ping(user->client, 0, NULL);
        user->accepted += smq_ping_async(user->client, 0, 0) == SMQ_OK;
        (void)smq_client_flush(user->client, 10, NULL);
        atomic_store(&user->refused, result == SMQ_ERR_CANCELLED);
    }
    smq_client_close(&user->client);
}

static void test_close_while_other_threads_use_the_client(void **state) {
    (void)state;
    enum { USERS = 4 };
    static struct set set;
    static struct user users[USERS];
    struct thread *threads[USERS];
    begin(&set, ANSWERS, 0);
    for (unsigned i = 0; i < USERS; i++) {
        users[i] = (struct user){.client = smq_client_reference(set.client)};
        require(thread_create(&threads[i], "user", use, &users[i]) == SMQ_OK);
    }
    scripted_await(&set.router, SMP_PING, 200);
    assert_int_equal(SMQ_OK, smq_client_close_within(&set.client, 10000));
    unsigned accepted = 0;
    for (unsigned i = 0; i < USERS; i++) {
        thread_join(&threads[i]);
        accepted += users[i].accepted;
    }
    smq_context_destroy(&set.context);
    struct outcomes outcomes = take_all(set.events, false);
    assert_int_equal(accepted, outcomes.completed);
    assert_int_equal(1, outcomes.disconnected);
    end(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_accepted_before_close_and_destroy_is_in_the_router),
        cmocka_unit_test(test_close_ends_when_the_last_answer_is_there),
        cmocka_unit_test(test_close_ends_in_its_time_when_the_router_is_silent),
        cmocka_unit_test(test_close_ends_in_its_time_when_answers_drip),
        cmocka_unit_test(test_router_that_ends_the_connection_ends_the_close),
        cmocka_unit_test(test_close_ends_in_its_time_when_the_router_does_not_read),
        cmocka_unit_test(test_later_close_shortens_but_never_prolongs),
        cmocka_unit_test(test_messages_go_on_arriving_during_a_close),
        cmocka_unit_test(test_full_queue_of_events_loses_no_outcome_at_the_end),
        cmocka_unit_test(test_commands_after_the_end_wait_for_room_like_others),
        cmocka_unit_test(test_flush_returns_behind_the_outcomes_that_it_waits_for),
        cmocka_unit_test(test_flush_waits_only_for_what_came_before_and_for_its_time),
        cmocka_unit_test(test_end_of_the_connection_ends_flushes),
        cmocka_unit_test(test_context_ends_at_any_moment_of_connecting),
        cmocka_unit_test(test_context_ends_while_names_are_looked_up),
        cmocka_unit_test(test_context_ends_while_routers_are_silent),
        cmocka_unit_test(test_context_ends_during_the_conversation_with_a_proxy),
        cmocka_unit_test(test_close_while_other_threads_use_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
