/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS: parameters, identity of servers, client certificates, ALPN, session ids, records. The peers of refused
 * handshakes are plain OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "queues/base/setup.h"
#include "transport/tls/credentials_private.h"
#include "transport/tls/tls.h"

enum { BLOCK = 16384, STEPS = 1000 };

static struct credentials *ca;
static struct credentials *server_credentials;
static uint8_t fingerprint[FINGERPRINT_SIZE];

static struct credentials *issue(const struct credentials *issuer, enum certificate_kind kind, int64_t not_before_s) {
    struct credentials *issued = NULL;
    struct certificate_request request = {.kind = kind,
                                          .algorithm = KEY_ED25519,
                                          .common_name = "test",
                                          .organization = issuer == NULL ? "root" : NULL,
                                          .not_before_s = not_before_s,
                                          .days = 10};
    assert_int_equal(credentials_issue(issuer, &request, &issued), SMQ_OK);
    return issued;
}

static int set_up(void **state) {
    (void)state;
    size_t count;
    ca = issue(NULL, CERTIFICATE_CA, clock_realtime_s() - 60);
    server_credentials = issue(ca, CERTIFICATE_SERVER, clock_realtime_s() - 60);
    return certificate_fingerprint(credentials_chain(ca, &count)[0], fingerprint) == SMQ_OK ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    credentials_destroy(&server_credentials);
    credentials_destroy(&ca);
    return 0;
}

/* Both ends of a stream. */
struct link {
    int server;
    int client;
};

static void open_link(struct link *link) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    link->server = ends[0];
    link->client = ends[1];
}

static void close_link(struct link *link) {
    if (link->server >= 0)
        close(link->server);
    if (link->client >= 0)
        close(link->client);
}

struct outcome {
    enum smq_result server;
    enum smq_result client;
};

/* Steps both sides until each is done or has failed. */
static struct outcome shake_hands(struct tls *server, struct tls *client) {
    struct outcome outcome = {SMQ_ERR_AGAIN, SMQ_ERR_AGAIN};
    enum tls_want want;
    for (int i = 0; i < STEPS && (outcome.server == SMQ_ERR_AGAIN || outcome.client == SMQ_ERR_AGAIN); i++) {
        if (outcome.client == SMQ_ERR_AGAIN)
            outcome.client = tls_handshake(client, &want);
        if (outcome.server == SMQ_ERR_AGAIN)
            outcome.server = tls_handshake(server, &want);
    }
    return outcome;
}

/* A pair of our own connections. */
struct pair {
    struct link link;
    struct tls_context *server_context;
    struct tls_context *client_context;
    struct tls *server;
    struct tls *client;
    struct outcome outcome;
};

struct pair_options {
    const struct credentials *server_credentials;
    const struct credentials *client_credentials;
    bool request;
    const char *alpn;
    const uint8_t *key_hash;
};

static void make_pair(struct pair *pair, struct pair_options options) {
    const struct credentials *credentials =
        options.server_credentials == NULL ? server_credentials : options.server_credentials;
    open_link(&pair->link);
    assert_int_equal(tls_context_create_server(credentials, options.request, &pair->server_context), SMQ_OK);
    assert_int_equal(tls_context_create_client(options.client_credentials, &pair->client_context), SMQ_OK);
    assert_int_equal(tls_create_server(pair->server_context, pair->link.server, &pair->server), SMQ_OK);
    assert_int_equal(tls_create_client(pair->client_context, pair->link.client, options.alpn,
                                       options.key_hash == NULL ? fingerprint : options.key_hash, &pair->client),
                     SMQ_OK);
    pair->outcome = shake_hands(pair->server, pair->client);
}

static void break_pair(struct pair *pair) {
    tls_destroy(&pair->server);
    tls_destroy(&pair->client);
    tls_context_destroy(&pair->server_context);
    tls_context_destroy(&pair->client_context);
    close_link(&pair->link);
}

static void free_facts(struct tls_facts *facts) {
    free(facts->peer_chain);
}

