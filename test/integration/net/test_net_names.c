/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names: what silent, lying and talkative name servers can do to connections, and what they cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/net/resolver.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "test/support/dns_server.h"
#include "test/support/echo.h"
#include "test/support/process.h"

enum { WAIT_MS = 30000, SOON_MS = 3000, MANY = 300, SECOND_MS = 1000 };

static struct dns_server dns;
static struct echo_net echo;

static void start_net(const struct net_options *names) {
    struct net_options options = *names;
    options.receive_lanes = 1;
    options.send_lanes = 1;
    echo_net_start(&echo, &options);
}

static int start(void **state) {
    (void)state;
    dns_server_start(&dns);
    start_net(&(struct net_options){.dns_servers = dns.address});
    return 0;
}

static int stop(void **state) {
    (void)state;
    echo_net_stop(&echo);
    dns_server_stop(&dns);
    return 0;
}

static void connect_to(const char *host, struct echo_client *client) {
    struct connect_options options = {
        .host = host,
        .port = listener_port(echo.listener),
        .tls_context = echo.pki.client_context,
        .alpn = "smp/1",
        .protocol = &echo_client_protocol,
        .state = client,
        .timeout_ms = WAIT_MS,
    };
    memcpy(options.key_hash, echo.pki.fingerprint, FINGERPRINT_SIZE);
    *client = (struct echo_client){.count = 2, .window = 1, .seed = 1, .close_when_done = true};
    assert_int_equal(net_connect(echo.net, &options, NULL), SMQ_OK);
}

/* Connects, and returns how it ended. */
static int outcome(const char *host) {
    struct echo_client client;
    connect_to(host, &client);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_true(client.reason != SMQ_OK || client.answered == 2);
    return client.reason;
}

static void test_names_and_literals_are_connected_to(void **state) {
    (void)state;
    assert_int_equal(SMQ_OK, outcome("good.test"));
    assert_int_equal(SMQ_OK, outcome("dual.test"));
    assert_int_equal(SMQ_OK, outcome("127.0.0.1"));
    assert_int_equal(SMQ_OK, outcome("localhost"));
    assert_int_equal(0, dns_server_asked(&dns, "127"));
    assert_int_equal(0, dns_server_asked(&dns, "localhost"));
}

static void test_a_silent_name_delays_only_itself(void **state) {
    (void)state;
    static struct echo_client silent[MANY];
    char name[64];
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "silent-%u.test", i);
        connect_to(name, &silent[i]);
    }
    uint64_t begin_ms = clock_monotonic_ms();
    assert_int_equal(SMQ_OK, outcome("good-1.test"));
    assert_true(clock_monotonic_ms() - begin_ms < SOON_MS);
    /* The end of the net does not wait for them, either. */
    begin_ms = clock_monotonic_ms();
    echo_net_stop(&echo);
    assert_true(clock_monotonic_ms() - begin_ms < SOON_MS);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(SMQ_ERR_CANCELLED, silent[i].reason);
    start_net(&(struct net_options){.dns_servers = dns.address});
}

static void test_a_connection_that_is_given_up_is_released_at_once(void **state) {
    (void)state;
    struct echo_client client = {.count = 1};
    struct connect_options options = {.host = "silent.test",
                                      .port = 1,
                                      .tls_context = echo.pki.client_context,
                                      .protocol = &echo_client_protocol,
                                      .state = &client,
                                      .timeout_ms = 100};
    assert_int_equal(net_connect(echo.net, &options, NULL), SMQ_OK);
    assert_true(await_int(&client.released, 1, SOON_MS));
    assert_int_equal(SMQ_ERR_TIMEOUT, client.reason);
}

static void test_the_same_name_under_way_is_asked_for_once(void **state) {
    (void)state;
    struct echo_client clients[20];
    for (unsigned i = 0; i < 20; i++)
        connect_to(i % 2 == 0 ? "good-twin.test" : "GOOD-Twin.Test.", &clients[i]);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(await_int(&clients[i].released, 1, WAIT_MS));
        assert_int_equal(SMQ_OK, clients[i].reason);
    }
    assert_int_equal(2, dns_server_asked(&dns, "good-twin")); /* A and AAAA */
}

static void test_answers_are_kept_for_their_time(void **state) {
    (void)state;
    assert_int_equal(SMQ_OK, outcome("good-kept.test"));
    assert_int_equal(SMQ_OK, outcome("good-kept.test"));
    assert_int_equal(2, dns_server_asked(&dns, "good-kept"));
    assert_int_equal(SMQ_OK, outcome("brief.test"));
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (dns_server_asked(&dns, "brief") < 4 && clock_monotonic_ms() < end_ms)
        assert_int_equal(SMQ_OK, outcome("brief.test"));
    assert_int_equal(4, dns_server_asked(&dns, "brief"));
}

static void test_failures_are_kept_for_seconds(void **state) {
    (void)state;
    assert_int_equal(SMQ_ERR_NETWORK, outcome("missing.test"));
    unsigned asked = dns_server_asked(&dns, "missing");
    assert_true(asked >= 1);
    assert_int_equal(SMQ_ERR_NETWORK, outcome("missing.test"));
    assert_int_equal(asked, dns_server_asked(&dns, "missing"));
}

