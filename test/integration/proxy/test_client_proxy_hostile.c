/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client library with a proxy that does what a script says: relays that are not who they should be, sessions that
 * are unknown, answers that are wrong or never come. The test itself is the relay. */
#include <stdio.h>
#include <string.h>

#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"
#include "transport/block/batch.h"
#include "transport/crypto/proxy_layer.h"
#include "transport/crypto/signed_key.h"

static struct smq_context *context;
static struct scripted_router proxy;
static struct client_fixture client;
static struct smq_send_queue *queue;

/* What PKEY shows, and what PFWD is answered with. */
enum key_deed { KEY_RIGHT, KEY_NEVER, KEY_OTHER_CHAIN, KEY_OTHER_SIGNER, KEY_GARBAGE, KEY_EMPTY_SESSION, KEY_REFUSED };
enum forward_deed {
    FORWARD_RIGHT,
    FORWARD_NEVER,
    FORWARD_UNKNOWN_ONCE,
    FORWARD_UNKNOWN,
    FORWARD_TAMPERED,
    FORWARD_OTHER_RESPONSE,
    FORWARD_UNREADABLE,
    FORWARD_PLAIN_ERROR,
};
static struct {
    _Atomic enum key_deed key_deed; /* the script reads them when it likes */
    _Atomic enum forward_deed forward_deed;
    struct version_range versions;
    struct smp_response response;
    struct key_pair key;      /* the relay's, of the session that was told last */
    _Atomic uint32_t unknown; /* answers so far that the session is unknown */
    uint16_t version;         /* that the last command chose */
} relay;

static void tell_key(struct scripted_connection *connection, const struct scripted_command *command) {
    uint8_t chain[8192], signed_key[SIGNED_KEY_MAX];
    size_t count;
    const struct test_pki *shown = relay.key_deed == KEY_OTHER_CHAIN ? &proxy.other : &proxy.pki;
    const struct test_pki *signer = relay.key_deed == KEY_OTHER_SIGNER ? &proxy.other : shown;
    const struct slice *certificates = credentials_chain(shown->server, &count);
    struct writer chain_writer = writer_of(chain, sizeof(chain)),
                  key_writer = writer_of(signed_key, sizeof(signed_key));
    struct smp_response response = {.tag = SMP_PKEY};
    chain_encode(&chain_writer, certificates, count);
    require(key_pair_generate(KEY_X25519, &relay.key) == SMQ_OK);
    require(write_signed_key(&key_writer, credentials_key(signer->server), &relay.key.public_key) == SMQ_OK);
    response.proxy_key.session_id = slice_of_text(relay.key_deed == KEY_EMPTY_SESSION ? "" : "a session's id");
    response.proxy_key.versions = relay.versions;
    response.proxy_key.chain_key = (struct chain_key){(uint8_t)count, slice_of(chain, writer_length(&chain_writer)),
                                                      slice_of(signed_key, writer_length(&key_writer))};
    if (relay.key_deed == KEY_GARBAGE)
        response.proxy_key.chain_key.signed_key = slice_of_text("no key");
    scripted_respond(connection, command->correlation_id, slice_of(NULL, 0), &response);
}

static void ask_for_relay(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response refusal = smp_response_error(smp_error_broker(SMP_BROKER_HOST));
    if (relay.key_deed == KEY_REFUSED)
        scripted_respond(connection, command->correlation_id, slice_of(NULL, 0), &refusal);
    else if (relay.key_deed != KEY_NEVER)
        tell_key(connection, command);
}

/* Opens the command as the relay would, and answers in both layers' place. */
static void answer_as_relay(struct scripted_connection *connection, const struct scripted_command *command) {
    uint8_t payload[PROXY_PAYLOAD_SIZE], nonce[BOX_NONCE_SIZE];
    struct slice content, bytes;
    struct box_key box;
    struct block_content reader;
    struct transmission transmission;
    struct smp_error error;
    struct transmission_draft draft;
    struct transmission_form form = {command->command.forward.version, slice_of_text("a session's id")};
    struct writer writer = writer_of(payload + BOX_PADDED_OFFSET, PROXY_PAYLOAD_CONTENT_MAX);
    require(command->command.forward.payload.length == PROXY_PAYLOAD_SIZE);
    relay.version = form.version;
    memcpy(payload, command->command.forward.payload.bytes, sizeof(payload));
    memcpy(nonce, command->correlation_id.bytes, sizeof(nonce));
    require(box_key_agree(&relay.key.private_key, &command->command.forward.key, &box) == SMQ_OK);
    require(proxy_payload_open(&box, nonce, payload, sizeof(payload), &content) == SMQ_OK);
    require(block_content_open(content, &reader) == SMQ_OK && reader.count == 1);
    (void)block_content_next(&reader, &bytes);
    require(smp_transmission_parse(&form, bytes, &transmission, &error) == SMQ_OK);
    require(slice_equal(transmission.correlation_id, command->correlation_id));
    if (relay.forward_deed == FORWARD_UNREADABLE) {
        write_text(&writer, "\1no content at all");
    } else {
        uint8_t entity[255];
        size_t entity_length = transmission.entity_id.length;
        memcpy(entity, transmission.entity_id.bytes, entity_length);
        write_u8(&writer, 1);
        transmission_begin(&form, &writer, 0, false, command->correlation_id, slice_of(entity, entity_length), &draft);
        smp_response_write(form.version, &relay.response, &writer);
        require(transmission_end(&form, &writer, &draft, slice_of(NULL, 0), NULL) == SMQ_OK);
    }
    require(proxy_result_seal(&box, nonce, payload, writer_length(&writer)) == SMQ_OK);
    payload[100] ^= relay.forward_deed == FORWARD_TAMPERED ? 1 : 0;
    struct smp_response response = {.tag = SMP_PRES, .payload = slice_of(payload, sizeof(payload))};
    scripted_respond(connection, command->correlation_id, command->entity_id, &response);
}

