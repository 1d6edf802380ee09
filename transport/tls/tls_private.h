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
    bool is_server;
};

struct tls {
    SSL *ssl;
    pthread_mutex_t lock; /* held for one step of OpenSSL, which never blocks */
    bool is_server;
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

/* Copies the chain that `store` was asked to verify, checks it, and sets the error that becomes the TLS alert. 1:
 * accepted. For SSL_CTX_set_cert_verify_callback. */
int tls_verify_peer(X509_STORE_CTX *store, void *argument);
