/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every function of the public headers survives what a careless caller gives it: NULL, and memory that is no object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/client/smq/client.h"
#include "actors/client/smq/network.h"
#include "actors/client_agent/smq/client_agent.h"

/* What handles are replaced by: NULL, then memory of another kind. */
static uint64_t foreign[1024];
static void *wrong;
static struct smq_context *context;
static struct smq_events *events;
static struct smq_send_queue *send_queue;

#define REFUSED(call) assert_int_equal(SMQ_ERR_INVALID, call)

static const struct smq_bytes nothing;
static const struct smq_bytes missing = {NULL, 5}; /* bytes that are not there */
static const struct smq_bytes id = {(const uint8_t *)"an id of 24 bytes, or so", 24};
static const char address[] = "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:9";
static const char uri[] =
    "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:5223/aWQgb2YgYSBxdWV1ZSBvbiBub3RoaW5n"
    "#/?v=1-4&dh=MCowBQYDK2VuAyEAQJ6qTDyHHAHQJqHXmPJPnGuXWVrJiDLwuU9NQKzmd1E%3D";

static int setup(void **state) {
    (void)state;
    assert_int_equal(SMQ_OK, smq_context_create(NULL, &context));
    assert_int_equal(SMQ_OK, smq_events_create(NULL, &events));
    assert_int_equal(SMQ_OK, smq_send_queue_from_uri(uri, &send_queue));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    smq_send_queue_release(&send_queue);
    smq_events_destroy(&events);
    smq_context_destroy(&context);
    return 0;
}

/* Calls `check` with each wrong thing in `wrong`. */
static void with_each(void (*check)(void)) {
    wrong = NULL;
    check();
    wrong = foreign;
    check();
}

static void check_commands_of_recipients(void) {
    struct smq_error error;
    struct smq_batch *answer = NULL;
    struct smq_notifier *notifier = NULL;
    struct smq_receive_queue *queues[] = {wrong, wrong};
    struct smq_receive_queue *queue = NULL;
    REFUSED(smq_create_queue(wrong, NULL, 0, &queue, &error));
    assert_int_equal(SMQ_ERR_INVALID, error.result);
    REFUSED(smq_create_queue_async(wrong, NULL, 0, 0));
    REFUSED(smq_subscribe(wrong, wrong, 0, &error));
    REFUSED(smq_subscribe_async(wrong, wrong, 0, 0));
    REFUSED(smq_subscribe_many(wrong, queues, 2, 0, NULL, &error));
    REFUSED(smq_subscribe_many_async(wrong, queues, 2, 0, 0));
    REFUSED(smq_subscribe_many_async(wrong, NULL, 2, 0, 0));
    REFUSED(smq_acknowledge(wrong, wrong, id, 0, &error));
    REFUSED(smq_acknowledge_async(wrong, wrong, missing, 0, 0));
    REFUSED(smq_get_message(wrong, wrong, 0, &answer, &error));
    REFUSED(smq_get_message_async(wrong, wrong, 0, 0));
    assert_int_equal(SMQ_ERR_SYNTAX, smq_secure(wrong, wrong, missing, 0, &error));
    assert_int_equal(SMQ_ERR_SYNTAX, smq_secure_async(wrong, wrong, nothing, 0, 0));
    REFUSED(smq_set_recipient_keys(wrong, wrong, NULL, 1, 0, &error));
    REFUSED(smq_set_recipient_keys_async(wrong, wrong, NULL, 1, 0, 0));
    REFUSED(smq_set_link(wrong, wrong, id, missing, nothing, 0, &error));
    REFUSED(smq_set_link_async(wrong, wrong, id, nothing, nothing, 0, 0));
    REFUSED(smq_delete_link(wrong, wrong, 0, &error));
    REFUSED(smq_delete_link_async(wrong, wrong, 0, 0));
    REFUSED(smq_suspend(wrong, wrong, 0, &error));
    REFUSED(smq_suspend_async(wrong, wrong, 0, 0));
    REFUSED(smq_delete(wrong, wrong, 0, &error));
    REFUSED(smq_delete_async(wrong, wrong, 0, 0));
    REFUSED(smq_info(wrong, wrong, 0, &answer, &error));
    REFUSED(smq_info_async(wrong, wrong, 0, 0));
    REFUSED(smq_enable_notifications(wrong, wrong, SMQ_KEY_ED25519, 0, &notifier, &error));
    REFUSED(smq_enable_notifications(wrong, wrong, SMQ_KEY_ED25519, 0, NULL, NULL));
    REFUSED(smq_enable_notifications_async(wrong, wrong, SMQ_KEY_ED25519, 0, 0));
    REFUSED(smq_disable_notifications(wrong, wrong, 0, &error));
    REFUSED(smq_disable_notifications_async(wrong, wrong, 0, 0));
}

