/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What clients of a proxy are told when the relay is dead, slow, broken or hostile: each error of PRXY and PFWD, and
 * that nothing stays stuck. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/forwarding.h"
#include "test/support/plain_listener.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"

enum { CONNECT_MS = 1000, FORWARD_MS = 400, PERSISTENCE_MS = 600 };

static struct router_fixture proxy;
static struct peer client;
static struct peer_answer answer;
static struct forwarding forwarding;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&proxy);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.client_concurrency = 4;
    proxy.config.proxy.connect_timeout_ms = CONNECT_MS;
    proxy.config.proxy.forward_timeout_ms = FORWARD_MS;
    proxy.config.proxy.error_persistence_ms = PERSISTENCE_MS;
    proxy.config.proxy_network.host_mode_required = true;
    router_fixture_start(&proxy);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&proxy);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&proxy, 0, &client);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&client);
    return 0;
}

static void expect_text(const char *text) {
    char buffer[256];
    assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    assert_string_equal(text, smp_error_text(&answer.response.error, buffer, sizeof buffer));
}

/* ---- PRXY */

static void expect_refusal(const char *address, const char *text) {
    forwarding_connect(&client, address, NULL, &answer);
    expect_text(text);
}

static void expect_hello_refused(enum scripted_hello hello, struct version_range versions, const char *text) {
    struct scripted_router relay;
    struct scripted_options options = {.hello = hello, .versions = versions};
    scripted_router_start(&relay, &options);
    expect_refusal(relay.address, text);
    scripted_router_stop(&relay);
}

