/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An agent with a real router: queues, notifiers, services and takeovers, each through a restart of the router. */
#include <string.h>

#include "actors/client/smp/service.h"
#include "queues/base/clock.h"
#include "test/support/client_agent_fixture.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"

enum { COUNT = 50, WAIT_MS = 10000 };

static struct router_fixture router;
static struct smq_context *context;
static char address[256];

static int start(void **state) {
    (void)state;
    router_fixture_init(&router);
    router.config.accept_service_credentials = true;
    router_fixture_start(&router);
    client_fixture_address(router.fingerprint, router.port, address, sizeof(address));
    require(smq_context_create(NULL, &context) == SMQ_OK);
    return 0;
}

static int stop(void **state) {
    (void)state;
    smq_context_destroy(&context);
    router_fixture_finish(&router);
    return 0;
}

static void restart(void) {
    router_fixture_stop(&router);
    router_fixture_start(&router);
}

/* One message for each of some queues, with a notification. */
static void send_to_all(struct smq_receive_queue *const *queues, size_t count) {
    struct client_fixture sender;
    client_fixture_connect(&sender, context, address, NULL);
    for (size_t i = 0; i < count; i++) {
        struct smq_send_queue *send_queue;
        assert_int_equal(smq_send_queue_from_receive_queue(queues[i], &send_queue), SMQ_OK);
        struct smq_bytes body = {(const uint8_t *)"text", 4};
        assert_int_equal(smq_send(sender.client, send_queue, true, body, 0, NULL), SMQ_OK);
        smq_send_queue_release(&send_queue);
    }
    client_fixture_close(&sender);
}

static void await_count(struct client_agent_fixture *fixture, const uint32_t *counter, uint32_t count) {
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (*counter < count) {
        (void)client_agent_fixture_take(fixture, 100);
        assert_true(clock_monotonic_ms() < deadline);
    }
}

/* Queues and their notifiers. */
static void create_pairs(struct smq_receive_queue **queues, struct smq_notifier **notifiers) {
    client_agent_fixture_create_queues(context, address, COUNT, queues);
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(smq_enable_notifications(client.client, queues[i], SMQ_KEY_ED25519, 0, &notifiers[i], NULL),
                         SMQ_OK);
    }
    client_fixture_close(&client);
}