static void test_both_sides_agree_on_the_session_id(void **state) {
    (void)state;
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1", .request = true});
    assert_int_equal(pair.outcome.server, SMQ_OK);
    assert_int_equal(pair.outcome.client, SMQ_OK);
    struct tls_facts server, client;
    assert_int_equal(tls_take_facts(pair.server, &server), SMQ_OK);
    assert_int_equal(tls_take_facts(pair.client, &client), SMQ_OK);
    assert_int_equal(server.session_id_length, 32);
    assert_int_equal(client.session_id_length, 32);
    assert_memory_equal(server.session_id, client.session_id, 32);
    assert_true(server.has_alpn);
    assert_true(client.has_alpn);
    assert_true(client.client_certificate_requested);
    assert_int_equal(server.peer_chain_count, 0);
    assert_null(server.peer_chain);
    assert_int_equal(client.peer_chain_count, 2);
    size_t count;
    const struct slice *chain = credentials_chain(server_credentials, &count);
    assert_true(slice_equal(client.peer_chain[0], chain[0]));
    assert_true(slice_equal(client.peer_chain[1], chain[1]));
    free_facts(&server);
    free_facts(&client);
    break_pair(&pair);
}

static void test_without_a_request_no_certificate_is_asked_for(void **state) {
    (void)state;
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = NULL});
    struct tls_facts server, client;
    assert_int_equal(tls_take_facts(pair.server, &server), SMQ_OK);
    assert_int_equal(tls_take_facts(pair.client, &client), SMQ_OK);
    assert_false(client.client_certificate_requested);
    assert_false(server.has_alpn);
    assert_false(client.has_alpn);
    free_facts(&client);
    break_pair(&pair);
}

static void test_a_client_refuses_a_server_of_another_identity(void **state) {
    (void)state;
    uint8_t other[FINGERPRINT_SIZE];
    memcpy(other, fingerprint, sizeof other);
    other[31] ^= 1;
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1", .key_hash = other});
    assert_int_equal(pair.outcome.client, SMQ_ERR_IDENTITY);
    assert_int_equal(pair.outcome.server, SMQ_ERR_TLS);
    assert_non_null(strstr(tls_failure_text(pair.server), "unknown ca"));
    break_pair(&pair);
}

static void test_a_client_refuses_an_expired_server(void **state) {
    (void)state;
    struct credentials *expired = issue(ca, CERTIFICATE_SERVER, clock_realtime_s() - 20 * 86400);
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1", .server_credentials = expired});
    assert_int_equal(pair.outcome.client, SMQ_ERR_IDENTITY);
    assert_int_equal(pair.outcome.server, SMQ_ERR_TLS);
    assert_non_null(strstr(tls_failure_text(pair.server), "expired"));
    break_pair(&pair);
    credentials_destroy(&expired);
}

static void test_a_client_refuses_a_leaf_that_the_identity_did_not_sign(void **state) {
    (void)state;
    struct credentials *impostor = issue(NULL, CERTIFICATE_CA, clock_realtime_s() - 60);
    struct credentials *leaf = issue(impostor, CERTIFICATE_SERVER, clock_realtime_s() - 60);
    struct credentials forged = {.key = *credentials_key(leaf), .count = 2};
    size_t count;
    forged.chain[0] = credentials_chain(leaf, &count)[0];
    forged.chain[1] = credentials_chain(ca, &count)[0]; /* the identity that the client expects */
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1", .server_credentials = &forged});
    assert_int_equal(pair.outcome.client, SMQ_ERR_IDENTITY);
    assert_int_equal(pair.outcome.server, SMQ_ERR_TLS);
    break_pair(&pair);
    credentials_destroy(&leaf);
    credentials_destroy(&impostor);
}

static void test_a_server_context_needs_a_chain(void **state) {
    (void)state;
    struct tls_context *context = NULL;
    assert_int_equal(tls_context_create_server(ca, false, &context), SMQ_ERR_INVALID);
    assert_null(context);
}

