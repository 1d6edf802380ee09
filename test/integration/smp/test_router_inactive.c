/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections that nobody uses: what the router closes, and what it keeps. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/router_fixture.h"

enum { TTL_S = 1, HANDSHAKE_MS = 500, PAUSE_MS = 100 };

static struct router_fixture fixture;
static struct peer idle; /* does nothing: when it is closed, so is everything that did nothing for as long */
static struct peer peer;
static struct peer other;
static struct peer_queue queue;
static struct peer_answer answer;
static const struct slice nothing;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.disconnect_inactive = true;
    fixture.config.inactive_ttl_s = TTL_S;
    fixture.config.inactive_check_interval_s = 1;
    fixture.config.handshake_timeout_ms = HANDSHAKE_MS;
    fixture.config.tls_timeout_ms = HANDSHAKE_MS;
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &peer);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    return 0;
}

static void expect(struct peer *asking, enum smp_command_tag tag, enum smp_response_tag expected) {
    const struct smp_command command = peer_command(tag);
    if (tag == SMP_PING)
        peer_expect(asking, NULL, nothing, &command, expected, &answer);
    else if (tag == SMP_NSUB)
        peer_expect(asking, &queue.notifier_key, slice_of(queue.notifier_id, 24), &command, expected, &answer);
    else
        peer_expect(asking, &queue.recipient_key, peer_recipient(&queue), &command, expected, &answer);
}

/* Until a connection that comes now and does nothing was closed. */
static void wait_for_an_idle_one(void) {
    router_fixture_connect(&fixture, 0, &idle);
    assert_true(peer_is_closed(&idle));
    peer_close(&idle);
}

static void test_idle_connection_is_closed(void **state) {
    (void)state;
    assert_true(peer_is_closed(&peer));
}

static void test_connection_that_is_used_stays(void **state) {
    (void)state;
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    router_fixture_connect(&fixture, 0, &idle);
    while (peer_is_silent(&idle, PAUSE_MS)) { /* ends when it is closed */
        assert_true(clock_monotonic_ms() < deadline);
        expect(&peer, SMP_PING, SMP_PONG);
    }
    peer_close(&idle);
    expect(&peer, SMP_PING, SMP_PONG);
    assert_true(peer_is_closed(&peer));
}

static void test_subscribed_connections_stay(void **state) {
    (void)state;
    peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
    router_fixture_connect(&fixture, 0, &other);
    expect(&peer, SMP_SUB, SMP_SOK);
    expect(&other, SMP_NSUB, SMP_SOK);
    wait_for_an_idle_one();
    wait_for_an_idle_one();
    expect(&peer, SMP_PING, SMP_PONG);
    expect(&other, SMP_PING, SMP_PONG);
    peer_close(&other);
}

static void test_connection_that_only_used_get_is_closed(void **state) {
    (void)state;
    peer_create_queue(&peer, 0, &queue);
    expect(&peer, SMP_GET, SMP_OK);
    assert_true(peer_is_closed(&peer));
}

static void test_connection_whose_queue_was_deleted_is_closed(void **state) {
    (void)state;
    peer_create_queue(&peer, PEER_SUBSCRIBE | PEER_WITH_NOTIFIER, &queue);
    expect(&peer, SMP_DEL, SMP_OK);
    assert_true(peer_is_closed(&peer));
}

static void test_connection_that_lost_its_subscriptions_is_closed(void **state) {
    (void)state;
    peer_create_queue(&peer, PEER_SUBSCRIBE | PEER_WITH_NOTIFIER, &queue);
    expect(&peer, SMP_NSUB, SMP_SOK);
    router_fixture_connect(&fixture, 0, &other);
    expect(&other, SMP_SUB, SMP_SOK);
    expect(&other, SMP_NSUB, SMP_SOK);
    assert_true(peer_is_closed(&peer)); /* after END and END */
    expect(&other, SMP_PING, SMP_PONG);
    peer_close(&other);
}

/* Whether a raw socket is closed by the other side before the deadline. */
static bool socket_is_closed(int descriptor) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    for (;;) {
        char bytes[256];
        struct pollfd watched = {.fd = descriptor, .events = POLLIN};
        uint64_t now = clock_monotonic_ms();
        if (now >= deadline || poll(&watched, 1, (int)(deadline - now)) <= 0)
            return false;
        ssize_t got = read(descriptor, bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return true;
    }
}

static void test_connection_without_tls_is_closed(void **state) {
    (void)state;
    uint64_t start = clock_monotonic_ms();
    int descriptor = peer_tcp(fixture.port);
    assert_true(socket_is_closed(descriptor));
    assert_true(clock_monotonic_ms() - start >= HANDSHAKE_MS / 2);
    close(descriptor);
}

static void test_connection_without_hello_is_closed(void **state) {
    (void)state;
    const struct peer_options options = router_fixture_peer_options(&fixture);
    peer_tls(&other, &options);
    assert_true(peer_is_closed(&other));
    peer_close(&other);
    expect(&peer, SMP_PING, SMP_PONG);
}

static void test_connection_with_half_a_hello_is_closed(void **state) {
    (void)state;
    static const uint8_t half[SMP_BLOCK_SIZE / 2];
    const struct peer_options options = router_fixture_peer_options(&fixture);
    enum tls_want want;
    peer_tls(&other, &options);
    assert_int_equal(SMQ_OK, tls_write(other.tls, half, sizeof half, false, &want));
    assert_true(peer_is_closed(&other));
    peer_close(&other);
}

static void test_nothing_is_closed_unless_the_operator_says_so(void **state) {
    (void)state;
    peer_close(&peer);
    router_fixture_stop(&fixture);
    fixture.config.disconnect_inactive = false;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    assert_true(peer_is_silent(&peer, 3000 * TTL_S));
    expect(&peer, SMP_PING, SMP_PONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_idle_connection_is_closed),
        TEST(test_connection_that_is_used_stays),
        TEST(test_subscribed_connections_stay),
        TEST(test_connection_that_only_used_get_is_closed),
        TEST(test_connection_whose_queue_was_deleted_is_closed),
        TEST(test_connection_that_lost_its_subscriptions_is_closed),
        TEST(test_connection_without_tls_is_closed),
        TEST(test_connection_without_hello_is_closed),
        TEST(test_connection_with_half_a_hello_is_closed),
        TEST(test_nothing_is_closed_unless_the_operator_says_so),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
