/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client library against the router, in one process: every command in both forms, events, versions, many
 * connections. */
#include <stdio.h>
#include <string.h>

#include "actors/client/smq/client.h"
#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"

static struct router_fixture router;
static struct smq_context *context;
static char address[256];

static int start_router(void **state) {
    (void)state;
    router_fixture_init(&router);
    router_fixture_start(&router);
    client_fixture_address(router.fingerprint, router.port, address, sizeof(address));
    require(smq_context_create(NULL, &context) == SMQ_OK);
    return 0;
}

static int stop_router(void **state) {
    (void)state;
    smq_context_destroy(&context);
    router_fixture_finish(&router);
    return 0;
}

static struct smq_bytes text(const char *value) {
    return (struct smq_bytes){(const uint8_t *)value, strlen(value)};
}

static void assert_text(struct smq_bytes bytes, const char *expected) {
    assert_int_equal(bytes.length, strlen(expected));
    assert_memory_equal(bytes.bytes, expected, bytes.length);
}

/* A queue secured by its sender, who is the same process. */
static void make_queue(struct smq_client *client, enum smq_key_algorithm algorithm, struct smq_receive_queue **queue,
                       struct smq_send_queue **send_queue) {
    struct smq_error error;
    assert_int_equal(smq_create_queue(client, NULL, 0, queue, &error), SMQ_OK);
    assert_int_equal(smq_send_queue_from_receive_queue(*queue, send_queue), SMQ_OK);
    assert_int_equal(smq_send_queue_make_key(*send_queue, algorithm), SMQ_OK);
    assert_int_equal(smq_secure_as_sender(client, *send_queue, 0, &error), SMQ_OK);
    assert_true(smq_send_queue_is_secured(*send_queue));
}

static void test_message_travels_from_sender_to_recipient(void **state) {
    (void)state;
    struct client_fixture recipient, sender;
    client_fixture_connect(&recipient, context, address, NULL);
    client_fixture_connect(&sender, context, address, NULL);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    make_queue(recipient.client, SMQ_KEY_X25519, &queue, &send_queue);
    for (int i = 0; i < 5; i++) {
        char body[32];
        (void)snprintf(body, sizeof(body), "message %d", i);
        assert_int_equal(smq_send(sender.client, send_queue, i % 2 == 1, text(body), 0, NULL), SMQ_OK);
        const struct smq_event *event = client_fixture_expect(&recipient, SMQ_EVENT_MESSAGE);
        assert_text(event->body, body);
        assert_ptr_equal(event->receive_queue, queue);
        assert_int_equal(event->notification, i % 2 == 1);
        assert_false(event->encrypted);
        assert_true(event->timestamp > 1700000000);
        assert_int_equal(smq_acknowledge(recipient.client, queue, event->message_id, 0, NULL), SMQ_OK);
    }
    assert_int_equal(smq_delete(recipient.client, queue, 0, NULL), SMQ_OK);
    struct smq_error error;
    assert_int_equal(smq_send(sender.client, send_queue, false, text("x"), 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_AUTH);
    assert_string_equal(error.text, "AUTH");
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&recipient);
    client_fixture_close(&sender);
}

