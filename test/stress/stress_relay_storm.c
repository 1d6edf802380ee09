/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Clients of the real smp-server that name thousands of relays which are dead, silent or without an address, while an
 * honest client's commands are forwarded: what that one notices, how many descriptors it costs, and how many failures
 * are remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "actors/client/smq/client.h"
#include "queues/base/random.h"
#include "queues/base/thread.h"
#include "test/stress/stress.h"
#include "test/support/client_fixture.h"
#include "test/support/dns_server.h"
#include "test/support/forwarding.h"
#include "test/support/plain_listener.h"
#include "test/support/router_fixture.h"
#include "test/support/server_process.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { P99_MOST_US = 400000 };
#else
enum { P99_MOST_US = 100000 };
#endif
enum {
    HOSTILE = 4,
    UNDER_WAY = 24, /* of each hostile client, without an answer */
    ATTEMPTS = 48,
    DESCRIPTORS_MORE = 24, /* for DNS and what is just being closed */
    LATENCIES_LEAST = 200,
    LATENCIES_MAX = 200000,
    REMEMBERED = 4096,
    TOO_MANY = 100,
};

static struct server_process proxy;
static struct router_fixture relay;
static struct plain_listener silent, refusing;
static struct dns_server dns;
static struct peer honest;
static struct forwarding session;
static uint32_t latencies[LATENCIES_MAX]; /* us */
static size_t latency_count;
static _Atomic bool is_over;

struct hostile {
    struct thread *thread;
    struct peer peer;
    uint64_t seed;
    uint64_t named;
};
static struct hostile hostiles[HOSTILE];

static int start(void **state) {
    (void)state;
    char keys[512], address[SMQ_ADDRESS_TEXT_SIZE];
    struct peer_answer answer;
    plain_listener_start(&silent, NULL);
    plain_listener_start(&refusing, "no\n");
    dns_server_start(&dns);
    router_fixture_init(&relay);
    router_fixture_start(&relay);
    (void)snprintf(keys, sizeof keys,
                   "[PROXY]\nallow_private = on\nrelay_connect_timeout = 2\nrelay_attempts = %d\n"
                   "relay_error_interval = 600\n[TRANSPORT]\ndns_servers = %s\n",
                   ATTEMPTS, dns.address);
    server_process_init(&proxy, keys);
    server_process_start(&proxy);
    server_process_connect(&proxy, &honest);
    client_fixture_address(relay.fingerprint, relay.port, address, sizeof address);
    forwarding_connect(&honest, address, NULL, &answer);
    assert_int_equal(answer.response.tag, SMP_PKEY);
    session = forwarding_of_key(&answer, SMP_PROXIED_VERSION_MAX);
    return 0;
}

static int stop(void **state) {
    (void)state;
    peer_close(&honest);
    assert_int_equal(server_process_stop(&proxy, SIGTERM, STRESS_PATIENCE_MS), 0);
    server_process_finish(&proxy);
    router_fixture_finish(&relay);
    dns_server_stop(&dns);
    plain_listener_stop(&refusing);
    plain_listener_stop(&silent);
    return 0;
}

/* ---- hostile clients */

/* A relay that nobody has named before. */
static void write_relay(struct hostile *hostile, char *address, size_t size) {
    uint8_t hash[32];
    char dead[SMQ_ADDRESS_TEXT_SIZE], host[64];
    uint32_t number = stress_random(&hostile->seed);
    random_bytes(hash, sizeof hash);
    client_fixture_address(hash, 1, dead, sizeof dead);
    switch (number % 4) {
    case 0:
        (void)snprintf(host, sizeof host, "127.0.0.1:1");
        break;
    case 1:
        (void)snprintf(host, sizeof host, "127.0.0.1:%u", silent.port);
        break;
    case 2:
        (void)snprintf(host, sizeof host, "missing%u.test:5223", number);
        break;
    default:
        (void)snprintf(host, sizeof host, "silent%u.test:5223", number);
    }
    (void)snprintf(address, size, "%.*s@%s", (int)strcspn(dead, "@"), dead, host);
}

