/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Copies of whole stores. */
#include "stores/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/log.h"
#include "stores/internal.h"

enum { PATH_SIZE = 4096 };

static enum smq_result failed(const char *what, const char *path) {
    log_error("store: cannot %s %s: %s", what, path, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SMQ_ERR_STORE_FULL
           : errno == EEXIST                                    ? SMQ_ERR_EXISTS
                                                                : SMQ_ERR_SYSTEM;
}

static enum smq_result path_in(const char *directory, const char *name, char path[PATH_SIZE]) {
    int length = snprintf(path, PATH_SIZE, "%s/%s", directory, name);
    return length > 0 && length < PATH_SIZE ? SMQ_OK : SMQ_ERR_INVALID;
}

/* Makes renames in the folder durable. */
static enum smq_result sync_folder(const char *directory) {
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = folder >= 0 && fsync(folder) == 0;
    enum smq_result result = done ? SMQ_OK : failed("make durable", directory);
    if (folder >= 0)
        (void)close(folder);
    return result;
}

/* The copy as a durable file beside its place. `like`: the original, whose mode and owner it gets. */
static enum smq_result write_part(struct store *store, const char *part, const char *like) {
    struct stat status;
    if (stat(like, &status) != 0)
        return failed("read", like);
    int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return failed("create", part);
    enum smq_result result = lmdb_copy(store->lmdb, file);
    if (result == SMQ_OK && geteuid() == 0 && fchown(file, status.st_uid, status.st_gid) != 0)
        result = failed("give away", part);
    if (result == SMQ_OK && fchmod(file, status.st_mode & 0777) != 0)
        result = failed("set the mode of", part);
    if (result == SMQ_OK && fsync(file) != 0)
        result = failed("make durable", part);
    (void)close(file);
    if (result != SMQ_OK)
        (void)unlink(part);
    return result;
}

static enum smq_result copy_to_part(const char *source, const char *directory, char part[PATH_SIZE]) {
    char like[PATH_SIZE];
    struct store *store = NULL;
    enum smq_result result = path_in(directory, "data.mdb.part", part);
    if (result == SMQ_OK)
        result = path_in(source, "data.mdb", like);
    if (result == SMQ_OK)
        result = store_open_to_read(source, &store);
    if (result != SMQ_OK)
        return result;
    result = write_part(store, part, like);
    store_close(&store);
    return result;
}

enum smq_result store_backup(const char *directory, const char *target) {
    char part[PATH_SIZE];
    char data[PATH_SIZE];
    if (path_in(target, "data.mdb", data) != SMQ_OK)
        return SMQ_ERR_INVALID;
    if (mkdir(target, 0700) != 0 && errno != EEXIST)
        return failed("create", target);
    if (access(data, F_OK) == 0) {
        log_error("store: %s exists already", data);
        return SMQ_ERR_EXISTS;
    }
    enum smq_result result = copy_to_part(directory, target, part);
    if (result != SMQ_OK)
        return result;
    if (renameat2(AT_FDCWD, part, AT_FDCWD, data, RENAME_NOREPLACE) != 0) {
        result = failed("rename to", data);
        (void)unlink(part);
        return result;
    }
    return sync_folder(target);
}

/* LMDB's table of readers belongs to the data that was there: somebody may still be reading that. */
static enum smq_result put_in_place(const char *directory, const char *part) {
    char data[PATH_SIZE];
    char readers[PATH_SIZE];
    enum smq_result result = path_in(directory, "data.mdb", data);
    if (result == SMQ_OK)
        result = path_in(directory, "lock.mdb", readers);
    if (result == SMQ_OK && rename(part, data) != 0)
        result = failed("rename to", data);
    if (result == SMQ_OK && unlink(readers) != 0 && errno != ENOENT)
        result = failed("remove", readers);
    return result == SMQ_OK ? sync_folder(directory) : result;
}

enum smq_result store_compact(const char *directory) {
    char part[PATH_SIZE];
    int lock = -1;
    enum smq_result result = store_lock(directory, &lock);
    if (result == SMQ_OK)
        result = copy_to_part(directory, directory, part);
    if (result == SMQ_OK)
        result = put_in_place(directory, part);
    if (lock >= 0)
        (void)close(lock);
    return result;
}

/* The present data under another name, by a link: its own name is never without a file. */
static enum smq_result keep_present(const char *directory) {
    char data[PATH_SIZE];
    char kept[PATH_SIZE];
    if (path_in(directory, "data.mdb", data) != SMQ_OK || path_in(directory, "data.mdb.before-restore", kept) != SMQ_OK)
        return SMQ_ERR_INVALID;
    if (access(kept, F_OK) == 0) {
        log_error("store: %s is there from an earlier restore: move it away first", kept);
        return SMQ_ERR_INVALID;
    }
    if (link(data, kept) != 0 && errno != ENOENT)
        return failed("keep", data);
    return SMQ_OK;
}

enum smq_result store_restore(const char *directory, const char *source) {
    char part[PATH_SIZE];
    int lock = -1;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return failed("create", directory);
    enum smq_result result = store_lock(directory, &lock);
    if (result == SMQ_OK)
        result = copy_to_part(source, directory, part);
    if (result == SMQ_OK) {
        result = keep_present(directory);
        if (result == SMQ_OK)
            result = put_in_place(directory, part);
        else
            (void)unlink(part);
    }
    if (lock >= 0)
        (void)close(lock);
    return result;
}