static void test_client_certificates_of_one_and_two_are_shown_to_the_server(void **state) {
    (void)state;
    struct credentials *self = issue(NULL, CERTIFICATE_CLIENT, clock_realtime_s() - 60);
    struct credentials *below = issue(self, CERTIFICATE_CLIENT, clock_realtime_s() - 60);
    const struct credentials *shown[] = {self, below};
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        make_pair(&pair, (struct pair_options){.alpn = "smp/1", .request = true, .client_credentials = shown[i]});
        assert_int_equal(pair.outcome.server, SMQ_OK);
        assert_int_equal(pair.outcome.client, SMQ_OK);
        struct tls_facts facts;
        assert_int_equal(tls_take_facts(pair.server, &facts), SMQ_OK);
        assert_int_equal(facts.peer_chain_count, i + 1);
        size_t count;
        assert_true(slice_equal(facts.peer_chain[0], credentials_chain(shown[i], &count)[0]));
        free_facts(&facts);
        break_pair(&pair);
    }
    credentials_destroy(&below);
    credentials_destroy(&self);
}

static void test_client_certificates_that_are_not_valid_are_refused(void **state) {
    (void)state;
    struct credentials *expired = issue(NULL, CERTIFICATE_CLIENT, clock_realtime_s() - 20 * 86400);
    struct credentials *foreign = issue(ca, CERTIFICATE_CLIENT, clock_realtime_s() - 60);
    foreign->count = 1; /* not self-signed, and its issuer is missing */
    const struct credentials *shown[] = {expired, foreign};
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        make_pair(&pair, (struct pair_options){.alpn = "smp/1", .request = true, .client_credentials = shown[i]});
        assert_int_equal(pair.outcome.server, SMQ_ERR_TLS);
        break_pair(&pair);
    }
    foreign->count = 2;
    credentials_destroy(&foreign);
    credentials_destroy(&expired);
}

/* ---- against plain OpenSSL */

struct plain {
    struct link link;
    struct tls_context *context;
    struct tls *server;
    SSL_CTX *client_context;
    SSL *client;
    enum smq_result server_result;
    int client_error; /* SSL_get_error, 0 when the handshake is done */
};

static int accept_any(X509_STORE_CTX *store, void *argument) {
    (void)store;
    (void)argument;
    return 1;
}

static void prepare_plain(struct plain *plain) {
    open_link(&plain->link);
    assert_int_equal(tls_context_create_server(server_credentials, true, &plain->context), SMQ_OK);
    assert_int_equal(tls_create_server(plain->context, plain->link.server, &plain->server), SMQ_OK);
    plain->client_context = SSL_CTX_new(TLS_client_method());
    assert_non_null(plain->client_context);
    SSL_CTX_set_cert_verify_callback(plain->client_context, accept_any, NULL);
}

static void run_plain(struct plain *plain) {
    plain->client = SSL_new(plain->client_context);
    assert_non_null(plain->client);
    assert_int_equal(SSL_set_fd(plain->client, plain->link.client), 1);
    plain->server_result = SMQ_ERR_AGAIN;
    plain->client_error = SSL_ERROR_WANT_READ;
    enum tls_want want;
    for (int i = 0; i < STEPS; i++) {
        if (plain->client_error == SSL_ERROR_WANT_READ || plain->client_error == SSL_ERROR_WANT_WRITE) {
            ERR_clear_error();
            plain->client_error = SSL_get_error(plain->client, SSL_connect(plain->client));
        }
        if (plain->server_result == SMQ_ERR_AGAIN)
            plain->server_result = tls_handshake(plain->server, &want);
    }
}

static void finish_plain(struct plain *plain) {
    SSL_free(plain->client);
    SSL_CTX_free(plain->client_context);
    tls_destroy(&plain->server);
    tls_context_destroy(&plain->context);
    close_link(&plain->link);
}

static void offer(struct plain *plain, const char *protocols) {
    assert_int_equal(
        SSL_CTX_set_alpn_protos(plain->client_context, (const unsigned char *)protocols, (unsigned)strlen(protocols)),
        0);
}

static void test_the_first_known_protocol_of_the_client_is_selected(void **state) {
    (void)state;
    static const struct {
        const char *offered, *selected;
    } rows[] = {
        {"\005smp/1", "smp/1"},
        {"\002h2\005smp/1", "h2"},
        {"\003foo\010http/1.1\005smp/1", "http/1.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plain plain;
        prepare_plain(&plain);
        offer(&plain, rows[i].offered);
        run_plain(&plain);
        assert_int_equal(plain.server_result, SMQ_OK);
        const unsigned char *selected = NULL;
        unsigned length = 0;
        SSL_get0_alpn_selected(plain.client, &selected, &length);
        assert_int_equal(length, strlen(rows[i].selected));
        assert_memory_equal(selected, rows[i].selected, length);
        finish_plain(&plain);
    }
}

static void test_only_unknown_protocols_get_an_alert(void **state) {
    (void)state;
    struct plain plain;
    prepare_plain(&plain);
    offer(&plain, "\003foo\005smp/2");
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_ERR_TLS);
    assert_int_equal(plain.client_error, SSL_ERROR_SSL);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    finish_plain(&plain);
}

