/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection to an XFTP router, for threads that may wait: each call makes one request and blocks until its answer is
 * there, or its time is over. One thread at a time; several connections for several threads. After any failure but a
 * protocol error of the router the connection is of no use any more (xftp_connection_is_broken), and another one is to
 * be made. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "smq/result.h"
#include "transport/crypto/keys.h"
#include "transport/wire/address.h"
#include "transport/xftp/error.h"
#include "transport/xftp/limits.h"

struct xftp_connection;

struct xftp_connection_options {
    struct net *net;                       /* outlives the connection */
    const struct tls_context *tls_context; /* client context; likewise */
    struct server_address server;
    uint32_t connect_ms; /* for connection and handshake; 0: 15,000 */
    uint32_t request_ms; /* for an answer, and 5 ms more for each KiB of a chunk; 0: 10,000 */
};

/* Connects and does the handshake. SMQ_ERR_NETWORK, SMQ_ERR_TIMEOUT, SMQ_ERR_TLS, SMQ_ERR_IDENTITY (another router than
 * the address says), SMQ_ERR_VERSION, SMQ_ERR_PROTOCOL, SMQ_ERR_NOT_FOUND (no host that can be reached),
 * SMQ_ERR_NO_MEMORY. */
enum smq_result xftp_connection_open(const struct xftp_connection_options *options,
                                     struct xftp_connection **connection);
/* Sets the pointer to NULL, which it may be. */
void xftp_connection_close(struct xftp_connection **connection);
bool xftp_connection_is_broken(const struct xftp_connection *connection);

/* An id that a router gave. */
struct xftp_id {
    uint8_t length;
    uint8_t bytes[UINT8_MAX];
};

/* Commands. SMQ_ERR_PROTOCOL: `error` says what the router answered, or what was wrong with that. */

enum smq_result xftp_ping(struct xftp_connection *connection, struct xftp_error *error);
/* FNEW with 1 to XFTP_RECIPIENTS_MAX recipients; `password` may be NULL. */
enum smq_result xftp_create(struct xftp_connection *connection, const struct key_pair *sender, uint32_t size,
                            const uint8_t digest[XFTP_CHUNK_DIGEST_SIZE], const struct public_key *recipients,
                            size_t count, const char *password, struct xftp_id *sender_id,
                            struct xftp_id *recipient_ids, struct xftp_error *error);
/* FADD, as many. */
enum smq_result xftp_add_recipients(struct xftp_connection *connection, const struct key_pair *sender, struct slice id,
                                    const struct public_key *recipients, size_t count, struct xftp_id *recipient_ids,
                                    struct xftp_error *error);
/* FPUT; `chunk` is borrowed during the call. */
enum smq_result xftp_upload(struct xftp_connection *connection, const struct key_pair *sender, struct slice id,
                            struct slice chunk, struct xftp_error *error);
/* FGET: what comes is decrypted and given to `sink`, piece by piece; it is to be trusted only after SMQ_OK: size, tag
 * and digest were right. What `sink` returns other than SMQ_OK ends the download. */
struct xftp_sink {
    enum smq_result (*take)(void *context, struct slice bytes);
    void *context;
};
enum smq_result xftp_download(struct xftp_connection *connection, const struct key_pair *recipient, struct slice id,
                              uint32_t size, const uint8_t digest[XFTP_CHUNK_DIGEST_SIZE], const struct xftp_sink *sink,
                              struct xftp_error *error);
/* FACK, FDEL. */
enum smq_result xftp_acknowledge(struct xftp_connection *connection, const struct key_pair *recipient, struct slice id,
                                 struct xftp_error *error);
enum smq_result xftp_delete(struct xftp_connection *connection, const struct key_pair *sender, struct slice id,
                            struct xftp_error *error);
