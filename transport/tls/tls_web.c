/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS of the web. For browsers, on the ports of a router: the other certificate, and wider parameters, for clients that
 * name the server. OpenSSL copies most parameters when a connection is made, so they are set again. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "queues/base/memory.h"
#include "transport/tls/tls_private.h"

#define WEB_SUITES  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
#define WEB_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define WEB_GROUPS  "X25519:P-256:X448:P-384:P-521"
#define WEB_SIGNATURES                                                                                                 \
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:"       \
    "RSA+SHA512"

SSL_CTX *tls_web_context_create(const struct web_certificate *certificate) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        return NULL;
    tls_context_set_manners(context);
    tls_context_set_server_hooks(context);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_ciphersuites(context, WEB_SUITES) == 1 && SSL_CTX_set_cipher_list(context, WEB_CIPHERS) == 1 &&
        SSL_CTX_set1_groups_list(context, WEB_GROUPS) == 1 && SSL_CTX_set1_sigalgs_list(context, WEB_SIGNATURES) == 1 &&
        web_certificate_use(certificate, context))
        return context;
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

static bool names_server(SSL *ssl) {
    const unsigned char *name = NULL;
    size_t length = 0;
    return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &length) == 1;
}

bool tls_web_choose(SSL *ssl) {
    struct tls *tls = SSL_get_app_data(ssl);
    const struct tls_context *context = tls->context;
    if (context->web_context == NULL || !(context->shows_web_to_all || names_server(ssl)))
        return true;
    tls->shows_web_certificate = true;
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    return SSL_set_SSL_CTX(ssl, context->web_context) != NULL && SSL_set_ciphersuites(ssl, WEB_SUITES) == 1 &&
           SSL_set_cipher_list(ssl, WEB_CIPHERS) == 1 && SSL_set1_groups_list(ssl, WEB_GROUPS) == 1 &&
           SSL_set1_sigalgs_list(ssl, WEB_SIGNATURES) == 1;
}

enum smq_result tls_context_create_web_client(const char *ca_path, struct tls_context **context) {
    ERR_clear_error();
    struct tls_context *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->is_web_client = true;
    created->ssl_context = SSL_CTX_new(TLS_client_method());
    enum smq_result result = created->ssl_context == NULL ? SMQ_ERR_CRYPTO : SMQ_OK;
    if (result == SMQ_OK) {
        tls_context_set_manners(created->ssl_context);
        SSL_CTX_set_verify(created->ssl_context, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_set_min_proto_version(created->ssl_context, TLS1_2_VERSION) != 1 ||
            SSL_CTX_set1_groups_list(created->ssl_context, WEB_GROUPS) != 1)
            result = SMQ_ERR_CRYPTO;
        else if ((ca_path == NULL ? SSL_CTX_set_default_verify_paths(created->ssl_context)
                                  : SSL_CTX_load_verify_locations(created->ssl_context, ca_path, NULL)) != 1)
            result = SMQ_ERR_SYNTAX;
    }
    ERR_clear_error();
    if (result != SMQ_OK)
        tls_context_destroy(&created);
    else
        *context = created;
    return result;
}

bool tls_context_is_web_client(const struct tls_context *context) {
    return context->is_web_client;
}

bool tls_web_expect(SSL *ssl, const char *name) {
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1)
        return true; /* addresses are not shown */
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}
