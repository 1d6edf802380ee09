/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The end of a router. */
#include "bin/common/server_delete.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "bin/common/prompt.h"
#include "bin/common/server_print.h"

/* The lock that a running router holds; -1: there is no store. False with one line on stderr. */
static bool take_store(const struct server_files *files, int *lock) {
    char path[SERVER_PATH_SIZE + 8];
    (void)snprintf(path, sizeof path, "%s/lock", files->store);
    *lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*lock < 0 && errno == ENOENT)
        return true;
    if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    (void)server_fail("", files->store, errno == EWOULDBLOCK ? "in use: stop the server first" : strerror(errno));
    if (*lock >= 0)
        (void)close(*lock);
    return false;
}

static int remove_files(const struct server_files *files) {
    const char *const folders[2] = {files->configuration, files->data};
    char failed[SERVER_PATH_SIZE];
    bool kept[2] = {false, false};
    if (server_files_remove(files, kept, failed, sizeof failed) != SMQ_OK)
        return server_fail("cannot remove", failed, strerror(errno));
    printf("Deleted configuration and log files\n");
    for (size_t index = 0; index < 2; index++)
        if (kept[index])
            printf("%s stays: it holds files that the server did not make\n", folders[index]);
    return 0;
}

int server_delete(const struct server_files *files) {
    int lock;
    int status = 1;
    if (!take_store(files, &lock))
        return 1;
    if (prompt_confirm("WARNING: deleting the server will make all queues inaccessible, because the server identity "
                       "(certificate fingerprint) will change.\nTHIS CANNOT BE UNDONE!"))
        status = remove_files(files);
    else
        printf("Server NOT deleted\n");
    if (lock >= 0)
        (void)close(lock);
    return status;
}
