/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Folders and files that root makes in a store. */
#include "stores/lmdb/store_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/log.h"

enum { PATH_SIZE = 4096 };

/* Through a descriptor of the file itself: whom the folder belongs to can put another in its place at any time. A file
 * that has other names is not this store's alone. */
static void give_file(int folder, const char *name, const struct stat *owner) {
    struct stat status;
    int file = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == 0 &&
        fchownat(file, "", owner->st_uid, owner->st_gid, AT_EMPTY_PATH) != 0)
        log_warn("store: cannot give %s to its owner: %s", name, strerror(errno));
    (void)close(file);
}

void store_keep_owner(const char *directory) {
    static const char *const names[] = {"lock", "lock.mdb", "data.mdb"};
    struct stat owner;
    int folder = geteuid() == 0 ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder < 0)
        return;
    if (fstat(folder, &owner) == 0 && owner.st_uid != 0)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            give_file(folder, names[i], &owner);
    (void)close(folder);
}

static void give_folder(const char *directory) {
    char copy[PATH_SIZE];
    struct stat owner;
    if (geteuid() != 0 || snprintf(copy, sizeof copy, "%s", directory) >= (int)sizeof copy ||
        stat(dirname(copy), &owner) != 0 || owner.st_uid == 0)
        return;
    if (lchown(directory, owner.st_uid, owner.st_gid) != 0)
        log_warn("store: cannot give %s to its owner: %s", directory, strerror(errno));
}

enum smq_result store_make_directory(const char *directory) {
    if (mkdir(directory, 0700) == 0) {
        give_folder(directory);
        return SMQ_OK;
    }
    if (errno == EEXIST)
        return SMQ_OK;
    log_error("store: cannot create %s: %s", directory, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
}
