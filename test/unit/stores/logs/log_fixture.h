/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What tests of the reference's logs share: temporary folders, files of texts, sources, reports. */
#pragma once

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "stores/logs/log_file.h"
#include "stores/logs/log_lines.h"
#include "stores/logs/log_record.h"
#include "stores/logs/log_report.h"

static char folder[64];

static inline int folder_setup(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/smq-logs-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline int folder_teardown(void **state) {
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; valid until four more were made. */
static inline const char *path_of(const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(strlen(text), fwrite(text, 1, strlen(text), file));
    assert_int_equal(0, fclose(file));
}

/* The whole file, zero-terminated; to be freed. */
static inline char *read_whole(const char *path) {
    struct stat status;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(0, fstat(fileno(file), &status));
    char *text = calloc(1, (size_t)status.st_size + 1);
    assert_non_null(text);
    assert_int_equal((size_t)status.st_size, fread(text, 1, (size_t)status.st_size, file));
    assert_int_equal(0, fclose(file));
    return text;
}

/* A text as a source, a few bytes at a time. */
struct text_source {
    const char *text;
    size_t length, done, step;
};

static enum smq_result __attribute__((unused))
text_read(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    struct text_source *source = context;
    size_t left = source->length - source->done;
    *length = left < capacity ? left : capacity;
    if (*length > source->step)
        *length = source->step;
    memcpy(bytes, source->text + source->done, *length);
    source->done += *length;
    return SMQ_OK;
}

/* What a report told, a line each. */
struct told {
    char text[8192];
    unsigned count;
};

static inline void tell(void *context, const char *text) {
    struct told *told = context;
    size_t length = strlen(told->text);
    (void)snprintf(told->text + length, sizeof told->text - length, "%s\n", text);
    told->count++;
}
