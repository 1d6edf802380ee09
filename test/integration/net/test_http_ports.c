/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which connections of a port speak what: blocks and HTTP on one TLS port, by the name that clients show; HTTP/1.1 and
 * HTTP/2 by their first bytes; ports without TLS. And HTTP/1.1 between real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/http2_side.h"
#include "test/support/http_site.h"
#include "test/support/memory_use.h"
#include "test/support/net_peer.h"
#include "test/support/web_pki.h"

enum { WAIT_MS = 60000, RECORD = 16384, ANSWER = 4096, SOON_MS = 500 };

static const char *const loopback[] = {"127.0.0.1"};
static struct http_site site;
static struct echo_net echo;
static struct web_pki web;
static struct web_certificate *certificate;
static struct tls_context *shared_context, *browser;
static struct listener *shared;
static char answer[ANSWER];

static bool is_for_browsers(void *context, const struct connection_tls *tls) {
    (void)context;
    return tls->shows_web_certificate;
}

/* A port of the echo protocol that is shared with the site. */
static void share_port(enum web_pki_kind kind, struct net_limits limits) {
    const struct net_options options = {.receive_lanes = 2, .send_lanes = 2, .limits = limits};
    site = (struct http_site){.service = {.speaks_http = is_for_browsers}};
    echo_net_start(&echo, &options);
    http_site_start(&site, &options);
    web_pki_make(&web, kind);
    certificate = web_pki_load(&web);
    browser = web_pki_client(&web);
    const struct tls_server_options tls = {
        .credentials = echo.pki.server, .web = certificate, .request_client_certificate = true};
    assert_int_equal(tls_context_create_web_server(&tls, &shared_context), SMQ_OK);
    const struct listen_options listen = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = shared_context,
        .protocol = &echo.server_protocol,
        .http = &site.service,
        .accept = echo_server_accept,
        .context = &echo.server,
    };
    assert_int_equal(net_listen(echo.net, &listen, &shared, NULL, 0), SMQ_OK);
}

static void unshare_port(void) {
    listener_stop(&shared);
    echo_net_stop(&echo);
    http_site_stop(&site);
    tls_context_destroy(&shared_context);
    tls_context_destroy(&browser);
    web_certificate_destroy(&certificate);
    web_pki_remove(&web);
}

static void assert_blocks_are_echoed(void) {
    struct echo_client client = {
        .count = 20, .window = 4, .seed = 1, .close_when_done = true, .block_size = BLOCK_SIZE};
    struct connect_options options = {
        .host = "127.0.0.1",
        .port = listener_port(shared),
        .tls_context = echo.pki.client_context,
        .alpn = "smp/1",
        .protocol = &echo.client_protocol,
        .state = &client,
        .timeout_ms = 30000,
    };
    memcpy(options.key_hash, echo.pki.fingerprint, FINGERPRINT_SIZE);
    assert_int_equal(net_connect(echo.net, &options, NULL), SMQ_OK);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.answered, 20);
    assert_int_equal(client.wrong, 0);
}

static void browse(const char *host, struct http_caller *caller) {
    const struct connect_options options = {
        .host = host, .port = listener_port(shared), .tls_context = browser, .alpn = "h2", .timeout_ms = 30000};
    http_caller_connect_to(caller, echo.net, &options);
}

static void assert_browser_is_served(void) {
    struct http_caller caller;
    struct http_call call = {.path = "/bytes/100000"};
    browse("localhost", &caller);
    http_caller_call(&caller, &call, 1);
    assert_true(await_int(&call.over, 1, WAIT_MS));
    assert_int_equal(call.received, 100000);
    http_caller_finish(&caller);
}

