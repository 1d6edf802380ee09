/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Newcomers among many have to show a cookie: what honest peers notice of it, and what others try. The peers are plain
 * OpenSSL, whose bytes the tests send as they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/cursor.h"
#include "test/support/echo.h"
#include "test/support/memory_use.h"
#include "test/support/net_peer.h"

enum { WAIT_MS = 20000, CROWD = 200, BYTES_MAX = 8192, STEPS = 50, CHANGE_SIZE = 6, EXTENSION_COOKIE = 44 };

static const char *const loopback[] = {"127.0.0.1"};
static struct echo_net echo;
static struct net_peer silent; /* the one in handshake for whom others are asked */
static struct net_peer crowd[CROWD];

static void start(struct net_limits limits) {
    const struct net_options options = {.receive_lanes = 1, .send_lanes = 1, .limits = limits};
    echo_net_start(&echo, &options);
}

static struct net_statistics statistics(void) {
    struct net_statistics read;
    net_read_statistics(echo.net, &read);
    return read;
}

static void await_accepted(uint64_t count) {
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (statistics().accepted < count) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
}

static void await_closed(int64_t count) {
    assert_true(await_i64(&echo.server.closed, count, WAIT_MS));
}

static void await_asked(uint64_t count) {
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (statistics().asked_cookies < count) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
}

/* From here on whoever comes is asked. */
static void start_crowded(void) {
    start((struct net_limits){.cookie_handshakes = 1});
    net_peer_connect(&silent, listener_port(echo.listener));
    await_accepted(1);
}

static void stop_crowded(void) {
    net_peer_close(&silent);
    echo_net_stop(&echo);
}

static void assert_serves(void) {
    struct echo_client client = {.count = 3, .window = 1, .seed = 7, .close_when_done = true};
    assert_int_equal(echo_connect(&echo, &client, NULL), SMQ_OK);
    assert_true(await_int(&client.released, 1, WAIT_MS));
    assert_int_equal(client.answered, 3);
}

/* ---- a client whose bytes go through the test's hands */

struct client {
    struct net_peer peer;
    SSL_CTX *context;
    SSL *ssl;
    BIO *heard, *said;
};

static int accept_any(X509_STORE_CTX *store, void *argument) {
    (void)store;
    (void)argument;
    return 1;
}

