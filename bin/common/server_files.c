/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The files of a router: found, and removed, by their exact names. What a router did not make is never removed. */
#include "bin/common/server_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With what a renewal that was cut off left. */
static const char *const configuration_names[] = {"ca.crt",         "ca.key",          "server.crt", "server.key",
                                                  "fingerprint",    "ca.crt.new",      "ca.key.new", "server.crt.new",
                                                  "server.key.new", "fingerprint.new", ".lock",      NULL};

static enum smq_result folder_of(const char *variable, const char *fallback, char *folder) {
    const char *value = getenv(variable);
    if (value == NULL || value[0] == '\0')
        value = fallback;
    size_t length = strlen(value);
    while (length > 1 && value[length - 1] == '/')
        length--;
    if (length >= SERVER_FOLDER_SIZE)
        return SMQ_ERR_TOO_LARGE;
    memcpy(folder, value, length);
    folder[length] = '\0';
    return SMQ_OK;
}

enum smq_result server_files_locate(const struct server_kind *kind, struct server_files *files) {
    files->kind = kind;
    if (folder_of(kind->configuration_variable, kind->configuration_folder, files->configuration) != SMQ_OK ||
        folder_of(kind->data_variable, kind->data_folder, files->data) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    const struct {
        char *path;
        const char *folder, *name;
    } paths[] = {
        {files->ini, files->configuration, kind->ini_name},
        {files->ca_certificate, files->configuration, "ca.crt"},
        {files->ca_key, files->configuration, "ca.key"},
        {files->server_certificate, files->configuration, "server.crt"},
        {files->server_key, files->configuration, "server.key"},
        {files->fingerprint, files->configuration, "fingerprint"},
        {files->store, files->data, "store"},
        {files->pages, files->data, "www"},
        {files->statistics, files->data, kind->statistics_name},
        {files->daily_lines, files->data, kind->daily_name},
        {files->metrics, files->data, kind->metrics_name},
    };
    for (size_t index = 0; index < sizeof paths / sizeof paths[0]; index++)
        (void)snprintf(paths[index].path, SERVER_PATH_SIZE, "%s/%s", paths[index].folder, paths[index].name);
    return SMQ_OK;
}

bool file_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

enum smq_result folder_create(const char *path) {
    char copy[SERVER_PATH_SIZE];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return SMQ_ERR_SYSTEM;
    }
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) == 0)
            (void)chmod(copy, 0755); /* whatever the umask: others pass through it */
        else if (errno != EEXIST)
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

bool server_files_initialized(const struct server_files *files) {
    struct stat status;
    if (stat(files->ini, &status) == 0)
        return true;
    if (errno == ENOENT)
        (void)fprintf(stderr, "Error: server is not initialized (%s does not exist). Run `%s init`.\n", files->ini,
                      files->kind->program);
    else
        (void)fprintf(stderr, "Error: %s: %s\n", files->ini, strerror(errno));
    return false;
}

/* ---- by name */

/* Calls `visit` with the path of every file of the router that is there, until one returns false. */
static bool visit_names(const char *folder, const char *const *names, bool (*visit)(void *context, const char *path),
                        void *context) {
    char path[SERVER_PATH_SIZE];
    for (; *names != NULL; names++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, *names);
        if (file_exists(path) && !visit(context, path))
            return false;
    }
    return true;
}

static bool visit_all(const struct server_files *files, bool (*visit)(void *context, const char *path), void *context) {
    const char *const ini[] = {files->kind->ini_name, NULL};
    return visit_names(files->configuration, ini, visit, context) &&
           visit_names(files->configuration, configuration_names, visit, context) &&
           visit_names(files->data, files->kind->data_names, visit, context);
}

struct found {
    char *path;
    size_t size;
};

static bool note_found(void *context, const char *path) {
    struct found *found = context;
    (void)snprintf(found->path, found->size, "%s", path);
    return false;
}

