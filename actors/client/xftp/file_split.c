/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A file on its way into chunks. */
#include "actors/client/xftp/file_split.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/crypto/hash.h"

struct file_split {
    struct file_split_options options;
    uint8_t name[UINT8_MAX];
    struct xftp_chunk_plan plan;
    struct xftp_file_encryption encryption;
    struct hash_stream *file_hash;
    struct hash_stream *chunk_hash;
    uint64_t next;         /* chunk */
    uint64_t content_left; /* of the source */
    size_t prefix_done;    /* of what the file begins with */
    size_t prefix_length;
    uint8_t prefix[XFTP_FILE_PREFIX_MAX];
    bool is_failed;
    uint8_t digest[XFTP_FILE_DIGEST_SIZE];
};

/* ---- making ---- */

static enum smq_result plan_chunks(struct file_split *split) {
    uint64_t payload = xftp_file_payload(split->options.name.length, split->options.size);
    if (payload == UINT64_MAX)
        return SMQ_ERR_TOO_LARGE;
    if (!split->options.is_single)
        return xftp_chunk_plan_of(payload, &split->plan);
    uint32_t size = 0;
    enum smq_result result = xftp_single_chunk_size(payload, &size);
    split->plan =
        (struct xftp_chunk_plan){.large_size = size, .small_size = size, .large_count = 1, .encrypted_size = size};
    return result;
}

static bool name_has_folders(struct slice name) {
    return name.length > 0 && memchr(name.bytes, '/', name.length) != NULL;
}

static enum smq_result prepare(struct file_split *split, const struct file_split_options *options) {
    if (options->name.length > sizeof split->name)
        return SMQ_ERR_TOO_LARGE;
    if (name_has_folders(options->name))
        return SMQ_ERR_INVALID;
    split->options = *options;
    if (options->name.length > 0)
        memcpy(split->name, options->name.bytes, options->name.length);
    split->options.name = slice_of(split->name, options->name.length);
    split->content_left = options->size;
    enum smq_result result = plan_chunks(split);
    if (result == SMQ_OK)
        result =
            xftp_file_encrypt_begin(&split->encryption, options->key, options->nonce, split->options.name,
                                    options->size, split->plan.encrypted_size, split->prefix, &split->prefix_length);
    if (result == SMQ_OK)
        result = hash_stream_open(HASH_SHA512, &split->file_hash);
    return result == SMQ_OK ? hash_stream_open(HASH_SHA256, &split->chunk_hash) : result;
}

enum smq_result file_split_create(const struct file_split_options *options, struct file_split **out) {
    struct file_split *split = memory_zalloc(sizeof *split);
    if (split == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = prepare(split, options);
    if (result == SMQ_OK)
        *out = split;
    else
        file_split_destroy(&split);
    return result;
}

void file_split_destroy(struct file_split **split) {
    struct file_split *dead = *split;
    if (dead == NULL)
        return;
    xftp_file_encrypt_abort(&dead->encryption);
    hash_stream_close(&dead->file_hash);
    hash_stream_close(&dead->chunk_hash);
    secret_wipe(dead, sizeof *dead);
    memory_free(dead);
    *split = NULL;
}

uint64_t file_split_count(const struct file_split *split) {
    return xftp_chunk_plan_count(&split->plan);
}

uint32_t file_split_size(const struct file_split *split, uint64_t index) {
    return xftp_chunk_plan_size(&split->plan, index);
}

uint64_t file_split_encrypted_size(const struct file_split *split) {
    return split->plan.encrypted_size;
}

/* ---- chunks ---- */

static size_t put_prefix(struct file_split *split, uint8_t *room, size_t size) {
    size_t left = split->prefix_length - split->prefix_done;
    size_t length = left < size ? left : size;
    memcpy(room, split->prefix + split->prefix_done, length);
    split->prefix_done += length;
    return length;
}

static enum smq_result read_source(struct file_split *split, uint8_t *room, size_t size, size_t *length) {
    enum smq_result result = split->options.source.read(split->options.source.context, room, size, length);
    if (result == SMQ_ERR_EMPTY || (result == SMQ_OK && (*length == 0 || *length > size)))
        return SMQ_ERR_INVALID;
    return result;
}

/* The content that fits. */
static enum smq_result put_content(struct file_split *split, uint8_t *room, size_t size, size_t *done) {
    size_t wanted = size < split->content_left ? size : (size_t)split->content_left;
    *done = 0;
    while (*done < wanted) {
        size_t length = 0;
        enum smq_result result = read_source(split, room + *done, wanted - *done, &length);
        if (result == SMQ_OK)
            result = xftp_file_encrypt(&split->encryption, slice_of(room + *done, length), room + *done);
        if (result != SMQ_OK)
            return result;
        *done += length;
        split->content_left -= length;
    }
    return SMQ_OK;
}

/* A source that has more than it said would be cut without anybody noticing. */
static enum smq_result expect_end(struct file_split *split) {
    uint8_t byte;
    size_t length = 0;
    enum smq_result result = split->options.source.read(split->options.source.context, &byte, 1, &length);
    if (result == SMQ_OK)
        return SMQ_ERR_INVALID;
    return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

/* Filler and tag. The last bytes may be asked for in pieces smaller than the tag: a chunk ends with it. */
static enum smq_result put_rest(struct file_split *split, uint8_t *room, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t length = 0;
        enum smq_result result = xftp_file_encrypt_rest(&split->encryption, room + done, size - done, &length);
        if (result != SMQ_OK)
            return result;
        if (length == 0)
            return SMQ_ERR_INTERNAL;
        done += length;
    }
    return SMQ_OK;
}

static enum smq_result fill(struct file_split *split, uint8_t *room, size_t size) {
    bool had_content = split->content_left > 0 || split->next == 0;
    size_t at = put_prefix(split, room, size);
    size_t length = 0;
    enum smq_result result = put_content(split, room + at, size - at, &length);
    at += length;
    if (result == SMQ_OK && had_content && split->content_left == 0)
        result = expect_end(split);
    return result == SMQ_OK ? put_rest(split, room + at, size - at) : result;
}

static enum smq_result add_digests(struct file_split *split, struct slice bytes, struct split_chunk *chunk) {
    enum smq_result result = hash_stream_add(split->chunk_hash, bytes);
    if (result == SMQ_OK)
        result = hash_stream_finish(split->chunk_hash, chunk->digest);
    if (result == SMQ_OK)
        result = hash_stream_add(split->file_hash, bytes);
    if (result == SMQ_OK && split->next + 1 == file_split_count(split))
        result = hash_stream_finish(split->file_hash, split->digest);
    return result;
}

enum smq_result file_split_next(struct file_split *split, uint8_t *room, size_t capacity, struct split_chunk *chunk) {
    if (split->is_failed)
        return SMQ_ERR_INVALID;
    if (split->next >= file_split_count(split))
        return SMQ_ERR_EMPTY;
    chunk->index = split->next;
    chunk->size = file_split_size(split, split->next);
    if (capacity < chunk->size)
        return SMQ_ERR_TOO_LARGE;
    enum smq_result result = fill(split, room, chunk->size);
    if (result == SMQ_OK)
        result = add_digests(split, slice_of(room, chunk->size), chunk);
    split->is_failed = result != SMQ_OK;
    split->next++;
    return result;
}

enum smq_result file_split_digest(const struct file_split *split, uint8_t digest[XFTP_FILE_DIGEST_SIZE]) {
    if (split->is_failed || split->next < file_split_count(split))
        return SMQ_ERR_INVALID;
    memcpy(digest, split->digest, XFTP_FILE_DIGEST_SIZE);
    return SMQ_OK;
}
