/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Admission: limits in all and by address, who is dropped, and what is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/net/admission.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"

enum { PLACES = 200 };

static struct admission *admission;
static struct admission_place places[PLACES];
static struct admission_place *dropped;

static int set_up(void **state) {
    (void)state;
    memset(places, 0, sizeof places);
    return admission_create(&admission) == SMQ_OK ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    struct admission_place *place;
    while ((place = admission_any(admission)) != NULL)
        admission_leave(admission, place, 0);
    admission_destroy(&admission);
    return 0;
}

static struct net_address address_of(const char *text) {
    struct net_address_list *list = NULL;
    assert_int_equal(net_address_resolve(text, 1, NET_RESOLVE_LITERAL, &list), SMQ_OK);
    struct net_address address = list->addresses[0];
    memory_free(list);
    return address;
}

static enum admission_verdict enter(const struct net_limits *limits, const char *text, uint64_t now_ms, size_t place) {
    struct net_address address = address_of(text);
    return admission_enter(admission, limits, &address, now_ms, &places[place], &dropped);
}

static void test_the_oldest_in_handshake_of_an_address_goes_for_its_newest(void **state) {
    (void)state;
    const struct net_limits limits = {.address_handshakes = 2};
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 0), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.2", 0, 1), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 2), ADMITTED);
    assert_null(dropped);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 3), ADMITTED);
    assert_ptr_equal(dropped, &places[0]);
    assert_int_equal(admission_handshakes(admission), 3);
    assert_int_equal(admission_connections(admission), 4); /* until it has left */
    admission_leave(admission, dropped, 0);
    assert_int_equal(admission_connections(admission), 3);
    /* Who is established is nobody's rival any more. */
    admission_established(admission, &places[2]);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 0), ADMITTED);
    assert_null(dropped);
}

/* The news that it is established was under way when it was to go. */
static void test_who_is_established_before_it_is_dropped_stays(void **state) {
    (void)state;
    const struct net_limits limits = {.max_handshakes = 1, .max_connections = 2, .address_connections = 2};
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 0), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 1), ADMITTED);
    assert_ptr_equal(dropped, &places[0]);
    admission_established(admission, dropped);
    admission_established(admission, &places[1]);
    assert_true(admission_is_full(admission, &limits)); /* it counts as any other */
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 2), REFUSED_CONNECTIONS);
    admission_leave(admission, &places[0], 0);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 2), ADMITTED);
    assert_null(dropped);
}

static void test_the_oldest_of_all_goes_when_too_many_are_in_handshake(void **state) {
    (void)state;
    const struct net_limits limits = {.max_handshakes = 3};
    static const char *const hosts[] = {"192.0.2.1", "198.51.100.1", "2001:db8::1", "203.0.113.1"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(enter(&limits, hosts[i], 0, i), ADMITTED);
    assert_ptr_equal(dropped, &places[0]);
}

static void test_when_all_are_established_others_wait(void **state) {
    (void)state;
    const struct net_limits limits = {.max_connections = 2};
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 0), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 1), ADMITTED);
    assert_false(admission_is_full(admission, &limits)); /* one may be dropped */
    admission_established(admission, &places[0]);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 2), ADMITTED);
    assert_ptr_equal(dropped, &places[1]);
    admission_established(admission, &places[2]);
    assert_true(admission_is_full(admission, &limits));
    admission_leave(admission, &places[2], 0);
    assert_false(admission_is_full(admission, &limits));
}

static void test_an_address_has_so_many_connections(void **state) {
    (void)state;
    const struct net_limits limits = {.address_connections = 1};
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 0), ADMITTED);
    admission_established(admission, &places[0]);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 1), REFUSED_CONNECTIONS);
    assert_int_equal(enter(&limits, "::ffff:192.0.2.1", 0, 1), REFUSED_CONNECTIONS); /* the same host */
    assert_int_equal(enter(&limits, "192.0.2.2", 0, 1), ADMITTED);
    assert_int_equal(enter(&limits, "2001:db8:0:1::1", 0, 2), ADMITTED);
    admission_established(admission, &places[2]);
    assert_int_equal(enter(&limits, "2001:db8:0:1:ffff::2", 0, 3), REFUSED_CONNECTIONS); /* the same network */
    assert_int_equal(enter(&limits, "2001:db8:0:2::1", 0, 3), ADMITTED);
    admission_leave(admission, &places[0], 0);
    assert_int_equal(enter(&limits, "192.0.2.1", 0, 0), ADMITTED);
}

