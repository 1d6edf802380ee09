/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A client of an XFTP router for tests: TLS, HTTP/2 and blocks under the test's hand, several streams at a time.
 * Waiting has a deadline; failures fail the test (cmocka). */
#pragma once

#include "test/support/net_peer.h"
#include "transport/http2/http2_stream.h"
#include "transport/xftp/block.h"
#include "transport/xftp/chunk_cipher.h"

enum { XFTP_PEER_STREAMS = 64, XFTP_FIELDS_TEXT = 1024 };

/* A request and its answer. */
struct xftp_stream {
    struct http2_stream *stream; /* NULL: none */
    const uint8_t *body;
    size_t length; /* of the body that may be sent now */
    size_t sent;
    bool ends; /* the body ends there */
    unsigned status;
    bool head_came, body_ended, is_over;
    enum http2_end end;
    char fields[XFTP_FIELDS_TEXT]; /* "name: value\n" of each field of the answer */
    uint8_t *answer;               /* its body */
    size_t answer_length, answer_capacity;
    bool holds;    /* what comes is not consumed */
    uint8_t *made; /* body that the stream owns */
};

struct xftp_peer {
    struct net_peer net;
    struct http2 *http2;
    struct tls_context *context;
    bool is_closed; /* by the router */
    uint8_t session_id[TLS_SESSION_ID_MAX];
    uint8_t session_id_length;
    uint16_t version; /* of the handshake */
    struct public_key session_key;
    struct xftp_stream streams[XFTP_PEER_STREAMS];
    unsigned next;
};

/* Connects. `server_name` NULL: a native client, which checks `fingerprint`; else a browser, which sends the name, and
 * trusts the authority in `ca_path`. */
struct xftp_peer_options {
    uint16_t port;
    const char *alpn; /* NULL: none */
    const uint8_t *fingerprint;
    const char *server_name, *ca_path;
};
void xftp_peer_open(struct xftp_peer *peer, const struct xftp_peer_options *options);
void xftp_peer_close(struct xftp_peer *peer);

/* Begins a request. `headers`: pairs of name and value, NULL behind; may be NULL. The body is borrowed until the stream
 * is over; `length` bytes of it may be sent for now, and end it if `ends`. */
struct xftp_stream *xftp_peer_begin(struct xftp_peer *peer, const char *method, const char *const *headers,
                                    const void *body, size_t length, bool ends);
/* More of the body may be sent. */
void xftp_peer_extend(struct xftp_stream *stream, size_t length, bool ends);
/* Moves bytes until the answer is whole, or the stream or the connection is over. */
void xftp_peer_finish(struct xftp_peer *peer, struct xftp_stream *stream);
/* Moves bytes until `condition` holds; fails the test when that takes too long. */
void xftp_peer_until(struct xftp_peer *peer, bool (*condition)(void *context), void *context);
/* Moves what there is to move, for some milliseconds at most. */
void xftp_peer_move(struct xftp_peer *peer, int wait_ms);
/* Gives the stream's memory back. */
void xftp_stream_forget(struct xftp_stream *stream);

/* Native handshake; the session is ready for commands then. */
void xftp_peer_handshake(struct xftp_peer *peer, const uint8_t *fingerprint);
/* A client handshake with this version, by a stream whose answer is empty. */
void xftp_peer_accept(struct xftp_peer *peer, const uint8_t *fingerprint, uint16_t version);

/* Writes a command's block. `key` NULL: unauthorized. */
void xftp_peer_block(struct xftp_peer *peer, const struct key_pair *key, struct slice entity,
                     const struct xftp_command *command, uint8_t block[XFTP_BLOCK_SIZE]);
/* Sends a command, with `body` behind its block, and gives its response; slices point into the stream, which is to be
 * forgotten. `entity` of the answer is checked. */
struct xftp_stream *xftp_peer_command(struct xftp_peer *peer, const struct key_pair *key, struct slice entity,
                                      const struct xftp_command *command, struct slice body,
                                      struct xftp_response *response);
/* The response in an answer that is whole. */
void xftp_peer_response(struct xftp_peer *peer, const struct xftp_stream *stream, struct xftp_response *response);
/* The error of the answer to a command; XFTP_ERROR_NONE for OK and others. */
struct xftp_error xftp_peer_error(struct xftp_peer *peer, const struct key_pair *key, struct slice entity,
                                  enum xftp_command_tag tag, struct slice body);

/* A chunk at a router, as its sender and its first recipients know it. */
struct xftp_peer_file {
    struct key_pair sender, recipients[2];
    uint8_t sender_id[XFTP_ENTITY_ID_SIZE];
    uint8_t recipient_ids[2][XFTP_ENTITY_ID_SIZE];
    uint32_t size;
    uint8_t seed; /* of its bytes */
    uint8_t digest[32];
};
/* Bytes of a chunk in new memory. */
uint8_t *xftp_chunk_bytes(uint32_t size, uint8_t seed);
/* FNEW with two recipients; the error, NONE when it was made. `password` may be NULL. */
struct xftp_error xftp_peer_create(struct xftp_peer *peer, uint32_t size, uint8_t seed, const char *password,
                                   struct xftp_peer_file *file);
/* FPUT of the chunk's own bytes. */
struct xftp_error xftp_peer_put(struct xftp_peer *peer, const struct xftp_peer_file *file);
/* FGET by a recipient; checks every byte, and answers the error, the router's or the client's own. */
struct xftp_error xftp_peer_get(struct xftp_peer *peer, const struct xftp_peer_file *file, unsigned recipient);
struct slice xftp_file_sender(const struct xftp_peer_file *file);
struct slice xftp_file_recipient(const struct xftp_peer_file *file, unsigned recipient);