/* What a peer with TLS gets for `request`, which asks for the end of the connection. */
static const char *ask_tls(const char *alpn, const char *request) {
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(shared));
    assert_int_equal(net_peer_web_handshake(&peer, browser, alpn, "localhost"), SMQ_OK);
    assert_true(net_peer_write(&peer, (const uint8_t *)request, strlen(request), RECORD));
    answer[net_peer_read_all(&peer, (uint8_t *)answer, ANSWER - 1, WAIT_MS)] = '\0';
    net_peer_close(&peer);
    return answer;
}

static void serve_both(enum web_pki_kind kind, struct net_limits limits) {
    share_port(kind, limits);
    for (int i = 0; i < 3; i++) {
        assert_blocks_are_echoed();
        assert_browser_is_served();
        assert_string_equal(ask_tls("http/1.1", "GET /bytes/3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n\x00\x1f\x3e");
        assert_non_null(strstr(ask_tls(NULL, "GET / HTTP/1.0\r\n\r\n"), "200 OK"));
    }
    unshare_port();
}

static void test_port_is_shared_with_an_ecdsa_certificate(void **state) {
    (void)state;
    serve_both(WEB_PKI_ECDSA, (struct net_limits){0});
}

static void test_port_is_shared_with_an_rsa_certificate(void **state) {
    (void)state;
    serve_both(WEB_PKI_RSA, (struct net_limits){0});
}

static void test_browsers_show_cookies_like_others(void **state) {
    (void)state;
    struct net_statistics statistics;
    share_port(WEB_PKI_ECDSA, (struct net_limits){.cookie_rate = 1, .limit_loopback = true});
    for (int i = 0; i < 5; i++) {
        assert_blocks_are_echoed();
        assert_browser_is_served();
    }
    net_read_statistics(echo.net, &statistics);
    assert_true(statistics.asked_cookies > 0);
    unshare_port();
}

static void test_browser_refuses_a_name_that_is_not_in_the_certificate(void **state) {
    (void)state;
    struct http_caller caller;
    share_port(WEB_PKI_ECDSA, (struct net_limits){0});
    struct tls_context *system = NULL;
    assert_int_equal(tls_context_create_web_client(NULL, &system), SMQ_OK);
    struct tls_context *trusting = browser;
    browser = system; /* it is signed by itself */
    browse("localhost", &caller);
    assert_true(await_int(&caller.closed, 1, WAIT_MS));
    assert_int_equal(caller.reason, SMQ_ERR_IDENTITY);
    connection_release(caller.connection);
    assert_true(await_int(&caller.released, 1, WAIT_MS));
    browser = trusting;
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(shared));
    assert_int_equal(net_peer_web_handshake(&peer, browser, "h2", "elsewhere.org"), SMQ_ERR_IDENTITY);
    net_peer_close(&peer);
    assert_browser_is_served();
    unshare_port();
    tls_context_destroy(&system);
}

static void assert_cannot_load(enum web_pki_kind kind, enum smq_result expected, const char *reason) {
    char error[512];
    struct web_certificate *loaded = NULL;
    web_pki_make(&web, kind);
    assert_int_equal(web_certificate_load(web.certificate_path, web.key_path, &loaded, error, sizeof error), expected);
    assert_non_null(strstr(error, web.key_path));
    assert_non_null(strstr(error, reason));
    web_pki_remove(&web);
}

static void test_certificates_that_browsers_refuse_are_refused(void **state) {
    (void)state;
    char error[512];
    struct web_pki other;
    struct web_certificate *loaded = NULL;
    assert_cannot_load(WEB_PKI_ED25519, SMQ_ERR_INVALID, "neither ECDSA nor RSA");
    assert_cannot_load(WEB_PKI_RSA_1024, SMQ_ERR_INVALID, "2048");
    web_pki_make(&web, WEB_PKI_ECDSA);
    web_pki_make(&other, WEB_PKI_ECDSA);
    assert_int_equal(web_certificate_load(web.certificate_path, other.key_path, &loaded, error, sizeof error),
                     SMQ_ERR_INVALID);
    assert_non_null(strstr(error, "does not belong"));
    assert_int_equal(web_certificate_load(web.key_path, web.key_path, &loaded, error, sizeof error), SMQ_ERR_SYNTAX);
    assert_int_equal(web_certificate_load("/nonexistent", web.key_path, &loaded, error, sizeof error), SMQ_ERR_SYSTEM);
    assert_non_null(strstr(error, "/nonexistent: No such file"));
    web_pki_remove(&web);
    web_pki_remove(&other);
}

