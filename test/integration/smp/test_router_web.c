/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an SMP router shows to browsers and to monitoring: on its own TLS port, on ports of the web, and under those who
 * do their worst there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/router/operator/web_site.h"
#include "queues/base/clock.h"
#include "test/support/echo.h"
#include "test/support/net_peer.h"
#include "test/support/router_fixture.h"
#include "test/support/web_pki.h"

enum { WAIT_MS = 30000, ANSWER = 1 << 16, RECORD = 16384, FLOOD = 3000 };

static struct router_fixture fixture;
static struct web_pki web;
static struct tls_context *browser;
static char folder[128], answer[ANSWER];

static const char *const links[] = {"contact", "a", NULL};
static const struct web_row rows[] = {
    {"Operator", "Name", "A <script>alert('x')</script> & \"Co\"", WEB_ROW_TEXT},
    {"Operator", "Website", "javascript:alert(1)", WEB_ROW_URL},
    {"Operator", "Country", NULL, WEB_ROW_TEXT},
    {"Conditions", "Terms", "https://example.org/?a=1&b=2", WEB_ROW_URL},
};

static int write_pages(void) {
    char error[512];
    const struct web_site site = {
        .title = "smp.example.org",
        .subtitle = "SMP server",
        .address = "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@smp.example.org",
        .version = "SMP server v0",
        .source_code = "https://example.org/code",
        .rows = rows,
        .row_count = sizeof rows / sizeof rows[0],
        .links = links,
    };
    return web_site_write(&site, folder, error, sizeof error) == SMQ_OK ? 0 : -1;
}

static int open_router(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    (void)snprintf(folder, sizeof folder, "%s/www", fixture.directory);
    if (write_pages() != 0)
        return -1;
    web_pki_make(&web, WEB_PKI_ECDSA);
    browser = web_pki_client(&web);
    fixture.config.pages_directory = folder;
    fixture.config.web_certificate_path = web.certificate_path;
    fixture.config.web_key_path = web.key_path;
    return 0;
}

static int close_router(void **state) {
    (void)state;
    char command[256];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) // NOLINT(cert-env33-c): the path is the test's own
        return -1;
    router_fixture_finish(&fixture);
    tls_context_destroy(&browser);
    web_pki_remove(&web);
    return 0;
}

/* A free port of this moment. */
static uint16_t free_port(void) {
    struct net_peer peer;
    (void)peer;
    static uint16_t next = 0;
    if (next == 0)
        next = (uint16_t)(20000 + getpid() % 20000);
    return next++;
}

/* Starts it with ports of the web, which others may have taken meanwhile. */
static void start_with_ports(void) {
    fixture.config.web_ports = (struct web_ports){free_port(), free_port(), free_port(), NULL};
    router_fixture_start(&fixture);
}

static const char *converse(struct net_peer *peer, const char *request) {
    assert_true(net_peer_write(peer, (const uint8_t *)request, strlen(request), RECORD));
    answer[net_peer_read_all(peer, (uint8_t *)answer, ANSWER - 1, WAIT_MS)] = '\0';
    net_peer_close(peer);
    return answer;
}

static const char *request_of(const char *path) {
    static char request[2048];
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
    return request;
}

static const char *get_plain(enum web_port which, const char *path) {
    struct net_peer peer;
    net_peer_connect(&peer, smp_router_web_port(fixture.router, which));
    return converse(&peer, request_of(path));
}

static const char *get_tls(uint16_t port, const char *path) {
    struct net_peer peer;
    net_peer_connect(&peer, port);
    if (net_peer_web_handshake(&peer, browser, "http/1.1", "localhost") != SMQ_OK) {
        net_peer_close(&peer);
        return "";
    }
    return converse(&peer, request_of(path));
}

static void assert_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in '%.200s'", part, text);
}

static void assert_smp_is_served(void) {
    struct peer peer;
    router_fixture_connect(&fixture, 0, &peer);
    peer_close(&peer);
}