static void open_client(struct client *client, int version, const char *groups) {
    net_peer_connect(&client->peer, listener_port(echo.listener));
    int on = 1;
    assert_int_equal(setsockopt(client->peer.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    client->context = SSL_CTX_new(TLS_client_method());
    assert_non_null(client->context);
    assert_int_equal(SSL_CTX_set_max_proto_version(client->context, version), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(client->context, groups), 1);
    assert_int_equal(SSL_CTX_set_alpn_protos(client->context, (const unsigned char *)"\5smp/1", 6), 0);
    SSL_CTX_set_cert_verify_callback(client->context, accept_any, NULL);
    client->ssl = SSL_new(client->context);
    client->heard = BIO_new(BIO_s_mem());
    client->said = BIO_new(BIO_s_mem());
    assert_true(client->ssl != NULL && client->heard != NULL && client->said != NULL);
    SSL_set_bio(client->ssl, client->heard, client->said);
    SSL_set_connect_state(client->ssl);
}

static void close_client(struct client *client) {
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    net_peer_close(&client->peer);
    ERR_clear_error();
}

/* What it says next; returns the length. */
static size_t say(struct client *client, uint8_t bytes[BYTES_MAX]) {
    ERR_clear_error();
    (void)SSL_do_handshake(client->ssl);
    int length = BIO_read(client->said, bytes, BYTES_MAX);
    return length < 0 ? 0 : (size_t)length;
}

static void give(const struct client *client, const uint8_t *bytes, size_t length, size_t piece) {
    for (size_t sent = 0; sent < length; sent += piece) {
        size_t part = length - sent < piece ? length - sent : piece;
        assert_int_equal(send(client->peer.descriptor, bytes + sent, part, MSG_NOSIGNAL), part);
    }
}

/* Waits for bytes of the router and lets the client have them; false: there is an end instead. */
static bool hear(const struct client *client) {
    uint8_t bytes[BYTES_MAX];
    struct pollfd polled = {.fd = client->peer.descriptor, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
    ssize_t got = recv(client->peer.descriptor, bytes, sizeof bytes, 0);
    if (got <= 0)
        return false;
    assert_int_equal(BIO_write(client->heard, bytes, (int)got), got);
    return true;
}

/* Its first hello is said and answered; its second one is in `bytes`, behind a ChangeCipherSpec. */
static size_t second_hello(struct client *client, uint8_t bytes[BYTES_MAX]) {
    uint64_t asked = statistics().asked_cookies;
    give(client, bytes, say(client, bytes), BYTES_MAX);
    size_t length = 0;
    while (length <= CHANGE_SIZE) {
        assert_true(hear(client));
        length = say(client, bytes);
    }
    await_asked(asked + 1);
    return length;
}

/* Goes on to the end of the handshake, with `piece` bytes at a time. Whether the router takes it. */
static bool finish_handshake(struct client *client, size_t piece) {
    uint8_t bytes[BYTES_MAX];
    for (int i = 0; i < STEPS; i++) {
        give(client, bytes, say(client, bytes), piece);
        if (SSL_is_init_finished(client->ssl))
            return true;
        if (!hear(client))
            return false;
    }
    return false;
}

/* A block there and back. */
static void assert_echoed(struct client *client) {
    static uint8_t block[BLOCK_SIZE], sealed[2 * BLOCK_SIZE];
    memset(block, 5, sizeof block);
    assert_int_equal(SSL_write(client->ssl, block, BLOCK_SIZE), BLOCK_SIZE);
    int length = BIO_read(client->said, sealed, sizeof sealed);
    give(client, sealed, (size_t)length, sizeof sealed);
    size_t got = 0;
    while (got < BLOCK_SIZE) {
        int read = SSL_read(client->ssl, block, BLOCK_SIZE);
        if (read > 0)
            got += (size_t)read;
        else
            assert_true(hear(client));
    }
}

/* Where the cookie is in a second hello. */
static size_t cookie_of(const uint8_t *bytes, size_t length, size_t *cookie_length) {
    struct reader reader = reader_of(slice_of(bytes, length));
    (void)read_bytes(&reader, CHANGE_SIZE + 5 + 4 + 2 + 32);
    (void)read_bytes(&reader, read_u8(&reader));
    (void)read_bytes(&reader, read_u16(&reader));
    (void)read_bytes(&reader, read_u8(&reader));
    (void)read_u16(&reader);
    while (reader_left(&reader) > 0) {
        uint16_t type = read_u16(&reader);
        struct slice extension = read_bytes(&reader, read_u16(&reader));
        assert_false(reader.failed);
        if (type == EXTENSION_COOKIE) {
            *cookie_length = extension.length - 2;
            return (size_t)(extension.bytes + 2 - bytes);
        }
    }
    fail_msg("there is no cookie");
    return 0;
}

/* The router ends the connection: the `count`-th handshake that fails. */
static void assert_refused(struct client *client, uint64_t count) {
    assert_true(net_peer_sees_end(&client->peer, WAIT_MS));
    assert_int_equal(statistics().tls_failures, count);
    close_client(client);
}

/* ---- honest peers */

static void test_who_comes_among_many_shows_a_cookie(void **state) {
    (void)state;
    start_crowded();
    assert_serves();
    assert_int_equal(statistics().asked_cookies, 1);
    assert_int_equal(statistics().tls_failures, 0);
    net_peer_close(&silent);
    await_closed(2);
    assert_serves(); /* alone */
    assert_int_equal(statistics().asked_cookies, 1);
    echo_net_stop(&echo);
}

static void test_limits_are_looked_at_for_each_newcomer(void **state) {
    (void)state;
    start_crowded();
    const struct net_limits none = {0}, by_rate = {.cookie_rate = 1};
    net_set_limits(echo.net, &none);
    assert_serves();
    assert_int_equal(statistics().asked_cookies, 0);
    net_set_limits(echo.net, &by_rate);
    for (int i = 0; i < 3; i++)
        assert_serves();
    assert_in_range(statistics().asked_cookies, 1, 2);
    stop_crowded();
}

/* Whatever shares the client offers, and in whatever pieces all it says arrives. */
static void test_a_transcript_in_single_bytes_with_a_cookie(void **state) {
    (void)state;
    static const char *const groups[] = {"X25519", "X448", "P-256:X448", "P-256:X25519"};
    start_crowded();
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        struct client client;
        open_client(&client, TLS1_3_VERSION, groups[i]);
        assert_true(finish_handshake(&client, 1));
        const unsigned char *alpn = NULL;
        unsigned alpn_length = 0;
        SSL_get0_alpn_selected(client.ssl, &alpn, &alpn_length);
        assert_int_equal(alpn_length, 5);
        assert_echoed(&client);
        assert_int_equal(statistics().asked_cookies, i + 1);
        close_client(&client);
        await_closed((int64_t)i + 1);
    }
    assert_int_equal(statistics().tls_failures, 0);
    stop_crowded();
}

/* Also with the shorter session ids of TLS 1.2. */
static enum smq_result establish(struct connection *connection, void *state) {
    (void)state;
    connection_established(connection);
    return SMQ_OK;
}

/* Clients of the reference take no HelloRetryRequest that asks for a cookie alone: it asks for the share of another
 * group, too, if the client has one. */
static void test_the_share_of_another_group_is_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *offered;
        int used;
    } rows[] = {
        {"X448:X25519", NID_X25519}, {"X25519:X448", NID_X448}, {"X448", NID_X448}, {"X25519:P-256", NID_X25519}};
    start_crowded();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client client;
        open_client(&client, TLS1_3_VERSION, rows[i].offered);
        assert_true(finish_handshake(&client, BYTES_MAX));
        assert_int_equal(SSL_get_negotiated_group(client.ssl), rows[i].used);
        assert_echoed(&client);
        close_client(&client);
    }
    assert_int_equal(statistics().asked_cookies, sizeof rows / sizeof rows[0]);
    stop_crowded();
}

