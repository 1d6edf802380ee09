/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hashes over bytes that lie in several places (OpenSSL; the context is kept per thread). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum {
    HASH_SHA256_SIZE = 32,
    HASH_SHA512_SIZE = 64,
    HASH_SHA3_256_SIZE = 32,
    HASH_SHA3_384_SIZE = 48,
    HASH_SIZE_MAX = 64,
};

enum hash_algorithm {
    HASH_SHA256,   /* certificate fingerprints */
    HASH_SHA512,   /* authenticators */
    HASH_SHA3_256, /* link keys */
    HASH_SHA3_384, /* sender ids of queues with link data */
    HASH_ALGORITHM_COUNT,
};

/* Digest of the concatenation of `count` parts. Any thread; allocates only on a thread's first call (freed when the
 * thread ends). SMQ_ERR_CRYPTO when OpenSSL fails, SMQ_ERR_NO_MEMORY. */
enum smq_result hash_parts(enum hash_algorithm algorithm, const struct slice *parts, size_t count, uint8_t *digest);
/* The same for one part. */
enum smq_result hash_slice(enum hash_algorithm algorithm, struct slice bytes, uint8_t *digest);
/* A hash of bytes that come in pieces. Belongs to one thread at a time. */
struct hash_stream;
/* `*stream` is to be closed with hash_stream_close. SMQ_ERR_NO_MEMORY, SMQ_ERR_CRYPTO. */
enum smq_result hash_stream_open(enum hash_algorithm algorithm, struct hash_stream **stream);
enum smq_result hash_stream_add(struct hash_stream *stream, struct slice bytes);
/* The digest of all that was added; after it, the stream begins anew. */
enum smq_result hash_stream_finish(struct hash_stream *stream, uint8_t *digest);
/* Sets `*stream` to NULL; it may be NULL already. */
void hash_stream_close(struct hash_stream **stream);

/* Fetches the digests; called by crypto_setup. Idempotent. */
enum smq_result hash_setup(void);
