/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS as the reference speaks it: 1.3 and 1.2, ChaCha20-Poly1305, X448 and X25519, Ed448 and Ed25519 (reference:
 * Transport.hs, defaultSupportedParams). A `struct tls` wraps one non-blocking socket; each call is one step that never
 * blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/tls/certificate.h"
#include "transport/tls/credentials.h"
#include "transport/tls/web_certificate.h"

/* Who may call what:
 *   tls_context_*               any thread; a context is immutable and outlives its connections
 *   tls_create_*, tls_destroy   one thread, while no other uses the connection
 *   tls_handshake, tls_handshake_with_cookie
 *                               one thread, before any read or write
 *   tls_take_facts              the same thread, between handshake and the first read or write
 *   tls_read                    one thread, and
 *   tls_write, tls_shutdown     one thread at the same time: the connection's own lock orders their steps */
struct tls_context;
struct tls;

enum {
    TLS_RECORD_MAX = 16384, /* bytes of plaintext in one record */
    TLS_SESSION_ID_MAX = 48,
    TLS_ALPN_MAX = 16, /* with the zero; of names that we know */
};

/* Server side. `credentials` are borrowed for the context's life and must have a chain of 2 to 4 certificates. With
 * `request_client_certificate` clients are asked for a certificate; none is accepted, and a chain is validated against
 * its own last one. SMQ_ERR_INVALID, SMQ_ERR_CRYPTO, SMQ_ERR_NO_MEMORY. */
enum smq_result tls_context_create_server(const struct credentials *credentials, bool request_client_certificate,
                                          struct tls_context **context);

/* A server for browsers, too. A client that names the server it wants (SNI, whatever the name) is shown the web
 * certificate, in the parameters that browsers know, and is not asked for one; others see the router's. */
struct tls_server_options {
    const struct credentials *credentials; /* NULL: all are shown the web certificate */
    bool request_client_certificate;
    const struct web_certificate *web; /* NULL: names do not matter. Borrowed for the context's life. */
    const char *const *alpn;           /* the protocols that are known, NULL behind; constant. NULL: those of SMP */
};
enum smq_result tls_context_create_web_server(const struct tls_server_options *options, struct tls_context **context);

/* Client side. `credentials` (borrowed; NULL: none) are shown when a server asks for them. */
enum smq_result tls_context_create_client(const struct credentials *credentials, struct tls_context **context);
/* Client side of the web: servers are known by name, and vouched for by the authorities in the PEM file `ca_path`
 * (NULL: those that the system trusts). Blocks on files. SMQ_ERR_SYNTAX: no authorities there; SMQ_ERR_CRYPTO,
 * SMQ_ERR_NO_MEMORY. */
enum smq_result tls_context_create_web_client(const char *ca_path, struct tls_context **context);
bool tls_context_is_web_client(const struct tls_context *context);
void tls_context_destroy(struct tls_context **context);

/* Wraps `descriptor` (a connected non-blocking socket; borrowed until tls_destroy). SMQ_ERR_NO_MEMORY. */
enum smq_result tls_create_server(const struct tls_context *context, int descriptor, struct tls **tls);
/* `alpn`: the one protocol offered, such as "smp/1"; NULL: no ALPN. `key_hash`: what the server's chain is checked for;
 * copied. */
enum smq_result tls_create_client(const struct tls_context *context, int descriptor, const char *alpn,
                                  const uint8_t key_hash[FINGERPRINT_SIZE], struct tls **tls);
/* With a web client's context: `name` is shown to the server (SNI) and looked for in its certificate. */
enum smq_result tls_create_web_client(const struct tls_context *context, int descriptor, const char *alpn,
                                      const char *name, struct tls **tls);
/* Frees all but the socket; sends nothing. */
void tls_destroy(struct tls **tls);

/* What a step waits for when it returns SMQ_ERR_AGAIN. */
enum tls_want { TLS_WANT_READ, TLS_WANT_WRITE };

