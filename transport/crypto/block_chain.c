/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Encryption of transport blocks inside TLS. */
#include "transport/crypto/block_chain.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/hkdf.h"

void block_chain_init(struct slice session_id, const struct dh_secret *secret, struct block_chain *server_sends,
                      struct block_chain *client_sends) {
    uint8_t output[2 * sizeof server_sends->key];
    hkdf_sha512(session_id, slice_of(secret->bytes, sizeof secret->bytes), slice_of_text("SimpleXSbChainInit"), output,
                sizeof output);
    memcpy(server_sends->key, output, sizeof server_sends->key);
    memcpy(client_sends->key, output + sizeof server_sends->key, sizeof client_sends->key);
    secret_wipe(output, sizeof output);
}

void block_chain_step(struct block_chain *chain, struct box_key *key, uint8_t nonce[BOX_NONCE_SIZE]) {
    uint8_t output[sizeof chain->key + BOX_KEY_SIZE + BOX_NONCE_SIZE]; /* next chain key, secretbox key, nonce */
    hkdf_sha512((struct slice){0}, slice_of(chain->key, sizeof chain->key), slice_of_text("SimpleXSbChain"), output,
                sizeof output);
    memcpy(chain->key, output, sizeof chain->key);
    box_key_of_secret(output + sizeof chain->key, key);
    memcpy(nonce, output + sizeof chain->key + BOX_KEY_SIZE, BOX_NONCE_SIZE);
    secret_wipe(output, sizeof output);
}

void block_chain_wipe(struct block_chain *chain) {
    secret_wipe(chain, sizeof *chain);
}

enum smq_result block_chain_seal(struct block_chain *chain, uint8_t *block, size_t length) {
    struct box_key key;
    uint8_t nonce[BOX_NONCE_SIZE];
    if (length > BLOCK_CHAIN_CONTENT_MAX)
        return SMQ_ERR_TOO_LARGE;
    block_chain_step(chain, &key, nonce);
    enum smq_result result = box_seal_padded(&key, nonce, block, length, BLOCK_CHAIN_BLOCK_SIZE - BOX_TAG_SIZE);
    box_key_wipe(&key);
    return result;
}

enum smq_result block_chain_open(struct block_chain *chain, uint8_t *block, struct slice *content) {
    struct box_key key;
    uint8_t nonce[BOX_NONCE_SIZE];
    block_chain_step(chain, &key, nonce);
    enum smq_result result = box_open_padded(&key, nonce, block, BLOCK_CHAIN_BLOCK_SIZE, content);
    box_key_wipe(&key);
    return result;
}
