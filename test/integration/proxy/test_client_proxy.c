/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client library through a proxy, with real routers on both sides. */
#include <stdio.h>
#include <string.h>

#include "actors/client/smq/client.h"
#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"

static struct router_fixture proxy, relay;
static struct smq_context *context;
static char proxy_address[256], relay_address[256];
static struct client_fixture sender, recipient;

/* Reads the address again with a password. */
static void add_password(char address[256], const char *password) {
    char copy[256];
    size_t hash = strcspn(address, "@");
    (void)snprintf(copy, sizeof(copy), "%.*s:%s%s", (int)hash, address, password, address + hash);
    memcpy(address, copy, sizeof(copy));
}

static int start(void **state) {
    (void)state;
    router_fixture_init(&proxy);
    router_fixture_init(&relay);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.connect_timeout_ms = 2000;
    proxy.config.proxy.error_persistence_ms = 50;
    proxy.config.create_password = "secret";
    router_fixture_start(&proxy);
    router_fixture_start(&relay);
    client_fixture_address(proxy.fingerprint, proxy.port, proxy_address, sizeof(proxy_address));
    client_fixture_address(relay.fingerprint, relay.port, relay_address, sizeof(relay_address));
    add_password(proxy_address, "secret");
    require(smq_context_create(NULL, &context) == SMQ_OK);
    return 0;
}

static int stop(void **state) {
    (void)state;
    smq_context_destroy(&context);
    router_fixture_finish(&proxy);
    router_fixture_finish(&relay);
    return 0;
}

static int connect_both(void **state) {
    (void)state;
    client_fixture_connect(&sender, context, proxy_address, NULL);
    client_fixture_connect(&recipient, context, relay_address, NULL);
    return 0;
}

static int close_both(void **state) {
    (void)state;
    client_fixture_close(&sender);
    client_fixture_close(&recipient);
    return 0;
}

static struct smq_bytes text(const char *value) {
    return (struct smq_bytes){(const uint8_t *)value, strlen(value)};
}

static void make_queue(enum smq_queue_mode mode, struct smq_receive_queue **queue, struct smq_send_queue **send_queue) {
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.mode = mode;
    assert_int_equal(smq_create_queue(recipient.client, &options, 0, queue, NULL), SMQ_OK);
    assert_int_equal(smq_send_queue_from_receive_queue(*queue, send_queue), SMQ_OK);
}

static void expect_message(struct smq_receive_queue *queue, const char *body) {
    const struct smq_event *event = client_fixture_expect(&recipient, SMQ_EVENT_MESSAGE);
    assert_int_equal(event->body.length, strlen(body));
    assert_memory_equal(event->body.bytes, body, event->body.length);
    assert_int_equal(smq_acknowledge(recipient.client, queue, event->message_id, 0, NULL), SMQ_OK);
}

static void test_queue_is_secured_and_sent_to_with_every_kind_of_key(void **state) {
    (void)state;
    static const enum smq_key_algorithm algorithms[] = {SMQ_KEY_ED25519, SMQ_KEY_ED448, SMQ_KEY_X25519};
    for (size_t i = 0; i < 3; i++) {
        struct smq_receive_queue *queue;
        struct smq_send_queue *send_queue;
        make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
        assert_int_equal(smq_proxied_secure_as_sender(sender.client, send_queue, 0, NULL), SMQ_ERR_NOT_FOUND);
        assert_int_equal(smq_proxied_send(sender.client, send_queue, false, text("not secured"), 0, NULL), SMQ_OK);
        expect_message(queue, "not secured");
        assert_int_equal(smq_send_queue_make_key(send_queue, algorithms[i]), SMQ_OK);
        assert_int_equal(smq_proxied_secure_as_sender(sender.client, send_queue, 0, NULL), SMQ_OK);
        assert_true(smq_send_queue_is_secured(send_queue));
        assert_int_equal(smq_proxied_send(sender.client, send_queue, true, text("secured"), 0, NULL), SMQ_OK);
        expect_message(queue, "secured");
        smq_send_queue_release(&send_queue);
        smq_receive_queue_release(&queue);
    }
}

