/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The folder of a file that is being received. */
#include "actors/client/xftp/receive_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/descriptor.h"
#include "queues/base/memory.h"
#include "transport/wire/text.h"

static const char chunks_name[] = "chunks";
static const char state_name[] = "state";

enum {
    FIRST_LINE_SIZE = 160,
    STATE_MAX = 512 * 1024, /* bytes of a state that are read: more than all its lines can have */
};

enum smq_result file_failure(void) {
    return errno == ENOSPC || errno == EDQUOT ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
}

enum smq_result write_at(int file, struct slice bytes, uint64_t offset) {
    while (bytes.length > 0) {
        ssize_t count = pwrite(file, bytes.bytes, bytes.length, (off_t)offset);
        if (count < 0 && errno != EINTR)
            return file_failure();
        size_t written = count > 0 ? (size_t)count : 0;
        bytes = slice_of(bytes.bytes + written, bytes.length - written);
        offset += written;
    }
    return SMQ_OK;
}

enum smq_result read_at(int file, uint8_t *bytes, size_t length, uint64_t offset) {
    while (length > 0) {
        ssize_t count = pread(file, bytes, length, (off_t)offset);
        if (count == 0 || (count < 0 && errno != EINTR))
            return SMQ_ERR_SYSTEM;
        size_t got = count > 0 ? (size_t)count : 0;
        bytes += got;
        length -= got;
        offset += got;
    }
    return SMQ_OK;
}

/* ---- the state ---- */

static void write_first_line(struct writer *writer, const struct xftp_description *description) {
    write_text(writer, "xftp-receive 1 ");
    write_base64(writer, slice_of(description->digest, sizeof description->digest), BASE64_URL);
    write_text(writer, " ");
    write_signed_decimal(writer, description->size);
    write_text(writer, "\n");
}

static enum smq_result append(struct receive_folder *folder, struct slice line) {
    struct stat status;
    if (fstat(folder->state, &status) != 0)
        return SMQ_ERR_SYSTEM;
    return write_at(folder->state, line, (uint64_t)status.st_size);
}

enum smq_result receive_folder_note_chunk(struct receive_folder *folder, size_t index) {
    char line[32];
    int length = snprintf(line, sizeof line, "chunk %zu\n", index);
    return append(folder, slice_of(line, (size_t)length));
}

enum smq_result receive_folder_note_output(struct receive_folder *folder, const char *path) {
    char line[RECEIVE_PATH_SIZE + 16];
    int length = snprintf(line, sizeof line, "output %s\n", path);
    if (length < 0 || (size_t)length >= sizeof line || strchr(path, '\n') != NULL)
        return SMQ_ERR_INVALID;
    return append(folder, slice_of(line, (size_t)length));
}

static void take_chunk_line(struct reader *line, size_t count, bool *done) {
    uint64_t index = read_decimal(line, UINT32_MAX);
    if (reader_finish(line) == SMQ_OK && index < count)
        done[index] = true;
}

static void take_output_line(struct reader *line, struct receive_folder *folder) {
    struct slice path = read_tail(line);
    if (path.length > 0 && path.length < sizeof folder->stale_output && memchr(path.bytes, 0, path.length) == NULL)
        (void)snprintf(folder->stale_output, sizeof folder->stale_output, "%.*s", (int)path.length,
                       (const char *)path.bytes);
}

/* Lines of an interrupted process; a last one that is not whole is ignored. */
static void take_lines(struct receive_folder *folder, struct slice text, size_t count, bool *done) {
    while (text.length > 0) {
        const uint8_t *end = memchr(text.bytes, '\n', text.length);
        if (end == NULL)
            return;
        struct reader line = reader_of(slice_of(text.bytes, (size_t)(end - text.bytes)));
        if (read_if(&line, "chunk "))
            take_chunk_line(&line, count, done);
        else if (read_if(&line, "output "))
            take_output_line(&line, folder);
        text = slice_of(end + 1, text.length - (size_t)(end + 1 - text.bytes));
    }
}

/* A state without a whole first line is one that was being begun. */
static enum smq_result begin_state(struct receive_folder *folder, struct slice first) {
    if (ftruncate(folder->state, 0) != 0 || ftruncate(folder->chunks, 0) != 0)
        return file_failure();
    return write_at(folder->state, first, 0);
}

static enum smq_result read_state(struct receive_folder *folder, const struct xftp_description *description,
                                  uint8_t *text, bool *done) {
    char first_line[FIRST_LINE_SIZE];
    struct stat status;
    struct writer writer = writer_of(first_line, sizeof first_line);
    write_first_line(&writer, description);
    struct slice first = slice_of(first_line, writer_length(&writer));
    if (writer_finish(&writer) != SMQ_OK || fstat(folder->state, &status) != 0)
        return SMQ_ERR_SYSTEM;
    size_t length = status.st_size < STATE_MAX ? (size_t)status.st_size : STATE_MAX;
    enum smq_result result = read_at(folder->state, text, length, 0);
    if (result != SMQ_OK)
        return result;
    if (length == 0 || memchr(text, '\n', length) == NULL)
        return begin_state(folder, first);
    if (length < first.length || memcmp(text, first.bytes, first.length) != 0)
        return SMQ_ERR_EXISTS;
    take_lines(folder, slice_of(text + first.length, length - first.length), description->chunk_count, done);
    return SMQ_OK;
}

/* ---- opening ---- */

static int open_own(int folder, const char *name) {
    return descriptor_above_standard(openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

static enum smq_result open_files(struct receive_folder *folder, const char *path) {
    struct stat status;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return file_failure();
    folder->folder = descriptor_above_standard(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder->folder < 0 || fstat(folder->folder, &status) != 0)
        return SMQ_ERR_SYSTEM;
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        errno = EPERM;
        return SMQ_ERR_SYSTEM;
    }
    folder->state = open_own(folder->folder, state_name);
    if (folder->state < 0)
        return file_failure();
    if (flock(folder->state, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? SMQ_ERR_EXISTS : SMQ_ERR_SYSTEM;
    folder->chunks = open_own(folder->folder, chunks_name);
    return folder->chunks >= 0 ? SMQ_OK : file_failure();
}

enum smq_result receive_folder_open(struct receive_folder *folder, const char *path,
                                    const struct xftp_description *description, bool *done) {
    *folder = (struct receive_folder){.folder = -1, .chunks = -1, .state = -1};
    uint8_t *text = memory_alloc(STATE_MAX);
    if (text == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = open_files(folder, path);
    if (result == SMQ_OK)
        result = read_state(folder, description, text, done);
    memory_free(text);
    if (result != SMQ_OK)
        receive_folder_close(folder);
    return result;
}

static void close_one(int *file) {
    if (*file >= 0)
        (void)close(*file);
    *file = -1;
}

void receive_folder_close(struct receive_folder *folder) {
    close_one(&folder->chunks);
    close_one(&folder->state);
    close_one(&folder->folder);
}

void receive_folder_remove(struct receive_folder *folder, const char *path) {
    if (folder->folder >= 0) {
        (void)unlinkat(folder->folder, chunks_name, 0);
        (void)unlinkat(folder->folder, state_name, 0);
    }
    receive_folder_close(folder);
    (void)rmdir(path);
}