static void forward(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response unknown = smp_response_error(smp_error_proxy(SMP_PROXY_NO_SESSION));
    struct smp_response crypto = smp_response_error(smp_error_of(SMP_ERROR_CRYPTO)), ok = smp_response_ok();
    bool is_unknown = relay.forward_deed == FORWARD_UNKNOWN ||
                      (relay.forward_deed == FORWARD_UNKNOWN_ONCE && atomic_load(&relay.unknown) == 0);
    if (is_unknown) {
        atomic_fetch_add(&relay.unknown, 1);
        scripted_respond(connection, command->correlation_id, command->entity_id, &unknown);
    } else if (relay.forward_deed == FORWARD_OTHER_RESPONSE) {
        scripted_respond(connection, command->correlation_id, command->entity_id, &ok);
    } else if (relay.forward_deed == FORWARD_PLAIN_ERROR) {
        scripted_respond(connection, command->correlation_id, command->entity_id, &crypto);
    } else if (relay.forward_deed != FORWARD_NEVER) {
        answer_as_relay(connection, command);
    }
}

static void handle(struct scripted_connection *connection, const struct scripted_command *command, void *nothing) {
    (void)nothing;
    if (command->command.tag == SMP_PRXY)
        ask_for_relay(connection, command);
    else if (command->command.tag == SMP_PFWD)
        forward(connection, command);
    else
        scripted_answer(connection, command);
}

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

/* The queue's address has the proxy's own key hash: the relay shows the same certificates. */
static int setup(void **state) {
    (void)state;
    static const char *const path = "/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA#/"
                                    "?v=1-4&dh=MCowBQYDK2VuAyEAjiswwI3O_NlS8Fk3HJUW870EY2bAwmttMBsvRB9eV3o%3D&q=m";
    char uri[SMQ_URI_TEXT_SIZE];
    struct scripted_options options = {.handle = handle};
    memset(&relay, 0, sizeof(relay));
    relay.versions = (struct version_range){8, 17};
    relay.response = smp_response_ok();
    scripted_router_start(&proxy, &options);
    client_fixture_connect(&client, context, proxy.address, NULL);
    (void)snprintf(uri, sizeof(uri), "%.*s@relay.example%s", (int)strcspn(proxy.address, "@"), proxy.address, path);
    require(smq_send_queue_from_uri(uri, &queue) == SMQ_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    smq_send_queue_release(&queue);
    client_fixture_close(&client);
    scripted_router_stop(&proxy);
    return 0;
}

static const struct smq_bytes body = {(const uint8_t *)"x", 1};

static void expect(enum smq_result result, enum smq_protocol_error protocol, const char *error_text) {
    struct smq_error error = {.result = SMQ_OK};
    assert_int_equal(smq_proxied_send(client.client, queue, false, body, 500, &error), result);
    if (result != SMQ_OK) {
        assert_int_equal(error.protocol, protocol);
        assert_string_equal(error.text, error_text);
    }
}

static void expect_asked(uint32_t times) {
    assert_int_equal(atomic_load(&proxy.commands[SMP_PRXY]), times);
}

static void test_session_is_asked_for_once(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++)
        expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
    expect_asked(1);
    assert_int_equal(atomic_load(&proxy.commands[SMP_PFWD]), 3);
}

static void test_commands_that_come_together_wait_for_one_session(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(smq_proxied_send_async(client.client, queue, false, body, 0, i), SMQ_OK);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(client_fixture_expect(&client, SMQ_EVENT_COMPLETED)->result, SMQ_OK);
    expect_asked(1);
}

static void test_version_is_the_highest_in_common(void **state) {
    (void)state;
    static const struct version_range ranges[] = {{8, 17}, {8, 10}, {9, 9}, {8, 18}};
    static const uint16_t chosen[] = {17, 10, 9, 18};
    for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
        relay.versions = ranges[i];
        relay.forward_deed = FORWARD_UNKNOWN_ONCE; /* so that the session is asked for again */
        atomic_store(&relay.unknown, 0);
        expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
        assert_int_equal(relay.version, chosen[i]);
    }
}