/* Without pressure the same pieces, and both versions of TLS. */
static void test_a_transcript_in_single_bytes_without_a_cookie(void **state) {
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    start((struct net_limits){0});
    struct protocol protocol = echo_server_protocol;
    protocol.secured = establish;
    listener_stop(&echo.listener);
    const struct listen_options options = {
        .addresses = loopback,
        .address_count = 1,
        .tls_context = echo.pki.server_context,
        .protocol = &protocol,
        .accept = echo_server_accept,
        .context = &echo.server,
    };
    assert_int_equal(net_listen(echo.net, &options, &echo.listener, NULL, 0), SMQ_OK);
    for (size_t i = 0; i < 2; i++) {
        struct client client;
        open_client(&client, versions[i], "P-256:X448");
        assert_true(finish_handshake(&client, 1));
        assert_echoed(&client);
        close_client(&client);
        await_closed((int64_t)i + 1);
    }
    assert_int_equal(statistics().asked_cookies, 0);
    assert_int_equal(statistics().tls_failures, 0);
    echo_net_stop(&echo);
}

/* A ChangeCipherSpec need not come. */
static void test_the_second_hello_may_come_alone(void **state) {
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct client client;
    start_crowded();
    open_client(&client, TLS1_3_VERSION, "X25519");
    size_t length = second_hello(&client, bytes);
    give(&client, bytes + CHANGE_SIZE, length - CHANGE_SIZE, BYTES_MAX);
    assert_true(hear(&client));
    assert_true(finish_handshake(&client, BYTES_MAX));
    assert_echoed(&client);
    close_client(&client);
    stop_crowded();
}

/* Asking takes no tokens: who shows its cookie goes on as soon as there is one. */
static void test_a_flood_of_hellos_is_asked_without_tokens(void **state) {
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct client first;
    start((struct net_limits){.cookie_handshakes = 1, .handshake_rate = 1, .handshake_burst = 1});
    net_peer_connect(&silent, listener_port(echo.listener));
    await_accepted(1);
    open_client(&first, TLS1_3_VERSION, "X25519");
    size_t length = say(&first, bytes);
    for (size_t i = 0; i < CROWD; i++) {
        net_peer_connect(&crowd[i], listener_port(echo.listener));
        assert_int_equal(send(crowd[i].descriptor, bytes, length, MSG_NOSIGNAL), length);
    }
    await_asked(CROWD);
    uint64_t start_ms = clock_monotonic_ms();
    assert_serves();
    assert_true(clock_monotonic_ms() - start_ms < WAIT_MS);
    assert_int_equal(statistics().asked_cookies, CROWD + 1);
    for (size_t i = 0; i < CROWD; i++) {
        assert_false(net_peer_sees_end(&crowd[i], 0));
        net_peer_close(&crowd[i]);
    }
    close_client(&first);
    stop_crowded();
}

/* ---- the others */

static void test_a_cookie_that_was_changed_is_refused(void **state) {
    (void)state;
    uint8_t bytes[BYTES_MAX];
    start_crowded();
    size_t cookie_length = 1;
    uint64_t refused = 0;
    for (size_t at = 0; at < cookie_length; at += 7) {
        struct client client;
        open_client(&client, TLS1_3_VERSION, "X25519");
        size_t length = second_hello(&client, bytes);
        bytes[cookie_of(bytes, length, &cookie_length) + at] ^= 0x10;
        give(&client, bytes, length, BYTES_MAX);
        assert_refused(&client, ++refused);
    }
    assert_true(cookie_length > 60);
    assert_serves();
    stop_crowded();
}

