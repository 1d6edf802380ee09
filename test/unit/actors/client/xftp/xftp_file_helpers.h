/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sources of content that is known without being kept, and folders, for tests of files that are sent and received. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit/transport/xftp_descriptions.h"

#include "actors/client/xftp/file_split.h"
#include "queues/base/random.h"
#include "transport/crypto/setup.h"
#include "transport/wire/text.h"

enum { CHUNK_MAX = 4 * 1024 * 1024 };

/* Bytes that their place in the file decides. */
struct pattern {
    uint64_t at, size;
    size_t piece; /* most bytes a read gives */
};

static inline uint8_t pattern_byte(uint64_t at) {
    return (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16));
}

static inline enum smq_result pattern_read(void *context, uint8_t *room, size_t size, size_t *length) {
    struct pattern *pattern = context;
    if (pattern->at >= pattern->size)
        return SMQ_ERR_EMPTY;
    size_t left = (size_t)(pattern->size - pattern->at);
    size_t count = size < left ? size : left;
    count = count < pattern->piece ? count : pattern->piece;
    for (size_t i = 0; i < count; i++)
        room[i] = pattern_byte(pattern->at + i);
    pattern->at += count;
    *length = count;
    return SMQ_OK;
}

struct folder {
    char path[64];
};

static inline int remove_any(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int folder_set_up(void **state) {
    struct folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL || crypto_setup() != SMQ_OK)
        return -1;
    snprintf(folder->path, sizeof folder->path, "%s", "/tmp/smq-xftp-XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL ? -1 : 0;
}

static inline int folder_tear_down(void **state) {
    struct folder *folder = *state;
    nftw(folder->path, remove_any, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return 0;
}

#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, folder_set_up, folder_tear_down)

static inline const char *path_in(const struct folder *folder, const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}

/* Entries of a folder, hidden ones too. */
static inline unsigned count_entries(const char *path) {
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}