static void check_commands_of_others(void) {
    struct smq_error error;
    struct smq_batch *answer = NULL;
    int64_t count;
    REFUSED(smq_send(wrong, wrong, false, nothing, 0, &error));
    REFUSED(smq_send(wrong, send_queue, false, missing, 0, &error));
    REFUSED(smq_send_async(wrong, send_queue, false, nothing, 0, 0));
    REFUSED(smq_secure_as_sender(wrong, wrong, 0, &error));
    REFUSED(smq_secure_as_sender_async(wrong, wrong, 0, 0));
    REFUSED(smq_secure_by_link(wrong, id, nothing, 0, &answer, &error));
    REFUSED(smq_secure_by_link_async(wrong, missing, missing, 0, 0));
    REFUSED(smq_get_link(wrong, id, 0, &answer, &error));
    REFUSED(smq_get_link_async(wrong, missing, 0, 0));
    REFUSED(smq_proxied_send(wrong, wrong, false, nothing, 0, &error));
    REFUSED(smq_proxied_send_async(wrong, send_queue, false, nothing, 0, 0));
    REFUSED(smq_proxied_secure_as_sender(wrong, wrong, 0, &error));
    REFUSED(smq_proxied_secure_as_sender_async(wrong, wrong, 0, 0));
    REFUSED(smq_proxied_secure_by_link(wrong, NULL, id, nothing, 0, &answer, &error));
    REFUSED(smq_proxied_secure_by_link_async(wrong, address, id, nothing, 0, 0));
    REFUSED(smq_proxied_get_link(wrong, NULL, id, 0, &answer, &error));
    REFUSED(smq_proxied_get_link_async(wrong, address, id, 0, 0));
    REFUSED(smq_subscribe_notifications(wrong, wrong, 0, &error));
    REFUSED(smq_subscribe_notifications_async(wrong, wrong, 0, 0));
    REFUSED(smq_subscribe_service(wrong, 0, &count, &error));
    REFUSED(smq_subscribe_service_async(wrong, 0, 0));
    REFUSED(smq_ping(wrong, 0, NULL));
    REFUSED(smq_ping_async(wrong, 0, 0));
}

static void check_clients(void) {
    struct smq_error error;
    struct smq_client *client = wrong;
    struct smq_client_info info;
    struct smq_client_options options;
    REFUSED(smq_client_flush(wrong, 0, &error));
    REFUSED(smq_client_flush_async(wrong, 0, 0));
    REFUSED(smq_client_close_within(&client, 0));
    REFUSED(smq_client_close_within(NULL, 0));
    smq_client_close(&client);
    assert_null(client);
    smq_client_close(&client);
    smq_client_close(NULL);
    assert_null(smq_client_reference(wrong));
    smq_client_info(wrong, &info);
    assert_false(info.connected);
    REFUSED(smq_client_connect(wrong, address, NULL, &client, &error));
    REFUSED(smq_client_connect(context, NULL, NULL, &client, &error));
    REFUSED(smq_client_connect(context, address, NULL, NULL, &error));
    smq_client_options_init(&options);
    REFUSED(smq_client_connect_async(context, address, &options, &client)); /* no events */
    options.events = events;
    REFUSED(smq_client_connect_async(wrong, address, &options, &client));
    if (wrong != NULL) {
        options.events = wrong;
        REFUSED(smq_client_connect_async(context, address, &options, &client));
        options.events = events;
        options.network = wrong;
        REFUSED(smq_client_connect_async(context, address, &options, &client));
        options.network = NULL;
        options.service = wrong;
        REFUSED(smq_client_connect_async(context, address, &options, &client));
    }
}

static void check_contexts_and_events(void) {
    struct smq_context *other = wrong;
    struct smq_events *queue = wrong;
    struct smq_batch *batch = wrong;
    smq_context_destroy(&other);
    assert_null(other);
    smq_context_destroy(NULL);
    smq_context_destroy_within(NULL, 0);
    REFUSED(smq_context_create(NULL, NULL));
    REFUSED(smq_events_create(NULL, NULL));
    REFUSED(smq_events_take(wrong, 0, &batch));
    REFUSED(smq_events_take(events, 0, NULL));
    assert_int_equal(-1, smq_events_descriptor(wrong));
    smq_events_destroy(&queue);
    assert_null(queue);
    smq_events_destroy(NULL);
    assert_int_equal(0, smq_batch_count(wrong));
    assert_null(smq_batch_event(wrong, 0));
    smq_batch_release(&batch);
    assert_null(batch);
    smq_batch_release(NULL);
}