static void release_pairs(struct smq_receive_queue **queues, struct smq_notifier **notifiers) {
    client_agent_fixture_release_queues(queues, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        smq_notifier_release(&notifiers[i]);
}

static void test_queues_and_notifiers_share_a_connection_and_come_back(void **state) {
    (void)state;
    struct smq_receive_queue *queues[COUNT];
    struct smq_notifier *notifiers[COUNT];
    void *handles[2 * COUNT];
    struct client_agent_fixture fixture;
    create_pairs(queues, notifiers);
    memcpy(handles, queues, sizeof(queues));
    memcpy(handles + COUNT, notifiers, sizeof(notifiers));
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    client_agent_fixture_ledger(&fixture, handles, sizeof(handles) / sizeof(handles[0]));
    assert_int_equal(smq_client_agent_subscribe(fixture.agent, queues, COUNT), SMQ_OK);
    assert_int_equal(smq_client_agent_subscribe_notifications(fixture.agent, address, notifiers, COUNT), SMQ_OK);
    client_agent_fixture_await_active(&fixture, 2 * COUNT, WAIT_MS);
    restart();
    client_agent_fixture_await_active(&fixture, 0, WAIT_MS);
    client_agent_fixture_await_active(&fixture, 2 * COUNT, WAIT_MS);
    send_to_all(queues, COUNT);
    await_count(&fixture, &fixture.messages, COUNT);
    await_count(&fixture, &fixture.notifications, COUNT);
    assert_int_equal(client_agent_fixture_info(&fixture).connections, 1);
    assert_int_equal(smq_client_agent_unsubscribe_notifications(fixture.agent, address, notifiers, COUNT), SMQ_OK);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&fixture).active != COUNT) {
        (void)client_agent_fixture_take(&fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    client_agent_fixture_finish(&fixture);
    release_pairs(queues, notifiers);
}

static void test_unknown_queues_fail_and_the_others_do_not(void **state) {
    (void)state;
    struct smq_receive_queue *queues[COUNT];
    struct client_agent_fixture fixture;
    client_agent_fixture_create_queues(context, address, COUNT / 2, queues);
    client_agent_fixture_invent_queues(address, COUNT / 2, queues + COUNT / 2);
    client_agent_fixture_start(&fixture, context, NULL, NULL);
    client_agent_fixture_ledger(&fixture, (void **)queues, COUNT);
    assert_int_equal(smq_client_agent_subscribe(fixture.agent, queues, COUNT), SMQ_OK);
    client_agent_fixture_await_active(&fixture, COUNT / 2, WAIT_MS);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (fixture.failed < COUNT / 2) {
        (void)client_agent_fixture_take(&fixture, 100);
        assert_true(clock_monotonic_ms() < deadline);
    }
    assert_int_equal(client_agent_fixture_info(&fixture).pending, 0);
    client_agent_fixture_finish(&fixture);
    client_agent_fixture_release_queues(queues, COUNT);
}

static void test_whoever_lost_a_queue_to_another_does_not_take_it_back(void **state) {
    (void)state;
    struct smq_receive_queue *queues[COUNT];
    struct client_agent_fixture first, second;
    client_agent_fixture_create_queues(context, address, COUNT, queues);
    client_agent_fixture_start(&first, context, NULL, NULL);
    client_agent_fixture_start(&second, context, NULL, NULL);
    client_agent_fixture_ledger(&second, (void **)queues, COUNT);
    assert_int_equal(smq_client_agent_subscribe(first.agent, queues, COUNT), SMQ_OK);
    client_agent_fixture_await(&first, SMQ_CLIENT_AGENT_SUBSCRIBED, 1);
    assert_int_equal(smq_client_agent_subscribe(second.agent, queues, COUNT), SMQ_OK);
    client_agent_fixture_await_active(&second, COUNT, WAIT_MS);
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (client_agent_fixture_info(&first).active > 0) {
        (void)client_agent_fixture_take(&first, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
    restart();
    client_agent_fixture_await_active(&second, 0, WAIT_MS);
    client_agent_fixture_await_active(&second, COUNT, WAIT_MS);
    assert_int_equal(client_agent_fixture_info(&first).pending, 0);
    assert_int_equal(client_agent_fixture_info(&second).active, COUNT);
    send_to_all(queues, COUNT);
    await_count(&second, &second.messages, COUNT);
    assert_int_equal(first.messages, 0);
    client_agent_fixture_finish(&first);
    client_agent_fixture_finish(&second);
    client_agent_fixture_release_queues(queues, COUNT);
}

/* ---- services ---- */

static struct smq_service *make_service(enum smp_service_role role) {
    struct smq_service *service = NULL;
    struct credentials *credentials = NULL;
    struct certificate_request request = {.kind = CERTIFICATE_CLIENT,
                                          .algorithm = KEY_ED25519,
                                          .common_name = "service",
                                          .not_before_s = clock_realtime_s() - 60,
                                          .days = 10};
    assert_int_equal(credentials_issue(NULL, &request, &credentials), SMQ_OK);
    assert_int_equal(service_create(role, credentials, &service), SMQ_OK);
    return service;
}

static void await_info(struct client_agent_fixture *fixture, uint64_t active, uint64_t pending) {
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        struct smq_client_agent_info info = client_agent_fixture_info(fixture);
        if (info.active == active && info.pending == pending)
            return;
        (void)client_agent_fixture_take(fixture, 10);
        assert_true(clock_monotonic_ms() < deadline);
    }
}

static void test_notifiers_of_a_service_come_back_with_one_command(void **state) {
    (void)state;
    struct smq_receive_queue *queues[COUNT];
    struct smq_notifier *notifiers[COUNT];
    struct client_agent_fixture fixture;
    struct smq_client_agent_options options;
    create_pairs(queues, notifiers);
    client_agent_fixture_options(&options);
    options.client.service = make_service(SMP_ROLE_NOTIFIER);
    client_agent_fixture_start(&fixture, context, &options, NULL);
    client_agent_fixture_ledger(&fixture, (void **)notifiers, COUNT);
    assert_int_equal(smq_client_agent_subscribe_notifications(fixture.agent, address, notifiers, COUNT), SMQ_OK);
    client_agent_fixture_await_active(&fixture, COUNT, WAIT_MS);
    await_info(&fixture, 0, 0); /* as part of the service, not one by one */
    restart();
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_SERVICE_DISCONNECTED, 1);
    assert_int_equal(fixture.expected, COUNT);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED, 1);
    assert_int_equal(fixture.expected, COUNT);
    assert_int_equal(fixture.actual, COUNT);
    send_to_all(queues, COUNT);
    await_count(&fixture, &fixture.notifications, COUNT);

    /* asked for by its id, on a connection of that service; then by another one's */
    struct smq_client *client = NULL;
    struct smq_client_info session;
    assert_int_equal(smq_client_agent_connect(fixture.agent, address, 0, &client, NULL), SMQ_OK);
    smq_client_info(client, &session);
    int64_t count = 0;
    assert_int_equal(smq_subscribe_service(client, 0, &count, NULL), SMQ_OK);
    assert_int_equal(count, COUNT);
    smq_client_agent_client_release(&client);
    struct smq_bytes id = {session.service_id, session.service_id_length};
    assert_int_equal(smq_client_agent_subscribe_service(fixture.agent, address, id, 7), SMQ_OK);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED, 2);
    assert_int_equal(fixture.expected, 7);
    assert_int_equal(fixture.actual, COUNT);
    session.service_id[0] ^= 1;
    assert_int_equal(smq_client_agent_subscribe_service(fixture.agent, address, id, 7), SMQ_OK);
    client_agent_fixture_await(&fixture, SMQ_CLIENT_AGENT_SERVICE_UNAVAILABLE, 1);
    client_agent_fixture_finish(&fixture);
    smq_service_release(&options.client.service);
    release_pairs(queues, notifiers);
}

