/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Encryption of transport blocks inside TLS, from SMP version 11 on: one key and nonce a block, from a chain
 * (reference: Crypto.hs, sbcInit and sbcHkdf). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"

enum {
    BLOCK_CHAIN_BLOCK_SIZE = 16384,
    BLOCK_CHAIN_CONTENT_MAX = 16366, /* without tag and length */
};

/* The key of the next step. A secret: to be wiped. Owned by one direction of one connection; not thread-safe. */
struct block_chain {
    uint8_t key[32];
};

/* Both chains of a connection. The server sends with `server_sends` and receives with `client_sends`; the client the
 * other way round. */
void block_chain_init(struct slice session_id, const struct dh_secret *secret, struct block_chain *server_sends,
                      struct block_chain *client_sends);
/* Key and nonce of the next block; moves the chain on. */
void block_chain_step(struct block_chain *chain, struct box_key *key, uint8_t nonce[BOX_NONCE_SIZE]);
void block_chain_wipe(struct block_chain *chain);

/* Steps, then pads and encrypts in place a block of BLOCK_CHAIN_BLOCK_SIZE bytes whose content of `length` bytes lies
 * at block + BOX_PADDED_OFFSET. SMQ_ERR_TOO_LARGE. */
enum smq_result block_chain_seal(struct block_chain *chain, uint8_t *block, size_t length);
/* Steps (whatever the outcome), then decrypts in place; `*content` points into the block. SMQ_ERR_CRYPTO. */
enum smq_result block_chain_open(struct block_chain *chain, uint8_t *block, struct slice *content);