static void test_acknowledging_brings_the_next_message_as_an_event(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    make_queue(client.client, SMQ_KEY_ED25519, &queue, &send_queue);
    assert_int_equal(smq_send(client.client, send_queue, false, text("one"), 0, NULL), SMQ_OK);
    assert_int_equal(smq_send(client.client, send_queue, false, text("two"), 0, NULL), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
    assert_text(event->body, "one");
    assert_int_equal(smq_acknowledge_async(client.client, queue, event->message_id, 0, 77), SMQ_OK);
    event = client_fixture_expect(&client, SMQ_EVENT_COMPLETED);
    assert_int_equal(event->tag, 77);
    assert_int_equal(event->command, SMQ_COMMAND_ACKNOWLEDGE);
    assert_int_equal(event->result, SMQ_OK);
    event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
    assert_text(event->body, "two");
    struct smq_error error;
    assert_int_equal(smq_acknowledge(client.client, queue, text("another message's id, 24"), 0, &error),
                     SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_NO_MESSAGE);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_get_gives_the_message_in_the_answer_and_as_an_event(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.subscribe = false;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    options.size--; /* of no release */
    assert_int_equal(smq_create_queue(client.client, &options, 0, &queue, NULL), SMQ_ERR_INVALID);
    options.size++;
    assert_int_equal(smq_create_queue(client.client, &options, 0, &queue, NULL), SMQ_OK);
    assert_int_equal(smq_send_queue_from_receive_queue(queue, &send_queue), SMQ_OK);
    struct smq_batch *answer;
    assert_int_equal(smq_get_message(client.client, queue, 0, &answer, NULL), SMQ_OK);
    assert_false(smq_batch_event(answer, 0)->has_message);
    smq_batch_release(&answer);
    assert_int_equal(smq_send(client.client, send_queue, false, text("got"), 0, NULL), SMQ_OK);
    assert_int_equal(smq_get_message(client.client, queue, 0, &answer, NULL), SMQ_OK);
    assert_true(smq_batch_event(answer, 0)->has_message);
    assert_text(smq_batch_event(answer, 0)->body, "got");
    assert_text(client_fixture_expect(&client, SMQ_EVENT_MESSAGE)->body, "got");
    assert_int_equal(smq_acknowledge(client.client, queue, smq_batch_event(answer, 0)->message_id, 0, NULL), SMQ_OK);
    smq_batch_release(&answer);
    struct smq_error error;
    assert_int_equal(smq_subscribe(client.client, queue, 0, &error), SMQ_ERR_PROTOCOL);
    assert_string_equal(error.text, "CMD PROHIBITED");
    assert_int_equal(error.protocol, SMQ_PROTOCOL_COMMAND_PROHIBITED);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_every_version_carries_messages(void **state) {
    (void)state;
    for (uint16_t version = SMQ_VERSION_MIN; version <= SMQ_VERSION_MAX; version++) {
        struct smq_client_options options;
        smq_client_options_init(&options);
        options.version_max = version;
        struct client_fixture client;
        client_fixture_connect(&client, context, address, &options);
        struct smq_client_info info;
        smq_client_info(client.client, &info);
        assert_int_equal(info.version, version);
        assert_int_equal(info.encrypted, version >= 11);
        assert_int_equal(info.body_max, version >= 11 ? 16048 : version >= 8 ? 16064 : 16088);
        struct smq_receive_queue *queue;
        struct smq_send_queue *send_queue;
        assert_int_equal(smq_create_queue(client.client, NULL, 0, &queue, NULL), SMQ_OK);
        assert_int_equal(smq_send_queue_from_receive_queue(queue, &send_queue), SMQ_OK);
        assert_int_equal(smq_send_queue_make_key(send_queue, SMQ_KEY_ED25519), SMQ_OK);
        uint8_t key[SMQ_KEY_DER_MAX];
        size_t key_length = sizeof(key);
        assert_int_equal(smq_send_queue_public_key(send_queue, key, &key_length), SMQ_OK);
        assert_int_equal(smq_secure(client.client, queue, (struct smq_bytes){key, key_length}, 0, NULL), SMQ_OK);
        assert_int_equal(smq_send_queue_set_secured(send_queue, true), SMQ_OK);
        static uint8_t body[16088];
        memset(body, (int)version, sizeof(body));
        assert_int_equal(smq_send(client.client, send_queue, false, (struct smq_bytes){body, info.body_max}, 0, NULL),
                         SMQ_OK);
        const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
        assert_int_equal(event->body.length, info.body_max);
        assert_memory_equal(event->body.bytes, body, info.body_max);
        smq_send_queue_release(&send_queue);
        smq_receive_queue_release(&queue);
        client_fixture_close(&client);
    }
}

static void test_x25519_key_needs_a_session_key_of_the_router(void **state) {
    (void)state;
    struct client_fixture client, old;
    struct smq_client_options options;
    smq_client_options_init(&options);
    client_fixture_connect(&client, context, address, &options);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    make_queue(client.client, SMQ_KEY_X25519, &queue, &send_queue);
    options.version_max = 6;
    client_fixture_connect(&old, context, address, &options);
    enum smq_result result = smq_send(old.client, send_queue, false, text("x"), 0, NULL);
    assert_true(result == SMQ_ERR_AUTH ||
                result == SMQ_OK); /* a router of several versions shows its key to all of them */
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
    client_fixture_close(&old);
}

static void test_subscribe_many_in_blocks_and_takeover(void **state) {
    (void)state;
    enum { COUNT = 300 };
    struct client_fixture first, second;
    client_fixture_connect(&first, context, address, NULL);
    client_fixture_connect(&second, context, address, NULL);
    static struct smq_receive_queue *queues[COUNT];
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(smq_create_queue_async(first.client, NULL, 0, i), SMQ_OK);
    for (int i = 0; i < COUNT; i++) {
        const struct smq_event *event = client_fixture_expect(&first, SMQ_EVENT_COMPLETED);
        assert_int_equal(event->result, SMQ_OK);
        queues[event->tag] = smq_receive_queue_reference(event->receive_queue);
    }
    struct smq_client_info before, after;
    smq_client_info(second.client, &before);
    static enum smq_result results[COUNT];
    assert_int_equal(smq_subscribe_many(second.client, queues, COUNT, 0, results, NULL), SMQ_OK);
    smq_client_info(second.client, &after);
    assert_int_equal(after.blocks_sent - before.blocks_sent, 3);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(results[i], SMQ_OK);
    for (int i = 0; i < COUNT; i++) {
        const struct smq_event *event = client_fixture_expect(&first, SMQ_EVENT_SUBSCRIPTION_ENDED);
        assert_non_null(event->receive_queue);
    }
    assert_int_equal(smq_subscribe_many_async(first.client, queues, COUNT, 0, 1000), SMQ_OK);
    uint64_t tags = 0;
    for (int i = 0; i < COUNT; i++)
        tags += client_fixture_expect(&first, SMQ_EVENT_COMPLETED)->tag - 1000;
    assert_int_equal(tags, COUNT * (COUNT - 1) / 2);
    for (int i = 0; i < COUNT; i++)
        smq_receive_queue_release(&queues[i]);
    client_fixture_close(&first);
    client_fixture_close(&second);
}

static void test_many_sends_at_once_share_blocks(void **state) {
    (void)state;
    enum { COUNT = 100 };
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.subscribe = false;
    assert_int_equal(smq_create_queue(client.client, &options, 0, &queue, NULL), SMQ_OK);
    assert_int_equal(smq_send_queue_from_receive_queue(queue, &send_queue), SMQ_OK);
    struct smq_client_info before, after;
    smq_client_info(client.client, &before);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(smq_send_async(client.client, send_queue, false, text("short"), 0, i), SMQ_OK);
    uint64_t tags = 0;
    for (int i = 0; i < COUNT; i++) {
        const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_COMPLETED);
        assert_int_equal(event->result, SMQ_OK);
        tags += event->tag;
    }
    assert_int_equal(tags, COUNT * (COUNT - 1) / 2);
    smq_client_info(client.client, &after);
    assert_true(after.blocks_sent - before.blocks_sent < COUNT);
    assert_int_equal(after.outstanding, 0);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_links_notifications_keys_info_and_suspension(void **state) {
    (void)state;
    struct client_fixture client, watcher;
    client_fixture_connect(&client, context, address, NULL);
    client_fixture_connect(&watcher, context, address, NULL);
    uint8_t nonce[SMQ_NONCE_SIZE], sender_id[24];
    memset(nonce, 7, sizeof(nonce));
    memcpy(nonce, &(uint64_t){clock_monotonic_ns()}, 8);
    assert_int_equal(smq_sender_id_of_nonce(nonce, sender_id), SMQ_OK);
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.with_link = true;
    options.nonce = (struct smq_bytes){nonce, sizeof(nonce)};
    options.link_fixed_data = text("fixed");
    options.link_user_data = text("user");
    options.with_notifier = true;
    options.key_algorithm = SMQ_KEY_ED448;
    struct smq_receive_queue *queue;
    struct smq_error error;
    assert_int_equal(smq_create_queue(client.client, &options, 0, &queue, &error), SMQ_OK);
    assert_memory_equal(smq_receive_queue_sender_id(queue).bytes, sender_id, sizeof(sender_id));
    assert_int_equal(smq_receive_queue_link_id(queue).length, 24);

    struct smq_batch *answer;
    assert_int_equal(smq_get_link(client.client, smq_receive_queue_link_id(queue), 0, &answer, &error),
                     SMQ_ERR_PROTOCOL);
    assert_int_equal(smq_secure_by_link(client.client, smq_receive_queue_link_id(queue), text(""), 0, &answer, &error),
                     SMQ_OK);
    const struct smq_event *linked = smq_batch_event(answer, 0);
    assert_text(linked->fixed_data, "fixed");
    assert_text(linked->body, "user");
    struct smq_send_queue *send_queue = smq_send_queue_reference(linked->send_queue);
    smq_batch_release(&answer);
    assert_true(smq_send_queue_is_secured(send_queue));

    struct smq_notifier *notifier = smq_receive_queue_notifier(queue);
    assert_non_null(notifier);
    assert_int_equal(smq_subscribe_notifications(watcher.client, notifier, 0, &error), SMQ_OK);
    assert_int_equal(smq_send(client.client, send_queue, true, text("ring"), 0, &error), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
    uint8_t message_id[SMQ_ID_MAX];
    memcpy(message_id, event->message_id.bytes, event->message_id.length);
    size_t message_id_length = event->message_id.length;
    event = client_fixture_expect(&watcher, SMQ_EVENT_NOTIFICATION);
    assert_ptr_equal(event->notifier, notifier);
    assert_int_equal(event->message_id.length, message_id_length);
    assert_memory_equal(event->message_id.bytes, message_id, message_id_length);

    assert_int_equal(smq_info(client.client, queue, 0, &answer, &error), SMQ_OK);
    assert_true(smq_batch_event(answer, 0)->body.length > 10);
    assert_int_equal(smq_batch_event(answer, 0)->body.bytes[0], '{');
    smq_batch_release(&answer);

    struct smq_notifier *renewed;
    assert_int_equal(smq_enable_notifications(client.client, queue, SMQ_KEY_X25519, 0, &renewed, &error), SMQ_OK);
    (void)client_fixture_expect(&watcher, SMQ_EVENT_QUEUE_DELETED);
    assert_int_equal(smq_subscribe_notifications(client.client, notifier, 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(smq_subscribe_notifications(client.client, renewed, 0, &error), SMQ_OK);
    assert_int_equal(smq_disable_notifications(client.client, queue, 0, &error), SMQ_OK);

    assert_int_equal(smq_delete_link(client.client, queue, 0, &error), SMQ_OK);
    assert_int_equal(smq_suspend(client.client, queue, 0, &error), SMQ_OK);
    assert_int_equal(smq_send(client.client, send_queue, false, text("no"), 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(smq_ping(client.client, 0, &error), SMQ_OK);
    smq_notifier_release(&renewed);
    smq_notifier_release(&notifier);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&watcher);
    client_fixture_close(&client);
}

static void test_contact_queue_takes_new_recipient_keys_and_link_data(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.mode = SMQ_MODE_CONTACT;
    struct smq_receive_queue *queue;
    struct smq_error error;
    assert_int_equal(smq_create_queue(client.client, &options, 0, &queue, &error), SMQ_OK);
    assert_int_equal(
        smq_set_link(client.client, queue, text("link id of 24 bytes long"), text("f"), text("u1"), 0, &error), SMQ_OK);
    assert_int_equal(
        smq_set_link(client.client, queue, text("link id of 24 bytes long"), text("f"), text("u2"), 0, &error), SMQ_OK);
    struct smq_batch *answer;
    assert_int_equal(smq_get_link(client.client, text("link id of 24 bytes long"), 0, &answer, &error), SMQ_OK);
    assert_text(smq_batch_event(answer, 0)->body, "u2");
    assert_null(smq_batch_event(answer, 0)->send_queue);
    smq_batch_release(&answer);

    uint8_t key[SMQ_KEY_DER_MAX];
    size_t key_length = sizeof(key);
    assert_int_equal(smq_receive_queue_public_key(queue, key, &key_length), SMQ_OK);
    struct smq_bytes keys[] = {{key, key_length}};
    assert_int_equal(smq_set_recipient_keys(client.client, queue, keys, 1, 0, &error), SMQ_OK);
    assert_int_equal(smq_subscribe(client.client, queue, 0, &error), SMQ_OK);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_handles_survive_export_and_import(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    make_queue(client.client, SMQ_KEY_X25519, &queue, &send_queue);
    static uint8_t bytes[4096], sender_bytes[4096];
    size_t size = sizeof(bytes), sender_size = sizeof(sender_bytes);
    assert_int_equal(smq_receive_queue_export(queue, bytes, &size), SMQ_OK);
    assert_int_equal(smq_send_queue_export(send_queue, sender_bytes, &sender_size), SMQ_OK);
    smq_receive_queue_release(&queue);
    smq_send_queue_release(&send_queue);
    client_fixture_close(&client);
    assert_int_equal(smq_receive_queue_import(bytes, size, &queue), SMQ_OK);
    assert_int_equal(smq_send_queue_import(sender_bytes, sender_size, &send_queue), SMQ_OK);
    char queue_address[SMQ_ADDRESS_TEXT_SIZE];
    assert_int_equal(smq_receive_queue_address(queue, queue_address, sizeof(queue_address)), SMQ_OK);
    client_fixture_connect(&client, context, queue_address, NULL);
    assert_int_equal(smq_subscribe(client.client, queue, 0, NULL), SMQ_OK);
    assert_int_equal(smq_send(client.client, send_queue, false, text("again"), 0, NULL), SMQ_OK);
    assert_text(client_fixture_expect(&client, SMQ_EVENT_MESSAGE)->body, "again");
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_raw_client_gets_bodies_as_sent(void **state) {
    (void)state;
    struct client_fixture client;
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.raw_messages = true;
    client_fixture_connect(&client, context, address, &options);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    make_queue(client.client, SMQ_KEY_ED25519, &queue, &send_queue);
    assert_int_equal(smq_send(client.client, send_queue, false, text("sealed"), 0, NULL), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
    assert_true(event->encrypted);
    assert_int_equal(event->result, SMQ_OK);
    assert_int_equal(event->body.length, 16122);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_too_large_command_is_not_sent(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    make_queue(client.client, SMQ_KEY_ED25519, &queue, &send_queue);
    static uint8_t body[16384];
    assert_int_equal(smq_send(client.client, send_queue, false, (struct smq_bytes){body, sizeof(body)}, 0, NULL),
                     SMQ_ERR_TOO_LARGE);
    struct smq_error error;
    assert_int_equal(smq_send(client.client, send_queue, false, (struct smq_bytes){body, SMQ_BODY_MAX + 1}, 0, &error),
                     SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_LARGE_MESSAGE);
    assert_int_equal(smq_ping(client.client, 0, NULL), SMQ_OK);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_many_connections_share_the_lanes(void **state) {
    (void)state;
    enum { COUNT = 200 };
    static struct smq_client *clients[COUNT];
    struct smq_events *events;
    assert_int_equal(smq_events_create(NULL, &events), SMQ_OK);
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = events;
    for (uintptr_t i = 0; i < COUNT; i++) {
        options.user = &clients[i];
        assert_int_equal(smq_client_connect_async(context, address, &options, &clients[i]), SMQ_OK);
    }
    int connected = 0, created = 0, disconnected = 0;
    uint64_t deadline = clock_monotonic_ms() + 30000;
    while (disconnected < COUNT) {
        assert_true(clock_monotonic_ms() < deadline);
        struct smq_batch *batch;
        if (smq_events_take(events, 1000, &batch) != SMQ_OK)
            continue;
        for (size_t i = 0; i < smq_batch_count(batch); i++) {
            const struct smq_event *event = smq_batch_event(batch, i);
            struct smq_client **client = event->user;
            assert_int_equal(event->result, event->kind == SMQ_EVENT_DISCONNECTED ? SMQ_ERR_CANCELLED : SMQ_OK);
            switch (event->kind) {
            case SMQ_EVENT_CONNECTED:
                connected++;
                assert_int_equal(smq_create_queue_async(*client, NULL, 0, 0), SMQ_OK);
                break;
            case SMQ_EVENT_COMPLETED:
                created++;
                smq_client_close(client);
                break;
            default:
                assert_int_equal(event->kind, SMQ_EVENT_DISCONNECTED);
                disconnected++;
            }
        }
        smq_batch_release(&batch);
    }
    assert_int_equal(connected, COUNT);
    assert_int_equal(created, COUNT);
    smq_events_destroy(&events);
}

static void test_end_to_end_envelopes(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    assert_int_equal(smq_create_queue(client.client, NULL, 0, &queue, NULL), SMQ_OK);
    char uri[SMQ_URI_TEXT_SIZE];
    assert_int_equal(smq_receive_queue_uri(queue, uri, sizeof(uri)), SMQ_OK);
    assert_int_equal(smq_send_queue_from_uri(uri, &send_queue), SMQ_OK);
    assert_int_equal(smq_send_queue_make_key(send_queue, SMQ_KEY_X25519), SMQ_OK);
    static uint8_t envelope[SMQ_ENVELOPE_SIZE], received[SMQ_ENVELOPE_SIZE];
    size_t length;
    struct smq_opened opened;
    assert_int_equal(smq_send_queue_seal(send_queue, false, false, text("early"), envelope, &length), SMQ_OK);
    assert_int_equal(smq_receive_queue_open(queue, envelope, length, &opened), SMQ_ERR_NOT_FOUND);

    assert_int_equal(smq_send_queue_seal(send_queue, true, true, text("hello"), envelope, &length), SMQ_OK);
    assert_int_equal(smq_send(client.client, send_queue, true, (struct smq_bytes){envelope, length}, 0, NULL), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
    memcpy(received, event->body.bytes, event->body.length);
    assert_int_equal(smq_receive_queue_open(queue, received, event->body.length, &opened), SMQ_OK);
    assert_text(opened.payload, "hello");
    assert_true(opened.has_sender_key);
    assert_int_equal(
        smq_secure(client.client, queue, (struct smq_bytes){opened.sender_key, opened.sender_key_length}, 0, NULL),
        SMQ_OK);
    assert_int_equal(smq_send_queue_set_secured(send_queue, true), SMQ_OK);
    assert_int_equal(smq_acknowledge(client.client, queue, event->message_id, 0, NULL), SMQ_OK);

    assert_int_equal(smq_send_queue_seal(send_queue, false, false, text("then"), envelope, &length), SMQ_OK);
    assert_int_equal(smq_send(client.client, send_queue, true, (struct smq_bytes){envelope, length}, 0, NULL), SMQ_OK);
    event = client_fixture_expect(&client, SMQ_EVENT_MESSAGE);
    memcpy(received, event->body.bytes, event->body.length);
    assert_int_equal(smq_receive_queue_open(queue, received, event->body.length, &opened), SMQ_OK);
    assert_text(opened.payload, "then");
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
    client_fixture_close(&client);
}

static void test_router_that_stops_disconnects_once(void **state) {
    (void)state;
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_receive_queue *queue;
    assert_int_equal(smq_create_queue(client.client, NULL, 0, &queue, NULL), SMQ_OK);
    router_fixture_stop(&router);
    const struct smq_event *event = client_fixture_expect(&client, SMQ_EVENT_DISCONNECTED);
    assert_int_not_equal(event->result, SMQ_OK);
    assert_int_not_equal(event->result, SMQ_ERR_CANCELLED);
    struct smq_error error;
    assert_int_equal(smq_ping(client.client, 0, &error), SMQ_ERR_CLOSED);
    client_fixture_expect_nothing(&client);
    router_fixture_start(&router);
    struct client_fixture again;
    client_fixture_connect(&again, context, address, NULL);
    assert_int_equal(smq_subscribe(again.client, queue, 0, NULL), SMQ_OK);
    smq_receive_queue_release(&queue);
    client_fixture_close(&again);
    client_fixture_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_travels_from_sender_to_recipient),
        cmocka_unit_test(test_acknowledging_brings_the_next_message_as_an_event),
        cmocka_unit_test(test_get_gives_the_message_in_the_answer_and_as_an_event),
        cmocka_unit_test(test_every_version_carries_messages),
        cmocka_unit_test(test_x25519_key_needs_a_session_key_of_the_router),
        cmocka_unit_test(test_subscribe_many_in_blocks_and_takeover),
        cmocka_unit_test(test_many_sends_at_once_share_blocks),
        cmocka_unit_test(test_links_notifications_keys_info_and_suspension),
        cmocka_unit_test(test_contact_queue_takes_new_recipient_keys_and_link_data),
        cmocka_unit_test(test_handles_survive_export_and_import),
        cmocka_unit_test(test_raw_client_gets_bodies_as_sent),
        cmocka_unit_test(test_too_large_command_is_not_sent),
        cmocka_unit_test(test_many_connections_share_the_lanes),
        cmocka_unit_test(test_end_to_end_envelopes),
        cmocka_unit_test(test_router_that_stops_disconnects_once),
    };
    return cmocka_run_group_tests(tests, start_router, stop_router);
}