static void test_onion_names_never_reach_a_name_server(void **state) {
    (void)state;
    static const char *const names[] = {"abc.onion", "ABC.ONION", "abc.onion.", "abc.Onion..", "onion"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(SMQ_ERR_NOT_FOUND, outcome(names[i]));
    assert_int_equal(0, dns.count);
}

static void test_truncated_answers_are_fetched_whole(void **state) {
    (void)state;
    assert_int_equal(SMQ_OK, outcome("tcp.test"));
}

static void test_huge_answers_are_cut(void **state) {
    (void)state;
    /* Its first address is the router's; the others are never tried. */
    assert_int_equal(SMQ_OK, outcome("huge.test"));
}

static void test_forged_ids_are_not_believed(void **state) {
    (void)state;
    assert_int_equal(SMQ_OK, outcome("forged.test"));
}

static void test_garbage_and_loops_are_failures_of_their_names(void **state) {
    (void)state;
    assert_int_equal(SMQ_ERR_NETWORK, outcome("loop.test"));
    assert_int_equal(SMQ_ERR_NETWORK, outcome("garbage.test"));
    assert_int_equal(SMQ_ERR_NETWORK, outcome("refused.test"));
    assert_int_equal(SMQ_OK, outcome("good-after.test"));
}

static void test_a_name_of_any_bytes_is_refused_or_fails(void **state) {
    (void)state;
    char name[HOST_SIZE];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(SMQ_ERR_NETWORK, outcome(name));
    assert_int_equal(SMQ_ERR_NETWORK, outcome("a..b"));
    assert_int_equal(SMQ_ERR_NETWORK, outcome("."));
    assert_int_equal(SMQ_ERR_NETWORK, outcome("\xff\xfe.\x01"));
}

static void write_search(const char *path, const char *domain) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "search %s\n", domain) > 0);
    assert_int_equal(0, fclose(file));
}

static void test_a_change_of_resolv_conf_is_noticed(void **state) {
    (void)state;
    char folder[64], path[96], name[64];
    temporary_folder_create(folder);
    (void)snprintf(path, sizeof path, "%s/resolv.conf", folder);
    write_search(path, "first.test");
    echo_net_stop(&echo);
    start_net(&(struct net_options){.dns_servers = dns.address, .resolv_conf = path});
    assert_int_equal(SMQ_OK, outcome("good-0"));
    assert_int_equal(2, dns_server_asked(&dns, "good-0.first.test"));
    static struct echo_client silent;
    connect_to("silent", &silent); /* under way, it is asked for anew */
    write_search(path, "second.test");
    bool is_noticed = false;
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    for (unsigned i = 1; !is_noticed && clock_monotonic_ms() < end_ms; i++) {
        (void)snprintf(name, sizeof name, "good-%u", i);
        assert_int_equal(SMQ_OK, outcome(name));
        (void)snprintf(name, sizeof name, "good-%u.second.test", i);
        is_noticed = dns_server_asked(&dns, name) > 0;
    }
    assert_true(is_noticed);
    temporary_folder_remove(folder);
}

static void test_many_names_are_not_all_kept(void **state) {
    (void)state;
    enum { NAMES = RESOLVER_NAMES_MAX + 100 };
    struct echo_client *clients = memory_zalloc_array(NAMES, sizeof *clients);
    char name[64];
    assert_non_null(clients);
    for (unsigned i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof name, "missing-%u.test", i);
        connect_to(name, &clients[i]);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        assert_true(await_int(&clients[i].released, 1, WAIT_MS));
        assert_int_equal(SMQ_ERR_NETWORK, clients[i].reason);
    }
    memory_free(clients);
}

static void test_names_that_lead_into_private_networks_are_not_followed(void **state) {
    (void)state;
    static const char *const hosts[] = {"private.test", "good.test", "dual.test", "huge.test"};
    for (unsigned i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct echo_client client = {.count = 1};
        struct connect_options options = {.host = hosts[i],
                                          .port = listener_port(echo.listener),
                                          .tls_context = echo.pki.client_context,
                                          .protocol = &echo_client_protocol,
                                          .state = &client,
                                          .timeout_ms = WAIT_MS,
                                          .public_only = true};
        assert_int_equal(net_connect(echo.net, &options, NULL), SMQ_OK);
        assert_true(await_int(&client.released, 1, SOON_MS));
        assert_int_equal(SMQ_ERR_NETWORK, client.reason);
        options.host = i % 2 == 0 ? "127.0.0.1" : "a.LocalHost.";
        assert_int_equal(SMQ_ERR_NETWORK, net_connect(echo.net, &options, NULL));
    }
    struct net_statistics statistics;
    net_read_statistics(echo.net, &statistics);
    assert_int_equal(0, statistics.accepted);
}

#define NAMES_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        NAMES_TEST(test_names_and_literals_are_connected_to),
        NAMES_TEST(test_a_silent_name_delays_only_itself),
        NAMES_TEST(test_a_connection_that_is_given_up_is_released_at_once),
        NAMES_TEST(test_the_same_name_under_way_is_asked_for_once),
        NAMES_TEST(test_answers_are_kept_for_their_time),
        NAMES_TEST(test_failures_are_kept_for_seconds),
        NAMES_TEST(test_onion_names_never_reach_a_name_server),
        NAMES_TEST(test_truncated_answers_are_fetched_whole),
        NAMES_TEST(test_huge_answers_are_cut),
        NAMES_TEST(test_forged_ids_are_not_believed),
        NAMES_TEST(test_garbage_and_loops_are_failures_of_their_names),
        NAMES_TEST(test_a_name_of_any_bytes_is_refused_or_fails),
        NAMES_TEST(test_a_change_of_resolv_conf_is_noticed),
        NAMES_TEST(test_many_names_are_not_all_kept),
        NAMES_TEST(test_names_that_lead_into_private_networks_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
