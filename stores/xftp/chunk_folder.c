/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The folder of chunk files: opening, names, removing, walking. */
#include "stores/xftp/chunk_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "stores/xftp/chunk_private.h"

static const char incoming_name[] = ".incoming";
static const char open_name[] = "open"; /* in there while a process has the folder open */

enum smq_result chunk_failure(const char *what) {
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    log_error("chunk files: cannot %s: %s", what, strerror(errno));
    return is_full ? SMQ_ERR_STORE_FULL : SMQ_ERR_STORE;
}

/* ---- opening ---- */

static int open_folder_at(int parent, const char *path) {
    if (mkdirat(parent, path, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A stream of its own position: that of a shared descriptor would be shared, too. */
static DIR *open_stream(int folder) {
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = own >= 0 ? fdopendir(own) : NULL;
    if (stream == NULL && own >= 0)
        (void)close(own);
    return stream;
}

static bool is_dot(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum smq_result clear_incoming(int incoming) {
    DIR *stream = open_stream(incoming);
    if (stream == NULL)
        return SMQ_ERR_SYSTEM;
    unsigned removed = 0;
    enum smq_result result = SMQ_OK;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (is_dot(entry->d_name) || strcmp(entry->d_name, open_name) == 0)
            continue;
        if (unlinkat(incoming, entry->d_name, 0) == 0)
            removed++;
        else
            result = SMQ_ERR_SYSTEM;
    }
    (void)closedir(stream);
    if (removed > 0)
        log_info("chunk files: removed %u that were not received wholly", removed);
    return result;
}

/* On the disk before anything else is. */
static enum smq_result mark_open(struct chunk_folder *folder) {
    folder->was_left = faccessat(folder->incoming, open_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int mark = openat(folder->incoming, open_name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (mark < 0)
        return errno == ENOSPC || errno == EDQUOT ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
    (void)close(mark);
    return fsync(folder->incoming) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

bool chunk_folder_was_left(const struct chunk_folder *folder) {
    return folder->was_left;
}

static enum smq_result open_all(struct chunk_folder *folder, const char *path) {
    folder->folder = open_folder_at(AT_FDCWD, path);
    if (folder->folder < 0)
        return errno == ENOSPC || errno == EDQUOT ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
    if (flock(folder->folder, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? SMQ_ERR_EXISTS : SMQ_ERR_SYSTEM;
    folder->incoming = open_folder_at(folder->folder, incoming_name);
    if (folder->incoming < 0)
        return errno == ENOSPC || errno == EDQUOT ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
    enum smq_result result = clear_incoming(folder->incoming);
    return result == SMQ_OK ? mark_open(folder) : result;
}

enum smq_result chunk_folder_open(const char *path, struct chunk_folder **out) {
    struct chunk_folder *folder = memory_zalloc(sizeof *folder);
    if (folder == NULL)
        return SMQ_ERR_NO_MEMORY;
    folder->folder = folder->incoming = -1;
    enum smq_result result = open_all(folder, path);
    if (result == SMQ_OK) {
        *out = folder;
        return SMQ_OK;
    }
    if (result == SMQ_ERR_EXISTS)
        log_error("chunk files: %s is in use by another process", path);
    else
        log_error("chunk files: cannot use the folder %s: %s", path, strerror(errno));
    chunk_folder_close(&folder, false);
    return result;
}

void chunk_folder_close(struct chunk_folder **folder, bool is_orderly) {
    struct chunk_folder *closing = *folder;
    if (closing == NULL)
        return;
    if (is_orderly)
        (void)unlinkat(closing->incoming, open_name, 0);
    if (closing->incoming >= 0)
        (void)close(closing->incoming);
    if (closing->folder >= 0)
        (void)close(closing->folder);
    memory_free(closing);
    *folder = NULL;
}

/* ---- names ---- */

enum smq_result chunk_name_of(struct slice id, char name[CHUNK_NAME_SIZE]) {
    if (id.length == 0)
        return SMQ_ERR_INVALID;
    if (id.length > CHUNK_ID_MAX)
        return SMQ_ERR_TOO_LARGE;
    (void)sodium_bin2base64(name, CHUNK_NAME_SIZE, id.bytes, id.length, sodium_base64_VARIANT_URLSAFE);
    return SMQ_OK;
}

bool chunk_name_parse(const char *name, uint8_t id[CHUNK_ID_MAX], size_t *length) {
    const char *end = NULL;
    return sodium_base642bin(id, CHUNK_ID_MAX, name, strlen(name), NULL, length, &end, sodium_base64_VARIANT_URLSAFE) ==
               0 &&
           *end == '\0' && *length > 0;
}

/* ---- removing ---- */

enum smq_result chunk_remove(struct chunk_folder *folder, struct slice id) {
    char name[CHUNK_NAME_SIZE];
    enum smq_result result = chunk_name_of(id, name);
    if (result != SMQ_OK)
        return SMQ_ERR_NOT_FOUND;
    if (FAULT(chunk_remove)) {
        errno = EIO;
        return chunk_failure("remove one");
    }
    if (unlinkat(folder->folder, name, 0) == 0)
        return SMQ_OK;
    return errno == ENOENT ? SMQ_ERR_NOT_FOUND : chunk_failure("remove one");
}

enum smq_result chunk_folder_sync(struct chunk_folder *folder) {
    return fsync(folder->folder) == 0 ? SMQ_OK : chunk_failure("make their names durable");
}

enum smq_result chunk_folder_room(struct chunk_folder *folder, uint64_t *bytes) {
    struct statvfs status;
    if (fstatvfs(folder->folder, &status) != 0)
        return SMQ_ERR_SYSTEM;
    *bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return SMQ_OK;
}

/* ---- walking ---- */

enum smq_result chunk_walk_begin(struct chunk_folder *folder, struct chunk_walk *walk) {
    walk->folder = folder->folder;
    walk->directory = open_stream(folder->folder);
    if (walk->directory != NULL)
        return SMQ_OK;
    return errno == ENOMEM ? SMQ_ERR_NO_MEMORY : SMQ_ERR_SYSTEM;
}

static bool look_at(int folder, const char *name, struct chunk_entry *entry) {
    struct stat status;
    size_t length = 0;
    if (!chunk_name_parse(name, entry->id, &length) || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
        return false;
    entry->id_length = (uint8_t)length;
    entry->size = (uint64_t)status.st_size;
    entry->modified = (int64_t)status.st_ctim.tv_sec;
    return true;
}

enum smq_result chunk_walk_next(struct chunk_walk *walk, unsigned names, struct chunk_entry *entry) {
    for (; names > 0; names--) {
        struct dirent *next = readdir(walk->directory);
        if (next == NULL)
            return SMQ_ERR_EMPTY;
        if (look_at(walk->folder, next->d_name, entry))
            return SMQ_OK;
    }
    return SMQ_ERR_AGAIN;
}

void chunk_walk_end(struct chunk_walk *walk) {
    if (walk->directory != NULL)
        (void)closedir(walk->directory);
    walk->directory = NULL;
}
