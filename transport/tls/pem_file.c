/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading and replacing whole files. */
#include "transport/tls/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/fault.h"
#include "queues/base/memory.h"

enum { FILE_MAX = 1024 * 1024, MODE_BITS = 07777 };

enum smq_result pem_file_read(const char *path, uint8_t **bytes, size_t *length) {
    enum smq_result result = SMQ_ERR_SYSTEM;
    uint8_t *buffer = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting for who writes a FIFO */
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        goto out;
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX) {
        result = S_ISREG(status.st_mode) ? SMQ_ERR_TOO_LARGE : SMQ_ERR_INVALID;
        goto out;
    }
    buffer = memory_alloc((size_t)status.st_size + 1);
    if (buffer == NULL) {
        result = SMQ_ERR_NO_MEMORY;
        goto out;
    }
    size_t done = 0;
    while (done < (size_t)status.st_size) {
        ssize_t got = read(descriptor, buffer + done, (size_t)status.st_size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            goto out;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    buffer[done] = 0;
    *bytes = buffer;
    *length = done;
    buffer = NULL;
    result = SMQ_OK;
out:;
    int saved = errno;
    if (descriptor >= 0)
        close(descriptor);
    memory_free(buffer);
    errno = saved;
    return result;
}

/* Where the machine may stop. */
static void step(void) {
    if (FAULT(pem_file_step))
        (void)raise(SIGKILL);
}

/* The file that a chain of links leads to, or `path` itself. */
static void resolve(const char *path, char real[PATH_MAX]) {
    if (realpath(path, real) == NULL)
        (void)snprintf(real, PATH_MAX, "%s", path);
}

enum smq_result pem_file_ready(const char *path, char ready[PATH_MAX]) {
    static const char suffix[] = ".new";
    char real[PATH_MAX];
    resolve(path, real);
    size_t length = strlen(real);
    if (strlen(path) >= PATH_MAX || length + sizeof suffix > PATH_MAX) {
        errno = ENAMETOOLONG;
        return SMQ_ERR_SYSTEM;
    }
    memcpy(ready, real, length);
    memcpy(ready + length, suffix, sizeof suffix);
    return SMQ_OK;
}

static bool write_all(int descriptor, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    while (length > 0) {
        ssize_t written = write(descriptor, next, length);
        if (written < 0 && errno != EINTR)
            return false;
        next += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Owner and group before the mode: giving a file away takes bits of it. */
static bool make_like(int descriptor, const char *path, mode_t mode) {
    struct stat status, own;
    if (stat(path, &status) != 0)
        return errno == ENOENT && fchmod(descriptor, mode) == 0;
    if (fstat(descriptor, &own) != 0)
        return false;
    bool owned = own.st_uid == status.st_uid && own.st_gid == status.st_gid;
    return (owned || fchown(descriptor, status.st_uid, status.st_gid) == 0) &&
           fchmod(descriptor, status.st_mode & MODE_BITS) == 0;
}

/* What was left of an attempt that a crash ended is made anew. */
static enum smq_result lay_ready(const struct pem_file *file, const char *ready) {
    (void)unlink(ready);
    int descriptor = open(ready, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    step();
    bool done = write_all(descriptor, file->bytes, file->length) && make_like(descriptor, file->path, file->mode) &&
                fsync(descriptor) == 0;
    int saved = errno;
    (void)close(descriptor);
    if (!done)
        (void)unlink(ready);
    errno = saved;
    return done ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static enum smq_result take_place(const struct pem_file *file, const char *ready) {
    char real[PATH_MAX];
    resolve(file->path, real);
    return rename(ready, real) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

/* Makes names in the folder of `path` durable. */
static enum smq_result sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    int descriptor = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = descriptor >= 0 && fsync(descriptor) == 0;
    int saved = errno;
    if (descriptor >= 0)
        (void)close(descriptor);
    errno = saved;
    return done ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static void give_up(const char *ready) {
    int saved = errno;
    (void)unlink(ready);
    errno = saved;
}

enum smq_result pem_file_replace(const struct pem_file *file) {
    char ready[PATH_MAX];
    enum smq_result result = pem_file_ready(file->path, ready);
    if (result == SMQ_OK)
        result = lay_ready(file, ready);
    if (result != SMQ_OK)
        return result;
    result = take_place(file, ready);
    if (result != SMQ_OK)
        give_up(ready);
    return result == SMQ_OK ? sync_folder_of(ready) : result;
}

/* Both lie ready, durably. */
static enum smq_result lay_pair_ready(const struct pem_file *certificate, const char *ready_certificate,
                                      const struct pem_file *key, const char *ready_key) {
    step();
    enum smq_result result = lay_ready(key, ready_key);
    step();
    if (result == SMQ_OK)
        result = lay_ready(certificate, ready_certificate);
    step();
    if (result == SMQ_OK)
        result = sync_folder_of(ready_key);
    return result;
}

enum smq_result pem_file_replace_pair(const struct pem_file *certificate, const struct pem_file *key) {
    char ready_certificate[PATH_MAX], ready_key[PATH_MAX];
    enum smq_result result = pem_file_ready(certificate->path, ready_certificate);
    if (result == SMQ_OK)
        result = pem_file_ready(key->path, ready_key);
    if (result != SMQ_OK)
        return result;
    result = lay_pair_ready(certificate, ready_certificate, key, ready_key);
    if (result == SMQ_OK)
        result = take_place(certificate, ready_certificate);
    if (result != SMQ_OK) {
        give_up(ready_certificate);
        give_up(ready_key);
        return result;
    }
    step();
    result = sync_folder_of(ready_certificate); /* before the name of the key goes */
    step();
    if (result == SMQ_OK)
        result = take_place(key, ready_key);
    step();
    return result == SMQ_OK ? sync_folder_of(ready_key) : result;
}
