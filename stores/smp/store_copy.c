/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Copies of whole stores. */
#include "stores/smp/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/log.h"
#include "stores/lmdb/store_owner.h"
#include "stores/smp/copy_records.h"
#include "stores/smp/internal.h"

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

/* A copy under way, beside its place. Its lock keeps away others who copy to the same folder. */
struct part {
    char path[PATH_SIZE];
    int file;
};

/* Leaves nothing behind: who still waits for the lock finds that the name leads elsewhere. */
static void part_discard(struct part *part) {
    if (part->file < 0)
        return;
    (void)unlink(part->path);
    (void)close(part->file);
    part->file = -1;
}

static bool part_has_its_name(const struct part *part) {
    struct stat open_file, named;
    return fstat(part->file, &open_file) == 0 && lstat(part->path, &named) == 0 && open_file.st_ino == named.st_ino &&
           open_file.st_dev == named.st_dev;
}

/* Empties what an attempt that was killed has left only once nobody writes to it. */
static enum smq_result part_create(const char *directory, struct part *part) {
    enum smq_result result = path_in(directory, "data.mdb.part", part->path);
    if (result != SMQ_OK)
        return result;
    part->file = open(part->path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (part->file < 0)
        return failed("create", part->path);
    if (flock(part->file, LOCK_EX | LOCK_NB) == 0 && part_has_its_name(part) && ftruncate(part->file, 0) == 0)
        return SMQ_OK;
    log_error("store: another process writes %s", part->path);
    (void)close(part->file);
    part->file = -1;
    return SMQ_ERR_EXISTS;
}

/* `like`: whose mode it gets; `owner`: whose owner, if this process may give files away. */
static enum smq_result part_write(struct store *store, const struct part *part, const char *like, const char *owner) {
    struct stat mode_of, owner_of;
    if (stat(like, &mode_of) != 0)
        return failed("read", like);
    if (stat(owner, &owner_of) != 0)
        return failed("read", owner);
    enum smq_result result = copy_records(store, part->file);
    if (result == SMQ_OK && geteuid() == 0 && fchown(part->file, owner_of.st_uid, owner_of.st_gid) != 0)
        result = failed("give away", part->path);
    if (result == SMQ_OK && fchmod(part->file, mode_of.st_mode & 0777) != 0)
        result = failed("set the mode of", part->path);
    if (result == SMQ_OK && fsync(part->file) != 0)
        result = failed("make durable", part->path);
    return result;
}

/* `owner`: NULL: that of the original. */
static enum smq_result copy_to_part(const char *source, const char *directory, const char *owner, struct part *part) {
    char like[PATH_SIZE];
    struct store *store = NULL;
    part->file = -1;
    enum smq_result result = path_in(source, "data.mdb", like);
    if (result == SMQ_OK)
        result = store_open_to_read(&smp_store_layout, source, &store);
    if (result != SMQ_OK)
        return result;
    result = part_create(directory, part);
    if (result == SMQ_OK)
        result = part_write(store, part, like, owner != NULL ? owner : like);
    if (result != SMQ_OK)
        part_discard(part);
    store_close(&store);
    return result;
}

/* Not every file system can refuse a name that is taken; there the look that went before has to do. */
static bool rename_to_free_name(const char *from, const char *to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    return errno == EINVAL && access(to, F_OK) != 0 && rename(from, to) == 0;
}

/* A new one is durable before it is filled. */
static enum smq_result make_folder(const char *path) {
    char parent[PATH_SIZE];
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? SMQ_OK : failed("create", path);
    return path_in(path, "..", parent) == SMQ_OK ? sync_folder(parent) : SMQ_ERR_INVALID;
}

enum smq_result store_backup(const char *directory, const char *target) {
    struct part part;
    char data[PATH_SIZE];
    if (path_in(target, "data.mdb", data) != SMQ_OK)
        return SMQ_ERR_INVALID;
    enum smq_result made = make_folder(target);
    if (made != SMQ_OK)
        return made;
    if (access(data, F_OK) == 0) {
        log_error("store: %s exists already", data);
        return SMQ_ERR_EXISTS;
    }
    enum smq_result result = copy_to_part(directory, target, NULL, &part);
    if (result != SMQ_OK)
        return result;
    if (!rename_to_free_name(part.path, data)) {
        result = failed("rename to", data);
        part_discard(&part);
        return result;
    }
    (void)close(part.file);
    return sync_folder(target);
}

/* Takes the part over. LMDB's table of readers belongs to the data that was there: somebody may still read that. */
static enum smq_result put_in_place(const char *directory, struct part *part) {
    char data[PATH_SIZE];
    char readers[PATH_SIZE];
    enum smq_result result = path_in(directory, "data.mdb", data);
    if (result == SMQ_OK)
        result = path_in(directory, "lock.mdb", readers);
    if (result == SMQ_OK && rename(part->path, data) != 0)
        result = failed("rename to", data);
    if (result != SMQ_OK) {
        part_discard(part);
        return result;
    }
    (void)close(part->file);
    if (unlink(readers) != 0 && errno != ENOENT)
        return failed("remove", readers);
    return sync_folder(directory);
}

enum smq_result store_compact(const char *directory) {
    struct part part;
    int lock = -1;
    enum smq_result result = store_lock(directory, &lock);
    if (result == SMQ_OK)
        result = copy_to_part(directory, directory, NULL, &part);
    if (result == SMQ_OK)
        result = put_in_place(directory, &part);
    if (lock >= 0)
        (void)close(lock);
    return result;
}

/* The present data under another name, by a link: its own name is never without a file. */
static enum smq_result keep_present(const char *data, const char *kept) {
    if (link(data, kept) != 0 && errno != ENOENT)
        return failed("keep", data);
    return SMQ_OK;
}

static enum smq_result restore_locked(const char *directory, const char *source) {
    char data[PATH_SIZE];
    char kept[PATH_SIZE];
    struct part part;
    if (path_in(directory, "data.mdb", data) != SMQ_OK || path_in(directory, "data.mdb.before-restore", kept) != SMQ_OK)
        return SMQ_ERR_INVALID;
    if (access(kept, F_OK) == 0) {
        log_error("store: %s is there from an earlier restore: move it away first", kept);
        return SMQ_ERR_INVALID;
    }
    enum smq_result result = copy_to_part(source, directory, access(data, F_OK) == 0 ? data : directory, &part);
    if (result != SMQ_OK)
        return result;
    result = keep_present(data, kept);
    if (result == SMQ_OK)
        return put_in_place(directory, &part);
    part_discard(&part);
    return result;
}

enum smq_result store_restore(const char *directory, const char *source) {
    int lock = -1;
    enum smq_result result = store_make_directory(directory);
    if (result == SMQ_OK)
        result = store_lock(directory, &lock);
    if (result == SMQ_OK)
        result = restore_locked(directory, source);
    if (lock >= 0)
        (void)close(lock);
    return result;
}
