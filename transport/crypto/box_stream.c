/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XSalsa20-Poly1305 over bytes that come in pieces. XSalsa20 is Salsa20 with a key made of the key and the first 16
 * bytes of the nonce; the first 32 bytes of its keystream are the key of Poly1305, and the message starts behind
 * them. */
#include "transport/crypto/box_stream.h"

#include <string.h>

#include <sodium.h>

#include "queues/base/secret.h"

_Static_assert(sizeof(crypto_onetimeauth_state) <= BOX_STREAM_HASH_SIZE, "room for libsodium's Poly1305");
_Static_assert(_Alignof(crypto_onetimeauth_state) <= 16, "aligned for libsodium's Poly1305");

static crypto_onetimeauth_state *hash_of(struct box_stream *stream) {
    return (crypto_onetimeauth_state *)(void *)stream->hash;
}

/* XORs the keystream from block `stream->block` on. */
static void xor_blocks(const struct box_stream *stream, const uint8_t *input, size_t length, uint8_t *output) {
    (void)crypto_stream_salsa20_xor_ic(output, input, length, stream->nonce, stream->block, stream->key);
}

static void next_keystream_block(struct box_stream *stream) {
    memset(stream->keystream, 0, sizeof stream->keystream);
    xor_blocks(stream, stream->keystream, sizeof stream->keystream, stream->keystream);
    stream->block++;
    stream->keystream_used = 0;
}

void box_stream_begin(struct box_stream *stream, const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE]) {
    memset(stream, 0, sizeof *stream);
    (void)crypto_core_hsalsa20(stream->key, nonce, key->bytes, NULL);
    memcpy(stream->nonce, nonce + crypto_core_hsalsa20_INPUTBYTES, sizeof stream->nonce);
    next_keystream_block(stream);
    (void)crypto_onetimeauth_init(hash_of(stream), stream->keystream);
    stream->keystream_used = crypto_onetimeauth_KEYBYTES;
}

/* XORs what is left of the block that the last piece ended in; returns how many bytes that were. */
static size_t xor_begun_block(struct box_stream *stream, const uint8_t *input, size_t length, uint8_t *output) {
    size_t left = BOX_STREAM_BLOCK - (size_t)stream->keystream_used;
    size_t count = length < left ? length : left;
    const uint8_t *keystream = stream->keystream + stream->keystream_used;
    for (size_t i = 0; i < count; i++)
        output[i] = input[i] ^ keystream[i];
    stream->keystream_used = (uint8_t)(stream->keystream_used + count);
    return count;
}

static void xor_stream(struct box_stream *stream, const uint8_t *input, size_t length, uint8_t *output) {
    size_t done = xor_begun_block(stream, input, length, output);
    size_t whole = (length - done) / BOX_STREAM_BLOCK * BOX_STREAM_BLOCK;
    if (whole > 0) {
        xor_blocks(stream, input + done, whole, output + done);
        stream->block += whole / BOX_STREAM_BLOCK;
        done += whole;
    }
    if (done < length) {
        next_keystream_block(stream);
        (void)xor_begun_block(stream, input + done, length - done, output + done);
    }
}

void box_stream_encrypt(struct box_stream *stream, struct slice plain, uint8_t *output) {
    if (plain.length == 0)
        return;
    xor_stream(stream, plain.bytes, plain.length, output);
    (void)crypto_onetimeauth_update(hash_of(stream), output, plain.length);
}

void box_stream_decrypt(struct box_stream *stream, struct slice cipher, uint8_t *output) {
    if (cipher.length == 0)
        return;
    (void)crypto_onetimeauth_update(hash_of(stream), cipher.bytes, cipher.length);
    xor_stream(stream, cipher.bytes, cipher.length, output);
}

void box_stream_end(struct box_stream *stream, uint8_t tag[BOX_TAG_SIZE]) {
    (void)crypto_onetimeauth_final(hash_of(stream), tag);
    box_stream_wipe(stream);
}

enum smq_result box_stream_verify(struct box_stream *stream, const uint8_t tag[BOX_TAG_SIZE]) {
    uint8_t expected[BOX_TAG_SIZE];
    box_stream_end(stream, expected);
    bool same = secret_equal(expected, tag, sizeof expected);
    secret_wipe(expected, sizeof expected);
    return same ? SMQ_OK : SMQ_ERR_CRYPTO;
}

void box_stream_wipe(struct box_stream *stream) {
    secret_wipe(stream, sizeof *stream);
}
