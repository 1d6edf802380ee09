/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the context's callbacks and the connection share. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "transport/tls/tls.h"

struct tls_context {
    SSL_CTX *ssl_context;
    SSL_CTX *web_context;    /* what a client that names the server gets; NULL: the same as others */
    const char *const *alpn; /* server side: the protocols that are known, NULL behind */
    bool shows_web_to_all;   /* there is no other certificate */
    bool is_web_client;
    bool is_server;
};

struct tls {
    SSL *ssl;
    pthread_mutex_t lock; /* held for one step of OpenSSL, which never blocks */
    const struct tls_context *context;
    bool is_server;
    bool shows_web_certificate;
    bool is_broken;               /* a fatal error happened: OpenSSL allows no further step */
    bool more_follows;            /* during the step: see tls_write; the BIO looks at it */
    bool write_is_pending;        /* an encrypted record waits in OpenSSL's buffer */
    bool certificate_requested;   /* client side */
    bool is_excessive;            /* the peer has used its allowance up */
    bool has_answered;            /* server side: the first ClientHello */
    const uint8_t *cookie;        /* during the step: what a ClientHello has to show, or NULL */
    uint32_t allowance;           /* records that may come before the next one with data */
    uint32_t paid;                /* bytes of data that have not become allowance yet */
    enum certificate_fault fault; /* why the peer's chain was refused */
    const char *failure;          /* constant text, or NULL */
    size_t peer_chain_count;
    struct slice *peer_chain;           /* one allocation: slices, then the bytes; handed out by tls_take_facts */
    uint8_t key_hash[FINGERPRINT_SIZE]; /* client side */
};

/* A record arrives: takes one from the allowance, or ends the step with what was read before. Within a step. */
void tls_record_arrives(struct tls *tls);

/* The groups of key exchange, best first, as OpenSSL names them. */
#define TLS_GROUPS "X448:X25519"

/* tls_cookie.c: has a server context ask for cookies when a connection has one (tls.h). */
void tls_context_use_cookies(SSL_CTX *context);
/* Looks at a ClientHello before it is answered. False: OpenSSL refused. */
bool tls_cookie_look(SSL *ssl);

/* tls_context.c: what both kinds of server contexts have in common: ALPN, cookies, no tickets, no renegotiation. */
void tls_context_set_manners(SSL_CTX *context);
void tls_context_set_server_hooks(SSL_CTX *context);

/* tls_web.c: a context for browsers. NULL: OpenSSL refused. */
SSL_CTX *tls_web_context_create(const struct web_certificate *certificate);
/* The connection's ClientHello has come: takes the web context when it names the server. False: OpenSSL refused. */
bool tls_web_choose(SSL *ssl);
/* Has a client show the name, and look for it. False: OpenSSL refused. */
bool tls_web_expect(SSL *ssl, const char *name);
/* web_certificate.c: has the context show it. False: OpenSSL refused. */
bool web_certificate_use(const struct web_certificate *certificate, SSL_CTX *context);

/* Copies the chain that `store` was asked to verify, checks it, and sets the error that becomes the TLS alert. 1:
 * accepted. For SSL_CTX_set_cert_verify_callback. */
int tls_verify_peer(X509_STORE_CTX *store, void *argument);
