/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each primitive is timed alone, in thread CPU time, several rounds; the fastest round counts, so that a busy machine
 * cannot raise the floor and flatter the ratio. */
#include "bin/smq-bench/bench_floor.h"

#include <openssl/evp.h>
#include <time.h>

#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "transport/crypto/block_chain.h"
#include "transport/crypto/box.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/keys.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/proxy_layer.h"
#include "transport/crypto/signature.h"

enum {
    ROUNDS = 20,
    ROUND_US = 2000,
    SEND_OVERHEAD = 90,   /* of the bytes that a SEND's authenticator covers, besides the body */
    SIGNED_COMMAND = 120, /* bytes of an ACK, SUB or NEW that Ed25519 signs, about */
    TLS_HEADER = 5,
};

/* Everything that the primitives work on. */
struct workbench {
    uint8_t buffer[BLOCK_CHAIN_BLOCK_SIZE + 64];
    size_t send_size;
    struct box_key key;
    struct block_chain chain;
    uint8_t nonce[BOX_NONCE_SIZE];
    struct key_pair own, peer, signer;
    uint8_t signature[SIGNATURE_ED25519_SIZE];
    EVP_CIPHER_CTX *cipher;
};

/* One TLS 1.3 record that carries a block: content and its type byte, sealed with ChaCha20-Poly1305. */
static enum smq_result seal_record(struct workbench *bench) {
    uint8_t tag[16];
    int length = 0;
    bool sealed =
        EVP_EncryptInit_ex(bench->cipher, NULL, NULL, NULL, bench->nonce) == 1 &&
        EVP_EncryptUpdate(bench->cipher, NULL, &length, bench->nonce, TLS_HEADER) == 1 &&
        EVP_EncryptUpdate(bench->cipher, bench->buffer, &length, bench->buffer, BLOCK_CHAIN_BLOCK_SIZE + 1) == 1 &&
        EVP_EncryptFinal_ex(bench->cipher, bench->buffer, &length) == 1 &&
        EVP_CIPHER_CTX_ctrl(bench->cipher, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag) == 1;
    return sealed ? SMQ_OK : SMQ_ERR_CRYPTO;
}

static enum smq_result seal_block(struct workbench *bench) {
    box_seal(&bench->key, bench->nonce, bench->buffer, BLOCK_CHAIN_BLOCK_SIZE - BOX_TAG_SIZE);
    return SMQ_OK;
}

/* The keys of the next block. */
static enum smq_result step_chain(struct workbench *bench) {
    struct box_key key;
    uint8_t nonce[BOX_NONCE_SIZE];
    block_chain_step(&bench->chain, &key, nonce);
    return SMQ_OK;
}

static enum smq_result seal_body(struct workbench *bench) {
    box_seal(&bench->key, bench->nonce, bench->buffer, MESSAGE_BODY_PADDED);
    return SMQ_OK;
}

static enum smq_result seal_forward(struct workbench *bench) {
    box_seal(&bench->key, bench->nonce, bench->buffer, PROXY_PAYLOAD_SIZE);
    return SMQ_OK;
}

static enum smq_result hash_send(struct workbench *bench) {
    uint8_t digest[HASH_SHA512_SIZE];
    return hash_slice(HASH_SHA512, slice_of(bench->buffer, bench->send_size), digest);
}

static enum smq_result agree(struct workbench *bench) {
    struct dh_secret secret;
    enum smq_result result = dh(&bench->own.private_key, &bench->peer.public_key, &secret);
    dh_secret_wipe(&secret);
    return result;
}

static enum smq_result verify(struct workbench *bench) {
    return signature_verify(&bench->signer.public_key, slice_of(bench->buffer, SIGNED_COMMAND),
                            slice_of(bench->signature, sizeof bench->signature));
}

struct primitive {
    const char *name;
    enum smq_result (*run)(struct workbench *bench);
    unsigned counts[BENCH_MODE_COUNT];
};

