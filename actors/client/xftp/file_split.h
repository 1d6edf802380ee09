/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A file on its way into chunks: read once from the start, encrypted, cut and hashed, a chunk at a time. Nothing grows
 * with the file; the same source, key and nonce give the same chunks again, so that an interrupted sending goes on from
 * its source. Any thread, one at a time; blocks for the source. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/xftp/chunk_sizes.h"
#include "transport/xftp/file_cipher.h"
#include "transport/xftp/limits.h"

/* Where the content comes from. `read` puts up to `size` bytes, at least 1, into `room`; SMQ_ERR_EMPTY at the end;
 * other errors end the sending. It may block. */
struct file_source {
    enum smq_result (*read)(void *context, uint8_t *room, size_t size, size_t *length);
    void *context;
};

struct file_split_options {
    struct slice name; /* what the recipient is told: at most 255 bytes of UTF-8, without folders */
    uint64_t size;     /* of the content, exactly */
    struct file_source source;
    uint8_t key[XFTP_FILE_KEY_SIZE]; /* secret; fresh for each file */
    uint8_t nonce[BOX_NONCE_SIZE];
    bool is_single; /* all in one chunk, as descriptions are sent: at most the largest size */
};

struct file_split;

/* Options are copied, the context of the source is not. SMQ_ERR_TOO_LARGE (name, size), SMQ_ERR_INVALID (a name with
 * folders in it), SMQ_ERR_NO_MEMORY, SMQ_ERR_CRYPTO. */
enum smq_result file_split_create(const struct file_split_options *options, struct file_split **out);
/* Wipes. Sets the pointer to NULL, which it may be. */
void file_split_destroy(struct file_split **split);

/* How many chunks, of what sizes. */
uint64_t file_split_count(const struct file_split *split);
uint32_t file_split_size(const struct file_split *split, uint64_t index);
uint64_t file_split_encrypted_size(const struct file_split *split);

struct split_chunk {
    uint64_t index; /* from 0 */
    uint32_t size;
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE];
};
/* Makes the next chunk in `room`, which has `capacity` bytes: file_split_size of it, at least. SMQ_ERR_EMPTY after the
 * last; SMQ_ERR_INVALID: the source ended early, or goes on where it should end; SMQ_ERR_TOO_LARGE: no room, nothing
 * done; what the source answered. After an error only destroying is of use. */
enum smq_result file_split_next(struct file_split *split, uint8_t *room, size_t capacity, struct split_chunk *chunk);
/* After the last chunk: the digest of all of them. SMQ_ERR_INVALID before. */
enum smq_result file_split_digest(const struct file_split *split, uint8_t digest[XFTP_FILE_DIGEST_SIZE]);
