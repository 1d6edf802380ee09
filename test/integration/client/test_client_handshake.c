/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connecting to routers that are not what they should be: each is refused, with its reason, by both forms of
 * connect. */
#include <stdio.h>
#include <string.h>

#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/scripted_router.h"

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

/* Both forms end with `expected`; the text of the blocking one is `text` when that is not NULL. */
static void expect_refusal_at(const char *address, const struct smq_client_options *given, enum smq_result expected,
                              const char *text) {
    struct smq_client_options options;
    smq_client_options_init(&options);
    options = given == NULL ? options : *given;
    struct smq_client *client = NULL;
    struct smq_error error;
    assert_int_equal(smq_client_connect(context, address, &options, &client, &error), expected);
    assert_null(client);
    assert_int_equal(error.result, expected);
    if (text != NULL)
        assert_string_equal(error.text, text);
    struct client_fixture fixture = {.client = NULL};
    require(smq_events_create(NULL, &fixture.events) == SMQ_OK);
    options.events = fixture.events;
    assert_int_equal(smq_client_connect_async(context, address, &options, &fixture.client), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&fixture, SMQ_EVENT_CONNECTED);
    assert_int_equal(event->result, expected);
    assert_true(strlen(event->error_text) > 0);
    client_fixture_expect_nothing(&fixture);
    client_fixture_close(&fixture);
}

static void expect_refusal(enum scripted_hello hello, enum smq_result expected, const char *text) {
    struct scripted_router router;
    struct scripted_options options = {.hello = hello};
    scripted_router_start(&router, &options);
    expect_refusal_at(router.address, NULL, expected, text);
    scripted_router_stop(&router);
}

static void test_hello_with_another_session_id_is_refused(void **state) {
    (void)state;
    expect_refusal(HELLO_OTHER_SESSION, SMQ_ERR_IDENTITY, "SESSION");
}

static void test_session_key_signed_by_another_certificate_is_refused(void **state) {
    (void)state;
    expect_refusal(HELLO_OTHER_SIGNER, SMQ_ERR_CRYPTO, "HANDSHAKE BAD_AUTH");
}

static void test_hello_with_the_chain_of_another_router_is_refused(void **state) {
    (void)state;
    expect_refusal(HELLO_OTHER_CHAIN, SMQ_ERR_IDENTITY, "HANDSHAKE BAD_AUTH");
}

static void test_hello_that_does_not_parse_is_refused(void **state) {
    (void)state;
    expect_refusal(HELLO_GARBAGE, SMQ_ERR_SYNTAX, "HANDSHAKE PARSE");
}

static void test_wrong_key_hash_is_refused_in_tls(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_RIGHT});
    char address[128];
    client_fixture_address(router.other.fingerprint, router.port, address, sizeof(address));
    expect_refusal_at(address, NULL, SMQ_ERR_IDENTITY, NULL);
    scripted_router_stop(&router);
}

static void test_no_common_version_is_refused(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.versions = {6, 9}});
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.version_min = 10;
    expect_refusal_at(router.address, &options, SMQ_ERR_VERSION, "VERSION");
    scripted_router_stop(&router);
}

static void test_router_that_says_nothing_times_out(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_NEVER});
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.connect_timeout_ms = 200;
    uint64_t before = clock_monotonic_ms();
    expect_refusal_at(router.address, &options, SMQ_ERR_TIMEOUT, NULL);
    assert_true(clock_monotonic_ms() - before < 5000);
    scripted_router_stop(&router);
}

static void test_nobody_listening_is_a_network_error(void **state) {
    (void)state;
    struct test_pki pki;
    test_pki_init(&pki);
    char address[128];
    client_fixture_address(pki.fingerprint, free_port(), address, sizeof(address));
    expect_refusal_at(address, NULL, SMQ_ERR_NETWORK, NULL);
    test_pki_finish(&pki);
}

static void test_bad_addresses_and_options_are_refused_at_once(void **state) {
    (void)state;
    struct smq_client *client = NULL;
    struct smq_error error;
    assert_int_equal(smq_client_connect(context, "smp://short@localhost", NULL, &client, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(smq_client_connect(context, "", NULL, &client, &error), SMQ_ERR_SYNTAX);
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.version_min = 19;
    const char *address = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@localhost";
    assert_int_equal(smq_client_connect(context, address, &options, &client, &error), SMQ_ERR_INVALID);
    smq_client_options_init(&options);
    assert_int_equal(smq_client_connect_async(context, address, &options, &client), SMQ_ERR_INVALID);
    assert_null(client);
}

static void test_closing_while_connecting_ends_with_cancelled(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_NEVER});
    struct client_fixture fixture = {.client = NULL};
    require(smq_events_create(NULL, &fixture.events) == SMQ_OK);
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = fixture.events;
    assert_int_equal(smq_client_connect_async(context, router.address, &options, &fixture.client), SMQ_OK);
    assert_int_equal(smq_ping_async(fixture.client, 0, 5), SMQ_OK);
    const struct smq_event *event = client_fixture_expect(&fixture, SMQ_EVENT_COMPLETED);
    assert_int_equal(event->result, SMQ_ERR_CLOSED);
    smq_client_close(&fixture.client);
    event = client_fixture_expect(&fixture, SMQ_EVENT_CONNECTED);
    assert_int_equal(event->result, SMQ_ERR_CANCELLED);
    smq_batch_release(&fixture.batch);
    smq_events_destroy(&fixture.events);
    scripted_router_stop(&router);
}