static void test_a_service_that_another_connection_takes_is_not_taken_back(void **state) {
    (void)state;
    struct smq_receive_queue *queues[COUNT];
    struct smq_notifier *notifiers[COUNT];
    struct client_agent_fixture first, second;
    struct smq_client_agent_options options;
    create_pairs(queues, notifiers);
    client_agent_fixture_options(&options);
    options.client.service = make_service(SMP_ROLE_NOTIFIER);
    client_agent_fixture_start(&first, context, &options, NULL);
    client_agent_fixture_start(&second, context, &options, NULL);
    client_agent_fixture_ledger(&first, (void **)notifiers, COUNT);
    assert_int_equal(smq_client_agent_subscribe_notifications(first.agent, address, notifiers, COUNT), SMQ_OK);
    client_agent_fixture_await_active(&first, COUNT, WAIT_MS);
    struct smq_client *client = NULL;
    struct smq_client_info session;
    assert_int_equal(smq_client_agent_connect(second.agent, address, 0, &client, NULL), SMQ_OK);
    smq_client_info(client, &session);
    smq_client_agent_client_release(&client);
    struct smq_bytes id = {session.service_id, session.service_id_length};
    assert_int_equal(smq_client_agent_subscribe_service(second.agent, address, id, COUNT), SMQ_OK);
    client_agent_fixture_await(&second, SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED, 1);
    assert_int_equal(second.actual, COUNT);
    await_count(&first, &first.service_ends, 1);
    /* the end is seen by the agent before what is asked for later */
    assert_int_equal(smq_client_agent_connect(first.agent, address, 0, &client, NULL), SMQ_OK);
    smq_client_agent_client_release(&client);
    restart();
    client_agent_fixture_await(&second, SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED, 2);
    assert_int_equal(first.seen[SMQ_CLIENT_AGENT_SERVICE_DISCONNECTED], 0);
    assert_int_equal(first.seen[SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED], 0);
    client_agent_fixture_finish(&first);
    client_agent_fixture_finish(&second);
    smq_service_release(&options.client.service);
    release_pairs(queues, notifiers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queues_and_notifiers_share_a_connection_and_come_back),
        cmocka_unit_test(test_unknown_queues_fail_and_the_others_do_not),
        cmocka_unit_test(test_whoever_lost_a_queue_to_another_does_not_take_it_back),
        cmocka_unit_test(test_notifiers_of_a_service_come_back_with_one_command),
        cmocka_unit_test(test_a_service_that_another_connection_takes_is_not_taken_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
