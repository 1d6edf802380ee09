/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A file on its way out of chunks. */
#include "actors/client/xftp/file_join.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/client/xftp/receive_folder.h"
#include "queues/base/descriptor.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/crypto/hash.h"
#include "transport/xftp/file_cipher.h"
#include "transport/xftp/file_name.h"

enum { PIECE_SIZE = 65536, TEMPORARY_NAME_SIZE = 48 };

static const char temporary_start[] = ".xftp-";
static const char temporary_end[] = ".part";

struct file_join {
    const struct xftp_description *description;
    char work_folder[RECEIVE_PATH_SIZE];
    char target_folder[RECEIVE_PATH_SIZE];
    char target_name[OUTPUT_NAME_SIZE]; /* empty: the sender's */
    struct receive_folder received;
    bool *done;         /* by chunk */
    uint64_t *offsets;  /* of chunks */
    uint64_t bytes;     /* of chunks that are done */
    uint64_t decrypted; /* bytes of chunks, in order */
    size_t current;     /* chunk that is decrypted next */
    int target;         /* folder */
    int output;
    char temporary[TEMPORARY_NAME_SIZE]; /* of the output, in the target folder; empty: none */
    struct xftp_file_decryption decryption;
    bool is_decrypting;
    bool is_finished;
    struct hash_stream *hash;
    uint8_t piece[PIECE_SIZE];
};

/* ---- opening ---- */

static enum smq_result copy_path(char *copy, size_t size, const char *path) {
    int length = snprintf(copy, size, "%s", path);
    return length > 0 && (size_t)length < size ? SMQ_OK : SMQ_ERR_INVALID;
}

static enum smq_result take_options(struct file_join *join, const struct file_join_options *options) {
    join->description = options->description;
    enum smq_result result = copy_path(join->work_folder, sizeof join->work_folder, options->work_folder);
    if (result == SMQ_OK)
        result = copy_path(join->target_folder, sizeof join->target_folder, options->target_folder);
    if (result == SMQ_OK && options->target_name != NULL)
        result = copy_path(join->target_name, sizeof join->target_name, options->target_name);
    if (strchr(join->target_name, '/') != NULL || xftp_description_problem(options->description) != NULL)
        result = SMQ_ERR_INVALID;
    return result;
}

static enum smq_result lay_out(struct file_join *join) {
    size_t count = join->description->chunk_count;
    uint64_t offset = 0;
    join->done = memory_zalloc_array(count + 1, sizeof *join->done);
    join->offsets = memory_zalloc_array(count + 1, sizeof *join->offsets);
    if (join->done == NULL || join->offsets == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        join->offsets[i] = offset;
        offset += join->description->chunks[i].size;
    }
    return SMQ_OK;
}