static void check_receive_queues(void) {
    uint8_t bytes[64] = {0};
    size_t size = sizeof(bytes);
    char text[64];
    struct smq_receive_queue *queue = wrong;
    struct smq_send_queue *sender = NULL;
    struct smq_opened opened;
    assert_null(smq_receive_queue_reference(wrong));
    smq_receive_queue_release(&queue);
    assert_null(queue);
    smq_receive_queue_release(NULL);
    REFUSED(smq_receive_queue_export(wrong, bytes, &size));
    REFUSED(smq_receive_queue_import(NULL, 5, &queue));
    REFUSED(smq_receive_queue_import(bytes, sizeof(bytes), NULL));
    assert_int_equal(0, smq_receive_queue_id(wrong).length);
    assert_int_equal(0, smq_receive_queue_sender_id(wrong).length);
    assert_int_equal(0, smq_receive_queue_link_id(wrong).length);
    assert_int_equal(SMQ_MODE_MESSAGING, smq_receive_queue_mode(wrong));
    REFUSED(smq_receive_queue_address(wrong, text, sizeof(text)));
    REFUSED(smq_receive_queue_uri(wrong, text, sizeof(text)));
    assert_null(smq_receive_queue_notifier(wrong));
    REFUSED(smq_receive_queue_with_key(wrong, nothing, &queue));
    REFUSED(smq_receive_queue_public_key(wrong, bytes, &size));
    REFUSED(smq_send_queue_from_receive_queue(wrong, &sender));
    REFUSED(smq_receive_queue_open(wrong, bytes, sizeof(bytes), &opened));
    REFUSED(smq_sender_id_of_nonce(NULL, bytes));
}

static void check_send_queues_and_notifiers(void) {
    static uint8_t envelope[SMQ_ENVELOPE_SIZE];
    uint8_t bytes[64] = {0};
    size_t size = sizeof(bytes);
    char text[64];
    struct smq_send_queue *queue = wrong;
    struct smq_notifier *notifier = wrong;
    assert_null(smq_send_queue_reference(wrong));
    smq_send_queue_release(&queue);
    assert_null(queue);
    smq_send_queue_release(NULL);
    REFUSED(smq_send_queue_from_uri(NULL, &queue));
    REFUSED(smq_send_queue_from_uri(uri, NULL));
    REFUSED(smq_send_queue_export(wrong, bytes, &size));
    REFUSED(smq_send_queue_export(send_queue, NULL, NULL));
    REFUSED(smq_send_queue_import(NULL, 5, &queue));
    assert_int_equal(0, smq_send_queue_id(wrong).length);
    assert_int_equal(SMQ_MODE_MESSAGING, smq_send_queue_mode(wrong));
    REFUSED(smq_send_queue_address(wrong, text, sizeof(text)));
    REFUSED(smq_send_queue_make_key(wrong, SMQ_KEY_X25519));
    REFUSED(smq_send_queue_set_key(wrong, id));
    REFUSED(smq_send_queue_public_key(wrong, bytes, &size));
    REFUSED(smq_send_queue_set_secured(wrong, true));
    assert_false(smq_send_queue_is_secured(wrong));
    REFUSED(smq_send_queue_seal(wrong, true, false, nothing, envelope, &size));
    REFUSED(smq_send_queue_seal(send_queue, true, false, missing, envelope, &size));
    assert_null(smq_notifier_reference(wrong));
    smq_notifier_release(&notifier);
    assert_null(notifier);
    smq_notifier_release(NULL);
    REFUSED(smq_notifier_export(wrong, bytes, &size));
    REFUSED(smq_notifier_import(NULL, 5, &notifier));
    assert_int_equal(0, smq_notifier_id(wrong).length);
}