static void name_relays(void *argument) {
    struct hostile *hostile = argument;
    struct peer_answer answer;
    char address[2 * SMQ_ADDRESS_TEXT_SIZE];
    uint8_t id[24];
    unsigned under_way = 0;
    while (!atomic_load(&is_over)) {
        for (; under_way < UNDER_WAY; under_way++, hostile->named++) {
            write_relay(hostile, address, sizeof address);
            forwarding_begin_connect(&hostile->peer, address, NULL, id);
        }
        peer_receive(&hostile->peer, &answer);
        assert_int_equal(answer.response.tag, SMP_ERR);
        under_way--;
    }
}

/* ---- the honest one */

static int by_size(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* Forwards one command after the other; the most descriptors that the router had. */
static unsigned forward_until(uint64_t end_ms) {
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    struct peer_answer answer;
    unsigned most = 0;
    bool is_enough = false;
    for (latency_count = 0; !is_enough && latency_count < LATENCIES_MAX; latency_count++) {
        uint64_t start_us = clock_monotonic_us();
        forwarding_run_by_proxy(&honest, &session, NULL, slice_of_text("somebody's queue"), &command, &answer);
        latencies[latency_count] = (uint32_t)(clock_monotonic_us() - start_us);
        assert_int_equal(answer.response.tag, SMP_ERR);
        unsigned descriptors = server_process_descriptors(&proxy);
        most = descriptors > most ? descriptors : most;
        usleep(1000);
        is_enough = latency_count > LATENCIES_LEAST && clock_monotonic_ms() >= end_ms;
    }
    return most;
}

static void test_honest_forwarding_goes_on_among_clients_that_name_dead_relays(void **state) {
    (void)state;
    uint64_t named = 0;
    for (unsigned i = 0; i < HOSTILE; i++) {
        server_process_connect(&proxy, &hostiles[i].peer);
        hostiles[i].seed = i + 1;
    }
    unsigned before = server_process_descriptors(&proxy);
    for (unsigned i = 0; i < HOSTILE; i++)
        assert_int_equal(thread_create(&hostiles[i].thread, "hostile", name_relays, &hostiles[i]), SMQ_OK);
    unsigned most = forward_until(clock_monotonic_ms() + stress_ms(1, 1));
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < HOSTILE; i++) {
        thread_join(&hostiles[i].thread);
        named += hostiles[i].named;
        peer_close(&hostiles[i].peer);
    }
    qsort(latencies, latency_count, sizeof latencies[0], by_size);
    uint32_t p99 = latencies[latency_count * 99 / 100];
    printf("%zu forwards among %llu relays named: median %u us, p99 %u us; %u descriptors, %u before\n", latency_count,
           (unsigned long long)named, latencies[latency_count / 2], p99, most, before);
    assert_true(named > 1000);
    assert_true(p99 < P99_MOST_US);
    assert_true(most <= before + ATTEMPTS + DESCRIPTORS_MORE);
}

/* ---- remembered failures */

/* One failure each, of the same relays every time. */
static void name_refusing_relays(unsigned count) {
    struct peer_answer answer;
    char address[SMQ_ADDRESS_TEXT_SIZE];
    uint8_t hash[32] = {0};
    for (unsigned i = 0; i < count; i++) {
        memcpy(hash, &i, sizeof i);
        client_fixture_address(hash, refusing.port, address, sizeof address);
        forwarding_connect(&honest, address, NULL, &answer);
        assert_int_equal(answer.response.tag, SMP_ERR);
    }
}

static void test_remembered_failures_are_bounded(void **state) {
    (void)state;
    /* In a router that remembers none yet. */
    peer_close(&honest);
    assert_int_equal(server_process_stop(&proxy, SIGTERM, STRESS_PATIENCE_MS), 0);
    server_process_start(&proxy);
    server_process_connect(&proxy, &honest);
    name_refusing_relays(REMEMBERED + TOO_MANY);
    assert_int_equal(plain_listener_accepted(&refusing), REMEMBERED + TOO_MANY);
    name_refusing_relays(REMEMBERED + TOO_MANY);
    assert_int_equal(plain_listener_accepted(&refusing), REMEMBERED + 2 * TOO_MANY);
}

int main(void) {
    thread_attach();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest_forwarding_goes_on_among_clients_that_name_dead_relays),
        cmocka_unit_test(test_remembered_failures_are_bounded),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
