/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A peer that misbehaves on demand: a TCP socket, with TLS after a handshake, all with deadlines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/tls/tls.h"

struct net_peer {
    int descriptor;
    struct tls *tls;
};

/* Connects to 127.0.0.1; aborts the test when that fails. */
void net_peer_connect(struct net_peer *peer, uint16_t port);
/* Handshake; what tls_handshake returned in the end, SMQ_ERR_TIMEOUT after 10 s. */
enum smq_result net_peer_handshake(struct net_peer *peer, const struct tls_context *context, const char *alpn,
                                   const uint8_t key_hash[FINGERPRINT_SIZE]);
/* The same as a browser does, which shows the name and trusts authorities (tls_context_create_web_client). */
enum smq_result net_peer_web_handshake(struct net_peer *peer, const struct tls_context *context, const char *alpn,
                                       const char *name);
/* Writes `length` bytes of TLS plaintext in records of at most `record`. Whether all went out within 10 s. */
bool net_peer_write(struct net_peer *peer, const uint8_t *bytes, size_t length, size_t record);
/* Reads exactly `length` bytes of TLS plaintext. SMQ_OK, SMQ_ERR_TIMEOUT after `timeout_ms`, or what tls_read returned.
 */
enum smq_result net_peer_read(struct net_peer *peer, uint8_t *bytes, size_t length, int timeout_ms);
/* Reads until the other side ends, at most `size` bytes; returns how many. */
size_t net_peer_read_all(struct net_peer *peer, uint8_t *bytes, size_t size, int timeout_ms);
/* Whether the other side ends the TCP connection (orderly or not) within `timeout_ms`; what arrives is dropped. */
bool net_peer_sees_end(struct net_peer *peer, int timeout_ms);
void net_peer_close(struct net_peer *peer);
