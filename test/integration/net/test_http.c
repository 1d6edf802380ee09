/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP/2 on connections of the net, between peers that keep the rules: bodies both ways, credit, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/http_site.h"

enum { WAIT_MS = 60000, MIB = 1 << 20 };

static const struct net_options two_lanes = {.receive_lanes = 2, .send_lanes = 2};
static struct http_site site;

static void start_site(void) {
    site = (struct http_site){0};
    http_site_start(&site, &two_lanes);
}

static void assert_done(const struct http_call *call, int64_t length) {
    assert_true(await_int(&call->over, 1, WAIT_MS));
    assert_int_equal(call->over, 1);
    assert_int_equal(call->end, HTTP2_DONE);
    assert_int_equal(call->status, 200);
    assert_int_equal(call->received, length);
    assert_int_equal(call->wrong, 0);
    assert_int_equal(call->body_ended, 1);
}

static void test_bodies_of_many_connections_pass_both_ways(void **state) {
    (void)state;
    enum { CALLERS = 8, CALLS = 20 };
    start_site();
    struct http_caller *callers = calloc(CALLERS, sizeof *callers);
    struct http_call *calls = calloc(CALLERS * CALLS, sizeof *calls);
    for (size_t i = 0; i < CALLERS; i++)
        http_caller_connect(&callers[i], &site);
    for (size_t i = 0; i < CALLERS; i++) {
        for (size_t n = 0; n < CALLS; n++)
            calls[i * CALLS + n] = n % 2 == 0 ? (struct http_call){.path = "/bytes/1048576"}
                                              : (struct http_call){.path = "/", .has_body = true, .to_send = MIB - n};
        http_caller_call(&callers[i], &calls[i * CALLS], CALLS);
    }
    for (size_t i = 0; i < CALLERS * CALLS; i++)
        assert_done(&calls[i], i % CALLS % 2 == 0 ? MIB : (int64_t)(MIB - i % CALLS));
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(callers[i].refused, 0);
        http_caller_finish(&callers[i]);
        assert_int_equal(callers[i].reason, SMQ_OK);
    }
    struct net_statistics statistics;
    net_read_statistics(site.net, &statistics);
    assert_int_equal(statistics.http_requests, CALLERS * CALLS);
    http_site_stop(&site);
    free(calls);
    free(callers);
}

static void test_body_is_sent_only_as_it_is_consumed(void **state) {
    (void)state;
    start_site();
    struct http_caller caller;
    struct http_call call = {.path = "/", .has_body = true, .to_send = 8 * (size_t)MIB};
    atomic_store(&site.holds, true);
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, &call, 1);
    assert_true(await_i64(&site.received, HTTP2_WINDOW, WAIT_MS));
    /* Whatever else the caller did would come before this is answered. */
    struct http_call other = {.path = "/bytes/10"};
    http_caller_call(&caller, &other, 1);
    assert_done(&other, 10);
    assert_int_equal(site.received, HTTP2_WINDOW);
    http_site_let_go(&site);
    assert_done(&call, 8 * (int64_t)MIB);
    http_caller_finish(&caller);
    http_site_stop(&site);
}

static void test_answer_that_waits_goes_on_when_it_is_resumed(void **state) {
    (void)state;
    start_site();
    struct http_caller caller;
    struct http_call call = {.path = "/bytes/100000"};
    atomic_store(&site.stalls, true);
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, &call, 1);
    assert_true(await_int(&call.status, 200, WAIT_MS));
    assert_int_equal(call.received, 0);
    http_site_let_go(&site);
    assert_done(&call, 100000);
    http_caller_finish(&caller);
    http_site_stop(&site);
}

static void test_exchange_outlives_its_connection(void **state) {
    (void)state;
    start_site();
    struct http_caller caller;
    struct http_call calls[] = {{.path = "/silence"}, {.path = "/silence", .has_body = true, .to_send = 100}};
    atomic_store(&site.holds, true);
    atomic_store(&site.keeps, true);
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, calls, 2);
    assert_true(await_i64(&site.received, 100, WAIT_MS));
    connection_close(caller.connection, SMQ_OK, false);
    connection_release(caller.connection);
    assert_true(await_int(&caller.released, 1, WAIT_MS));
    assert_true(await_int(&site.closed, 1, WAIT_MS));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(calls[i].over, 1);
        assert_int_equal(calls[i].end, HTTP2_LOST);
    }
    assert_int_equal(site.over, 2);
    assert_int_equal(site.released, 0); /* exchanges hold the connection */
    http_site_let_go(&site);            /* which consumes, and means nothing */
    while (site.released == 0)
        http_site_release_all(&site);
    http_site_stop(&site);
}