static void test_asynchronous_sends_complete_one_by_one(void **state) {
    (void)state;
    enum { MESSAGES = 100 };
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    bool seen[MESSAGES] = {false};
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    for (uint64_t i = 0; i < MESSAGES; i++)
        assert_int_equal(smq_proxied_send_async(sender.client, send_queue, false, text("one of many"), 0, i), SMQ_OK);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        const struct smq_event *event = client_fixture_expect(&sender, SMQ_EVENT_COMPLETED);
        assert_int_equal(event->result, SMQ_OK);
        assert_int_equal(event->command, SMQ_COMMAND_SEND);
        assert_ptr_equal(event->send_queue, send_queue);
        struct smq_bytes id = smq_send_queue_id(send_queue);
        assert_int_equal(event->entity_id.length, id.length);
        assert_memory_equal(event->entity_id.bytes, id.bytes, id.length);
        assert_true(event->tag < MESSAGES && !seen[event->tag]);
        seen[event->tag] = true;
    }
    for (uint64_t i = 0; i < MESSAGES; i++)
        expect_message(queue, "one of many");
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

static void set_link(struct smq_receive_queue *queue, uint8_t link_id[24]) {
    random_bytes(link_id, 24);
    assert_int_equal(smq_set_link(recipient.client, queue, (struct smq_bytes){link_id, 24}, text("fixed"),
                                  text("user data"), 0, NULL),
                     SMQ_OK);
}