/* ---- without TLS */

static void start_plain(const struct http_service *service) {
    static const struct net_options options = {.receive_lanes = 1, .send_lanes = 1};
    site = (struct http_site){.service = service == NULL ? (struct http_service){0} : *service};
    http_site_start(&site, &options);
}

static const char *ask_plain(const char *request) {
    struct net_peer peer;
    net_peer_connect(&peer, listener_port(site.plain));
    assert_true(net_peer_write(&peer, (const uint8_t *)request, strlen(request), RECORD));
    answer[net_peer_read_all(&peer, (uint8_t *)answer, ANSWER - 1, WAIT_MS)] = '\0';
    net_peer_close(&peer);
    return answer;
}

static void test_plain_port_speaks_http(void **state) {
    (void)state;
    start_plain(NULL);
    assert_non_null(strstr(ask_plain("GET /bytes/0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200 OK"));
    assert_non_null(strstr(ask_plain("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"
                                     "xGET /bytes/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                           "200 OK"));
    assert_non_null(strstr(ask_plain("\x16\x03\x01 hello, is there TLS?\r\n\r\n"), "400 Bad Request"));
    atomic_store(&site.wrong, 0);
    http_site_stop(&site);
}

static void test_client_may_stop_sending_before_it_is_answered(void **state) {
    (void)state;
    struct net_peer peer;
    static const char request[] = "GET /bytes/1000 HTTP/1.0\r\n\r\n";
    start_plain(NULL);
    atomic_store(&site.stalls, true);
    net_peer_connect(&peer, listener_port(site.plain));
    assert_true(net_peer_write(&peer, (const uint8_t *)request, sizeof request - 1, RECORD));
    assert_int_equal(shutdown(peer.descriptor, SHUT_WR), 0);
    assert_true(await_int(&site.requests, 1, WAIT_MS));
    http_site_let_go(&site);
    size_t length = net_peer_read_all(&peer, (uint8_t *)answer, ANSWER - 1, WAIT_MS);
    assert_true(length > 1000);
    assert_memory_equal(answer + length - 1000, "\x00\x1f\x3e", 3);
    net_peer_close(&peer);
    http_site_stop(&site);
}

static void test_large_bodies_pass_over_a_keepalive_connection(void **state) {
    (void)state;
    enum { SIZE = 5000000, HEAD = 200 };
    char head[HEAD];
    uint8_t *bytes = malloc(SIZE);
    struct net_peer peer;
    start_plain(NULL);
    net_peer_connect(&peer, listener_port(site.plain));
    for (int i = 0; i < 3; i++) {
        int length = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", SIZE);
        for (size_t at = 0; at < SIZE; at++)
            bytes[at] = http2_body_byte(at);
        assert_true(net_peer_write(&peer, (const uint8_t *)head, (size_t)length, RECORD));
        for (size_t at = 0; at < SIZE; at += 1000)
            assert_true(net_peer_write(&peer, bytes + at, 1000, 1000));
        /* All of the answer: its length is not stated, so it is in chunks, and only looked through. */
        size_t seen = 0;
        while (seen < SIZE) {
            assert_int_equal(net_peer_read(&peer, bytes, 1000, WAIT_MS), SMQ_OK);
            seen += 1000;
        }
        assert_true(await_int(&site.done, i + 1, WAIT_MS));
        size_t rest = 0;
        do
            rest = (size_t)recv(peer.descriptor, bytes, SIZE, 0);
        while (memcmp(bytes + rest - 5, "0\r\n\r\n", 5) != 0);
    }
    assert_int_equal(site.received, 3 * SIZE);
    net_peer_close(&peer);
    http_site_stop(&site);
    free(bytes);
}

static void assert_others_are_served(void) {
    assert_non_null(strstr(ask_plain("GET /bytes/0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200 OK"));
}

static void test_slow_clients_are_given_up(void **state) {
    (void)state;
    static const char *const starts[] = {"", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n",
                                         "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx"};
    enum { COUNT = sizeof starts / sizeof starts[0] };
    struct net_peer peers[COUNT];
    const struct http_service service = {.head_ms = SOON_MS, .idle_ms = SOON_MS, .exchange_ms = SOON_MS};
    start_plain(&service);
    for (size_t i = 0; i < COUNT; i++) {
        net_peer_connect(&peers[i], listener_port(site.plain));
        if (starts[i][0] != '\0')
            assert_true(net_peer_write(&peers[i], (const uint8_t *)starts[i], strlen(starts[i]), RECORD));
    }
    assert_others_are_served();
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(net_peer_sees_end(&peers[i], WAIT_MS));
        net_peer_close(&peers[i]);
    }
    assert_int_equal(site.done, 1);
    atomic_store(&site.wrong, 0);
    http_site_stop(&site);
}

static void test_reader_that_does_not_read_is_given_up(void **state) {
    (void)state;
    struct net_peer peer;
    static const char request[] = "GET /chunks/1000000000 HTTP/1.1\r\nHost: h\r\n\r\n";
    const struct http_service service = {.stall_ms = SOON_MS};
    start_plain(&service);
    uint64_t before = memory_heap_in_use();
    net_peer_connect(&peer, listener_port(site.plain));
    assert_true(net_peer_write(&peer, (const uint8_t *)request, sizeof request - 1, RECORD));
    assert_true(await_int(&site.lost, 1, WAIT_MS));
    assert_true(site.filled < 100000000);
    assert_true(memory_heap_in_use() < before + 100000);
    assert_others_are_served();
    net_peer_close(&peer);
    http_site_stop(&site);
}

static void test_pipelined_flood_costs_no_more_than_its_requests(void **state) {
    (void)state;
    enum { REQUESTS = 20000 };
    static const char request[] = "GET /bytes/0 HTTP/1.1\r\nHost: h\r\n\r\n";
    const size_t size = sizeof request - 1;
    struct net_peer peer;
    start_plain(NULL);
    uint64_t before = memory_heap_in_use();
    net_peer_connect(&peer, listener_port(site.plain));
    char *flood = malloc(100 * size);
    for (size_t i = 0; i < 100; i++)
        memcpy(flood + i * size, request, size);
    /* Nothing is read, so that the server stops reading, too, when its answers find no room. */
    for (int i = 0; i < REQUESTS / 100; i++)
        if (send(peer.descriptor, flood, 100 * size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
    assert_true(await_int(&site.requests, 100, WAIT_MS));
    assert_others_are_served();
    assert_true(memory_heap_in_use() < before + 1000000);
    free(flood);
    net_peer_close(&peer);
    http_site_stop(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_is_shared_with_an_ecdsa_certificate),
        cmocka_unit_test(test_port_is_shared_with_an_rsa_certificate),
        cmocka_unit_test(test_browsers_show_cookies_like_others),
        cmocka_unit_test(test_browser_refuses_a_name_that_is_not_in_the_certificate),
        cmocka_unit_test(test_certificates_that_browsers_refuse_are_refused),
        cmocka_unit_test(test_plain_port_speaks_http),
        cmocka_unit_test(test_client_may_stop_sending_before_it_is_answered),
        cmocka_unit_test(test_large_bodies_pass_over_a_keepalive_connection),
        cmocka_unit_test(test_slow_clients_are_given_up),
        cmocka_unit_test(test_reader_that_does_not_read_is_given_up),
        cmocka_unit_test(test_pipelined_flood_costs_no_more_than_its_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