static void test_parameters_of_tls_1_3_are_those_of_the_reference(void **state) {
    (void)state;
    struct plain plain;
    prepare_plain(&plain);
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_OK);
    assert_int_equal(SSL_version(plain.client), TLS1_3_VERSION);
    assert_string_equal(SSL_get_cipher_name(plain.client), "TLS_CHACHA20_POLY1305_SHA256");
    assert_int_equal(SSL_get_negotiated_group(plain.client), NID_X25519); /* what OpenSSL offers first that we have */
    assert_int_equal(SSL_SESSION_has_ticket(SSL_get_session(plain.client)), 0);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(plain.client)), 2);
    finish_plain(&plain);
}

static void test_x448_alone_is_enough(void **state) {
    (void)state;
    struct plain plain;
    prepare_plain(&plain);
    assert_int_equal(SSL_CTX_set1_groups_list(plain.client_context, "X448"), 1);
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_OK);
    assert_int_equal(SSL_get_negotiated_group(plain.client), NID_X448);
    finish_plain(&plain);
}

static void test_a_client_with_another_first_share_is_asked_again(void **state) {
    (void)state;
    struct plain plain;
    prepare_plain(&plain);
    assert_int_equal(SSL_CTX_set1_groups_list(plain.client_context, "P-256:X448"), 1);
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_OK);
    assert_int_equal(SSL_get_negotiated_group(plain.client), NID_X448);
    finish_plain(&plain);
}

static void test_tls_1_2_has_its_suite_and_a_session_id_of_12_bytes(void **state) {
    (void)state;
    struct plain plain;
    prepare_plain(&plain);
    assert_int_equal(SSL_CTX_set_max_proto_version(plain.client_context, TLS1_2_VERSION), 1);
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_OK);
    assert_int_equal(SSL_version(plain.client), TLS1_2_VERSION);
    assert_string_equal(SSL_get_cipher_name(plain.client), "ECDHE-ECDSA-CHACHA20-POLY1305");
    struct tls_facts facts;
    assert_int_equal(tls_take_facts(plain.server, &facts), SMQ_OK);
    assert_int_equal(facts.session_id_length, 12);
    uint8_t finished[64];
    assert_int_equal(SSL_get_finished(plain.client, finished, sizeof finished), 12);
    assert_memory_equal(finished, facts.session_id, 12);
    assert_int_equal(SSL_SESSION_has_ticket(SSL_get_session(plain.client)), 0);
    finish_plain(&plain);
}

static void test_renegotiation_is_refused(void **state) {
    (void)state;
    struct plain plain;
    prepare_plain(&plain);
    assert_int_equal(SSL_CTX_set_max_proto_version(plain.client_context, TLS1_2_VERSION), 1);
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_OK);
    struct tls_facts facts;
    assert_int_equal(tls_take_facts(plain.server, &facts), SMQ_OK);
    assert_int_equal(SSL_renegotiate(plain.client), 1);
    uint8_t bytes[16];
    size_t length;
    bool more;
    enum tls_want want;
    enum smq_result result = SMQ_ERR_AGAIN;
    int client = 0;
    for (int i = 0; i < STEPS && result == SMQ_ERR_AGAIN; i++) {
        ERR_clear_error();
        client = SSL_do_handshake(plain.client);
        result = tls_read(plain.server, bytes, sizeof bytes, &length, &more, &want);
    }
    assert_int_not_equal(client, 1);
    assert_int_not_equal(result, SMQ_OK);
    finish_plain(&plain);
}

