/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The proxy's connections to relays when clients do their worst: how many there are, for whom, and where they lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/dns_server.h"
#include "test/support/forwarding.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "transport/wire/text.h"

enum { SOON_MS = 3000, WAIT_MS = 20000, CONNECT_MS = 10000, ATTEMPTS = 3, STORM = 60 };

static struct router_fixture proxy, relay, other;
static struct peer client;
static struct peer_answer answer;

/* The proxy is configured and started by each test. */
static int setup(void **state) {
    (void)state;
    router_fixture_init(&proxy);
    router_fixture_init(&relay);
    router_fixture_init(&other);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.connect_timeout_ms = CONNECT_MS;
    router_fixture_start(&relay);
    router_fixture_start(&other);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&client);
    router_fixture_finish(&proxy);
    router_fixture_finish(&relay);
    router_fixture_finish(&other);
    return 0;
}

static void start_proxy(void) {
    router_fixture_start(&proxy);
    router_fixture_connect(&proxy, 0, &client);
}

/* "smp://...@hosts", with the port when it is not 0. */
static void write_address(const uint8_t fingerprint[FINGERPRINT_SIZE], const char *hosts, uint16_t port,
                          char address[512]) {
    struct writer writer = writer_of(address, 512);
    write_text(&writer, "smp://");
    write_base64(&writer, slice_of(fingerprint, FINGERPRINT_SIZE), BASE64_URL);
    write_text(&writer, "@");
    write_text(&writer, hosts);
    write_text(&writer, ":");
    write_decimal(&writer, port);
    write_u8(&writer, 0);
    require(writer_finish(&writer) == SMQ_OK);
}

static void ask(const struct router_fixture *of, const char *hosts) {
    char address[512];
    write_address(of->fingerprint, hosts, of->port, address);
    forwarding_connect(&client, address, NULL, &answer);
}

static void expect_error(const char *text) {
    char buffer[256];
    assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    assert_string_equal(text, smp_error_text(&answer.response.error, buffer, sizeof buffer));
}

static uint64_t connections_of(const struct router_fixture *fixture) {
    struct smp_router_statistics statistics;
    smp_router_statistics(fixture->router, &statistics);
    return statistics.connections;
}

static bool await_connections(const struct router_fixture *fixture, uint64_t count) {
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (connections_of(fixture) != count && clock_monotonic_ms() < end_ms) {
    }
    return connections_of(fixture) == count;
}

static void test_a_relay_has_one_connection_however_it_is_named(void **state) {
    (void)state;
    static const char *const spellings[] = {
        "127.0.0.1",           "localhost,127.0.0.1",  "127.0.0.1,localhost",         "127.0.0.1,LocalHost",
        "127.0.0.1,127.0.0.1", "LOCALHOST.,127.0.0.1", "zz.test,127.0.0.1,localhost", "[::1],127.0.0.1",
    };
    start_proxy();
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        ask(&relay, spellings[i]);
        assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
        assert_int_equal(1, connections_of(&relay));
    }
}

static void test_whoever_names_a_wrong_host_spoils_nothing_for_others(void **state) {
    (void)state;
    char address[512];
    start_proxy();
    /* The relay's key hash at another router, and where nobody listens. */
    write_address(relay.fingerprint, "127.0.0.1", other.port, address);
    forwarding_connect(&client, address, NULL, &answer);
    expect_error("PROXY BROKER NETWORK");
    ask(&relay, "127.0.0.2");
    ask(&relay, "127.0.0.1");
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
}

static void test_private_destinations_are_refused(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]", "good.test", "[::ffff:127.0.0.1]", "127.1"};
    struct dns_server dns;
    dns_server_start(&dns);
    proxy.config.proxy.allow_private = false;
    proxy.config.dns_servers = dns.address;
    start_proxy();
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        ask(&relay, hosts[i]);
        expect_error("PROXY BROKER NETWORK");
    }
    assert_int_equal(0, connections_of(&relay));
    dns_server_stop(&dns);
}