/* Goes on with the handshake, which has at most 64 records. Takes up to some milliseconds of cryptography; what the
 * thread owes (postpone.h) is settled first. SMQ_OK: done. SMQ_ERR_AGAIN: call again when `*want` holds. Fatal:
 * SMQ_ERR_IDENTITY (the
 * server's chain is not the expected one), SMQ_ERR_TLS (refused by either side, or no TLS), SMQ_ERR_NETWORK (the socket
 * failed or ended). */
enum smq_result tls_handshake(struct tls *tls, enum tls_want *want);

enum { TLS_COOKIE_SIZE = 16 };

/* Server side, instead of the first tls_handshake, when a whole ClientHello is in the socket: lets a client in only
 * with `cookie`, which nobody can know who does not read what this connection sends. TLS 1.3 alone has cookies: other
 * clients fail. SMQ_OK: the hello has the cookie and was answered; go on with tls_handshake when there is something to
 * read. SMQ_ERR_EMPTY: it has none, and the client was asked to say hello again, with the cookie (HelloRetryRequest).
 * That took no public-key cryptography, and no state is left: destroy `tls`, and make another one for the second hello,
 * which is not to be asked again. Fatal: SMQ_ERR_TLS (a cookie that is not right; a second hello that does not follow
 * from the first; all else), SMQ_ERR_NETWORK. Only the hello is taken from the socket. */
enum smq_result tls_handshake_with_cookie(struct tls *tls, const uint8_t cookie[TLS_COOKIE_SIZE]);

/* Reads up to `size` plaintext bytes, at most one record. SMQ_OK: `*length` > 0 bytes; `*more`: TLS holds further
 * input, so that the socket may not become readable again before it is read. SMQ_ERR_AGAIN with `*want`;
 * `*more`: part of a record has come, for which TLS holds a buffer.
 * SMQ_ERR_CLOSED: the peer ended the session in order. SMQ_ERR_TLS, SMQ_ERR_NETWORK: fatal. The step is bounded
 * whatever the peer sends: after 32 records without data (KeyUpdate, alerts, empty ones) it is SMQ_ERR_TLS; each KB of
 * data allows one more. */
enum smq_result tls_read(struct tls *tls, uint8_t *bytes, size_t size, size_t *length, bool *more, enum tls_want *want);

/* Sends `bytes` as one record. `more`: a further one follows at once, so that the kernel may keep this one to send both
 * together; when none follows after all, socket_push (net/socket.h). SMQ_ERR_AGAIN: the encrypted record is kept; call
 * again with the same `length` (the bytes are not looked at again) when `*want` holds. SMQ_ERR_TLS, SMQ_ERR_NETWORK:
 * fatal. `length` is 1 to 16,384. */
enum smq_result tls_write(struct tls *tls, const uint8_t *bytes, size_t length, bool more, enum tls_want *want);

/* Sends close_notify if that is possible at once: not in the middle of a record, nor after a fatal error. */
void tls_shutdown(struct tls *tls);

/* Facts of the session. `peer_chain` (NULL without one) is one allocation that the caller frees with memory_free. */
struct tls_facts {
    uint8_t session_id[TLS_SESSION_ID_MAX]; /* the client's Finished message */
    uint8_t session_id_length;              /* 32 in TLS 1.3, 12 in TLS 1.2; 48 with SHA-384, for browsers */
    bool has_alpn;
    bool shows_web_certificate;        /* server side: to a client that named the server */
    char alpn[TLS_ALPN_MAX];           /* what was agreed on; empty: nothing */
    bool client_certificate_requested; /* client side: the server asked for one */
    size_t peer_chain_count;
    struct slice *peer_chain; /* leaf first */
};

/* Takes the facts, once, after the handshake; what OpenSSL kept for them is freed. SMQ_ERR_TLS: the session has no
 * Finished message; SMQ_ERR_NO_MEMORY. */
enum smq_result tls_take_facts(struct tls *tls, struct tls_facts *facts);

/* One line about why a step failed, for the log; never a peer's text or address. Valid until the connection's next step
 * on this thread. */
const char *tls_failure_text(const struct tls *tls);