static void test_old_versions_and_other_suites_are_refused(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct plain plain;
        prepare_plain(&plain);
        if (i == 0) {
            SSL_CTX_set_security_level(plain.client_context, 0);
            assert_int_equal(SSL_CTX_set_max_proto_version(plain.client_context, TLS1_1_VERSION), 1);
        } else if (i == 1) {
            assert_int_equal(SSL_CTX_set_ciphersuites(plain.client_context, "TLS_AES_128_GCM_SHA256"), 1);
            assert_int_equal(SSL_CTX_set_cipher_list(plain.client_context, "ECDHE-ECDSA-AES128-GCM-SHA256"), 1);
        } else {
            assert_int_equal(SSL_CTX_set1_groups_list(plain.client_context, "P-256"), 1);
        }
        run_plain(&plain);
        assert_int_equal(plain.server_result, SMQ_ERR_TLS);
        finish_plain(&plain);
    }
}

static void test_five_client_certificates_are_refused(void **state) {
    (void)state;
    struct credentials *chain[5] = {NULL};
    struct plain plain;
    prepare_plain(&plain);
    chain[0] = issue(NULL, CERTIFICATE_CA, clock_realtime_s() - 60);
    for (size_t i = 1; i < 5; i++) {
        chain[i] = issue(chain[i - 1], i == 4 ? CERTIFICATE_CLIENT : CERTIFICATE_CA, clock_realtime_s() - 60);
        chain[i]->count = 1;
    }
    for (size_t i = 5; i-- > 0;) {
        X509 *certificate = credentials_x509(chain[i], 0);
        EVP_PKEY *key = credentials_evp_key(chain[i]);
        if (i == 4) {
            assert_int_equal(SSL_CTX_use_certificate(plain.client_context, certificate), 1);
            assert_int_equal(SSL_CTX_use_PrivateKey(plain.client_context, key), 1);
        } else {
            assert_int_equal(SSL_CTX_add1_chain_cert(plain.client_context, certificate), 1);
        }
        EVP_PKEY_free(key);
        X509_free(certificate);
    }
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_ERR_TLS);
    finish_plain(&plain);
    for (size_t i = 0; i < 5; i++) {
        chain[i]->count = i == 0 ? 1 : 2;
        credentials_destroy(&chain[i]);
    }
}

/* ---- records */

static void test_a_block_is_one_record_and_one_read(void **state) {
    (void)state;
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1"});
    static uint8_t sent[BLOCK], got[BLOCK];
    random_bytes(sent, sizeof sent);
    enum tls_want want;
    size_t length;
    bool more = true;
    assert_int_equal(tls_read(pair.server, got, sizeof got, &length, &more, &want), SMQ_ERR_AGAIN);
    assert_int_equal(want, TLS_WANT_READ);
    assert_int_equal(tls_write(pair.client, sent, sizeof sent, false, &want), SMQ_OK);
    assert_int_equal(tls_read(pair.server, got, sizeof got, &length, &more, &want), SMQ_OK);
    assert_int_equal(length, BLOCK);
    assert_false(more);
    assert_memory_equal(sent, got, BLOCK);
    break_pair(&pair);
}

static void test_a_full_socket_keeps_one_record_which_any_buffer_goes_on_with(void **state) {
    (void)state;
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1"});
    static uint8_t sent[BLOCK], other[BLOCK], got[BLOCK];
    random_bytes(sent, sizeof sent);
    enum tls_want want = TLS_WANT_READ;
    int written = 0;
    enum smq_result result;
    while ((result = tls_write(pair.client, sent, BLOCK, false, &want)) == SMQ_OK)
        written++;
    assert_int_equal(result, SMQ_ERR_AGAIN);
    assert_int_equal(want, TLS_WANT_WRITE);
    tls_shutdown(pair.client); /* does nothing in the middle of a record */
    bool is_pending = true;
    int read = 0;
    for (int i = 0; i < STEPS && (is_pending || read < written); i++) {
        size_t length;
        bool more;
        result = tls_read(pair.server, got, BLOCK, &length, &more, &want);
        if (result == SMQ_OK) {
            assert_int_equal(length, BLOCK);
            assert_memory_equal(got, sent, BLOCK);
            read++;
        } else if (is_pending && tls_write(pair.client, other, BLOCK, false, &want) == SMQ_OK) {
            is_pending = false;
            written++;
        }
    }
    assert_false(is_pending);
    assert_int_equal(read, written);
    break_pair(&pair);
}

