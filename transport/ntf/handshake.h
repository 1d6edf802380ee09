/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The NTF handshake: the router's hello, then the client's, each one plain block of NTF_BLOCK_SIZE bytes; nothing
 * answers the second. Bytes after the known fields are ignored. Pure and re-entrant: any thread. Slices of parsed
 * hellos point into the block.
 *
 * Who calls what: router: ntf_server_versions, hello_write; then client_hello_parse, server_accept. Client:
 * server_hello_parse, client_agree, session_key, client_hello_write. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/keys.h"
#include "transport/ntf/limits.h"
#include "transport/smp/transport_error.h"
#include "transport/wire/address.h"
#include "transport/wire/version.h"

struct ntf_server_hello {
    struct version_range versions;
    struct slice session_id;
    struct slice signed_key; /* X25519, signed by the leaf certificate's key (transport/crypto/signed_key.h); there
                                when versions.max ≥ NTF_VERSION_AUTH */
};

struct ntf_client_hello {
    uint16_t version;
    struct slice key_hash; /* of the router that the client expects */
};

/* Writers fill the whole block. SMQ_ERR_TOO_LARGE when the fields do not fit or have no wire form. */
enum smq_result ntf_server_hello_write(const struct ntf_server_hello *hello, uint8_t block[NTF_BLOCK_SIZE]);
enum smq_result ntf_client_hello_write(const struct ntf_client_hello *hello, uint8_t block[NTF_BLOCK_SIZE]);
/* SMQ_ERR_SYNTAX: the connection is closed, nothing is sent. */
enum smq_result ntf_server_hello_parse(const uint8_t block[NTF_BLOCK_SIZE], struct ntf_server_hello *hello);
enum smq_result ntf_client_hello_parse(const uint8_t block[NTF_BLOCK_SIZE], struct ntf_client_hello *hello);

/* The range a router announces: `own`, or version 1 alone on a connection without ALPN. */
struct version_range ntf_server_versions(struct version_range own, bool has_alpn);

/* Router: SMQ_ERR_IDENTITY when the client expects another key hash, SMQ_ERR_VERSION when its version was not
 * announced: close, sending nothing. */
enum smq_result ntf_server_accept(const struct ntf_client_hello *hello, struct version_range announced,
                                  const uint8_t key_hash[KEY_HASH_SIZE]);

/* Client: session id against its own TLS session, then the highest common version. On failure `error` is SESSION
 * (SMQ_ERR_IDENTITY) or VERSION (SMQ_ERR_VERSION). `agreed`: the intersection; its max is the session's version. */
enum smq_result ntf_client_agree(const struct ntf_server_hello *hello, struct version_range own,
                                 struct slice session_id, struct version_range *agreed,
                                 struct smp_transport_error *error);
/* Client: the router's session key, for authenticators. algorithm KEY_NONE when the router, being of version 1, has
 * none. SMQ_ERR_CRYPTO when `leaf_key`, of the router's TLS certificate, did not sign it, SMQ_ERR_SYNTAX when it is no
 * signed X25519 key: both are the handshake error BAD_AUTH. */
enum smq_result ntf_client_session_key(const struct ntf_server_hello *hello, const struct public_key *leaf_key,
                                       struct public_key *session_key);