static enum smq_result open_target(struct file_join *join) {
    struct stat status;
    join->target = descriptor_above_standard(open(join->target_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (join->target < 0)
        return SMQ_ERR_SYSTEM;
    bool is_there =
        join->target_name[0] != '\0' && fstatat(join->target, join->target_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    return is_there ? SMQ_ERR_EXISTS : SMQ_OK;
}

/* Whether the chunk that the state has is on the disk: not after a crash of the machine. */
static enum smq_result check_chunk(struct file_join *join, size_t index) {
    const struct xftp_chunk *chunk = &join->description->chunks[index];
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE] = {0};
    enum smq_result result = SMQ_OK;
    uint32_t at = 0;
    while (result == SMQ_OK && at < chunk->size) {
        size_t size = chunk->size - at < PIECE_SIZE ? chunk->size - at : PIECE_SIZE;
        result = read_at(join->received.chunks, join->piece, size, join->offsets[index] + at);
        if (result == SMQ_ERR_SYSTEM) {
            join->done[index] = false;
            return SMQ_OK;
        }
        result = hash_stream_add(join->hash, slice_of(join->piece, size));
        at += (uint32_t)size;
    }
    if (result == SMQ_OK)
        result = hash_stream_finish(join->hash, digest);
    join->done[index] = result == SMQ_OK && memcmp(digest, chunk->digest, sizeof digest) == 0;
    join->bytes += join->done[index] ? chunk->size : 0;
    return result;
}

static enum smq_result check_received(struct file_join *join) {
    for (size_t i = 0; i < join->description->chunk_count; i++) {
        if (!join->done[i])
            continue;
        enum smq_result result = hash_stream_open(HASH_SHA256, &join->hash);
        if (result == SMQ_OK)
            result = check_chunk(join, i);
        hash_stream_close(&join->hash);
        if (result != SMQ_OK)
            return result;
    }
    return SMQ_OK;
}

/* Only a name of ours is removed, whatever the state says. */
static void remove_stale_output(const struct file_join *join) {
    const char *path = join->received.stale_output;
    const char *name = strrchr(path, '/');
    if (name == NULL || strncmp(name + 1, temporary_start, sizeof temporary_start - 1) != 0)
        return;
    size_t length = strlen(name);
    if (length > sizeof temporary_end && strcmp(name + length - (sizeof temporary_end - 1), temporary_end) == 0)
        (void)unlink(path);
}

static enum smq_result make_output(struct file_join *join) {
    char path[RECEIVE_PATH_SIZE];
    uint64_t number;
    random_bytes(&number, sizeof number);
    (void)snprintf(join->temporary, sizeof join->temporary, "%s%016" PRIx64 "%s", temporary_start, number,
                   temporary_end);
    int length = snprintf(path, sizeof path, "%s/%s", join->target_folder, join->temporary);
    if (length < 0 || (size_t)length >= sizeof path)
        return SMQ_ERR_INVALID;
    enum smq_result result = receive_folder_note_output(&join->received, path);
    if (result == SMQ_OK)
        join->output = descriptor_above_standard(
            openat(join->target, join->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (result == SMQ_OK && join->output < 0)
        result = file_failure();
    if (result != SMQ_OK)
        join->temporary[0] = '\0';
    return result;
}

static enum smq_result begin_decryption(struct file_join *join) {
    const struct xftp_description *description = join->description;
    enum smq_result result = hash_stream_open(HASH_SHA512, &join->hash);
    if (result == SMQ_OK)
        result = xftp_file_decrypt_begin(&join->decryption, description->key, description->nonce,
                                         (uint64_t)description->size);
    join->is_decrypting = result == SMQ_OK;
    return result;
}

static enum smq_result open_all(struct file_join *join, const struct file_join_options *options) {
    enum smq_result result = take_options(join, options);
    if (result == SMQ_OK)
        result = lay_out(join);
    if (result == SMQ_OK)
        result = open_target(join);
    if (result == SMQ_OK)
        result = receive_folder_open(&join->received, join->work_folder, join->description, join->done);
    if (result == SMQ_OK)
        result = check_received(join);
    if (result != SMQ_OK)
        return result;
    remove_stale_output(join);
    result = make_output(join);
    return result == SMQ_OK ? begin_decryption(join) : result;
}

enum smq_result file_join_open(const struct file_join_options *options, struct file_join **out) {
    struct file_join *join = memory_zalloc(sizeof *join);
    if (join == NULL)
        return SMQ_ERR_NO_MEMORY;
    join->target = join->output = -1;
    join->received = (struct receive_folder){.folder = -1, .chunks = -1, .state = -1};
    enum smq_result result = open_all(join, options);
    if (result == SMQ_OK)
        *out = join;
    else
        file_join_close(&join);
    return result;
}

/* ---- closing ---- */

static void close_join(struct file_join **join, bool remove) {
    struct file_join *dead = *join;
    if (dead == NULL)
        return;
    if (dead->is_decrypting)
        xftp_file_decrypt_close(&dead->decryption);
    hash_stream_close(&dead->hash);
    if (dead->temporary[0] != '\0')
        (void)unlinkat(dead->target, dead->temporary, 0);
    if (dead->output >= 0)
        (void)close(dead->output);
    if (dead->target >= 0)
        (void)close(dead->target);
    if (remove || dead->is_finished)
        receive_folder_remove(&dead->received, dead->work_folder);
    receive_folder_close(&dead->received);
    memory_free(dead->done);
    memory_free(dead->offsets);
    secret_wipe(dead, sizeof *dead);
    memory_free(dead);
    *join = NULL;
}

void file_join_close(struct file_join **join) {
    close_join(join, false);
}

void file_join_discard(struct file_join **join) {
    close_join(join, true);
}

/* ---- chunks ---- */

bool file_join_has(const struct file_join *join, size_t index) {
    return index < join->description->chunk_count && join->done[index];
}

uint64_t file_join_bytes(const struct file_join *join) {
    return join->bytes;
}

enum smq_result file_join_write(struct file_join *join, size_t index, uint32_t offset, struct slice bytes) {
    if (index >= join->description->chunk_count)
        return SMQ_ERR_TOO_LARGE;
    uint32_t size = join->description->chunks[index].size;
    if (offset > size || bytes.length > size - offset)
        return SMQ_ERR_TOO_LARGE;
    return write_at(join->received.chunks, bytes, join->offsets[index] + offset);
}

enum smq_result file_join_chunk_done(struct file_join *join, size_t index) {
    if (index >= join->description->chunk_count)
        return SMQ_ERR_TOO_LARGE;
    if (join->done[index])
        return SMQ_OK;
    enum smq_result result = receive_folder_note_chunk(&join->received, index);
    if (result != SMQ_OK)
        return result;
    join->done[index] = true;
    join->bytes += join->description->chunks[index].size;
    return SMQ_OK;
}

/* ---- decryption ---- */

static enum smq_result write_output(struct file_join *join, struct slice content) {
    while (content.length > 0) {
        ssize_t count = write(join->output, content.bytes, content.length);
        if (count < 0 && errno != EINTR)
            return file_failure();
        size_t written = count > 0 ? (size_t)count : 0;
        content = slice_of(content.bytes + written, content.length - written);
    }
    return SMQ_OK;
}

/* The next `size` bytes of the chunk that is decrypted. */
static enum smq_result decrypt_piece(struct file_join *join, size_t size) {
    struct slice content = {0};
    enum smq_result result = read_at(join->received.chunks, join->piece, size, join->decrypted);
    if (result == SMQ_OK)
        result = hash_stream_add(join->hash, slice_of(join->piece, size));
    if (result == SMQ_OK)
        result = xftp_file_decrypt(&join->decryption, slice_of(join->piece, size), join->piece, &content);
    if (result == SMQ_OK)
        result = write_output(join, content);
    join->decrypted += result == SMQ_OK ? size : 0;
    return result;
}

enum smq_result file_join_step(struct file_join *join) {
    const struct xftp_description *description = join->description;
    if (join->current >= description->chunk_count)
        return SMQ_ERR_EMPTY;
    if (!join->done[join->current])
        return SMQ_ERR_AGAIN;
    uint64_t end = join->offsets[join->current] + description->chunks[join->current].size;
    uint64_t left = end - join->decrypted;
    enum smq_result result = decrypt_piece(join, left < PIECE_SIZE ? (size_t)left : PIECE_SIZE);
    if (result == SMQ_OK && join->decrypted == end)
        join->current++;
    return result;
}

/* ---- the end ---- */

static enum smq_result verify(struct file_join *join) {
    uint8_t digest[XFTP_FILE_DIGEST_SIZE];
    if (!join->is_decrypting || join->current < join->description->chunk_count)
        return SMQ_ERR_INVALID;
    enum smq_result result = hash_stream_finish(join->hash, digest);
    if (result == SMQ_OK && memcmp(digest, join->description->digest, sizeof digest) != 0)
        result = SMQ_ERR_CRYPTO;
    return result == SMQ_OK ? xftp_file_decrypt_end(&join->decryption) : result;
}

/* The name is claimed by an empty file, which nobody can have put anything in that would be lost. */
static enum smq_result name_output(struct file_join *join, char name[OUTPUT_NAME_SIZE]) {
    char wanted[OUTPUT_NAME_SIZE];
    bool is_exact = join->target_name[0] != '\0';
    if (is_exact)
        (void)snprintf(wanted, sizeof wanted, "%s", join->target_name);
    else
        xftp_file_name_make_safe(join->decryption.header.name, wanted);
    if (fdatasync(join->output) != 0)
        return file_failure();
    enum smq_result result = output_name_claim(join->target, wanted, is_exact, name);
    if (result != SMQ_OK)
        return result;
    if (renameat(join->target, join->temporary, join->target, name) == 0 && fsync(join->target) == 0)
        return SMQ_OK;
    result = file_failure();
    (void)unlinkat(join->target, name, 0);
    return result;
}

enum smq_result file_join_finish(struct file_join *join, char name[OUTPUT_NAME_SIZE]) {
    enum smq_result result = verify(join);
    if (result == SMQ_OK)
        result = name_output(join, name);
    if (result != SMQ_OK)
        return result;
    join->temporary[0] = '\0';
    join->is_finished = true;
    return SMQ_OK;
}