static void test_link_data_are_read_through_the_proxy(void **state) {
    (void)state;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    struct smq_batch *batch;
    uint8_t link_id[24];
    make_queue(SMQ_MODE_CONTACT, &queue, &send_queue);
    set_link(queue, link_id);
    assert_int_equal(
        smq_proxied_get_link(sender.client, relay_address, (struct smq_bytes){link_id, 24}, 0, &batch, NULL), SMQ_OK);
    const struct smq_event *event = smq_batch_event(batch, 0);
    assert_int_equal(event->body.length, strlen("user data"));
    assert_memory_equal(event->body.bytes, "user data", event->body.length);
    assert_null(event->send_queue);
    smq_batch_release(&batch);
    assert_int_equal(
        smq_proxied_get_link(sender.client, "no address", (struct smq_bytes){link_id, 24}, 0, &batch, NULL),
        SMQ_ERR_SYNTAX);
    assert_int_equal(
        smq_proxied_get_link(sender.client, relay_address, (struct smq_bytes){link_id, 0}, 0, &batch, NULL),
        SMQ_ERR_INVALID);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

static void test_link_gives_a_handle_that_names_the_relay(void **state) {
    (void)state;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue, *by_link;
    uint8_t link_id[24];
    char address[SMQ_ADDRESS_TEXT_SIZE];
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    set_link(queue, link_id);
    assert_int_equal(smq_proxied_secure_by_link_async(sender.client, relay_address, (struct smq_bytes){link_id, 24},
                                                      (struct smq_bytes){NULL, 0}, 0, 7),
                     SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&sender, SMQ_EVENT_COMPLETED);
    assert_int_equal(event->result, SMQ_OK);
    assert_int_equal(event->tag, 7);
    by_link = smq_send_queue_reference(event->send_queue);
    assert_int_equal(smq_send_queue_address(by_link, address, sizeof(address)), SMQ_OK);
    assert_string_equal(address, relay_address);
    assert_int_equal(smq_proxied_send(sender.client, by_link, false, text("by link"), 0, NULL), SMQ_OK);
    expect_message(queue, "by link");
    smq_send_queue_release(&by_link);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

static void test_largest_body_goes_through(void **state) {
    (void)state;
    static uint8_t body[SMQ_BODY_MAX + 1];
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    struct smq_error error;
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    assert_int_equal(smq_send_queue_make_key(send_queue, SMQ_KEY_ED448), SMQ_OK);
    assert_int_equal(smq_proxied_secure_as_sender(sender.client, send_queue, 0, NULL), SMQ_OK);
    assert_int_equal(
        smq_proxied_send(sender.client, send_queue, false, (struct smq_bytes){body, SMQ_BODY_MAX}, 0, &error), SMQ_OK);
    assert_int_equal(
        smq_proxied_send(sender.client, send_queue, false, (struct smq_bytes){body, SMQ_BODY_MAX + 1}, 0, &error),
        SMQ_ERR_TOO_LARGE);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

static void test_error_of_the_relay_is_that_of_the_direct_command(void **state) {
    (void)state;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    struct smq_error error;
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    assert_int_equal(smq_delete(recipient.client, queue, 0, NULL), SMQ_OK);
    assert_int_equal(smq_proxied_send(sender.client, send_queue, false, text("x"), 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_AUTH);
    assert_string_equal(error.text, "AUTH");
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

static void test_errors_of_the_proxy_are_told_apart(void **state) {
    (void)state;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue, *elsewhere;
    struct client_fixture stranger;
    struct smq_error error;
    char address[256], uri[SMQ_URI_TEXT_SIZE];
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    assert_int_equal(smq_proxied_send(recipient.client, send_queue, false, text("x"), 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_PROXY);
    assert_string_equal(error.text, "PROXY BASIC_AUTH");
    client_fixture_address(proxy.fingerprint, proxy.port, address, sizeof(address));
    client_fixture_connect(&stranger, context, address, NULL);
    assert_int_equal(smq_proxied_send(stranger.client, send_queue, false, text("x"), 0, &error), SMQ_ERR_PROTOCOL);
    assert_string_equal(error.text, "PROXY BASIC_AUTH");
    client_fixture_close(&stranger);
    assert_int_equal(smq_receive_queue_uri(queue, uri, sizeof(uri)), SMQ_OK);
    char *host = strstr(uri, "127.0.0.1");
    assert_non_null(host);
    memcpy(host, "127.0.0.9", strlen("127.0.0.9"));
    char *port = strchr(host, ':');
    assert_non_null(port);
    memmove(port + 2, port + strcspn(port, "/"), strlen(port + strcspn(port, "/")) + 1);
    port[1] = '9';
    assert_int_equal(smq_send_queue_from_uri(uri, &elsewhere), SMQ_OK);
    assert_int_equal(smq_proxied_send(sender.client, elsewhere, false, text("x"), 0, &error), SMQ_ERR_PROTOCOL);
    assert_int_equal(error.protocol, SMQ_PROTOCOL_PROXY);
    assert_string_equal(error.text, "PROXY BROKER NETWORK");
    smq_send_queue_release(&elsewhere);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

/* The session with the relay is renewed by itself. */
static void test_sends_go_on_after_the_relay_restarted(void **state) {
    (void)state;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    struct smq_error error;
    enum smq_result result;
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    assert_int_equal(smq_proxied_send(sender.client, send_queue, false, text("before"), 0, NULL), SMQ_OK);
    router_fixture_stop(&relay);
    router_fixture_start(&relay);
    uint64_t deadline = clock_monotonic_ms() + 10000;
    do { /* at first the proxy may not have noticed */
        result = smq_proxied_send(sender.client, send_queue, false, text("after"), 0, &error);
        assert_true(result == SMQ_OK || strncmp(error.text, "PROXY BROKER", 12) == 0);
        assert_true(clock_monotonic_ms() < deadline);
    } while (result != SMQ_OK);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

static void test_proxy_that_is_too_old_is_refused_by_the_library(void **state) {
    (void)state;
    struct client_fixture old;
    struct smq_client_options options;
    struct smq_receive_queue *queue;
    struct smq_send_queue *send_queue;
    smq_client_options_init(&options);
    options.version_max = 7;
    client_fixture_connect(&old, context, proxy_address, &options);
    make_queue(SMQ_MODE_MESSAGING, &queue, &send_queue);
    assert_int_equal(smq_proxied_send(old.client, send_queue, false, text("x"), 0, NULL), SMQ_ERR_VERSION);
    client_fixture_close(&old);
    smq_send_queue_release(&send_queue);
    smq_receive_queue_release(&queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, connect_both, close_both)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_queue_is_secured_and_sent_to_with_every_kind_of_key),
        TEST(test_asynchronous_sends_complete_one_by_one),
        TEST(test_link_data_are_read_through_the_proxy),
        TEST(test_link_gives_a_handle_that_names_the_relay),
        TEST(test_largest_body_goes_through),
        TEST(test_error_of_the_relay_is_that_of_the_direct_command),
        TEST(test_errors_of_the_proxy_are_told_apart),
        TEST(test_proxy_that_is_too_old_is_refused_by_the_library),
        TEST(test_sends_go_on_after_the_relay_restarted),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
