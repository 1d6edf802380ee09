/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proxy: commands of its clients reach relays over one connection each, and their answers come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/client_fixture.h"
#include "test/support/forwarding.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"

static struct router_fixture proxy, relay;
static struct peer client, recipient;
static struct peer_queue queue;
static struct peer_answer answer;
static struct forwarding forwarding;
static char relay_address[SMQ_ADDRESS_TEXT_SIZE];

static int group_setup(void **state) {
    static const uint16_t any_port[] = {0};
    (void)state;
    router_fixture_init(&proxy);
    router_fixture_init(&relay);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.client_concurrency = 4;
    proxy.config.proxy.own_server_domains = "simplex.im 127.0.0.1";
    proxy.config.create_password = "secret";
    proxy.config.websocket_ports = any_port;
    proxy.config.websocket_port_count = 1;
    router_fixture_start(&proxy);
    router_fixture_start(&relay);
    client_fixture_address(relay.fingerprint, relay.port, relay_address, sizeof relay_address);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&proxy);
    router_fixture_finish(&relay);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&proxy, 0, &client);
    router_fixture_connect(&relay, 0, &recipient);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&client);
    peer_close(&recipient);
    return 0;
}

static void expect(enum smp_response_tag tag) {
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
}

static void connect_relay(struct peer *by, const char *address) {
    forwarding_connect(by, address, "secret", &answer);
    expect(SMP_PKEY);
    forwarding = forwarding_of_key(&answer, answer.response.proxy_key.versions.max);
}

static void expect_message(const char *text) {
    uint8_t id[24];
    struct peer_answer message;
    peer_receive(&recipient, &message);
    peer_check_message(&queue, &message, text, id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
}

static void test_key_tells_the_session_with_the_relay(void **state) {
    (void)state;
    struct slice chain[4];
    uint8_t fingerprint[FINGERPRINT_SIZE];
    connect_relay(&client, relay_address);
    assert_int_equal(8, answer.response.proxy_key.versions.min);
    assert_int_equal(17, answer.response.proxy_key.versions.max);
    assert_int_equal(32, answer.response.proxy_key.session_id.length);
    assert_int_equal(2, chain_certificates(&answer.response.proxy_key.chain_key, chain, 4));
    assert_int_equal(SMQ_OK, certificate_fingerprint(chain[1], fingerprint));
    assert_memory_equal(relay.fingerprint, fingerprint, sizeof fingerprint);
}

static void test_message_reaches_the_relay_and_its_recipient(void **state) {
    (void)state;
    connect_relay(&client, relay_address);
    struct smp_command command = peer_send_command(slice_of_text("hidden sender"), true);
    forwarding_run_by_proxy(&client, &forwarding, NULL, peer_sender(&queue), &command, &answer);
    expect(SMP_OK);
    expect_message("hidden sender");
}

static void test_largest_message_fits_all_layers(void **state) {
    (void)state;
    static uint8_t body[16048];
    struct key_pair key;
    connect_relay(&client, relay_address);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED448, &key));
    struct smp_command secure = peer_command(SMP_SKEY);
    secure.key = key.public_key;
    forwarding_run_by_proxy(&client, &forwarding, &key, peer_sender(&queue), &secure, &answer);
    expect(SMP_OK);
    struct smp_command command = peer_send_command(slice_of(body, sizeof body), false);
    forwarding_run_by_proxy(&client, &forwarding, &key, peer_sender(&queue), &command, &answer);
    expect(SMP_OK);
}

static void test_clients_of_every_version_are_served(void **state) {
    (void)state;
    static const uint16_t versions[] = {8, 10, 11, 16, 18};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        peer_close(&client);
        router_fixture_connect(&proxy, versions[i], &client);
        connect_relay(&client, relay_address);
        struct smp_command command = peer_send_command(slice_of_text("any version"), false);
        forwarding_run_by_proxy(&client, &forwarding, NULL, peer_sender(&queue), &command, &answer);
        expect(SMP_OK);
        expect_message("any version");
    }
}

/* Their answers cannot leave in the block that they came in. */
static void test_clients_with_websockets_are_served(void **state) {
    (void)state;
    struct peer other;
    struct peer_options options = router_fixture_peer_options(&proxy);
    options.port = smp_router_port(proxy.router, 1);
    options.websocket = true;
    peer_connect(&other, &options);
    connect_relay(&other, relay_address);
    for (int i = 0; i < 5; i++) {
        struct smp_command command = peer_send_command(slice_of_text("from the web"), false);
        forwarding_run_by_proxy(&other, &forwarding, NULL, peer_sender(&queue), &command, &answer);
        expect(SMP_OK);
        expect_message("from the web");
    }
    peer_close(&other);
}

static void test_clients_share_one_connection(void **state) {
    (void)state;
    struct peer others[3];
    struct smp_router_statistics before, after;
    uint8_t session[32];
    connect_relay(&client, relay_address);
    memcpy(session, forwarding.session_id, sizeof session);
    smp_router_statistics(relay.router, &before);
    for (size_t i = 0; i < 3; i++) {
        router_fixture_connect(&proxy, 0, &others[i]);
        connect_relay(&others[i], relay_address);
        assert_memory_equal(session, forwarding.session_id, sizeof session);
    }
    smp_router_statistics(relay.router, &after);
    assert_int_equal(before.connections, after.connections);
    for (size_t i = 0; i < 3; i++)
        peer_close(&others[i]);
}

