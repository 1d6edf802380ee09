/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* New INI files, from the rows that read them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bin/common/ini.h"
#include "bin/common/ini_lines.h"

static const struct ini_given *find_given(const struct ini_given *given, size_t count, const char *section,
                                          const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(given[i].section, section) == 0 && strcmp(given[i].key, key) == 0)
            return &given[i];
    return NULL;
}

/* Every line of `text` behind a '#'. */
static void write_comment(FILE *file, const char *text) {
    for (;;) {
        size_t length = strcspn(text, "\n");
        (void)fprintf(file, "# %.*s\n", (int)length, text);
        if (text[length] == '\0')
            return;
        text += length + 1;
    }
}

static void write_row(FILE *file, const struct ini_row *row, const char *value) {
    if (row->comment != NULL)
        write_comment(file, row->comment);
    if (value != NULL) {
        (void)fprintf(file, "%s = %s\n", row->key, value);
        return;
    }
    const char *shown = row->example != NULL ? row->example : row->initial != NULL ? row->initial : "";
    (void)fprintf(file, "# %s =%s%s\n", row->key, shown[0] == '\0' ? "" : " ", shown);
}

enum smq_result ini_write(FILE *file, const struct ini_table *table, const struct ini_given *given, size_t count) {
    const char *section = "";
    for (size_t i = 0; i < count; i++)
        if (ini_find(table, given[i].section, given[i].key) == NULL)
            return SMQ_ERR_INVALID;
    for (size_t i = 0; i < table->count; i++) {
        const struct ini_part *part = &table->parts[i];
        if (strcmp(part->section, section) != 0)
            (void)fprintf(file, "%s[%s]\n", i == 0 ? "" : "\n", part->section);
        bool first = part->comment == NULL && strcmp(part->section, section) != 0;
        section = part->section;
        if (part->comment != NULL)
            write_comment(file, part->comment);
        for (size_t k = 0; k < part->rows->count; k++) {
            const struct ini_row *row = &part->rows->rows[k];
            const struct ini_given *mine = find_given(given, count, section, row->key);
            if (row->comment != NULL && !first)
                (void)fputs("\n", file);
            first = false;
            write_row(file, row, mine != NULL ? mine->value : row->written);
        }
    }
    return SMQ_OK;
}

/* ---- and read back */

/* Whether each value that was given stands there as it was given. */
static bool all_there(const char *path, const struct ini_given *given, size_t count) {
    struct ini_lines lines;
    const char *reason;
    size_t wanted = 0, found = 0;
    if (ini_lines_open(path, &lines, &reason) != SMQ_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        wanted += given[i].value != NULL;
    for (enum ini_line_kind kind; (kind = ini_lines_next(&lines)) != INI_LINE_END;) {
        const struct ini_given *mine = kind == INI_LINE_KEY ? find_given(given, count, lines.section, lines.key) : NULL;
        found += mine != NULL && mine->value != NULL && strcmp(mine->value, lines.value) == 0;
    }
    ini_lines_close(&lines);
    return found == wanted;
}

static enum smq_result read_back(const char *path, const struct ini_table *table, const struct ini_given *given,
                                 size_t count, void *target, struct ini_report *report, struct ini **ini) {
    enum smq_result result = ini_load(path, table, target, report, ini);
    if (result != SMQ_OK || all_there(path, given, count))
        return result;
    (void)snprintf(report->error, sizeof report->error, "%s: a value is not what was given", path);
    ini_destroy(ini);
    return SMQ_ERR_INVALID;
}

static enum smq_result fail(struct ini_report *report, const char *path, int error) {
    (void)snprintf(report->error, sizeof report->error, "%s: %s", path, strerror(error));
    return error == EEXIST ? SMQ_ERR_EXISTS : SMQ_ERR_SYSTEM;
}

enum smq_result ini_create(const char *path, const struct ini_table *table, const struct ini_given *given, size_t count,
                           void *target, struct ini_report *report, struct ini **ini) {
    *ini = NULL;
    report->error[0] = '\0';
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (file == NULL) {
        int error = errno;
        if (descriptor >= 0)
            (void)close(descriptor);
        return fail(report, path, error);
    }
    enum smq_result result = ini_write(file, table, given, count);
    errno = 0;
    bool written = fflush(file) == 0 && ferror(file) == 0 && fsync(descriptor) == 0;
    int error = errno;
    if (fclose(file) != 0 && written) {
        written = false;
        error = errno;
    }
    if (result != SMQ_OK)
        (void)snprintf(report->error, sizeof report->error, "%s: %s", path, smq_result_text(result));
    else if (!written)
        result = fail(report, path, error);
    else
        result = read_back(path, table, given, count, target, report, ini);
    if (result != SMQ_OK)
        (void)unlink(path);
    return result;
}