static void test_relay_must_be_who_the_address_says(void **state) {
    (void)state;
    static const enum key_deed deeds[] = {KEY_OTHER_CHAIN, KEY_OTHER_SIGNER, KEY_GARBAGE, KEY_EMPTY_SESSION};
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        relay.key_deed = deeds[i];
        expect(SMQ_ERR_IDENTITY, SMQ_PROTOCOL_NONE, "HANDSHAKE IDENTITY");
        expect_asked((uint32_t)i + 1);
    }
    relay.key_deed = KEY_RIGHT;
    expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
}

static void test_relay_of_other_versions_is_refused(void **state) {
    (void)state;
    relay.versions = (struct version_range){19, 20};
    expect(SMQ_ERR_VERSION, SMQ_PROTOCOL_NONE, "VERSION");
}

static void test_refusal_of_the_proxy_is_its_error(void **state) {
    (void)state;
    relay.key_deed = KEY_REFUSED;
    expect(SMQ_ERR_PROTOCOL, SMQ_PROTOCOL_PROXY, "PROXY BROKER HOST");
    relay.key_deed = KEY_RIGHT;
    relay.forward_deed = FORWARD_PLAIN_ERROR;
    expect(SMQ_ERR_PROTOCOL, SMQ_PROTOCOL_PROXY, "CRYPTO");
    relay.forward_deed = FORWARD_OTHER_RESPONSE;
    expect(SMQ_ERR_PROTOCOL, SMQ_PROTOCOL_PROXY, "unexpected response of the proxy");
}

static void test_error_of_the_relay_is_its_own(void **state) {
    (void)state;
    relay.response = smp_response_error(smp_error_of(SMP_ERROR_QUOTA));
    expect(SMQ_ERR_PROTOCOL, SMQ_PROTOCOL_QUOTA, "QUOTA");
    relay.response = (struct smp_response){.tag = SMP_PONG};
    expect(SMQ_ERR_PROTOCOL, SMQ_PROTOCOL_NONE, "unexpected response");
}

static void test_unknown_session_is_renewed_once(void **state) {
    (void)state;
    expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
    relay.forward_deed = FORWARD_UNKNOWN_ONCE;
    expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
    expect_asked(2);
    relay.forward_deed = FORWARD_UNKNOWN;
    expect(SMQ_ERR_PROTOCOL, SMQ_PROTOCOL_PROXY, "PROXY NO_SESSION");
    expect_asked(3);
    relay.forward_deed = FORWARD_RIGHT;
    expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
    expect_asked(4);
}

static void test_answers_that_are_no_answers(void **state) {
    (void)state;
    relay.forward_deed = FORWARD_TAMPERED;
    expect(SMQ_ERR_CRYPTO, SMQ_PROTOCOL_NONE, "");
    relay.forward_deed = FORWARD_UNREADABLE;
    expect(SMQ_ERR_SYNTAX, SMQ_PROTOCOL_NONE, "BLOCK");
}

static void test_silence_times_out_before_and_after_the_session(void **state) {
    (void)state;
    relay.key_deed = KEY_NEVER;
    expect(SMQ_ERR_TIMEOUT, SMQ_PROTOCOL_NONE, "");
    scripted_await(&proxy, SMP_PRXY, 1);
    client_fixture_close(&client);
    client_fixture_connect(&client, context, proxy.address, NULL);
    relay.key_deed = KEY_RIGHT;
    relay.forward_deed = FORWARD_NEVER;
    expect(SMQ_ERR_TIMEOUT, SMQ_PROTOCOL_NONE, "");
    relay.forward_deed = FORWARD_RIGHT;
    expect(SMQ_OK, SMQ_PROTOCOL_NONE, "");
}

static void test_client_that_is_closed_ends_what_waits(void **state) {
    (void)state;
    relay.key_deed = KEY_NEVER;
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(smq_proxied_send_async(client.client, queue, false, body, 0, i), SMQ_OK);
    scripted_await(&proxy, SMP_PRXY, 1);
    struct smq_client *handle = smq_client_reference(client.client);
    smq_client_close(&handle);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(client_fixture_expect(&client, SMQ_EVENT_COMPLETED)->result, SMQ_ERR_CANCELLED);
}

static void test_lost_proxy_ends_what_is_under_way(void **state) {
    (void)state;
    relay.forward_deed = FORWARD_NEVER;
    assert_int_equal(smq_proxied_send_async(client.client, queue, false, body, 0, 1), SMQ_OK);
    scripted_await(&proxy, SMP_PFWD, 1);
    scripted_close(atomic_load(&proxy.last));
    assert_int_equal(client_fixture_expect(&client, SMQ_EVENT_COMPLETED)->result, SMQ_ERR_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_session_is_asked_for_once),
        TEST(test_commands_that_come_together_wait_for_one_session),
        TEST(test_version_is_the_highest_in_common),
        TEST(test_relay_must_be_who_the_address_says),
        TEST(test_relay_of_other_versions_is_refused),
        TEST(test_refusal_of_the_proxy_is_its_error),
        TEST(test_error_of_the_relay_is_its_own),
        TEST(test_unknown_session_is_renewed_once),
        TEST(test_answers_that_are_no_answers),
        TEST(test_silence_times_out_before_and_after_the_session),
        TEST(test_client_that_is_closed_ends_what_waits),
        TEST(test_lost_proxy_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
