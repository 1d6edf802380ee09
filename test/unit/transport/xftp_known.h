/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The inputs of XFTP's known answers (test/vectors/xftp_blocks.txt). */
#pragma once

#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/hash.h"
#include "transport/xftp/block.h"

static inline struct slice xftp_known(const char *name, uint8_t *bytes, size_t capacity) {
    return vector_of("test/vectors/xftp_blocks.txt", name, bytes, capacity);
}

/* The pair of a known private key, whose public key is checked against the known one. */
static inline struct key_pair xftp_known_pair(enum key_algorithm algorithm, const char *name, const char *public_name) {
    uint8_t bytes[32], public_bytes[32];
    struct private_key private_key;
    struct key_pair pair;
    struct slice raw = xftp_known(name, bytes, sizeof bytes);
    assert_int_equal(private_key_of_raw(algorithm, raw, &private_key), SMQ_OK);
    assert_int_equal(key_pair_of_private(&private_key, &pair), SMQ_OK);
    assert_slice_equal(slice_of(pair.public_key.bytes, 32), xftp_known(public_name, public_bytes, sizeof public_bytes));
    return pair;
}

static inline struct key_pair xftp_known_signer(void) {
    return xftp_known_pair(KEY_ED25519, "ed25519_seed", "ed25519_public");
}

static inline struct key_pair xftp_known_client(void) {
    return xftp_known_pair(KEY_X25519, "client_x25519", "client_x25519_public");
}

static inline struct key_pair xftp_known_router(void) {
    return xftp_known_pair(KEY_X25519, "router_x25519", "router_x25519_public");
}

/* Whether SHA-256 of `bytes` is the known one. */
static inline void assert_known_sha256(struct slice bytes, const char *name) {
    uint8_t expected[HASH_SHA256_SIZE], digest[HASH_SHA256_SIZE];
    assert_int_equal(hash_slice(HASH_SHA256, bytes, digest), SMQ_OK);
    assert_slice_equal(slice_of(digest, sizeof digest), xftp_known(name, expected, sizeof expected));
}