static void test_a_cookie_is_good_on_its_connection_only(void **state) {
    (void)state;
    uint8_t bytes[BYTES_MAX], unused[BYTES_MAX];
    struct client own, other;
    start_crowded();
    open_client(&own, TLS1_3_VERSION, "X25519");
    open_client(&other, TLS1_3_VERSION, "X25519");
    size_t length = second_hello(&own, bytes);
    (void)second_hello(&other, unused);
    give(&other, bytes, length, BYTES_MAX);
    assert_refused(&other, 1);
    give(&own, bytes, length, BYTES_MAX);
    assert_true(hear(&own));
    assert_true(finish_handshake(&own, BYTES_MAX));
    assert_echoed(&own);
    /* Used once, it is of no use for a connection that comes later either, whether that was asked or not. */
    for (unsigned was_asked = 0; was_asked < 2; was_asked++) {
        struct client late;
        open_client(&late, TLS1_3_VERSION, "X25519");
        if (was_asked)
            (void)second_hello(&late, unused);
        give(&late, bytes + CHANGE_SIZE, length - CHANGE_SIZE, BYTES_MAX);
        assert_refused(&late, 2 + was_asked);
    }
    close_client(&own);
    stop_crowded();
}

/* A cookie of a router's life before. */
static void test_a_cookie_of_another_net_is_refused(void **state) {
    (void)state;
    uint8_t bytes[BYTES_MAX], unused[BYTES_MAX];
    struct client client;
    start_crowded();
    open_client(&client, TLS1_3_VERSION, "X25519");
    size_t length = second_hello(&client, bytes);
    close_client(&client);
    stop_crowded();
    start_crowded();
    open_client(&client, TLS1_3_VERSION, "X25519");
    (void)second_hello(&client, unused);
    give(&client, bytes, length, BYTES_MAX);
    assert_refused(&client, 1);
    stop_crowded();
}

static void test_nobody_is_asked_twice(void **state) {
    (void)state;
    uint8_t first[BYTES_MAX], second[BYTES_MAX];
    struct client client, same;
    start_crowded();
    open_client(&same, TLS1_3_VERSION, "X25519");
    size_t length = say(&same, first);
    open_client(&client, TLS1_3_VERSION, "X25519");
    (void)second_hello(&client, second);
    give(&client, first, length, BYTES_MAX); /* a hello without a cookie */
    assert_refused(&client, 1);
    assert_int_equal(statistics().asked_cookies, 1);
    close_client(&same);
    assert_serves();
    stop_crowded();
}

/* The random bytes of the second hello are not those of the first: what both sides have heard differs. */
static void test_a_second_hello_that_was_changed_leads_nowhere(void **state) {
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct client client;
    start_crowded();
    open_client(&client, TLS1_3_VERSION, "X25519");
    size_t length = second_hello(&client, bytes);
    bytes[CHANGE_SIZE + 5 + 4 + 2 + 3] ^= 1;
    give(&client, bytes, length, BYTES_MAX);
    assert_true(hear(&client));
    assert_false(finish_handshake(&client, BYTES_MAX));
    close_client(&client);
    assert_serves();
    stop_crowded();
}

static void test_what_follows_a_hello_too_early_is_refused(void **state) {
    (void)state;
    static const uint8_t early_data[] = {23, 3, 3, 0, 4, 1, 2, 3, 4, 5},
                         changes[] = {20, 3, 3, 0, 1, 1, 20, 3, 3, 0, 1, 1};
    static const uint8_t garbage[] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    const struct slice followers[] = {slice_of(early_data, sizeof early_data), slice_of(changes, sizeof changes),
                                      slice_of(garbage, sizeof garbage)};
    uint8_t bytes[BYTES_MAX];
    start_crowded();
    for (size_t i = 0; i < sizeof followers / sizeof followers[0]; i++) {
        struct client client;
        open_client(&client, TLS1_3_VERSION, "X25519");
        size_t length = say(&client, bytes);
        memcpy(bytes + length, followers[i].bytes, followers[i].length);
        give(&client, bytes, length + followers[i].length, BYTES_MAX);
        assert_refused(&client, i + 1);
    }
    assert_serves();
    stop_crowded();
}

static void test_among_many_only_tls_1_3_is_spoken(void **state) {
    (void)state;
    struct client client;
    start_crowded();
    open_client(&client, TLS1_2_VERSION, "X25519");
    assert_false(finish_handshake(&client, BYTES_MAX));
    assert_int_equal(statistics().tls_failures, 1);
    assert_int_equal(statistics().asked_cookies, 0);
    close_client(&client);
    assert_serves();
    stop_crowded();
}

