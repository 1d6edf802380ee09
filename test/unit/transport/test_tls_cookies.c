/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A server that asks for a cookie, and one that waits for the client: what they take, refuse, and keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"
#include "test/support/memory_use.h"
#include "test/support/test_pki.h"

enum { STEPS = 100 };

static const uint8_t right_cookie[TLS_COOKIE_SIZE] = "0123456789abcde";
static const uint8_t wrong_cookie[TLS_COOKIE_SIZE] = "0123456789abcdf";

static struct test_pki pki;
static int server_end, client_end;
static struct tls *server, *client;

static int set_up(void **state) {
    (void)state;
    int ends[2];
    test_pki_init(&pki);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    server_end = ends[0];
    client_end = ends[1];
    return tls_create_client(pki.client_context, client_end, "smp/1", pki.fingerprint, &client) == SMQ_OK ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    tls_destroy(&server);
    tls_destroy(&client);
    close(server_end);
    close(client_end);
    test_pki_finish(&pki);
    return 0;
}

static enum smq_result client_step(void) {
    enum tls_want want;
    return tls_handshake(client, &want);
}

static enum smq_result server_step(void) {
    enum tls_want want;
    return tls_handshake(server, &want);
}

/* A new server takes the hello that is there. */
static enum smq_result hear_hello(const uint8_t cookie[TLS_COOKIE_SIZE]) {
    tls_destroy(&server);
    assert_int_equal(tls_create_server(pki.server_context, server_end, &server), SMQ_OK);
    return tls_handshake_with_cookie(server, cookie);
}

/* The ChangeCipherSpec before a second hello. */
static void take_change(void) {
    static const uint8_t change[6] = {20, 3, 3, 0, 1, 1};
    uint8_t bytes[sizeof change];
    assert_int_equal(recv(server_end, bytes, sizeof bytes, 0), sizeof bytes);
    assert_memory_equal(bytes, change, sizeof change);
}

static void assert_connected(void) {
    enum smq_result server_result = SMQ_ERR_AGAIN, client_result = SMQ_ERR_AGAIN;
    for (int i = 0; i < STEPS && (server_result == SMQ_ERR_AGAIN || client_result == SMQ_ERR_AGAIN); i++) {
        if (client_result == SMQ_ERR_AGAIN)
            client_result = client_step();
        if (server_result == SMQ_ERR_AGAIN)
            server_result = server_step();
    }
    assert_int_equal(server_result, SMQ_OK);
    assert_int_equal(client_result, SMQ_OK);
}

static void use_client_certificate(const struct credentials *shown, struct tls_context **context) {
    tls_destroy(&client);
    assert_int_equal(tls_context_create_client(shown, context), SMQ_OK);
    assert_int_equal(tls_create_client(*context, client_end, "smp/1", pki.fingerprint, &client), SMQ_OK);
}

static void test_with_a_cookie_both_sides_agree_on_all_facts(void **state) {
    (void)state;
    struct credentials *service = NULL;
    struct tls_context *context = NULL;
    struct tls_facts of_server, of_client;
    const struct certificate_request request = {.kind = CERTIFICATE_CLIENT,
                                                .algorithm = KEY_ED25519,
                                                .common_name = "service",
                                                .not_before_s = clock_realtime_s() - 60,
                                                .days = 10};
    assert_int_equal(credentials_issue(NULL, &request, &service), SMQ_OK);
    use_client_certificate(service, &context);
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    assert_int_equal(hear_hello(right_cookie), SMQ_ERR_EMPTY);
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    take_change();
    assert_int_equal(hear_hello(right_cookie), SMQ_OK);
    assert_connected();
    assert_int_equal(tls_take_facts(server, &of_server), SMQ_OK);
    assert_int_equal(tls_take_facts(client, &of_client), SMQ_OK);
    assert_int_equal(of_server.session_id_length, 32);
    assert_int_equal(of_client.session_id_length, 32);
    assert_memory_equal(of_server.session_id, of_client.session_id, 32);
    assert_true(of_server.has_alpn && of_client.has_alpn);
    assert_true(of_client.client_certificate_requested);
    assert_int_equal(of_client.peer_chain_count, 2);
    assert_int_equal(of_server.peer_chain_count, 1);
    size_t count;
    assert_true(slice_equal(of_server.peer_chain[0], credentials_chain(service, &count)[0]));
    memory_free(of_server.peer_chain);
    memory_free(of_client.peer_chain);
    tls_destroy(&client);
    tls_context_destroy(&context);
    credentials_destroy(&service);
}

static void test_another_cookie_is_refused(void **state) {
    (void)state;
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    assert_int_equal(hear_hello(wrong_cookie), SMQ_ERR_EMPTY);
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    take_change();
    assert_int_equal(hear_hello(right_cookie), SMQ_ERR_TLS);
    assert_int_equal(client_step(), SMQ_ERR_TLS); /* was told */
}

/* What comes after the hello is not taken from the socket: it is not this step's. */
static void test_only_the_hello_is_taken(void **state) {
    (void)state;
    uint8_t bytes[16];
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    assert_int_equal(send(client_end, "garbage", 7, 0), 7);
    assert_int_equal(hear_hello(right_cookie), SMQ_ERR_EMPTY);
    assert_int_equal(recv(server_end, bytes, sizeof bytes, 0), 7);
}

static void test_part_of_a_hello_is_refused(void **state) {
    (void)state;
    static const uint8_t part[] = {22, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3};
    assert_int_equal(send(client_end, part, sizeof part, 0), sizeof part);
    assert_int_equal(hear_hello(right_cookie), SMQ_ERR_TLS);
}

static void test_a_change_of_ciphers_is_no_hello(void **state) {
    (void)state;
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    assert_int_equal(hear_hello(right_cookie), SMQ_ERR_EMPTY);
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    assert_int_not_equal(hear_hello(right_cookie), SMQ_OK);
}

/* A plain client without TLS 1.3 is told which version it needs. */
static void test_who_is_asked_for_a_cookie_speaks_tls_1_3(void **state) {
    (void)state;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_set_fd(ssl, client_end), 1);
    assert_int_equal(SSL_connect(ssl), -1);
    assert_int_equal(hear_hello(right_cookie), SMQ_ERR_TLS);
    ERR_clear_error();
    assert_int_equal(SSL_get_error(ssl, SSL_connect(ssl)), SSL_ERROR_SSL);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(context);
}

/* What was needed for the answer is given back before the client's flight is awaited. */
static void test_a_handshake_that_waits_for_the_client_is_small(void **state) {
    (void)state;
    enum { MOST = 16384 };
    assert_int_equal(client_step(), SMQ_ERR_AGAIN);
    uint64_t before = memory_heap_in_use();
    assert_int_equal(tls_create_server(pki.server_context, server_end, &server), SMQ_OK);
    assert_int_equal(server_step(), SMQ_ERR_AGAIN);
    uint64_t after = memory_heap_in_use();
    assert_true(after <= before + MOST);
    assert_connected();
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        CASE(test_with_a_cookie_both_sides_agree_on_all_facts),
        CASE(test_another_cookie_is_refused),
        CASE(test_only_the_hello_is_taken),
        CASE(test_part_of_a_hello_is_refused),
        CASE(test_a_change_of_ciphers_is_no_hello),
        CASE(test_who_is_asked_for_a_cookie_speaks_tls_1_3),
        CASE(test_a_handshake_that_waits_for_the_client_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
