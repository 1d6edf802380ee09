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

/* Whose a file is to be that was not there: root makes it for the service that the folder belongs to. */
static bool give_to_owner_of_folder(int descriptor, const char *path) {
    char folder[PATH_MAX];
    struct stat status;
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (geteuid() != 0)
        return true;
    if (slash != NULL)
        slash[slash == folder] = '\0';
    return stat(slash != NULL ? folder : ".", &status) == 0 &&
           (status.st_uid == 0 || fchown(descriptor, status.st_uid, status.st_gid) == 0);
}

/* Owner and group before the mode: giving a file away takes bits of it. */
static bool make_like(int descriptor, const char *path, mode_t mode) {
    struct stat status, own;
    if (stat(path, &status) != 0)
        return errno == ENOENT && give_to_owner_of_folder(descriptor, path) && fchmod(descriptor, mode) == 0;
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

/* A file that something is mounted on (a container's secret, say) cannot give way to another one: its bytes are written
 * over. */
static bool is_mounted(const char *real) {
    struct statx status;
    return statx(AT_FDCWD, real, AT_SYMLINK_NOFOLLOW, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* A place that is to be taken. */
struct place {
    const struct pem_file *file;
    char real[PATH_MAX];
    char ready[PATH_MAX];
    int mounted;    /* open for writing, -1: it is not mounted */
    bool exchanged; /* what was there lies in `ready` */
};

static enum smq_result find_place(const struct pem_file *file, struct place *place) {
    place->file = file;
    place->mounted = -1;
    place->exchanged = false;
    resolve(file->path, place->real);
    enum smq_result result = pem_file_ready(file->path, place->ready);
    if (result != SMQ_OK || !is_mounted(place->real))
        return result;
    place->mounted = open(place->real, O_WRONLY | O_CLOEXEC);
    return place->mounted >= 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static void leave_place(struct place *place) {
    int saved = errno;
    if (place->mounted >= 0)
        (void)close(place->mounted);
    errno = saved;
}

/* Until this is done, what lies ready is whole. */
static enum smq_result write_over(const struct place *place) {
    bool done = ftruncate(place->mounted, 0) == 0 && lseek(place->mounted, 0, SEEK_SET) == 0 &&
                write_all(place->mounted, place->file->bytes, place->file->length) && fsync(place->mounted) == 0;
    return done ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static enum smq_result take_place(struct place *place) {
    if (place->mounted >= 0)
        return write_over(place);
    place->exchanged = renameat2(AT_FDCWD, place->ready, AT_FDCWD, place->real, RENAME_EXCHANGE) == 0;
    return place->exchanged || rename(place->ready, place->real) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
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

static void clear_ready(const struct place *place) {
    int saved = errno;
    (void)unlink(place->ready);
    errno = saved;
}

enum smq_result pem_file_replace(const struct pem_file *file) {
    struct place place;
    enum smq_result result = find_place(file, &place);
    if (result == SMQ_OK)
        result = lay_ready(file, place.ready);
    if (result == SMQ_OK) {
        result = take_place(&place);
        clear_ready(&place);
    }
    leave_place(&place);
    return result == SMQ_OK ? sync_folder_of(place.ready) : result;
}

/* Both lie ready, durably. */
static enum smq_result lay_pair_ready(const struct place *certificate, const struct place *key) {
    step();
    enum smq_result result = lay_ready(key->file, key->ready);
    step();
    if (result == SMQ_OK)
        result = lay_ready(certificate->file, certificate->ready);
    step();
    if (result == SMQ_OK)
        result = sync_folder_of(key->ready);
    return result;
}

/* The certificate that was there comes back, so that it is the old key's. */
static void put_back(struct place *certificate) {
    int saved = errno;
    if (certificate->exchanged)
        (void)renameat2(AT_FDCWD, certificate->ready, AT_FDCWD, certificate->real, RENAME_EXCHANGE);
    errno = saved;
}

static enum smq_result take_places(struct place *certificate, struct place *key) {
    enum smq_result result = take_place(certificate);
    if (result != SMQ_OK)
        return result;
    step();
    result = sync_folder_of(certificate->ready); /* before the name of the key goes */
    step();
    if (result == SMQ_OK)
        result = take_place(key);
    step();
    if (result != SMQ_OK)
        put_back(certificate);
    return result;
}

enum smq_result pem_file_replace_pair(const struct pem_file *certificate_file, const struct pem_file *key_file) {
    struct place certificate = {.mounted = -1}, key = {.mounted = -1};
    enum smq_result result = find_place(certificate_file, &certificate);
    if (result == SMQ_OK)
        result = find_place(key_file, &key);
    if (result == SMQ_OK) {
        result = lay_pair_ready(&certificate, &key);
        if (result == SMQ_OK)
            result = take_places(&certificate, &key);
        /* What lies ready of a certificate that cannot be put back is what its key is kept for. */
        bool torn = result != SMQ_OK && (certificate.mounted >= 0 || key.mounted >= 0);
        if (!torn) {
            clear_ready(&certificate);
            clear_ready(&key);
        }
    }
    leave_place(&certificate);
    leave_place(&key);
    return result == SMQ_OK ? sync_folder_of(key.ready) : result;
}
