/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The files of an SMP router: found, and removed, by name. What a router did not make is never removed. */
#include "bin/smp-server/smp_files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names of this router's files and of the reference's. */
static const char *const configuration_names[] = {
    "smp-server.ini", "ca.crt",     "ca.key",      "ca.srl",         "server.crt",     "server.key", "web.crt",
    "web.key",        "server.csr", "fingerprint", "openssl_*.conf", "server.???.new", "ca.???.new"};
static const char *const data_names[] = {"store", "smp-server-*", "messages", "www"};

struct name_list {
    const char *const *names;
    size_t count;
};

static const struct name_list configuration_list = {configuration_names,
                                                    sizeof configuration_names / sizeof configuration_names[0]};
static const struct name_list data_list = {data_names, sizeof data_names / sizeof data_names[0]};

static enum smq_result folder_of(const char *variable, const char *fallback, char *folder) {
    const char *value = getenv(variable);
    if (value == NULL || value[0] == '\0')
        value = fallback;
    size_t length = strlen(value);
    while (length > 1 && value[length - 1] == '/')
        length--;
    if (length >= PATH_SIZE)
        return SMQ_ERR_TOO_LARGE;
    memcpy(folder, value, length);
    folder[length] = '\0';
    return SMQ_OK;
}

enum smq_result smp_files_locate(struct smp_files *files) {
    if (folder_of("SMP_SERVER_CFG_PATH", "/etc/opt/simplex", files->configuration) != SMQ_OK ||
        folder_of("SMP_SERVER_LOG_PATH", "/var/opt/simplex", files->data) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    const struct {
        char *path;
        const char *folder, *name;
    } paths[] = {
        {files->ini, files->configuration, "smp-server.ini"},
        {files->ca_certificate, files->configuration, "ca.crt"},
        {files->ca_key, files->configuration, "ca.key"},
        {files->server_certificate, files->configuration, "server.crt"},
        {files->server_key, files->configuration, "server.key"},
        {files->fingerprint, files->configuration, "fingerprint"},
        {files->store, files->data, "store"},
        {files->pages, files->data, "www"},
    };
    for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++)
        (void)snprintf(paths[index].path, PATH_SIZE + 32, "%s/%s", paths[index].folder, paths[index].name);
    return SMQ_OK;
}

bool file_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

enum smq_result folder_create(const char *path) {
    char copy[PATH_SIZE + 32];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return SMQ_ERR_SYSTEM;
    }
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            return SMQ_ERR_SYSTEM;
        *slash = '/';
    }
    if (mkdir(copy, 0700) == 0)
        return SMQ_OK;
    struct stat status;
    if (errno == EEXIST && stat(copy, &status) == 0 && !S_ISDIR(status.st_mode))
        errno = ENOTDIR;
    return errno == EEXIST ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static bool list_has(const struct name_list *list, const char *name) {
    for (size_t index = 0; index < list->count; index++)
        if (fnmatch(list->names[index], name, 0) == 0)
            return true;
    return false;
}

/* Calls `visit` with the path of every entry of `folder` whose name is in `list`, until one returns false. */
static void visit_listed(const char *folder, const struct name_list *list,
                         bool (*visit)(void *context, const char *path), void *context) {
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char path[2 * PATH_SIZE];
        if (!list_has(list, entry->d_name))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path && !visit(context, path))
            break;
    }
    (void)closedir(directory);
}

struct found {
    char *path;
    size_t size;
    bool any;
};

static bool note_found(void *context, const char *path) {
    struct found *found = context;
    (void)snprintf(found->path, found->size, "%s", path);
    found->any = true;
    return false;
}

bool smp_files_any(const struct smp_files *files, char *found, size_t size) {
    struct found result = {.path = found, .size = size};
    visit_listed(files->configuration, &configuration_list, note_found, &result);
    if (!result.any)
        visit_listed(files->data, &data_list, note_found, &result);
    return result.any;
}

struct removal {
    char *failed;
    size_t size;
    int error; /* errno of the failure; 0: none */
};

static int remove_visited(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static bool remove_listed(void *context, const char *path) {
    struct removal *removal = context;
    if (nftw(path, remove_visited, 16, FTW_DEPTH | FTW_PHYS) == 0)
        return true;
    removal->error = errno;
    (void)snprintf(removal->failed, removal->size, "%s", path);
    return false;
}

enum smq_result smp_files_remove(const struct smp_files *files, bool kept[2], char *failed, size_t size) {
    struct removal removal = {.failed = failed, .size = size};
    const char *const folders[2] = {files->configuration, files->data};
    const struct name_list *const lists[2] = {&configuration_list, &data_list};
    for (size_t index = 0; index < 2 && removal.error == 0; index++) {
        visit_listed(folders[index], lists[index], remove_listed, &removal);
        if (removal.error != 0)
            break;
        kept[index] = rmdir(folders[index]) != 0 && (errno == ENOTEMPTY || errno == EEXIST);
        if (!kept[index] && file_exists(folders[index])) {
            removal.error = errno;
            (void)snprintf(failed, size, "%s", folders[index]);
        }
    }
    errno = removal.error;
    return removal.error == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}