static void test_close_lets_exchanges_end(void **state) {
    (void)state;
    start_site();
    struct http_caller caller;
    struct http_call calls[] = {{.path = "/bytes/3000000"}, {.path = "/", .has_body = true, .to_send = 3000000}};
    atomic_store(&site.holds, true);
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, calls, 2);
    assert_true(await_i64(&site.received, 100000, WAIT_MS));
    connection_close(caller.connection, SMQ_OK, true);
    struct http_call late = {.path = "/bytes/1"};
    http_caller_call(&caller, &late, 1);
    assert_int_equal(caller.refused, 1);
    assert_int_equal(caller.released, 0);
    http_site_let_go(&site);
    assert_done(&calls[0], 3000000);
    assert_done(&calls[1], 3000000);
    connection_release(caller.connection);
    assert_true(await_int(&caller.released, 1, WAIT_MS));
    assert_int_equal(caller.reason, SMQ_OK);
    http_site_stop(&site);
}

static void test_cancelled_call_leaves_others_alone(void **state) {
    (void)state;
    start_site();
    struct http_caller caller;
    struct http_call calls[] = {{.path = "/bytes/8000000", .cancel_at_head = true}, {.path = "/bytes/2000000"}};
    http_caller_connect(&caller, &site);
    http_caller_call(&caller, calls, 2);
    assert_done(&calls[1], 2000000);
    assert_true(await_int(&calls[0].over, 1, WAIT_MS));
    assert_int_equal(calls[0].end, HTTP2_CANCELLED);
    http_caller_finish(&caller);
    http_site_stop(&site);
}

static void test_end_of_the_net_tells_of_every_exchange(void **state) {
    (void)state;
    enum { CALLERS = 10, CALLS = 20 };
    start_site();
    struct http_caller *callers = calloc(CALLERS, sizeof *callers);
    struct http_call *calls = calloc(CALLERS * CALLS, sizeof *calls);
    for (size_t i = 0; i < CALLERS; i++) {
        http_caller_connect(&callers[i], &site);
        for (size_t n = 0; n < CALLS; n++)
            calls[i * CALLS + n] = (struct http_call){.path = n % 2 == 0 ? "/silence" : "/bytes/100000000"};
        http_caller_call(&callers[i], &calls[i * CALLS], CALLS);
    }
    assert_true(await_i64(&site.filled, MIB, WAIT_MS));
    for (size_t i = 0; i < CALLERS; i++)
        connection_release(callers[i].connection);
    http_site_stop(&site); /* which checks the server's side */
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(callers[i].closed, 1);
        assert_int_equal(callers[i].released, 1);
    }
    for (size_t i = 0; i < CALLERS * CALLS; i++)
        assert_int_equal(calls[i].over, 1);
    free(calls);
    free(callers);
}

static void test_caller_learns_why_it_cannot_connect(void **state) {
    (void)state;
    start_site();
    struct http_caller caller;
    struct connect_options options = {.host = "127.0.0.1",
                                      .port = listener_port(site.listener),
                                      .tls_context = site.pki.client_context,
                                      .alpn = "h2",
                                      .timeout_ms = 30000}; /* the key hash is wrong */
    http_caller_connect_to(&caller, site.net, &options);
    assert_true(await_int(&caller.closed, 1, WAIT_MS));
    assert_int_equal(caller.reason, SMQ_ERR_IDENTITY);
    assert_int_equal(caller.opened, 0);
    connection_release(caller.connection);
    assert_true(await_int(&caller.released, 1, WAIT_MS));
    http_site_stop(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_of_many_connections_pass_both_ways),
        cmocka_unit_test(test_body_is_sent_only_as_it_is_consumed),
        cmocka_unit_test(test_answer_that_waits_goes_on_when_it_is_resumed),
        cmocka_unit_test(test_exchange_outlives_its_connection),
        cmocka_unit_test(test_close_lets_exchanges_end),
        cmocka_unit_test(test_cancelled_call_leaves_others_alone),
        cmocka_unit_test(test_end_of_the_net_tells_of_every_exchange),
        cmocka_unit_test(test_caller_learns_why_it_cannot_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