static void test_password_is_needed_as_for_new_queues(void **state) {
    (void)state;
    forwarding_connect(&client, relay_address, NULL, &answer);
    peer_check_error(&answer, smp_error_proxy(SMP_PROXY_BASIC_AUTH));
    forwarding_connect(&client, relay_address, "Secret", &answer);
    peer_check_error(&answer, smp_error_proxy(SMP_PROXY_BASIC_AUTH));
    connect_relay(&client, relay_address);
}

static void test_router_that_is_no_proxy_says_so(void **state) {
    (void)state;
    forwarding_connect(&recipient, relay_address, NULL, &answer);
    peer_check_error(&answer, smp_error_proxy(SMP_PROXY_BASIC_AUTH));
    forwarding = forwarding_to(&recipient, 17);
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    forwarding_seal(&forwarding, NULL, peer_sender(&queue), &command);
    forwarding_send(&recipient, &forwarding);
    forwarding_await(&recipient, &forwarding, &answer);
    peer_check_error(&answer, smp_error_proxy(SMP_PROXY_NO_SESSION));
}

static void test_unknown_session_is_no_session(void **state) {
    (void)state;
    connect_relay(&client, relay_address);
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    forwarding.session_id[0] ^= 1;
    forwarding_seal(&forwarding, NULL, peer_sender(&queue), &command);
    forwarding_send(&client, &forwarding);
    forwarding_await(&client, &forwarding, &answer);
    peer_check_error(&answer, smp_error_proxy(SMP_PROXY_NO_SESSION));
}

static void test_relay_that_comes_back_gets_a_new_session(void **state) {
    (void)state;
    connect_relay(&client, relay_address);
    peer_close(&recipient);
    router_fixture_stop(&relay);
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    do { /* the proxy learns of the loss in its own time */
        forwarding_seal(&forwarding, NULL, peer_sender(&queue), &command);
        forwarding_send(&client, &forwarding);
        forwarding_await(&client, &forwarding, &answer);
        assert_true(clock_monotonic_ms() < deadline);
    } while (smp_error_equal(&answer.response.error, &(struct smp_error){.code = SMP_ERROR_NONE}) ||
             answer.response.error.proxy.kind != SMP_PROXY_NO_SESSION);
    router_fixture_start(&relay);
    router_fixture_connect(&relay, 0, &recipient);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    connect_relay(&client, relay_address);
    forwarding_run_by_proxy(&client, &forwarding, NULL, peer_sender(&queue), &command, &answer);
    expect(SMP_OK);
}

/* ---- a relay that takes its time */

enum { HELD_MAX = 64 };
static struct {
    struct scripted_connection *_Atomic connection;
    struct box_key key;
    uint8_t ids[HELD_MAX][24];
    _Atomic uint32_t count;
} held;

static void hold(struct scripted_connection *connection, const struct scripted_command *command, void *context) {
    (void)context;
    uint32_t i = atomic_load(&held.count);
    require(i < HELD_MAX && command->correlation_id.length == 24);
    held.connection = connection;
    memcpy(held.ids[i], command->correlation_id.bytes, 24);
    atomic_store(&held.count, i + 1);
}

static void start_holder(struct scripted_router *router) {
    struct scripted_options options = {.handle = hold};
    atomic_store(&held.count, 0);
    scripted_router_start(router, &options);
}

static void await_held(uint32_t count) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (atomic_load(&held.count) < count)
        assert_true(clock_monotonic_ms() < deadline);
}

static void release_held(uint32_t i) {
    struct smp_response response = smp_response_error(smp_error_of(SMP_ERROR_QUOTA));
    scripted_respond(held.connection, slice_of(held.ids[i], 24), slice_of(NULL, 0), &response);
}

static void send_one(struct peer *by, struct forwarding *one) {
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    forwarding_seal(one, NULL, peer_sender(&queue), &command);
    forwarding_send(by, one);
}

static void expect_quota(struct peer *by, const struct forwarding *one) {
    forwarding_await(by, one, &answer);
    peer_check_error(&answer, smp_error_protocol(smp_error_of(SMP_ERROR_QUOTA)));
}

static void test_answers_come_out_of_order(void **state) {
    (void)state;
    struct scripted_router slow;
    struct forwarding waits;
    start_holder(&slow);
    connect_relay(&client, slow.address);
    waits = forwarding;
    send_one(&client, &waits);
    await_held(1);
    connect_relay(&client, relay_address);
    struct smp_command command = peer_send_command(slice_of_text("meanwhile"), false);
    forwarding_run_by_proxy(&client, &forwarding, NULL, peer_sender(&queue), &command, &answer);
    expect(SMP_OK);
    expect_message("meanwhile");
    release_held(0);
    expect_quota(&client, &waits);
    scripted_router_stop(&slow);
}