/* ---- what is kept */

/* Bytes of heap for each of a crowd that has sent `bytes`, with a connection's own. */
static uint64_t cost_of(const uint8_t *bytes, size_t length, uint64_t asked) {
    uint64_t accepted = statistics().accepted;
    for (size_t i = 0; i < CROWD; i++)
        net_peer_connect(&crowd[i], listener_port(echo.listener));
    await_accepted(accepted + CROWD);
    uint64_t before = memory_heap_in_use();
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(send(crowd[i].descriptor, bytes, length, MSG_NOSIGNAL), length);
    if (asked != 0)
        await_asked(asked);
    for (size_t i = 0; i < CROWD; i++) {
        struct pollfd polled = {.fd = crowd[i].descriptor, .events = POLLIN};
        assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
    }
    assert_serves(); /* the lane is through with all */
    uint64_t after = memory_heap_in_use();
    for (size_t i = 0; i < CROWD; i++)
        net_peer_close(&crowd[i]);
    return after < before ? 0 : (after - before) / CROWD;
}

static void test_who_was_asked_costs_nothing_and_who_was_answered_little(void **state) {
    (void)state;
    enum { ASKED_MOST = 512, ANSWERED_MOST = 16384 };
    uint8_t bytes[BYTES_MAX];
    struct client first;
    start_crowded();
    assert_serves();
    open_client(&first, TLS1_3_VERSION, "X25519");
    size_t length = say(&first, bytes);
    assert_true(cost_of(bytes, length, 1 + CROWD) < ASKED_MOST);
    const struct net_limits none = {0};
    net_set_limits(echo.net, &none);
    assert_true(cost_of(bytes, length, 0) < ANSWERED_MOST);
    close_client(&first);
    stop_crowded();
}

/* After the answer, crumbs stay in the kernel until there is a record. */
static void test_crumbs_of_the_clients_flight_cost_nothing(void **state) {
    (void)state;
    enum { CLIENTS = 20, MOST = 1024, CRUMBS = 15 };
    static struct client clients[CLIENTS];
    uint8_t bytes[CLIENTS][BYTES_MAX];
    size_t lengths[CLIENTS];
    start_crowded();
    assert_serves();
    for (size_t i = 0; i < CLIENTS; i++) {
        open_client(&clients[i], TLS1_3_VERSION, "X25519");
        lengths[i] = second_hello(&clients[i], bytes[i]);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &clients[i];
        give(client, bytes[i], lengths[i], BYTES_MAX);
        for (lengths[i] = 0; lengths[i] == 0; lengths[i] = say(client, bytes[i]))
            assert_true(hear(client));
        assert_true(SSL_is_init_finished(client->ssl));
    }
    assert_serves();
    uint64_t before = memory_heap_in_use();
    for (size_t i = 0; i < CLIENTS; i++)
        give(&clients[i], bytes[i], CRUMBS, 5);
    assert_serves();
    uint64_t after = memory_heap_in_use();
    assert_true(after < before || (after - before) / CLIENTS < MOST);
    for (size_t i = 0; i < CLIENTS; i++) {
        give(&clients[i], bytes[i] + CRUMBS, lengths[i] - CRUMBS, 5);
        assert_echoed(&clients[i]);
        close_client(&clients[i]);
    }
    assert_int_equal(statistics().tls_failures, 0);
    stop_crowded();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_among_many_shows_a_cookie),
        cmocka_unit_test(test_limits_are_looked_at_for_each_newcomer),
        cmocka_unit_test(test_a_transcript_in_single_bytes_with_a_cookie),
        cmocka_unit_test(test_a_transcript_in_single_bytes_without_a_cookie),
        cmocka_unit_test(test_the_share_of_another_group_is_asked_for),
        cmocka_unit_test(test_the_second_hello_may_come_alone),
        cmocka_unit_test(test_a_flood_of_hellos_is_asked_without_tokens),
        cmocka_unit_test(test_a_cookie_that_was_changed_is_refused),
        cmocka_unit_test(test_a_cookie_is_good_on_its_connection_only),
        cmocka_unit_test(test_a_cookie_of_another_net_is_refused),
        cmocka_unit_test(test_nobody_is_asked_twice),
        cmocka_unit_test(test_a_second_hello_that_was_changed_leads_nowhere),
        cmocka_unit_test(test_what_follows_a_hello_too_early_is_refused),
        cmocka_unit_test(test_among_many_only_tls_1_3_is_spoken),
        cmocka_unit_test(test_who_was_asked_costs_nothing_and_who_was_answered_little),
        cmocka_unit_test(test_crumbs_of_the_clients_flight_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
