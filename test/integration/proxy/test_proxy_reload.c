/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What of [PROXY] a reload takes over: for relays that are connected to from then on; connections stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/dns_server.h"
#include "test/support/forwarding.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "transport/wire/text.h"

enum { ATTEMPTS = 3, STORM = 20, SOON_MS = 3000, LONG_MS = 60000 };

static struct router_fixture proxy, relay, other;
static struct peer client;
static struct peer_answer answer;

static int setup(void **state) {
    (void)state;
    router_fixture_init(&proxy);
    router_fixture_init(&relay);
    router_fixture_init(&other);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.error_persistence_ms = 0;
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

static void reload(void) {
    char error[256];
    if (smp_router_reload(proxy.router, &proxy.config, error, sizeof error) != SMQ_OK)
        fail_msg("%s", error);
}

static void write_address(const struct router_fixture *of, const char *host, uint16_t port, char address[512]) {
    struct writer writer = writer_of(address, 512);
    write_text(&writer, "smp://");
    write_base64(&writer, slice_of(of->fingerprint, FINGERPRINT_SIZE), BASE64_URL);
    write_text(&writer, "@");
    write_text(&writer, host);
    write_text(&writer, ":");
    write_decimal(&writer, port);
    write_u8(&writer, 0);
    require(writer_finish(&writer) == SMQ_OK);
}

static const char *ask(const struct router_fixture *of) {
    char address[512];
    write_address(of, "127.0.0.1", of->port, address);
    forwarding_connect(&client, address, NULL, &answer);
    return smp_response_tag_text(answer.response.tag);
}

static struct smp_router_statistics statistics_of(const struct router_fixture *fixture) {
    struct smp_router_statistics statistics;
    smp_router_statistics(fixture->router, &statistics);
    return statistics;
}

static void test_private_destinations_are_allowed_and_forbidden(void **state) {
    (void)state;
    proxy.config.proxy.allow_private = false;
    start_proxy();
    assert_string_equal("ERR", ask(&relay));
    proxy.config.proxy.allow_private = true;
    reload();
    assert_string_equal("PKEY", ask(&relay));
    proxy.config.proxy.allow_private = false;
    reload();
    assert_string_equal("PKEY", ask(&relay)); /* is connected */
    assert_string_equal("ERR", ask(&other));
}

static void test_failure_is_remembered_for_the_time_of_now(void **state) {
    (void)state;
    proxy.config.proxy.allow_private = false;
    proxy.config.proxy.error_persistence_ms = LONG_MS;
    start_proxy();
    assert_string_equal("ERR", ask(&relay));
    proxy.config.proxy.allow_private = true;
    proxy.config.proxy.error_persistence_ms = 0;
    reload();
    assert_string_equal("ERR", ask(&relay)); /* that one was remembered before */
    assert_string_equal("PKEY", ask(&other));
}

static void test_own_domains_change(void **state) {
    (void)state;
    start_proxy();
    assert_string_equal("PKEY", ask(&relay));
    assert_int_equal(0, statistics_of(&proxy).relays_own.requests);
    proxy.config.proxy.own_server_domains = "example.org, 127.0.0.1";
    reload();
    assert_string_equal("PKEY", ask(&relay));
    assert_int_equal(1, statistics_of(&proxy).relays_own.requests);
    proxy.config.proxy.own_server_domains = NULL;
    reload();
    assert_string_equal("PKEY", ask(&relay));
    assert_int_equal(1, statistics_of(&proxy).relays_own.requests);
}

static void test_socks_proxy_is_for_new_connections(void **state) {
    (void)state;
    char nowhere[32], error[256];
    (void)snprintf(nowhere, sizeof nowhere, "127.0.0.1:%u", (unsigned)free_port());
    start_proxy();
    assert_string_equal("PKEY", ask(&relay));
    proxy.config.proxy_network.socks_proxy = nowhere;
    proxy.config.proxy_network.socks_mode = SMQ_SOCKS_ALWAYS;
    reload();
    assert_string_equal("PKEY", ask(&relay));
    assert_string_equal("ERR", ask(&other));
    proxy.config.proxy_network.socks_proxy = "no proxy";
    assert_int_not_equal(SMQ_OK, smp_router_reload(proxy.router, &proxy.config, error, sizeof error));
    proxy.config.proxy_network.socks_proxy = NULL;
    reload();
    assert_string_equal("PKEY", ask(&other));
}

static void test_limits_of_attempts_change(void **state) {
    (void)state;
    static struct dns_server dns;
    static uint8_t ids[STORM][24];
    char address[512], host[32];
    dns_server_start(&dns);
    proxy.config.dns_servers = dns.address;
    proxy.config.proxy.client_attempts = STORM;
    proxy.config.proxy.client_concurrency = STORM;
    start_proxy();
    proxy.config.proxy.client_attempts = ATTEMPTS;
    reload();
    uint64_t begin_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < STORM; i++) {
        (void)snprintf(host, sizeof host, "silent-%u.test", 100 + i);
        write_address(&relay, host, 5223, address);
        forwarding_begin_connect(&client, address, NULL, ids[i]);
    }
    for (unsigned i = ATTEMPTS; i < STORM; i++) {
        forwarding_end_connect(&client, ids[i], &answer);
        assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    }
    assert_true(clock_monotonic_ms() - begin_ms < SOON_MS); /* at once, not when names are given up */
    dns_server_stop(&dns);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_private_destinations_are_allowed_and_forbidden),
        CASE(test_failure_is_remembered_for_the_time_of_now),
        CASE(test_own_domains_change),
        CASE(test_socks_proxy_is_for_new_connections),
        CASE(test_limits_of_attempts_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