/* Names many relays whose name server says nothing. */
static void begin_storm(uint8_t ids[STORM][24]) {
    char address[512], host[32];
    for (unsigned i = 0; i < STORM; i++) {
        (void)snprintf(host, sizeof host, "silent-%u.test", 100 + i);
        write_address(relay.fingerprint, host, 5223, address);
        forwarding_begin_connect(&client, address, NULL, ids[i]);
    }
}

static bool was_asked(struct dns_server *dns, unsigned number) {
    char name[32];
    (void)snprintf(name, sizeof name, "silent-%u", 100 + number);
    return dns_server_asked(dns, name) > 0;
}

/* Only the first `count` names of the storm are looked up; the server may still be about to hear of them. */
static void check_asked(struct dns_server *dns, unsigned count) {
    uint64_t deadline = clock_monotonic_ms() + SOON_MS;
    for (unsigned i = 0; i < count; i++)
        while (!was_asked(dns, i))
            assert_true(clock_monotonic_ms() < deadline);
    for (unsigned i = count; i < STORM; i++)
        assert_false(was_asked(dns, i));
}

static void test_a_client_that_names_many_relays_is_refused_at_once_and_costs_few_descriptors(void **state) {
    (void)state;
    static struct dns_server dns;
    static uint8_t ids[STORM][24];
    struct peer honest;
    struct peer_answer honest_answer;
    char address[512];
    dns_server_start(&dns);
    proxy.config.dns_servers = dns.address;
    proxy.config.proxy.client_attempts = ATTEMPTS;
    proxy.config.proxy.client_concurrency = STORM;
    start_proxy();
    uint64_t begin_ms = clock_monotonic_ms();
    begin_storm(ids);
    for (unsigned i = ATTEMPTS; i < STORM; i++) {
        forwarding_end_connect(&client, ids[i], &answer);
        expect_error("PROXY BROKER NETWORK");
    }
    router_fixture_connect(&proxy, 0, &honest);
    write_address(relay.fingerprint, "127.0.0.1", relay.port, address);
    forwarding_connect(&honest, address, NULL, &honest_answer);
    assert_string_equal("PKEY", smp_response_tag_text(honest_answer.response.tag));
    assert_true(clock_monotonic_ms() - begin_ms < SOON_MS);
    check_asked(&dns, ATTEMPTS);
    peer_close(&honest);
    dns_server_stop(&dns);
}

static void test_attempts_are_left_for_those_who_have_none(void **state) {
    (void)state;
    static struct dns_server dns;
    static uint8_t ids[STORM][24];
    struct peer honest;
    struct peer_answer honest_answer;
    char address[512];
    dns_server_start(&dns);
    proxy.config.dns_servers = dns.address;
    proxy.config.proxy.relay_attempts = 8;
    proxy.config.proxy.client_attempts = STORM;
    proxy.config.proxy.client_concurrency = STORM;
    start_proxy();
    begin_storm(ids);
    router_fixture_connect(&proxy, 0, &honest);
    write_address(relay.fingerprint, "127.0.0.1", relay.port, address);
    forwarding_connect(&honest, address, NULL, &honest_answer);
    assert_string_equal("PKEY", smp_response_tag_text(honest_answer.response.tag));
    check_asked(&dns, 4); /* half of them */
    peer_close(&honest);
    dns_server_stop(&dns);
}

/* The names of the storm, by several connections in turn. */
static void begin_storm_of(struct peer *clients, unsigned client_count, uint8_t ids[STORM][24]) {
    char address[512], host[32];
    for (unsigned i = 0; i < STORM; i++) {
        (void)snprintf(host, sizeof host, "silent-%u.test", 100 + i);
        write_address(relay.fingerprint, host, 5223, address);
        forwarding_begin_connect(&clients[i % client_count], address, NULL, ids[i]);
    }
}

static unsigned count_asked(struct dns_server *dns) {
    unsigned asked = 0;
    for (unsigned i = 0; i < STORM; i++)
        asked += was_asked(dns, i);
    return asked;
}