bool server_files_any(const struct server_files *files, char *found, size_t size) {
    struct found result = {.path = found, .size = size};
    return !visit_all(files, note_found, &result);
}

/* ---- owners and modes */

static bool folder_owner(const char *path, struct stat *status) {
    char folder[SERVER_PATH_SIZE];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    slash[slash == folder] = '\0';
    return stat(folder, status) == 0;
}

/* Through a descriptor of the file itself: whom the folder belongs to can put another in its place at any time. */
static bool give(void *context, const char *path) {
    struct stat owner, status;
    int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    (void)context;
    if (file < 0)
        return true;
    bool mine = fstat(file, &status) == 0 && status.st_uid == 0 &&
                (S_ISDIR(status.st_mode) || (S_ISREG(status.st_mode) && status.st_nlink == 1));
    if (mine && folder_owner(path, &owner) && owner.st_uid != 0 &&
        fchownat(file, "", owner.st_uid, owner.st_gid, AT_EMPTY_PATH) != 0)
        (void)fprintf(stderr, "Warning: %s cannot be given to the owner of its folder: %s\n", path, strerror(errno));
    (void)close(file);
    return true;
}

void server_files_give(const struct server_files *files) {
    if (geteuid() != 0)
        return;
    (void)give(NULL, files->configuration);
    (void)give(NULL, files->data);
    (void)visit_all(files, give, NULL);
}

static bool is_exposed(const char *path, const char *level) {
    struct stat status;
    if (stat(path, &status) != 0 || (status.st_mode & (S_IROTH | S_IWOTH)) == 0)
        return false;
    (void)fprintf(stderr, "%s: %s: everybody on this machine can %s it; run: chmod o-rwx %s\n", level, path,
                  (status.st_mode & S_IWOTH) != 0 ? "change" : "read", path);
    return true;
}

bool server_files_exposed(const struct server_files *files) {
    bool server_key = is_exposed(files->server_key, "Error");
    bool ca_key = is_exposed(files->ca_key, "Error");
    (void)is_exposed(files->ini, "Warning"); /* that is how the reference makes it */
    return server_key || ca_key;
}

/* ---- removal */

struct removal {
    const char *folder;
    char *failed;
    size_t size;
    int error; /* errno of the failure; 0: none */
};

static bool fail(struct removal *removal, const char *path) {
    removal->error = errno;
    (void)snprintf(removal->failed, removal->size, "%s", path);
    return false;
}

static bool remove_file(void *context, const char *path) {
    struct removal *removal = context;
    char folder[SERVER_PATH_SIZE];
    if (unlink(path) != 0 && errno != EISDIR && errno != EPERM)
        return fail(removal, path);
    (void)snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    if (strcmp(folder, removal->folder) != 0)
        (void)rmdir(folder); /* goes with the last of its files */
    return true;
}

/* One that is mounted stays, as one does that holds something else. */
static bool remove_folder(struct removal *removal, bool *kept) {
    if (!*kept)
        *kept = rmdir(removal->folder) != 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY);
    return *kept || !file_exists(removal->folder) || fail(removal, removal->folder);
}

enum smq_result server_files_remove(const struct server_files *files, bool kept[2], char *failed, size_t size) {
    const char *const ini[] = {files->kind->ini_name, NULL};
    struct removal removal = {.folder = files->data, .failed = failed, .size = size};
    /* The configuration goes last: what is left of a failure is a server that can be deleted. */
    bool done =
        visit_names(files->data, files->kind->data_names, remove_file, &removal) && remove_folder(&removal, &kept[1]);
    removal.folder = files->configuration;
    done = done && visit_names(files->configuration, configuration_names, remove_file, &removal) &&
           visit_names(files->configuration, ini, remove_file, &removal) && remove_folder(&removal, &kept[0]);
    errno = removal.error;
    return done ? SMQ_OK : SMQ_ERR_SYSTEM;
}