static void test_pages_are_on_every_port_that_is_theirs(void **state) {
    (void)state;
    start_with_ports();
    const uint16_t tls_ports[] = {fixture.port, smp_router_web_port(fixture.router, WEB_HTTPS)};
    for (size_t i = 0; i < 2; i++) {
        assert_has(get_tls(tls_ports[i], "/"), "200 OK");
        assert_has(answer, "text/html");
        assert_has(answer, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@smp.example.org");
        assert_has(get_tls(tls_ports[i], "/a"), "/media/qr.js");
    }
    assert_has(get_plain(WEB_HTTP, "/contact/?x=1"), "/media/link.js");
    assert_has(get_plain(WEB_HTTP, "/media/style.css"), "text/css");
    assert_has(get_plain(WEB_HTTP, "/.well-known/assetlinks.json"), "chat.simplex.app");
    assert_has(get_plain(WEB_HTTP, "/.well-known/apple-app-site-association"), "application/json");
    assert_smp_is_served();
    router_fixture_stop(&fixture);
}

static void test_pages_hold_texts_as_texts(void **state) {
    (void)state;
    start_with_ports();
    assert_has(get_plain(WEB_HTTP, "/"), "A &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;Co&quot;");
    assert_has(answer, "<dd>javascript:alert(1)</dd>");
    assert_has(answer, "href=\"https://example.org/?a=1&amp;b=2\"");
    assert_has(answer, "content-security-policy: default-src 'self'");
    assert_null(strstr(answer, "Country"));
    assert_null(strstr(answer, "{{"));
    router_fixture_stop(&fixture);
}

static void test_nothing_but_pages_is_shown(void **state) {
    (void)state;
    static const char *const paths[] = {
        "/../server.key",
        "/%2e%2e/server.key",
        "/..%2fserver.key",
        "/%2e%2e%2fserver.key",
        "//../server.key",
        "/a/../../ca.key",
        "/hidden/.secret",
        "/.secret",
        "/outside",
        "/a/../../../etc/passwd",
        "/%00",
        "/%zz",
        "/media",
        "/pipe",
        "/etc/passwd",
        "/.well-known/../..",
        "/outside/server.key",
        "/..\\server.key",
    };
    char path[256];
    start_with_ports();
    (void)snprintf(path, sizeof path, "%s/.secret", folder);
    FILE *file = fopen(path, "we");
    assert_true(file != NULL && fputs("secret", file) >= 0 && fclose(file) == 0);
    (void)snprintf(path, sizeof path, "%s/outside", folder);
    assert_int_equal(symlink("..", path), 0);
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0644), 0);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_has(get_plain(WEB_HTTP, paths[i]), "404 Not Found");
        assert_has(get_tls(fixture.port, paths[i]), "404 Not Found");
    }
    struct net_peer peer;
    net_peer_connect(&peer, smp_router_web_port(fixture.router, WEB_HTTP));
    assert_has(converse(&peer, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"),
               "405 Method Not Allowed");
    assert_has(answer, "allow: GET, HEAD");
    router_fixture_stop(&fixture);
}

static void test_files_of_the_operator_are_served_as_they_change(void **state) {
    (void)state;
    char path[256];
    start_with_ports();
    (void)snprintf(path, sizeof path, "%s/well-known/token", folder);
    assert_has(get_plain(WEB_HTTP, "/.well-known/token"), "404 Not Found");
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(path, "we");
        assert_true(file != NULL && fprintf(file, "token %d", i) > 0 && fclose(file) == 0);
        assert_has(get_plain(WEB_HTTP, "/.well-known/token"), i == 0 ? "token 0" : "token 1");
    }
    assert_int_equal(truncate(path, 5 << 20), 0);
    assert_has(get_plain(WEB_HTTP, "/.well-known/token"), "500 Internal Server Error");
    router_fixture_stop(&fixture);
}

static void test_monitoring_is_told(void **state) {
    (void)state;
    start_with_ports();
    assert_has(get_plain(WEB_MONITOR, "/healthz"), "ok\n");
    assert_has(get_plain(WEB_MONITOR, "/readyz"), "ready\n");
    assert_has(get_plain(WEB_MONITOR, "/metrics"), "text/plain; version=0.0.4");
    assert_has(answer, "simplex_smp_queues_created");
    assert_has(get_plain(WEB_MONITOR, "/"), "404 Not Found");
    assert_has(get_plain(WEB_HTTP, "/metrics"), "404 Not Found");
    router_fixture_stop(&fixture);
}

static void reload(enum smq_result expected) {
    char error[512];
    assert_int_equal(smp_router_reload(fixture.router, &fixture.config, error, sizeof error), expected);
    if (expected != SMQ_OK)
        assert_has(error, web.directory);
}

