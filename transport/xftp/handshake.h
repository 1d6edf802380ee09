/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The XFTP handshake: client hello (of web clients; native ones send an empty request), server handshake, client
 * handshake, which an empty answer acknowledges. Each is one plainly padded block, and each ignores what follows its
 * known fields, so that later versions can add some. What a request means in which state is in handshake_state.h. Pure
 * and re-entrant: any thread. Slices of what is parsed point into the block. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/certificate_chain.h"
#include "transport/crypto/keys.h"
#include "transport/crypto/signature.h"
#include "transport/wire/version.h"
#include "transport/xftp/error.h"
#include "transport/xftp/limits.h"

struct xftp_client_hello {
    bool has_challenge;
    uint8_t challenge[XFTP_CHALLENGE_SIZE];
};

struct xftp_server_handshake {
    struct version_range versions;
    struct slice session_id;
    struct chain_key chain_key;  /* leaf and CA of the router's identity; its X25519 session key, signed by the leaf */
    struct slice identity_proof; /* a signature when a challenge was sent, else empty */
};

struct xftp_client_handshake {
    uint16_t version;
    struct slice key_hash; /* SHA-256 of the CA's certificate */
};

/* Writers fill the whole block. SMQ_ERR_TOO_LARGE when the fields do not fit or have no wire form. */
enum smq_result xftp_client_hello_write(const struct xftp_client_hello *hello, uint8_t block[XFTP_BLOCK_SIZE]);
enum smq_result xftp_server_handshake_write(const struct xftp_server_handshake *handshake,
                                            uint8_t block[XFTP_BLOCK_SIZE]);
enum smq_result xftp_client_handshake_write(const struct xftp_client_handshake *handshake,
                                            uint8_t block[XFTP_BLOCK_SIZE]);

/* Parsers of a request's or an answer's body. A hello may have any length that holds what its padding says, and an
 * empty one has no challenge; of native clients (`web` false) only the empty one is taken. The others must have the
 * length of a block. SMQ_ERR_SYNTAX: a router answers HANDSHAKE. */
enum smq_result xftp_client_hello_parse(struct slice body, bool web, struct xftp_client_hello *hello);
enum smq_result xftp_server_handshake_parse(struct slice body, struct xftp_server_handshake *handshake);
enum smq_result xftp_client_handshake_parse(struct slice body, struct xftp_client_handshake *handshake);

/* Errors before there is a session: a block whose content is the error and nothing else. Parsing takes SESSION and
 * HANDSHAKE only; SMQ_ERR_SYNTAX when the block is something else. */
enum smq_result xftp_raw_error_write(enum xftp_error_code code, uint8_t block[XFTP_BLOCK_SIZE]);
enum smq_result xftp_raw_error_parse(struct slice body, enum xftp_error_code *code);

/* Router: key hash and version. SMQ_ERR_IDENTITY or SMQ_ERR_VERSION: it answers HANDSHAKE. */
enum smq_result xftp_server_accept(const struct xftp_client_handshake *handshake, struct version_range announced,
                                   const uint8_t key_hash[32]);

/* Router: the proof that a challenge asks for, a signature over challenge and session id by the leaf's key (Ed25519 or
 * Ed448). SMQ_ERR_CRYPTO. */
struct xftp_identity_proof {
    size_t length;
    uint8_t bytes[SIGNATURE_MAX];
};
enum smq_result xftp_identity_proof_create(const struct key_pair *leaf, const uint8_t challenge[XFTP_CHALLENGE_SIZE],
                                           struct slice session_id, struct xftp_identity_proof *proof);
/* Web client: SMQ_ERR_CRYPTO when the proof is absent or not the leaf's. */
enum smq_result xftp_identity_proof_verify(const struct public_key *leaf, const uint8_t challenge[XFTP_CHALLENGE_SIZE],
                                           struct slice session_id, struct slice proof);

/* Client: session id against its own TLS session, then the highest common version. SMQ_ERR_IDENTITY, SMQ_ERR_VERSION.
 * The chain and key are still to be verified. */
enum smq_result xftp_client_agree(const struct xftp_server_handshake *handshake, struct version_range own,
                                  struct slice session_id, uint16_t *version);
/* Native client: the chain is exactly leaf and CA, the CA's certificate hashes to `key_hash`, and `leaf` (the key of
 * the certificate that TLS has verified) signed the session key, which is X25519. SMQ_ERR_IDENTITY, SMQ_ERR_CRYPTO,
 * SMQ_ERR_SYNTAX. */
enum smq_result xftp_session_key_verify(const struct xftp_server_handshake *handshake, const uint8_t key_hash[32],
                                        const struct public_key *leaf, struct public_key *session_key);