/* How many attempts of `relay_attempts` the connections of one address get, when each has a few. */
static unsigned attempts_of_an_address(bool limit_loopback) {
    enum { CLIENTS = 6, OPEN = 8 };
    static struct dns_server dns;
    static uint8_t ids[STORM][24];
    static struct peer clients[CLIENTS];
    dns_server_start(&dns);
    proxy.config.limits.limit_loopback = limit_loopback;
    proxy.config.limits.address_connections = proxy.config.limits.address_rate = 0;
    proxy.config.dns_servers = dns.address;
    proxy.config.proxy.relay_attempts = OPEN;
    proxy.config.proxy.client_attempts = 2;
    proxy.config.proxy.client_concurrency = STORM;
    start_proxy();
    for (unsigned i = 0; i < CLIENTS; i++)
        router_fixture_connect(&proxy, 0, &clients[i]);
    begin_storm_of(clients, CLIENTS, ids);
    /* All but those that were let in are refused at once, by whoever they were asked for. */
    unsigned refused = 0;
    uint64_t deadline = clock_monotonic_ms() + SOON_MS;
    while (clock_monotonic_ms() < deadline && refused + count_asked(&dns) < STORM)
        for (unsigned i = 0; i < CLIENTS; i++)
            while (!peer_is_silent(&clients[i], 1)) {
                peer_receive(&clients[i], &answer);
                refused++;
            }
    unsigned asked = count_asked(&dns);
    assert_int_equal(STORM, refused + asked);
    for (unsigned i = 0; i < CLIENTS; i++)
        peer_close(&clients[i]);
    dns_server_stop(&dns);
    return asked;
}

static void test_one_address_gets_half_of_the_attempts_however_many_connections_it_has(void **state) {
    (void)state;
    assert_int_equal(4, attempts_of_an_address(true));
}

static void test_loopback_has_no_share_unless_it_is_limited(void **state) {
    (void)state;
    assert_in_range(attempts_of_an_address(false), 5, 8);
}

static void test_one_address_gets_half_of_the_connections(void **state) {
    (void)state;
    proxy.config.limits.limit_loopback = true;
    proxy.config.proxy.relay_connections = 2;
    start_proxy();
    ask(&relay, "127.0.0.1");
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
    ask(&other, "127.0.0.1");
    expect_error("PROXY BROKER NETWORK");
    ask(&relay, "127.0.0.1"); /* what is there can be used */
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
}

static void test_a_connection_that_is_not_used_is_closed(void **state) {
    (void)state;
    proxy.config.proxy.relay_idle_ms = 200;
    start_proxy();
    ask(&relay, "127.0.0.1");
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
    assert_true(await_connections(&relay, 0));
    ask(&relay, "127.0.0.1"); /* and opened again when it is wanted */
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
}

static void test_connections_are_capped_and_unused_ones_give_way(void **state) {
    (void)state;
    proxy.config.proxy.relay_connections = 1;
    start_proxy();
    ask(&relay, "127.0.0.1");
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
    ask(&other, "127.0.0.1");
    assert_string_equal("PKEY", smp_response_tag_text(answer.response.tag));
    assert_true(await_connections(&relay, 0));
    assert_int_equal(1, connections_of(&other));
}

#define RELAYS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        RELAYS_TEST(test_a_relay_has_one_connection_however_it_is_named),
        RELAYS_TEST(test_whoever_names_a_wrong_host_spoils_nothing_for_others),
        RELAYS_TEST(test_private_destinations_are_refused),
        RELAYS_TEST(test_a_client_that_names_many_relays_is_refused_at_once_and_costs_few_descriptors),
        RELAYS_TEST(test_attempts_are_left_for_those_who_have_none),
        RELAYS_TEST(test_one_address_gets_half_of_the_attempts_however_many_connections_it_has),
        RELAYS_TEST(test_loopback_has_no_share_unless_it_is_limited),
        RELAYS_TEST(test_one_address_gets_half_of_the_connections),
        RELAYS_TEST(test_a_connection_that_is_not_used_is_closed),
        RELAYS_TEST(test_connections_are_capped_and_unused_ones_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