static void check_agents(void) {
    struct smq_error error;
    struct smq_client_agent *agent = wrong;
    struct smq_client *client = wrong;
    struct smq_client_agent_info info;
    struct smq_client_agent_options options;
    struct smq_receive_queue *queues[] = {wrong};
    struct smq_notifier *notifiers[] = {wrong};
    smq_client_agent_close(&agent);
    assert_null(agent);
    smq_client_agent_close(NULL);
    agent = wrong;
    REFUSED(smq_client_agent_close_within(&agent, 0));
    REFUSED(smq_client_agent_close_within(NULL, 0));
    REFUSED(smq_client_agent_create(wrong, NULL, &agent));
    REFUSED(smq_client_agent_create(context, NULL, NULL));
    smq_client_agent_info(wrong, &info);
    assert_int_equal(0, info.servers);
    REFUSED(smq_client_agent_connect(wrong, address, 0, &client, &error));
    REFUSED(smq_client_agent_connect_async(wrong, address, 0, 0));
    assert_null(smq_client_agent_client_reference(wrong));
    smq_client_agent_client_release(&client);
    assert_null(client);
    smq_client_agent_client_release(NULL);
    REFUSED(smq_client_agent_subscribe(wrong, queues, 1));
    REFUSED(smq_client_agent_unsubscribe(wrong, queues, 1));
    REFUSED(smq_client_agent_subscribe_notifications(wrong, address, notifiers, 1));
    REFUSED(smq_client_agent_unsubscribe_notifications(wrong, address, notifiers, 1));
    REFUSED(smq_client_agent_subscribe_service(wrong, address, id, 1));
    smq_client_agent_options_init(&options);
    options.events = events;
    assert_int_equal(SMQ_OK, smq_client_agent_create(context, &options, &agent));
    REFUSED(smq_client_agent_connect(agent, NULL, 0, &client, &error));
    REFUSED(smq_client_agent_connect_async(agent, NULL, 0, 0));
    REFUSED(smq_client_agent_subscribe(agent, queues, 1));
    REFUSED(smq_client_agent_subscribe(agent, NULL, 1));
    REFUSED(smq_client_agent_subscribe_notifications(agent, NULL, notifiers, 1));
    REFUSED(smq_client_agent_subscribe_notifications(agent, address, notifiers, 1));
    REFUSED(smq_client_agent_subscribe_service(agent, NULL, id, 1));
    smq_client_agent_close(&agent);
}

static void check_networks_and_services(void) {
    struct smq_network *network = wrong;
    struct smq_service *service = wrong;
    assert_null(smq_network_reference(wrong));
    smq_network_release(&network);
    assert_null(network);
    smq_network_release(NULL);
    REFUSED(smq_network_create(NULL, NULL));
    assert_null(smq_service_reference(wrong));
    smq_service_release(&service);
    assert_null(service);
    smq_service_release(NULL);
    REFUSED(smq_service_load(SMQ_SERVICE_PROXY, NULL, NULL, NULL, &service, NULL));
}

#define MISUSE(name)                                                                                                   \
    static void test_##name##_survive_misuse(void **state) {                                                           \
        (void)state;                                                                                                   \
        with_each(check_##name);                                                                                       \
    }
MISUSE(commands_of_recipients)
MISUSE(commands_of_others)
MISUSE(clients)
MISUSE(contexts_and_events)
MISUSE(receive_queues)
MISUSE(send_queues_and_notifiers)
MISUSE(agents)
MISUSE(networks_and_services)

static void test_handles_that_outlive_their_context_answer_that_it_is_closed(void **state) {
    (void)state;
    struct smq_context *other = NULL;
    struct smq_client *client = NULL, *none = NULL;
    struct smq_client_options options;
    struct smq_events *own = NULL;
    struct smq_batch *batch = NULL;
    smq_client_options_init(&options);
    assert_int_equal(SMQ_OK, smq_events_create(NULL, &own));
    options.events = own;
    assert_int_equal(SMQ_OK, smq_context_create(NULL, &other));
    struct smq_context *stale = other; /* still held by the client */
    assert_int_equal(SMQ_OK, smq_client_connect_async(other, address, &options, &client));
    smq_context_destroy(&other);
    assert_int_equal(SMQ_ERR_CLOSED, smq_ping(client, 0, NULL));
    assert_int_equal(SMQ_ERR_CLOSED, smq_ping_async(client, 0, 0));
    assert_int_equal(SMQ_ERR_CLOSED, smq_client_flush(client, 0, NULL));
    assert_int_equal(SMQ_ERR_CLOSED, smq_client_flush_async(client, 0, 0));
    assert_int_equal(SMQ_ERR_CLOSED, smq_client_connect_async(stale, address, &options, &none));
    smq_context_destroy(&stale); /* again */
    struct smq_client *second = smq_client_reference(client);
    assert_int_equal(SMQ_ERR_CLOSED, smq_client_close_within(&second, 1000));
    assert_int_equal(SMQ_OK, smq_events_take(own, 1000, &batch));
    assert_int_equal(SMQ_EVENT_CONNECTED, smq_batch_event(batch, 0)->kind);
    smq_client_close(&client);
    smq_events_destroy(&own);
    smq_batch_release(&batch); /* of a queue that is gone */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_of_recipients_survive_misuse),
        cmocka_unit_test(test_commands_of_others_survive_misuse),
        cmocka_unit_test(test_clients_survive_misuse),
        cmocka_unit_test(test_contexts_and_events_survive_misuse),
        cmocka_unit_test(test_receive_queues_survive_misuse),
        cmocka_unit_test(test_send_queues_and_notifiers_survive_misuse),
        cmocka_unit_test(test_agents_survive_misuse),
        cmocka_unit_test(test_networks_and_services_survive_misuse),
        cmocka_unit_test(test_handles_that_outlive_their_context_answer_that_it_is_closed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
