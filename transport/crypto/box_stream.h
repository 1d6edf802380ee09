/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XSalsa20-Poly1305 over bytes that come in pieces of any size, for what is too large to be in memory; the tag comes
 * last (reference: Crypto/Lazy.hs, sbEncryptTailTag). The bytes are those of a box (box.h) of the same key and nonce
 * with its tag moved. A stream belongs to one thread at a time; nothing is allocated. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"

enum { BOX_STREAM_BLOCK = 64, BOX_STREAM_HASH_SIZE = 256 };

/* A secret: box_stream_end and box_stream_verify wipe it; whoever gives it up earlier calls box_stream_wipe. It must
 * not be copied: two streams that go on from one state would use one keystream twice. */
struct box_stream {
    _Alignas(16) uint8_t hash[BOX_STREAM_HASH_SIZE]; /* libsodium's Poly1305 */
    uint8_t key[BOX_KEY_SIZE];                       /* of Salsa20, which XSalsa20 makes of key and nonce */
    uint8_t nonce[8];
    uint8_t keystream[BOX_STREAM_BLOCK]; /* the block that the last piece ended in */
    uint8_t keystream_used;              /* of it; all of it at a block's border */
    uint64_t block;                      /* number of the next one */
};

/* `key` is a ready key: box_key_of_secret of a file's key or of a DH secret. */
void box_stream_begin(struct box_stream *stream, const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE]);
/* The next bytes. `output` has room for as many; it may be the input itself, but must not overlap it otherwise. */
void box_stream_encrypt(struct box_stream *stream, struct slice plain, uint8_t *output);
/* Decrypted bytes are not to be trusted before box_stream_verify: anybody can have changed them. */
void box_stream_decrypt(struct box_stream *stream, struct slice cipher, uint8_t *output);
/* The tag of all that was encrypted or decrypted. Ends the stream and wipes it. */
void box_stream_end(struct box_stream *stream, uint8_t tag[BOX_TAG_SIZE]);
/* SMQ_ERR_CRYPTO when `tag` (compared in constant time) is another one. Ends the stream and wipes it. */
enum smq_result box_stream_verify(struct box_stream *stream, const uint8_t tag[BOX_TAG_SIZE]);
void box_stream_wipe(struct box_stream *stream);
