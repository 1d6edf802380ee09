/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS parameters, and the callbacks that decide about peers. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "transport/tls/credentials_private.h"
#include "transport/tls/tls_private.h"

/* What one read of a socket takes at most. The buffer is there only while it holds something. */
enum { RECORDS_A_READ = 2, RECORD_SIZE_MAX = 5 + TLS_RECORD_MAX + 256 };

enum { CERTIFICATES_MAX = 16384 }; /* bytes of a peer's Certificate message */

static const char *const smp_protocols[] = {"smp/1", "h2", "http/1.1", NULL};

/* Server: the first protocol of the client's list that we know; none known: the no_application_protocol alert. */
static int select_alpn(SSL *ssl, const unsigned char **selected, unsigned char *selected_length,
                       const unsigned char *offered, unsigned int offered_length, void *argument) {
    (void)argument;
    const struct tls *tls = SSL_get_app_data(ssl);
    struct reader reader = reader_of(slice_of(offered, offered_length));
    while (reader_left(&reader) > 0 && !reader.failed) {
        struct slice protocol = read_short(&reader);
        for (const char *const *known = tls->context->alpn; !reader.failed && *known != NULL; known++) {
            if (slice_equal(protocol, slice_of_text(*known))) {
                *selected = protocol.bytes;
                *selected_length = (unsigned char)protocol.length;
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Client: called when the server has asked for a certificate. */
static int note_certificate_request(SSL *ssl, void *argument) {
    (void)argument;
    struct tls *tls = SSL_get_app_data(ssl);
    tls->certificate_requested = true;
    return 1;
}

/* One allocation that holds `count` slices and their bytes; NULL when out of memory or for a certificate without an
 * encoding. */
static struct slice *copy_chain(const STACK_OF(X509) * certificates, size_t count) {
    size_t total = count * sizeof(struct slice);
    for (size_t i = 0; i < count; i++) {
        int length = i2d_X509(sk_X509_value(certificates, (int)i), NULL);
        if (length <= 0)
            return NULL;
        total += (size_t)length;
    }
    struct slice *chain = memory_alloc(total);
    if (chain == NULL)
        return NULL;
    uint8_t *position = (uint8_t *)(chain + count);
    for (size_t i = 0; i < count; i++) {
        uint8_t *start = position;
        int length = i2d_X509(sk_X509_value(certificates, (int)i), &position);
        chain[i] = slice_of(start, (size_t)length);
    }
    return chain;
}

static int x509_error_of(enum certificate_fault fault) {
    switch (fault) {
    case CERTIFICATE_FAULT_NONE:
        return X509_V_OK;
    case CERTIFICATE_FAULT_CHAIN:
        return X509_V_ERR_CERT_CHAIN_TOO_LONG;
    case CERTIFICATE_FAULT_IDENTITY:
    case CERTIFICATE_FAULT_UNKNOWN:
        return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case CERTIFICATE_FAULT_EXPIRED:
        return X509_V_ERR_CERT_HAS_EXPIRED;
    case CERTIFICATE_FAULT_FORM:
        return X509_V_ERR_INVALID_CA;
    case CERTIFICATE_FAULT_SIGNATURE:
        return X509_V_ERR_CERT_SIGNATURE_FAILURE;
    }
    return X509_V_ERR_UNSPECIFIED;
}

int tls_verify_peer(X509_STORE_CTX *store, void *argument) {
    (void)argument;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    STACK_OF(X509) *certificates = X509_STORE_CTX_get0_untrusted(store);
    int count = sk_X509_num(certificates);
    if (count < 1 || count > CERTIFICATE_CHAIN_MAX) {
        tls->fault = CERTIFICATE_FAULT_CHAIN;
    } else {
        memory_free(tls->peer_chain);
        tls->peer_chain_count = 0;
        tls->peer_chain = copy_chain(certificates, (size_t)count);
        if (tls->peer_chain == NULL) {
            X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
            return 0;
        }
        tls->peer_chain_count = (size_t)count;
        tls->fault = tls->is_server
                         ? certificate_chain_validate(tls->peer_chain, (size_t)count, clock_realtime_s())
                         : certificate_check_server(tls->peer_chain, (size_t)count, tls->key_hash, clock_realtime_s());
    }
    X509_STORE_CTX_set_error(store, x509_error_of(tls->fault));
    return tls->fault == CERTIFICATE_FAULT_NONE;
}

/* OpenSSL tells of every record that arrives, and of every handshake message, before it takes it. */
static void note_arrival(int is_written, int version, int type, const void *bytes, size_t length, SSL *ssl,
                         void *argument) {
    (void)version;
    (void)bytes;
    (void)length;
    (void)argument;
    struct tls *tls = SSL_get_app_data(ssl);
    if (is_written || tls == NULL)
        return;
    if (type == SSL3_RT_HEADER)
        tls_record_arrives(tls);
    else if (type == SSL3_RT_HANDSHAKE)
        waiting_begins(); /* what follows is public-key cryptography, or the derivation of keys */
}

void tls_context_set_manners(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_msg_callback(context, note_arrival);
    SSL_CTX_set_max_cert_list(context, CERTIFICATES_MAX);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, (size_t)RECORDS_A_READ * RECORD_SIZE_MAX);
    SSL_CTX_set_num_tickets(context, 0);
}

/* Session tickets, caches and renegotiation are off on both sides. Servers that do not signal secure renegotiation (the
 * reference's) are accepted by clients: there is no renegotiation at all. */
static bool set_parameters(SSL_CTX *context) {
    tls_context_set_manners(context);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-CHACHA20-POLY1305") == 1 &&
           SSL_CTX_set1_groups_list(context, TLS_GROUPS) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, "ed448:ed25519") == 1 &&
           SSL_CTX_set1_client_sigalgs_list(context, "ed448:ed25519") == 1;
}

static bool use_credentials(SSL_CTX *context, const struct credentials *credentials) {
    EVP_PKEY *key = credentials_evp_key(credentials);
    bool used = key != NULL;
    for (size_t i = 0; used && i < credentials->count; i++) {
        X509 *certificate = credentials_x509(credentials, i);
        used = certificate != NULL && (i == 0 ? SSL_CTX_use_certificate(context, certificate) == 1
                                              : SSL_CTX_add1_chain_cert(context, certificate) == 1);
        X509_free(certificate);
    }
    used = used && SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    return used;
}

static enum smq_result create(const SSL_METHOD *method, bool is_server, const struct credentials *credentials,
                              struct tls_context **context) {
    ERR_clear_error();
    struct tls_context *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->is_server = is_server;
    created->ssl_context = SSL_CTX_new(method);
    if (created->ssl_context == NULL || !set_parameters(created->ssl_context) ||
        (credentials != NULL && !use_credentials(created->ssl_context, credentials))) {
        tls_context_destroy(&created);
        return SMQ_ERR_CRYPTO;
    }
    SSL_CTX_set_cert_verify_callback(created->ssl_context, tls_verify_peer, NULL);
    *context = created;
    return SMQ_OK;
}

static int look_at_hello(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    (void)argument;
    return tls_web_choose(ssl) && tls_cookie_look(ssl) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

void tls_context_set_server_hooks(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    SSL_CTX_set_client_hello_cb(context, look_at_hello, NULL);
    tls_context_use_cookies(context);
}

enum smq_result tls_context_create_server(const struct credentials *credentials, bool request_client_certificate,
                                          struct tls_context **context) {
    const struct tls_server_options options = {.credentials = credentials,
                                               .request_client_certificate = request_client_certificate};
    return tls_context_create_web_server(&options, context);
}

enum smq_result tls_context_create_web_server(const struct tls_server_options *options, struct tls_context **context) {
    const struct credentials *credentials = options->credentials;
    if (credentials == NULL && options->web == NULL)
        return SMQ_ERR_INVALID;
    if (credentials != NULL && certificate_chain_classify(credentials->count).kind != CHAIN_VALID)
        return SMQ_ERR_INVALID;
    struct tls_context *created = NULL;
    enum smq_result result = create(TLS_server_method(), true, credentials, &created);
    if (result != SMQ_OK)
        return result;
    created->alpn = options->alpn != NULL ? options->alpn : smp_protocols;
    created->shows_web_to_all = credentials == NULL;
    tls_context_set_server_hooks(created->ssl_context);
    SSL_CTX_set_verify(created->ssl_context, options->request_client_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       NULL);
    if (options->web != NULL)
        created->web_context = tls_web_context_create(options->web);
    if (options->web != NULL && created->web_context == NULL) {
        tls_context_destroy(&created);
        return SMQ_ERR_CRYPTO;
    }
    *context = created;
    return SMQ_OK;
}

enum smq_result tls_context_create_client(const struct credentials *credentials, struct tls_context **context) {
    struct tls_context *created = NULL;
    enum smq_result result = create(TLS_client_method(), false, credentials, &created);
    if (result != SMQ_OK)
        return result;
    SSL_CTX_set_verify(created->ssl_context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_cb(created->ssl_context, note_certificate_request, NULL);
    *context = created;
    return SMQ_OK;
}

void tls_context_destroy(struct tls_context **context) {
    struct tls_context *destroyed = *context;
    *context = NULL;
    if (destroyed == NULL)
        return;
    SSL_CTX_free(destroyed->ssl_context);
    SSL_CTX_free(destroyed->web_context);
    memory_free(destroyed);
}