static void test_the_rate_of_an_address_is_a_bucket_that_leaving_does_not_fill(void **state) {
    (void)state;
    const struct net_limits limits = {.address_rate = 10, .address_burst = 3};
    const uint64_t now = 1000000;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(enter(&limits, "192.0.2.1", now, i), ADMITTED);
        admission_leave(admission, &places[i], now);
    }
    assert_int_equal(enter(&limits, "192.0.2.1", now, 0), REFUSED_RATE);
    assert_int_equal(enter(&limits, "192.0.2.2", now, 0), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", now + 99, 1), REFUSED_RATE);
    assert_int_equal(enter(&limits, "192.0.2.1", now + 100, 1), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", now + 150, 2), REFUSED_RATE);
    for (size_t i = 3; i < 6; i++)
        assert_int_equal(enter(&limits, "192.0.2.1", now + 100000, i), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", now + 100000, 6), REFUSED_RATE);
}

static void test_loopback_is_exempt_unless_it_is_limited(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    struct net_limits limits = {.address_handshakes = 1, .address_connections = 1, .address_rate = 1};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(enter(&limits, hosts[i / 2], 5000, i), ADMITTED);
        assert_null(dropped);
        admission_established(admission, &places[i]);
    }
    limits.limit_loopback = true;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(enter(&limits, hosts[i], 5000, 8), REFUSED_CONNECTIONS);
}

static void test_newcomers_need_cookies_while_many_are_in_handshake(void **state) {
    (void)state;
    const struct net_limits limits = {.cookie_handshakes = 3, .address_cookie_handshakes = 2};
    static const struct {
        const char *from;
        bool needs_cookie;
    } rows[] = {
        {"192.0.2.1", false},    {"192.0.2.1", false}, {"192.0.2.1", true}, /* of its address */
        {"192.0.2.2", true},                                                /* in all */
        {"2001:db8:7::1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(enter(&limits, rows[i].from, 0, i), ADMITTED);
        assert_int_equal(places[i].needs_cookie, rows[i].needs_cookie);
    }
    for (size_t i = 0; i < 3; i++)
        admission_established(admission, &places[i]); /* two are left, one of them of this address */
    assert_int_equal(enter(&limits, "192.0.2.2", 0, 10), ADMITTED);
    assert_false(places[10].needs_cookie);
    admission_leave(admission, &places[10], 0);
    admission_leave(admission, &places[4], 0);
    assert_int_equal(enter(&limits, "192.0.2.2", 0, 11), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.2", 0, 12), ADMITTED);
    assert_true(places[12].needs_cookie);
}

/* Who comes and goes is never many at a time, but too many a second. */
static void test_newcomers_need_cookies_when_they_come_fast(void **state) {
    (void)state;
    const struct net_limits limits = {.cookie_rate = 10};
    const uint64_t now = 1000000;
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(enter(&limits, "127.0.0.1", now, 0), ADMITTED);
        assert_int_equal(places[0].needs_cookie, i >= 10);
        admission_leave(admission, &places[0], now);
    }
    assert_int_equal(enter(&limits, "192.0.2.1", now + 100, 0), ADMITTED);
    assert_int_equal(enter(&limits, "192.0.2.1", now + 100, 1), ADMITTED);
    assert_false(places[0].needs_cookie);
    assert_true(places[1].needs_cookie);
}

/* Addresses that have nothing left are forgotten when their time has come, whatever comes meanwhile. */
static void test_addresses_are_forgotten(void **state) {
    (void)state;
    const struct net_limits limits = {.address_rate = 10, .address_burst = 10};
    char text[32];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "10.1.%u.%u", i / 250, i % 250);
        assert_int_equal(enter(&limits, text, 100000 + i, 0), ADMITTED);
        admission_leave(admission, &places[0], 100000 + i);
    }
    assert_in_range(admission_addresses(admission), 1, 300);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(enter(&limits, "192.0.2.1", 200000 + i * 1000, 0), ADMITTED);
        admission_leave(admission, &places[0], 200000 + i * 1000);
    }
    assert_in_range(admission_addresses(admission), 0, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        CASE(test_the_oldest_in_handshake_of_an_address_goes_for_its_newest),
        CASE(test_who_is_established_before_it_is_dropped_stays),
        CASE(test_the_oldest_of_all_goes_when_too_many_are_in_handshake),
        CASE(test_when_all_are_established_others_wait),
        CASE(test_an_address_has_so_many_connections),
        CASE(test_the_rate_of_an_address_is_a_bucket_that_leaving_does_not_fill),
        CASE(test_loopback_is_exempt_unless_it_is_limited),
        CASE(test_newcomers_need_cookies_while_many_are_in_handshake),
        CASE(test_newcomers_need_cookies_when_they_come_fast),
        CASE(test_addresses_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