static void test_hostile_hellos_are_transport_errors(void **state) {
    (void)state;
    static const struct {
        enum scripted_hello hello;
        const char *text;
    } rows[] = {
        {HELLO_NEVER, "PROXY BROKER NETWORK"},
        {HELLO_GARBAGE, "PROXY BROKER TRANSPORT HANDSHAKE PARSE"},
        {HELLO_OTHER_SESSION, "PROXY BROKER TRANSPORT SESSION"},
        {HELLO_OTHER_SIGNER, "PROXY BROKER TRANSPORT HANDSHAKE BAD_AUTH"},
        {HELLO_OTHER_CHAIN, "PROXY BROKER TRANSPORT HANDSHAKE BAD_AUTH"},
        {HELLO_WITHOUT_KEY, "PROXY BROKER TRANSPORT NO_AUTH"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_hello_refused(rows[i].hello, (struct version_range){0, 0}, rows[i].text);
}

static void test_versions_that_cannot_be_proxied_are_refused(void **state) {
    (void)state;
    static const struct version_range ranges[] = {{6, 6}, {7, 7}, {18, 18}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        expect_hello_refused(HELLO_RIGHT, ranges[i], "PROXY BROKER TRANSPORT VERSION");
}

static void test_relay_nobody_listens_for_is_a_network_error(void **state) {
    (void)state;
    struct scripted_router relay;
    struct scripted_options options = {.hello = HELLO_RIGHT};
    char address[128];
    scripted_router_start(&relay, &options);
    (void)snprintf(address, sizeof address, "%s", relay.address);
    scripted_router_stop(&relay);
    expect_refusal(address, "PROXY BROKER NETWORK");
}

static void test_wrong_certificate_is_a_network_error(void **state) {
    (void)state;
    struct scripted_router relay, other;
    struct scripted_options options = {.hello = HELLO_RIGHT};
    char address[192];
    scripted_router_start(&relay, &options);
    scripted_router_start(&other, &options);
    (void)snprintf(address, sizeof address, "%.*s@127.0.0.1:%u", (int)strcspn(other.address, "@"), other.address,
                   relay.port);
    expect_refusal(address, "PROXY BROKER NETWORK");
    scripted_router_stop(&relay);
    scripted_router_stop(&other);
}

static void test_missing_host_of_the_required_kind_is_a_host_error(void **state) {
    (void)state;
    expect_refusal("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@"
                   "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion",
                   "PROXY BROKER HOST");
}

/* TCP listeners of no protocol at all. */
static void test_peers_that_speak_no_tls_are_network_errors(void **state) {
    (void)state;
    static const char *const greetings[] = {NULL, "", "HTTP/1.1 400 Bad Request\r\n\r\n"};
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        struct plain_listener listener;
        char address[192];
        plain_listener_start(&listener, greetings[i]);
        (void)snprintf(address, sizeof address, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:%u",
                       listener.port);
        expect_refusal(address, "PROXY BROKER NETWORK");
        plain_listener_stop(&listener);
    }
}

static void test_failed_relay_is_remembered_then_tried_again(void **state) {
    (void)state;
    struct plain_listener listener;
    char address[192];
    plain_listener_start(&listener, "");
    (void)snprintf(address, sizeof address, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:%u",
                   listener.port);
    uint64_t started = clock_monotonic_ms();
    expect_refusal(address, "PROXY BROKER NETWORK");
    unsigned attempts = plain_listener_accepted(&listener);
    assert_true(attempts >= 1);
    expect_refusal(address, "PROXY BROKER NETWORK");
    if (clock_monotonic_ms() - started < PERSISTENCE_MS)
        assert_int_equal(attempts, plain_listener_accepted(&listener));
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (plain_listener_accepted(&listener) == attempts) {
        expect_refusal(address, "PROXY BROKER NETWORK");
        assert_true(clock_monotonic_ms() < deadline);
    }
    assert_true(clock_monotonic_ms() - started >= PERSISTENCE_MS);
    plain_listener_stop(&listener);
}

/* Who asks while another's attempt is under way gets the same outcome, and others are not held up. */
static void test_relay_that_never_answers_holds_up_nobody_else(void **state) {
    (void)state;
    struct scripted_router dead, alive;
    struct scripted_options never = {.hello = HELLO_NEVER}, right = {.hello = HELLO_RIGHT};
    struct peer other;
    scripted_router_start(&dead, &never);
    scripted_router_start(&alive, &right);
    router_fixture_connect(&proxy, 0, &other);
    uint64_t started = clock_monotonic_ms();
    uint8_t waits[24];
    forwarding_begin_connect(&client, dead.address, NULL, waits);
    forwarding_connect(&client, alive.address, NULL, &answer);
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
    forwarding_connect(&other, alive.address, NULL, &answer);
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
    assert_true(clock_monotonic_ms() - started < CONNECT_MS);
    forwarding_connect(&other, dead.address, NULL, &answer);
    expect_text("PROXY BROKER NETWORK");
    forwarding_end_connect(&client, waits, &answer);
    expect_text("PROXY BROKER NETWORK");
    peer_close(&other);
    scripted_router_stop(&dead);
    scripted_router_stop(&alive);
}

/* ---- PFWD */

/* What the relay does with the next RFWD. */
enum deed { SAY_NOTHING, CLOSE, SAY, SAY_GARBAGE, SAY_UNREADABLE, SAY_WITH_ENTITY, SAY_UNSEALED };
static struct {
    enum deed deed;
    struct smp_response response;
    _Atomic uint16_t version; /* of the session it came in */
} script;

static void say_unreadable(struct scripted_connection *connection, struct slice correlation_id) {
    uint8_t content[64];
    struct writer writer = writer_of(content, sizeof content);
    write_u8(&writer, 1);
    write_u16(&writer, (uint16_t)(1 + 1 + correlation_id.length + 1 + strlen("SURPRISE")));
    write_u8(&writer, 0);
    write_short(&writer, correlation_id);
    write_u8(&writer, 0);
    write_text(&writer, "SURPRISE");
    scripted_send_content(connection, slice_of(content, writer_length(&writer)));
}

static void act(struct scripted_connection *connection, const struct scripted_command *command, void *context) {
    (void)context;
    struct slice none = slice_of(NULL, 0);
    uint8_t junk[100] = {0};
    struct smp_response unsealed = {.tag = SMP_RRES, .payload = slice_of(junk, sizeof junk)};
    atomic_store(&script.version, scripted_version(connection));
    switch (script.deed) {
    case SAY_NOTHING:
        break;
    case CLOSE:
        scripted_close(connection);
        break;
    case SAY:
        scripted_respond(connection, command->correlation_id, none, &script.response);
        break;
    case SAY_GARBAGE:
        scripted_send_garbage(connection);
        break;
    case SAY_UNREADABLE:
        say_unreadable(connection, command->correlation_id);
        break;
    case SAY_WITH_ENTITY:
        scripted_respond(connection, command->correlation_id, slice_of_text("entity"), &script.response);
        break;
    case SAY_UNSEALED:
        scripted_respond(connection, command->correlation_id, none, &unsealed);
        break;
    }
}

static void ask_relay(void) {
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    forwarding_seal(&forwarding, NULL, slice_of_text("somebody's queue"), &command);
    forwarding_send(&client, &forwarding);
    forwarding_await(&client, &forwarding, &answer);
}

static void test_older_relays_are_spoken_to_without_block_encryption(void **state) {
    (void)state;
    static const struct {
        struct version_range relay;
        uint16_t session;
        struct version_range told;
    } rows[] = {{{6, 18}, 18, {8, 17}}, {{6, 14}, 14, {8, 14}}, {{6, 13}, 10, {8, 10}}, {{8, 8}, 8, {8, 8}}};
    script.deed = SAY;
    script.response = smp_response_error(smp_error_of(SMP_ERROR_QUOTA));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scripted_router relay;
        struct scripted_options options = {.versions = rows[i].relay, .handle = act};
        scripted_router_start(&relay, &options);
        forwarding_connect(&client, relay.address, NULL, &answer);
        assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
        assert_int_equal(rows[i].told.min, answer.response.proxy_key.versions.min);
        assert_int_equal(rows[i].told.max, answer.response.proxy_key.versions.max);
        forwarding = forwarding_of_key(&answer, rows[i].told.max);
        ask_relay();
        expect_text("PROXY PROTOCOL QUOTA");
        assert_int_equal(rows[i].session, atomic_load(&script.version));
        scripted_router_stop(&relay);
    }
}

static void connect_to(struct scripted_router *relay) {
    struct scripted_options options = {.handle = act};
    scripted_router_start(relay, &options);
    forwarding_connect(&client, relay->address, NULL, &answer);
    forwarding = forwarding_of_key(&answer, 17);
}

static void expect_deed(enum deed deed, struct smp_response response, const char *text) {
    struct scripted_router relay;
    script.deed = deed;
    script.response = response;
    connect_to(&relay);
    ask_relay();
    expect_text(text);
    scripted_router_stop(&relay);
}

static void test_errors_of_the_relay_are_wrapped(void **state) {
    (void)state;
    const struct {
        struct smp_error error;
        const char *text;
    } rows[] = {
        {smp_error_of(SMP_ERROR_AUTH), "PROXY PROTOCOL AUTH"},
        {smp_error_of(SMP_ERROR_CRYPTO), "PROXY PROTOCOL CRYPTO"},
        {smp_error_command(COMMAND_SYNTAX), "PROXY PROTOCOL CMD SYNTAX"},
        {smp_error_store(slice_of_text("the disk is full")), "PROXY PROTOCOL STORE the disk is full"},
        {smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_NO_AUTH)),
         "PROXY PROTOCOL PROXY BROKER TRANSPORT NO_AUTH"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_deed(SAY, smp_response_error(rows[i].error), rows[i].text);
}

static void test_wrong_answers_are_told_as_what_they_are(void **state) {
    (void)state;
    struct smp_response pong = {.tag = SMP_PONG};
    expect_deed(SAY_UNREADABLE, pong, "PROXY BROKER RESPONSE CMD UNKNOWN");
    expect_deed(SAY, pong, "PROXY BROKER UNEXPECTED PONG");
    expect_deed(SAY_WITH_ENTITY, smp_response_ok(), "PROXY BROKER UNEXPECTED response for another entity");
    expect_deed(SAY_UNSEALED, pong, "CRYPTO");
}

static void test_relay_that_answers_nothing_times_out(void **state) {
    (void)state;
    expect_deed(SAY_NOTHING, smp_response_ok(), "PROXY BROKER TIMEOUT");
    expect_deed(SAY_GARBAGE, smp_response_ok(), "PROXY BROKER TIMEOUT");
}

static void test_relay_that_closes_is_a_network_error_and_its_session_is_gone(void **state) {
    (void)state;
    struct scripted_router relay;
    script.deed = CLOSE;
    connect_to(&relay);
    ask_relay();
    expect_text("PROXY BROKER NETWORK");
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    do {
        ask_relay();
        assert_true(clock_monotonic_ms() < deadline);
    } while (answer.response.error.proxy.kind != SMP_PROXY_NO_SESSION);
    expect_text("PROXY NO_SESSION");
    script.deed = SAY;
    script.response = smp_response_error(smp_error_of(SMP_ERROR_QUOTA));
    forwarding_connect(&client, relay.address, NULL, &answer);
    forwarding = forwarding_of_key(&answer, 17);
    ask_relay();
    expect_text("PROXY PROTOCOL QUOTA");
    scripted_router_stop(&relay);
}

static void test_payload_of_another_size_is_passed_on_as_it_is(void **state) {
    (void)state;
    struct scripted_router relay;
    script.deed = SAY;
    script.response = smp_response_error(smp_error_of(SMP_ERROR_CRYPTO));
    connect_to(&relay);
    forwarding_seal_content(&forwarding, slice_of_text("x"));
    static const size_t sizes[] = {0, 1, 17, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        random_bytes(forwarding.nonce, sizeof forwarding.nonce);
        forwarding.sealed = slice_of(forwarding.payload, sizes[i]);
        forwarding_send(&client, &forwarding);
        forwarding_await(&client, &forwarding, &answer);
        expect_text("PROXY PROTOCOL CRYPTO");
    }
    scripted_router_stop(&relay);
}

/* Clients that wait for a connection, for an answer, and for a place, while the router ends. */
static void test_router_stops_with_proxied_commands_under_way(void **state) {
    (void)state;
    struct scripted_router never, slow;
    struct scripted_options options = {.hello = HELLO_NEVER};
    uint8_t id[24];
    script.deed = SAY_NOTHING;
    scripted_router_start(&never, &options);
    connect_to(&slow);
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    for (unsigned i = 0; i < 2 * proxy.config.proxy.client_concurrency; i++) {
        forwarding_seal(&forwarding, NULL, slice_of_text("somebody's queue"), &command);
        forwarding_send(&client, &forwarding);
    }
    scripted_await(&slow, SMP_RFWD, proxy.config.proxy.client_concurrency);
    struct peer other;
    router_fixture_connect(&proxy, 0, &other);
    forwarding_begin_connect(&other, never.address, NULL, id);
    uint64_t started = clock_monotonic_ms();
    router_fixture_stop(&proxy);
    assert_true(clock_monotonic_ms() - started < 10000);
    router_fixture_start(&proxy);
    peer_close(&other);
    peer_close(&client);
    router_fixture_connect(&proxy, 0, &client);
    scripted_router_stop(&never);
    scripted_router_stop(&slow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile_hellos_are_transport_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions_that_cannot_be_proxied_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_older_relays_are_spoken_to_without_block_encryption, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relay_nobody_listens_for_is_a_network_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_certificate_is_a_network_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_host_of_the_required_kind_is_a_host_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peers_that_speak_no_tls_are_network_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_relay_is_remembered_then_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relay_that_never_answers_holds_up_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_the_relay_are_wrapped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_answers_are_told_as_what_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relay_that_answers_nothing_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relay_that_closes_is_a_network_error_and_its_session_is_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_payload_of_another_size_is_passed_on_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_router_stops_with_proxied_commands_under_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