static void test_close_notify_ends_in_order_and_a_lost_peer_does_not(void **state) {
    (void)state;
    uint8_t byte = 1;
    size_t length;
    bool more;
    enum tls_want want;
    struct pair pair;
    make_pair(&pair, (struct pair_options){.alpn = "smp/1"});
    tls_shutdown(pair.client);
    assert_int_equal(tls_read(pair.server, &byte, 1, &length, &more, &want), SMQ_ERR_CLOSED);
    break_pair(&pair);

    make_pair(&pair, (struct pair_options){.alpn = "smp/1"});
    close(pair.link.client);
    pair.link.client = -1;
    assert_int_equal(tls_read(pair.server, &byte, 1, &length, &more, &want), SMQ_ERR_NETWORK);
    assert_int_equal(tls_write(pair.server, &byte, 1, false, &want), SMQ_ERR_TLS);
    break_pair(&pair);
}

static void test_garbage_before_during_and_after_the_handshake_is_fatal(void **state) {
    (void)state;
    uint8_t garbage[500];
    random_bytes(garbage, sizeof garbage);
    garbage[0] = 0x55;
    enum tls_want want;
    size_t length;
    bool more;
    struct plain plain;
    prepare_plain(&plain);
    assert_int_equal(write(plain.link.client, garbage, sizeof garbage), sizeof garbage);
    assert_int_equal(tls_handshake(plain.server, &want), SMQ_ERR_TLS);
    plain.client = NULL;
    finish_plain(&plain);

    prepare_plain(&plain); /* the ClientHello is genuine */
    plain.client = SSL_new(plain.client_context);
    SSL_set_fd(plain.client, plain.link.client);
    assert_int_equal(SSL_connect(plain.client), -1);
    assert_int_equal(tls_handshake(plain.server, &want), SMQ_ERR_AGAIN);
    assert_int_equal(write(plain.link.client, garbage, sizeof garbage), sizeof garbage);
    assert_int_equal(tls_handshake(plain.server, &want), SMQ_ERR_TLS);
    finish_plain(&plain);

    prepare_plain(&plain);
    run_plain(&plain);
    assert_int_equal(plain.server_result, SMQ_OK);
    static const uint8_t header[5] = {23, 3, 3, 1, 0};
    assert_int_equal(write(plain.link.client, header, sizeof header), sizeof header);
    assert_int_equal(write(plain.link.client, garbage, 256), 256);
    assert_int_equal(tls_read(plain.server, garbage, sizeof garbage, &length, &more, &want), SMQ_ERR_TLS);
    finish_plain(&plain);
}

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_agree_on_the_session_id),
        cmocka_unit_test(test_without_a_request_no_certificate_is_asked_for),
        cmocka_unit_test(test_a_client_refuses_a_server_of_another_identity),
        cmocka_unit_test(test_a_client_refuses_an_expired_server),
        cmocka_unit_test(test_a_client_refuses_a_leaf_that_the_identity_did_not_sign),
        cmocka_unit_test(test_a_server_context_needs_a_chain),
        cmocka_unit_test(test_client_certificates_of_one_and_two_are_shown_to_the_server),
        cmocka_unit_test(test_client_certificates_that_are_not_valid_are_refused),
        cmocka_unit_test(test_the_first_known_protocol_of_the_client_is_selected),
        cmocka_unit_test(test_only_unknown_protocols_get_an_alert),
        cmocka_unit_test(test_parameters_of_tls_1_3_are_those_of_the_reference),
        cmocka_unit_test(test_x448_alone_is_enough),
        cmocka_unit_test(test_a_client_with_another_first_share_is_asked_again),
        cmocka_unit_test(test_tls_1_2_has_its_suite_and_a_session_id_of_12_bytes),
        cmocka_unit_test(test_renegotiation_is_refused),
        cmocka_unit_test(test_old_versions_and_other_suites_are_refused),
        cmocka_unit_test(test_five_client_certificates_are_refused),
        cmocka_unit_test(test_a_block_is_one_record_and_one_read),
        cmocka_unit_test(test_a_full_socket_keeps_one_record_which_any_buffer_goes_on_with),
        cmocka_unit_test(test_close_notify_ends_in_order_and_a_lost_peer_does_not),
        cmocka_unit_test(test_garbage_before_during_and_after_the_handshake_is_fatal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