static void test_client_has_only_so_many_commands_under_way(void **state) {
    (void)state;
    enum { COMMANDS = 12, LIMIT = 4 };
    static struct forwarding sent[COMMANDS];
    struct scripted_router slow;
    struct peer other;
    start_holder(&slow);
    connect_relay(&client, slow.address);
    for (size_t i = 0; i < COMMANDS; i++) {
        sent[i] = forwarding;
        send_one(&client, &sent[i]);
    }
    await_held(LIMIT);
    router_fixture_connect(&proxy, 0, &other);
    struct forwarding of_other = forwarding;
    send_one(&other, &of_other);
    await_held(LIMIT + 1);
    assert_true(peer_is_silent(&client, 100));
    assert_int_equal(LIMIT + 1, atomic_load(&held.count));
    release_held(LIMIT);
    expect_quota(&other, &of_other);
    for (uint32_t done = 0; done < COMMANDS; done++) {
        release_held(done < LIMIT ? done : done + 1);
        expect_quota(&client, &sent[done]);
        await_held(done + 1 + LIMIT < COMMANDS ? done + 2 + LIMIT : COMMANDS + 1);
    }
    peer_close(&other);
    scripted_router_stop(&slow);
}

/* The receive lane takes places while the process lane lets commands wait for them and answers give them back. */
static void test_everyone_who_waits_for_a_place_gets_one(void **state) {
    (void)state;
    enum { ROUNDS = 150, COMMANDS = 10 };
    static struct forwarding sent[COMMANDS];
    static const uint8_t nowhere[24] = {1};
    connect_relay(&client, relay_address);
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    for (size_t i = 0; i < COMMANDS; i++) {
        sent[i] = forwarding;
        forwarding_seal(&sent[i], NULL, slice_of(nowhere, sizeof nowhere), &command);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < COMMANDS; i++)
            forwarding_send(&client, &sent[i]);
        for (size_t i = 0; i < COMMANDS; i++)
            forwarding_await(&client, &sent[i], &answer);
    }
}

static void await_connections(uint64_t count) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    struct smp_router_statistics statistics;
    do {
        smp_router_statistics(proxy.router, &statistics);
        assert_true(clock_monotonic_ms() < deadline);
    } while (statistics.connections != count);
}

/* It is not read while commands wait, so that its end is seen when they have their places. */
static void test_client_that_leaves_with_commands_waiting_leaves_nothing_behind(void **state) {
    (void)state;
    struct scripted_router slow;
    await_connections(1);
    start_holder(&slow);
    connect_relay(&client, slow.address);
    for (size_t i = 0; i < 8; i++)
        send_one(&client, &forwarding);
    await_held(4);
    peer_close(&client);
    for (uint32_t i = 0; i < 4; i++)
        release_held(i);
    await_connections(0);
    router_fixture_connect(&proxy, 0, &client);
    connect_relay(&client, slow.address);
    uint32_t before = atomic_load(&held.count);
    send_one(&client, &forwarding);
    await_held(before + 1);
    for (uint32_t i = 4; i <= before; i++)
        release_held(i);
    expect_quota(&client, &forwarding);
    scripted_router_stop(&slow);
}

static void test_own_relays_are_counted_apart(void **state) {
    (void)state;
    struct smp_router_statistics before, after;
    struct scripted_router slow;
    char localhost[128];
    start_holder(&slow);
    smp_router_statistics(proxy.router, &before);
    connect_relay(&client, slow.address);
    send_one(&client, &forwarding);
    await_held(1);
    release_held(0);
    expect_quota(&client, &forwarding);
    (void)snprintf(localhost, sizeof localhost, "%.*s@localhost:%u", (int)strcspn(slow.address, "@"), slow.address,
                   slow.port);
    connect_relay(&client, localhost);
    forwarding.session_id[0] ^= 1;
    send_one(&client, &forwarding);
    forwarding_await(&client, &forwarding, &answer);
    smp_router_statistics(proxy.router, &after);
    assert_int_equal(before.relays.requests + 2, after.relays.requests);
    assert_int_equal(before.relays.successes + 2, after.relays.successes);
    assert_int_equal(before.relays_own.requests + 1, after.relays_own.requests);
    assert_int_equal(before.relays_own.successes + 1, after.relays_own.successes);
    assert_int_equal(before.forwards.requests + 2, after.forwards.requests);
    assert_int_equal(before.forwards.successes + 1, after.forwards.successes);
    assert_int_equal(before.forwards.errors_connect + 1, after.forwards.errors_connect);
    assert_int_equal(before.forwards_own.requests + 1, after.forwards_own.requests);
    scripted_router_stop(&slow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key_tells_the_session_with_the_relay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message_reaches_the_relay_and_its_recipient, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_message_fits_all_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_of_every_version_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_with_websockets_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_share_one_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_password_is_needed_as_for_new_queues, setup, teardown),
        cmocka_unit_test_setup_teardown(test_router_that_is_no_proxy_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_session_is_no_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_come_out_of_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_has_only_so_many_commands_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everyone_who_waits_for_a_place_gets_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_leaves_with_commands_waiting_leaves_nothing_behind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_own_relays_are_counted_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relay_that_comes_back_gets_a_new_session, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