static void test_session_without_router_key_is_not_encrypted_and_refuses_x25519(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_WITHOUT_KEY, .versions = {6, 6}});
    struct client_fixture fixture;
    client_fixture_connect(&fixture, context, router.address, NULL);
    struct smq_client_info info;
    smq_client_info(fixture.client, &info);
    assert_int_equal(info.version, 6);
    assert_false(info.encrypted);
    assert_int_equal(info.session_id_length, 32);
    char uri[512];
    (void)snprintf(
        uri, sizeof(uri),
        "%s/c2VuZGVyLWlkLW9mLTI0LWJ5dGVz#/?v=1-4&dh=MCowBQYDK2VuAyEAB6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw%%3D",
        router.address);
    struct smq_send_queue *queue;
    assert_int_equal(smq_send_queue_from_uri(uri, &queue), SMQ_OK);
    assert_int_equal(smq_send_queue_make_key(queue, SMQ_KEY_X25519), SMQ_OK);
    assert_int_equal(smq_secure_as_sender(fixture.client, queue, 0, NULL), SMQ_ERR_AUTH);
    assert_int_equal(smq_ping(fixture.client, 0, NULL), SMQ_OK);
    struct smq_create_options create;
    smq_create_options_init(&create);
    create.with_notifier = true;
    struct smq_receive_queue *created;
    assert_int_equal(smq_create_queue(fixture.client, &create, 0, &created, NULL), SMQ_ERR_VERSION);
    smq_send_queue_release(&queue);
    client_fixture_close(&fixture);
    scripted_router_stop(&router);
}

static void test_client_without_a_session_key_gets_plain_blocks(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_RIGHT});
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.session_key = false;
    struct client_fixture fixture;
    client_fixture_connect(&fixture, context, router.address, &options);
    struct smq_client_info info;
    smq_client_info(fixture.client, &info);
    assert_int_equal(info.version, 18);
    assert_false(info.encrypted);
    assert_int_equal(smq_ping(fixture.client, 0, NULL), SMQ_OK);
    client_fixture_close(&fixture);
    scripted_router_stop(&router);
}

static void test_context_that_is_destroyed_closes_its_clients(void **state) {
    (void)state;
    struct scripted_router router;
    scripted_router_start(&router, &(struct scripted_options){.hello = HELLO_RIGHT});
    struct smq_context *other;
    require(smq_context_create(NULL, &other) == SMQ_OK);
    struct client_fixture fixture;
    client_fixture_connect(&fixture, other, router.address, NULL);
    smq_context_destroy(&other);
    assert_int_equal(client_fixture_expect(&fixture, SMQ_EVENT_DISCONNECTED)->result, SMQ_ERR_CANCELLED);
    assert_int_equal(smq_ping(fixture.client, 0, NULL), SMQ_ERR_CLOSED);
    client_fixture_close(&fixture);
    scripted_router_stop(&router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_with_another_session_id_is_refused),
        cmocka_unit_test(test_session_key_signed_by_another_certificate_is_refused),
        cmocka_unit_test(test_hello_with_the_chain_of_another_router_is_refused),
        cmocka_unit_test(test_hello_that_does_not_parse_is_refused),
        cmocka_unit_test(test_wrong_key_hash_is_refused_in_tls),
        cmocka_unit_test(test_no_common_version_is_refused),
        cmocka_unit_test(test_router_that_says_nothing_times_out),
        cmocka_unit_test(test_nobody_listening_is_a_network_error),
        cmocka_unit_test(test_bad_addresses_and_options_are_refused_at_once),
        cmocka_unit_test(test_closing_while_connecting_ends_with_cancelled),
        cmocka_unit_test(test_session_without_router_key_is_not_encrypted_and_refuses_x25519),
        cmocka_unit_test(test_client_without_a_session_key_gets_plain_blocks),
        cmocka_unit_test(test_context_that_is_destroyed_closes_its_clients),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
