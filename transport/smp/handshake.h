/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP handshake: server hello, client hello, and the server's answer to a service; each one plainly padded block.
 * Bytes after the known fields are ignored, so that later versions can add some. Pure and re-entrant: any thread.
 * Slices of parsed hellos point into the block.
 *
 * Who calls what: server: hello_write; then client_hello_parse, server_accept, and with a service
 * service_response_write. Client: server_hello_parse, client_agree, client_hello_write, and with a service
 * service_response_parse. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/certificate_chain.h"
#include "transport/crypto/keys.h"
#include "transport/smp/command.h"
#include "transport/smp/error.h"
#include "transport/smp/limits.h"
#include "transport/wire/version.h"

struct smp_server_hello {
    struct version_range versions;
    struct slice session_id;
    bool has_key; /* chain and key are optional as a unit; written only when versions.max ≥ 7 */
    struct chain_key chain_key;
};

struct smp_client_hello {
    uint16_t version;
    struct slice key_hash;
    bool has_key;          /* v ≥ 7 */
    struct public_key key; /* X25519 */
    bool is_proxy;         /* v ≥ 14 */
    bool has_service;      /* v ≥ 16 */
    enum smp_service_role service_role;
    struct chain_key service_chain_key;
};

struct smp_service_response {
    bool accepted;
    struct slice service_id;          /* when accepted */
    struct smp_transport_error error; /* when not */
};

/* Writers fill the whole block. SMQ_ERR_TOO_LARGE when the fields do not fit or have no wire form. */
enum smq_result smp_server_hello_write(const struct smp_server_hello *hello, uint8_t block[SMP_BLOCK_SIZE]);
enum smq_result smp_client_hello_write(const struct smp_client_hello *hello, uint8_t block[SMP_BLOCK_SIZE]);
enum smq_result smp_service_response_write(const struct smp_service_response *response, uint8_t block[SMP_BLOCK_SIZE]);

/* Parsers. SMQ_ERR_SYNTAX: to the peer this is the handshake error PARSE. */
enum smq_result smp_server_hello_parse(const uint8_t block[SMP_BLOCK_SIZE], struct smp_server_hello *hello);
enum smq_result smp_client_hello_parse(const uint8_t block[SMP_BLOCK_SIZE], struct smp_client_hello *hello);
enum smq_result smp_service_response_parse(const uint8_t block[SMP_BLOCK_SIZE], struct smp_service_response *response);

/* The range a router announces: `own`, or 6..6 on a connection without ALPN. */
struct version_range smp_server_versions(struct version_range own, bool has_alpn);

/* Server: key hash and version against what it announced. SMQ_ERR_IDENTITY or SMQ_ERR_VERSION: close, sending nothing.
 * `session_versions`: own minimum to the agreed version. */
enum smq_result smp_server_accept(const struct smp_client_hello *hello, struct version_range announced,
                                  const uint8_t key_hash[SMP_FINGERPRINT_SIZE], struct version_range *session_versions);

/* Client: session id against its own TLS session, then the highest common version. A proxy first lowers its own
 * maximum to 10 towards a relay below version 14, which keeps block encryption off. On failure `error` is SESSION
 * (SMQ_ERR_IDENTITY) or VERSION (SMQ_ERR_VERSION). `agreed`: the intersection; its max is the session's version. The
 * chain and key are still to be verified. */
enum smq_result smp_client_agree(const struct smp_server_hello *hello, struct version_range own, bool is_proxy,
                                 struct slice session_id, struct version_range *agreed,
                                 struct smp_transport_error *error);

/* Whether a client puts its service into the hello: version 16 on, and the server asked for a certificate in TLS. */
bool smp_client_sends_service(uint16_t version, bool certificate_requested);

/* Whether blocks after the handshake are encrypted: both keys known, version 11 on, client not a proxy. */
bool smp_blocks_are_encrypted(uint16_t version, bool has_server_key, bool has_client_key, bool is_proxy);
