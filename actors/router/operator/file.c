/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE_MAX = 4096, CHUNK = 65536, FILE_MAX = 1 << 30, NEW_MODE = 0644 };

/* SMQ_ERR_SYSTEM after closing and removing, with the errno of before. */
static enum smq_result give_up(int descriptor, const char *remove) {
    int saved = errno;
    if (descriptor >= 0)
        (void)close(descriptor);
    if (remove != NULL)
        (void)unlink(remove);
    errno = saved;
    return SMQ_ERR_SYSTEM;
}

enum smq_result file_read(const char *path, struct text_buffer *text) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == ENOENT ? SMQ_ERR_NOT_FOUND : SMQ_ERR_SYSTEM;
    char chunk[CHUNK];
    ssize_t count;
    while ((count = read(descriptor, chunk, sizeof chunk)) > 0 && text->length < FILE_MAX)
        text_add_slice(text, slice_of(chunk, (size_t)count));
    if (count < 0)
        return give_up(descriptor, NULL);
    (void)close(descriptor);
    return count > 0 ? SMQ_ERR_TOO_LARGE : text_result(text);
}

static bool write_all(int descriptor, struct slice bytes) {
    while (bytes.length > 0) {
        ssize_t count = write(descriptor, bytes.bytes, bytes.length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes = slice_of(bytes.bytes + count, bytes.length - (size_t)count);
    }
    return true;
}

/* The rename survives a power failure. */
static bool sync_folder_of(const char *path) {
    char copy[PATH_SIZE_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = folder >= 0 && fsync(folder) == 0;
    int saved = errno;
    if (folder >= 0)
        (void)close(folder);
    errno = saved;
    return is_synced;
}

enum smq_result file_replace(const char *path, struct slice bytes, enum file_durability durability) {
    char part[PATH_SIZE_MAX];
    struct stat status;
    if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
        return SMQ_ERR_TOO_LARGE;
    bool is_there = stat(path, &status) == 0;
    (void)unlink(part); /* of a process that was killed */
    int descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, NEW_MODE);
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    if ((is_there && fchmod(descriptor, status.st_mode & 0777) != 0) || !write_all(descriptor, bytes) ||
        (durability == FILE_DURABLE && fsync(descriptor) != 0))
        return give_up(descriptor, part);
    if (close(descriptor) != 0 || rename(part, path) != 0)
        return give_up(-1, part);
    return durability == FILE_DURABLE && !sync_folder_of(path) ? SMQ_ERR_SYSTEM : SMQ_OK;
}

enum smq_result file_append(const char *path, struct slice bytes) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, NEW_MODE);
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return give_up(descriptor, NULL);
    if (!write_all(descriptor, bytes) || fsync(descriptor) != 0) {
        int saved = errno;
        (void)!ftruncate(descriptor, status.st_size);
        errno = saved;
        return give_up(descriptor, NULL);
    }
    return close(descriptor) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}
