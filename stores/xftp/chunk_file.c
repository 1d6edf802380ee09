/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of chunks, being received and being sent. */
#include "stores/xftp/chunk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "stores/xftp/chunk_private.h"

enum { NUMBER_NAME_SIZE = 24 };

static void number_name(uint64_t number, char name[NUMBER_NAME_SIZE]) {
    (void)snprintf(name, NUMBER_NAME_SIZE, "%" PRIu64, number);
}

/* Where the machine may stop. */
static void step(void) {
    if (FAULT(chunk_step))
        (void)raise(SIGKILL);
}

/* ---- receiving ---- */

enum smq_result chunk_upload_begin(struct chunk_folder *folder, struct chunk_upload *upload) {
    char name[NUMBER_NAME_SIZE];
    *upload = (struct chunk_upload){.folder = folder, .file = -1};
    upload->number = atomic_fetch_add_explicit(&folder->next_number, 1, memory_order_relaxed);
    number_name(upload->number, name);
    upload->file = openat(folder->incoming, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return upload->file >= 0 ? SMQ_OK : chunk_failure("make one");
}

static ssize_t write_some(int file, struct slice bytes) {
    if (FAULT(chunk_write_full)) {
        errno = ENOSPC;
        return -1;
    }
    if (FAULT(chunk_write_io)) {
        errno = EIO;
        return -1;
    }
    return write(file, bytes.bytes, bytes.length);
}

enum smq_result chunk_upload_write(struct chunk_upload *upload, struct slice bytes) {
    step();
    while (bytes.length > 0) {
        ssize_t written = write_some(upload->file, bytes);
        if (written < 0 && errno != EINTR)
            return chunk_failure("write one");
        if (written > 0)
            bytes = slice_of(bytes.bytes + written, bytes.length - (size_t)written);
    }
    return SMQ_OK;
}

/* A close that fails may be the first to tell of bytes that were not written (NFS). */
static enum smq_result make_durable(struct chunk_upload *upload) {
    if (FAULT(chunk_sync)) {
        errno = EIO;
        return chunk_failure("make one durable");
    }
    if (fdatasync(upload->file) != 0)
        return chunk_failure("make one durable");
    int file = upload->file;
    upload->file = -1;
    return close(file) == 0 ? SMQ_OK : chunk_failure("close one");
}

static void remove_incoming(const struct chunk_upload *upload) {
    char name[NUMBER_NAME_SIZE];
    number_name(upload->number, name);
    if (unlinkat(upload->folder->incoming, name, 0) != 0)
        (void)chunk_failure("remove an unfinished one");
}

static enum smq_result rename_to(const struct chunk_upload *upload, const char *name) {
    char number[NUMBER_NAME_SIZE];
    number_name(upload->number, number);
    if (FAULT(chunk_rename))
        errno = EIO;
    else if (renameat(upload->folder->incoming, number, upload->folder->folder, name) == 0)
        return SMQ_OK;
    return chunk_failure("name one");
}

enum smq_result chunk_upload_keep(struct chunk_upload *upload, struct slice id) {
    char name[CHUNK_NAME_SIZE];
    enum smq_result result = chunk_name_of(id, name);
    step();
    if (result == SMQ_OK)
        result = make_durable(upload);
    step();
    if (result == SMQ_OK)
        result = rename_to(upload, name);
    step();
    if (result != SMQ_OK) {
        chunk_upload_abandon(upload);
        return result;
    }
    struct chunk_folder *folder = upload->folder;
    upload->folder = NULL;
    result = chunk_folder_sync(folder);
    step();
    return result;
}

void chunk_upload_abandon(struct chunk_upload *upload) {
    if (upload->folder == NULL)
        return;
    if (upload->file >= 0)
        (void)close(upload->file);
    upload->file = -1;
    remove_incoming(upload);
    upload->folder = NULL;
}

/* ---- sending ---- */

static enum smq_result check_size(struct chunk_download *download, uint64_t size) {
    struct stat status;
    if (fstat(download->file, &status) != 0)
        return chunk_failure("look at one");
    if (S_ISREG(status.st_mode) && (uint64_t)status.st_size == size)
        return SMQ_OK;
    log_error("chunk files: one has %" PRId64 " bytes instead of %" PRIu64, (int64_t)status.st_size, size);
    return SMQ_ERR_NOT_FOUND;
}

enum smq_result chunk_download_begin(struct chunk_folder *folder, struct slice id, uint64_t size,
                                     struct chunk_download *download) {
    char name[CHUNK_NAME_SIZE];
    *download = (struct chunk_download){.file = -1, .left = size};
    if (chunk_name_of(id, name) != SMQ_OK)
        return SMQ_ERR_NOT_FOUND;
    download->file = openat(folder->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (download->file < 0) {
        if (errno != ENOENT)
            return chunk_failure("open one");
        log_error("chunk files: one is missing");
        return SMQ_ERR_NOT_FOUND;
    }
    enum smq_result result = check_size(download, size);
    if (result != SMQ_OK)
        chunk_download_end(download);
    return result;
}

static ssize_t read_some(int file, uint8_t *room, size_t size) {
    if (FAULT(chunk_read_io)) {
        errno = EIO;
        return -1;
    }
    return read(file, room, size);
}

enum smq_result chunk_download_read(struct chunk_download *download, uint8_t *room, size_t size, size_t *length) {
    size_t wanted = size < download->left ? size : (size_t)download->left;
    size_t got = 0;
    while (got < wanted) {
        ssize_t count = read_some(download->file, room + got, wanted - got);
        if (count < 0 && errno != EINTR)
            return chunk_failure("read one");
        if (count == 0) {
            log_error("chunk files: one has become shorter while it is read");
            return SMQ_ERR_STORE;
        }
        got += count > 0 ? (size_t)count : 0;
    }
    download->left -= got;
    *length = got;
    return SMQ_OK;
}

void chunk_download_end(struct chunk_download *download) {
    if (download->file >= 0)
        (void)close(download->file);
    download->file = -1;
}