/* Verification comes first: the others change the bytes that are signed. */
static const struct primitive primitives[FLOOR_PARTS_MAX] = {
    {"ed25519_verify", verify, {[BENCH_MSG] = 1, [BENCH_QUEUES] = 1, [BENCH_SUBS] = 1, [BENCH_AGENT] = 1}},
    {"x25519", agree, {[BENCH_MSG] = 1, [BENCH_QUEUES] = 1}},
    {"tls_record", seal_record, {[BENCH_MSG] = 5, [BENCH_PROXY] = 4}},
    {"block_secretbox", seal_block, {[BENCH_MSG] = 5, [BENCH_PROXY] = 2}},
    {"block_keys", step_chain, {[BENCH_MSG] = 5, [BENCH_PROXY] = 2}},
    {"body_box", seal_body, {[BENCH_MSG] = 1}},
    {"sha512_of_send", hash_send, {[BENCH_MSG] = 1}},
    {"forward_box", seal_forward, {[BENCH_PROXY] = 2}},
};

static uint64_t thread_ns(void) {
    struct timespec used;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static enum smq_result time_primitive(const struct primitive *primitive, struct workbench *bench,
                                      double *microseconds) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = thread_ns();
        uint64_t passed = 0;
        unsigned runs = 0;
        while (passed < ROUND_US * UINT64_C(1000)) {
            enum smq_result result = primitive->run(bench);
            if (result != SMQ_OK)
                return result;
            runs++;
            passed = thread_ns() - start;
        }
        double one = (double)passed / 1000.0 / runs;
        best = round == 0 || one < best ? one : best;
    }
    *microseconds = best;
    return SMQ_OK;
}

static enum smq_result prepare(struct workbench *bench, size_t size) {
    enum smq_result result = key_pair_generate(KEY_X25519, &bench->own);
    if (result == SMQ_OK)
        result = key_pair_generate(KEY_X25519, &bench->peer);
    if (result == SMQ_OK)
        result = key_pair_generate(KEY_ED25519, &bench->signer);
    if (result == SMQ_OK)
        result = box_key_agree(&bench->own.private_key, &bench->peer.public_key, &bench->key);
    if (result == SMQ_OK)
        result = sign(&bench->signer, slice_of(bench->buffer, SIGNED_COMMAND), bench->signature);
    if (result != SMQ_OK)
        return result;
    bench->send_size = size + SEND_OVERHEAD < sizeof bench->buffer ? size + SEND_OVERHEAD : sizeof bench->buffer;
    random_bytes(bench->nonce, sizeof bench->nonce);
    bench->cipher = EVP_CIPHER_CTX_new();
    if (bench->cipher == NULL)
        return SMQ_ERR_NO_MEMORY;
    return EVP_EncryptInit_ex(bench->cipher, EVP_chacha20_poly1305(), NULL, bench->key.bytes, bench->nonce) == 1
               ? SMQ_OK
               : SMQ_ERR_CRYPTO;
}

enum smq_result bench_floor_measure(enum bench_mode mode, size_t size, struct bench_floor *floor) {
    struct bench_floor measured = {.count = 0};
    struct workbench *bench = memory_zalloc(sizeof *bench);
    if (bench == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = prepare(bench, size);
    for (size_t index = 0; index < FLOOR_PARTS_MAX && result == SMQ_OK; index++) {
        struct bench_floor_part part = {.name = primitives[index].name, .count = primitives[index].counts[mode]};
        if (part.count == 0)
            continue;
        result = time_primitive(&primitives[index], bench, &part.microseconds);
        measured.parts[measured.count++] = part;
        measured.microseconds += part.count * part.microseconds;
    }
    EVP_CIPHER_CTX_free(bench->cipher);
    key_pair_wipe(&bench->own);
    key_pair_wipe(&bench->peer);
    key_pair_wipe(&bench->signer);
    box_key_wipe(&bench->key);
    block_chain_wipe(&bench->chain);
    memory_free(bench);
    if (result == SMQ_OK)
        *floor = measured;
    return result;
}