static void test_certificate_comes_later_and_changes(void **state) {
    (void)state;
    struct web_pki first = web;
    char aside[128];
    (void)snprintf(aside, sizeof aside, "%s.aside", web.certificate_path);
    assert_int_equal(rename(web.certificate_path, aside), 0);
    start_with_ports();
    assert_string_equal(get_tls(fixture.port, "/"), "");
    assert_int_equal(smp_router_web_port(fixture.router, WEB_HTTPS), 0);
    assert_smp_is_served();
    assert_int_equal(rename(aside, web.certificate_path), 0);
    reload(SMQ_OK);
    const uint16_t https = smp_router_web_port(fixture.router, WEB_HTTPS);
    assert_has(get_tls(fixture.port, "/"), "200 OK");
    assert_has(get_tls(https, "/"), "200 OK");
    /* another one, RSA */
    tls_context_destroy(&browser);
    web_pki_make(&web, WEB_PKI_RSA);
    browser = web_pki_client(&web);
    fixture.config.web_certificate_path = web.certificate_path;
    fixture.config.web_key_path = web.key_path;
    reload(SMQ_OK);
    web_pki_remove(&first);
    assert_has(get_tls(fixture.port, "/"), "200 OK");
    assert_has(get_tls(https, "/"), "200 OK");
    /* a broken one, and none: the old one stays */
    assert_int_equal(truncate(web.key_path, 100), 0);
    reload(SMQ_ERR_SYNTAX);
    (void)snprintf(aside, sizeof aside, "%s.aside", web.certificate_path);
    assert_int_equal(rename(web.certificate_path, aside), 0);
    assert_has(get_tls(fixture.port, "/"), "200 OK");
    reload(SMQ_ERR_NOT_FOUND);
    assert_int_equal(rename(aside, web.certificate_path), 0);
    assert_has(get_tls(https, "/"), "200 OK");
    assert_smp_is_served();
    router_fixture_stop(&fixture);
}

static void test_web_ports_bear_the_worst(void **state) {
    (void)state;
    static const char *const rubbish[] = {"\x16\x03\x01\x02\x03garbage", "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
                                          "\r\n\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish, and more of it"};
    enum { RUBBISH = sizeof rubbish / sizeof rubbish[0], SLOW = 100 };
    static struct net_peer slow[SLOW];
    static char large[100000];
    struct net_peer peer;
    start_with_ports();
    for (size_t i = 0; i < SLOW; i++) {
        net_peer_connect(&slow[i], smp_router_web_port(fixture.router, i % 2 == 0 ? WEB_HTTP : WEB_MONITOR));
        assert_true(net_peer_write(&slow[i], (const uint8_t *)"GET / HT", 8, 8));
    }
    for (size_t i = 0; i < RUBBISH * 2; i++) {
        net_peer_connect(&peer, smp_router_web_port(fixture.router, i % 2 == 0 ? WEB_HTTP : WEB_MONITOR));
        (void)net_peer_write(&peer, (const uint8_t *)rubbish[i / 2], strlen(rubbish[i / 2]), RECORD);
        net_peer_close(&peer);
    }
    memset(large, 'a', sizeof large - 1);
    memcpy(large, "GET /", 5);
    for (int i = 0; i < 2; i++) {
        net_peer_connect(&peer, smp_router_web_port(fixture.router, i == 0 ? WEB_HTTP : WEB_MONITOR));
        (void)net_peer_write(&peer, (const uint8_t *)large, sizeof large - 1, 8192);
        answer[net_peer_read_all(&peer, (uint8_t *)answer, ANSWER - 1, WAIT_MS)] = '\0';
        assert_has(answer, "431 Request Header Fields Too Large");
        net_peer_close(&peer);
    }
    /* one that asks, and does not read */
    net_peer_connect(&peer, smp_router_web_port(fixture.router, WEB_HTTP));
    for (int i = 0; i < FLOOD; i++)
        if (!net_peer_write(&peer, (const uint8_t *)"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27, 27))
            break;
    assert_has(get_plain(WEB_HTTP, "/"), "200 OK");
    assert_has(get_plain(WEB_MONITOR, "/healthz"), "ok");
    assert_smp_is_served();
    net_peer_close(&peer);
    for (size_t i = 0; i < SLOW; i++)
        net_peer_close(&slow[i]);
    router_fixture_stop(&fixture);
}

static void test_router_stops_while_pages_are_read(void **state) {
    (void)state;
    enum { PEERS = 20 };
    static struct net_peer peers[PEERS];
    start_with_ports();
    for (size_t i = 0; i < PEERS; i++) {
        net_peer_connect(&peers[i], smp_router_web_port(fixture.router, i % 2 == 0 ? WEB_HTTP : WEB_MONITOR));
        const char *request = request_of(i % 2 == 0 ? "/" : "/metrics");
        assert_true(net_peer_write(&peers[i], (const uint8_t *)request, strlen(request), RECORD));
    }
    uint64_t before_ms = clock_monotonic_ms();
    router_fixture_stop(&fixture);
    assert_true(clock_monotonic_ms() - before_ms < 20000);
    for (size_t i = 0; i < PEERS; i++)
        net_peer_close(&peers[i]);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_router, close_router)
    const struct CMUnitTest tests[] = {
        TEST(test_pages_are_on_every_port_that_is_theirs),
        TEST(test_pages_hold_texts_as_texts),
        TEST(test_nothing_but_pages_is_shown),
        TEST(test_files_of_the_operator_are_served_as_they_change),
        TEST(test_monitoring_is_told),
        TEST(test_certificate_comes_later_and_changes),
        TEST(test_web_ports_bear_the_worst),
        TEST(test_router_stops_while_pages_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
