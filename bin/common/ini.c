/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* INI files: inih finds the lines, this file types, checks and stores the values. */
#include "bin/common/ini.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"

struct text {
    struct text *next;
    size_t length;
    char bytes[];
};

struct ini {
    struct text *texts;
};

struct loading {
    const char *path;
    FILE *file;
    char *line; /* of getline */
    size_t line_capacity;
    int line_number;
    int failed_line; /* the line that report->error is about; 0: none */
    enum smq_result failure;
    const struct ini_table *table;
    bool *seen; /* by row */
    void *target;
    struct ini *ini;
    struct ini_report *report;
};

static void warn_at_line(const struct loading *loading, const char *section, const char *key, const char *text) {
    char line[512];
    if (loading->report->warn == NULL)
        return;
    (void)snprintf(line, sizeof line, "%s:%d: warning: [%s] %s: %s", loading->path, loading->line_number, section, key,
                   text);
    loading->report->warn(loading->report->context, line);
}

static int fail_at_line(struct loading *loading, enum smq_result failure) {
    loading->failed_line = loading->line_number;
    loading->failure = failure;
    return 0;
}

/* The end of the sentence "expected ..." for a row. */
static void describe_accepted(const struct ini_row *row, char *text, size_t size) {
    size_t length = 0;
    switch (row->type) {
    case INI_SWITCH:
        (void)snprintf(text, size, "on or off");
        return;
    case INI_NUMBER:
    case INI_SIZE:
        if (row->minimum == 0 && row->maximum == 0)
            (void)snprintf(text, size, "a number from 0");
        else
            (void)snprintf(text, size, "a number from %" PRId64 " to %" PRId64 "%s", row->minimum, row->maximum,
                           row->type == INI_SIZE ? ", with K, M, G or T as you like" : "");
        return;
    case INI_CHOICE:
        text[0] = '\0';
        for (size_t index = 0; row->choices[index] != NULL && length < size; index++)
            length +=
                (size_t)snprintf(text + length, size - length, "%s%s", index == 0 ? "" : " or ", row->choices[index]);
        return;
    default:
        (void)snprintf(text, size, "%s", row->accepted == NULL ? "some text" : row->accepted);
    }
}

static bool parse_number(const struct ini_row *row, const char *value, int64_t *out) {
    char *end = NULL;
    if (value[0] == '\0' || isspace((unsigned char)value[0]))
        return false;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value)
        return false;
    static const char suffixes[] = "KMGT";
    const char *suffix = row->type == INI_SIZE && *end != '\0' ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    if (suffix != NULL) {
        int shift = 10 * (int)(suffix - suffixes + 1);
        if (number < 0 || number > (INT64_MAX >> shift))
            return false;
        number <<= shift;
        end++;
    }
    bool open_ended = row->minimum == 0 && row->maximum == 0;
    if (*end != '\0' || number < row->minimum || (!open_ended && number > row->maximum))
        return false;
    *out = number;
    return true;
}

static bool parse_choice(const struct ini_row *row, const char *value, int *out) {
    for (int index = 0; row->choices[index] != NULL; index++) {
        if (strcmp(value, row->choices[index]) == 0) {
            *out = index;
            return true;
        }
    }
    return false;
}

static const char *keep_text(struct ini *ini, const char *value) {
    size_t length = strlen(value);
    struct text *text = memory_alloc(sizeof *text + length + 1);
    if (text == NULL)
        return NULL;
    text->length = length;
    memcpy(text->bytes, value, length + 1);
    text->next = ini->texts;
    ini->texts = text;
    return text->bytes;
}

/* SMQ_ERR_INVALID: not acceptable; SMQ_ERR_NO_MEMORY. */
static enum smq_result store_value(struct ini *ini, const struct ini_row *row, void *target, const char *value) {
    bool stored = row->offset != INI_NOT_STORED;
    char *field = (char *)target + (stored ? row->offset : 0);
    int64_t number = 0;
    int choice = 0;
    switch (row->type) {
    case INI_SWITCH:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
            return SMQ_ERR_INVALID;
        if (stored)
            *(bool *)field = value[1] == 'n';
        return SMQ_OK;
    case INI_NUMBER:
    case INI_SIZE:
        if (!parse_number(row, value, &number))
            return SMQ_ERR_INVALID;
        if (stored)
            memcpy(field, &number, sizeof number);
        return SMQ_OK;
    case INI_CHOICE:
        if (!parse_choice(row, value, &choice))
            return SMQ_ERR_INVALID;
        if (stored)
            memcpy(field, &choice, sizeof choice);
        return SMQ_OK;
    default:
        if (row->check != NULL && !row->check(value))
            return SMQ_ERR_INVALID;
        if (stored) {
            const char *text = keep_text(ini, value);
            if (text == NULL)
                return SMQ_ERR_NO_MEMORY;
            memcpy(field, &text, sizeof text);
        }
        return SMQ_OK;
    }
}

static const struct ini_row *find_row(const struct ini_table *table, const char *section, const char *key) {
    for (size_t index = 0; index < table->count; index++)
        if (strcmp(table->rows[index].section, section) == 0 && strcmp(table->rows[index].key, key) == 0)
            return &table->rows[index];
    return NULL;
}

static int handle_value(void *user, const char *section, const char *key, const char *value) {
    struct loading *loading = user;
    if (loading->failed_line != 0)
        return 0;
    const struct ini_row *row = find_row(loading->table, section, key);
    if (row == NULL) {
        warn_at_line(loading, section, key, "unknown key, ignored");
        return 1;
    }
    bool *seen = &loading->seen[row - loading->table->rows];
    if (*seen)
        warn_at_line(loading, section, key, "given more than once, the last one counts");
    loading->report->given += !*seen;
    *seen = true;
    enum smq_result result = store_value(loading->ini, row, loading->target, value);
    if (result == SMQ_ERR_INVALID) {
        char accepted[256];
        describe_accepted(row, accepted, sizeof accepted);
        bool shown = row->type != INI_SECRET;
        (void)snprintf(loading->report->error, sizeof loading->report->error, "%s:%d: [%s] %s%s%s: expected %s",
                       loading->path, loading->line_number, section, key, shown ? " = " : "", shown ? value : "",
                       accepted);
        return fail_at_line(loading, result);
    }
    if (result != SMQ_OK)
        return fail_at_line(loading, result);
    if (row->without_effect != NULL && (row->initial == NULL || strcmp(value, row->initial) != 0))
        warn_at_line(loading, section, key, row->without_effect);
    return 1;
}

/* inih's fgets. It counts lines, which inih does not pass on, and hands over whole lines without leading white space,
 * so that inih neither cuts a long line in two nor takes an indented key for more of the value above. */
static char *read_line(char *buffer, int size, void *stream) {
    struct loading *loading = stream;
    if (loading->failed_line != 0)
        return NULL;
    ssize_t read = getline(&loading->line, &loading->line_capacity, loading->file);
    if (read < 0)
        return NULL;
    loading->line_number++;
    const char *start = loading->line;
    while (*start == ' ' || *start == '\t')
        start++;
    size_t length = strlen(start);
    if (start + length != loading->line + read) {
        (void)snprintf(loading->report->error, sizeof loading->report->error, "%s:%d: a zero byte in the line",
                       loading->path, loading->line_number);
        fail_at_line(loading, SMQ_ERR_SYNTAX);
        return NULL;
    }
    if (*start == '#' || *start == ';')
        length = 0;
    if (length >= (size_t)size) {
        (void)snprintf(loading->report->error, sizeof loading->report->error, "%s:%d: longer than %d bytes",
                       loading->path, loading->line_number, size - 1);
        fail_at_line(loading, SMQ_ERR_SYNTAX);
        return NULL;
    }
    memcpy(buffer, start, length);
    buffer[length] = '\0';
    return buffer;
}

static enum smq_result apply_defaults(struct loading *loading) {
    for (size_t index = 0; index < loading->table->count; index++) {
        const struct ini_row *row = &loading->table->rows[index];
        if (row->initial == NULL)
            continue;
        enum smq_result result = store_value(loading->ini, row, loading->target, row->initial);
        if (result != SMQ_OK)
            return result == SMQ_ERR_INVALID ? SMQ_ERR_INTERNAL : result;
    }
    return SMQ_OK;
}

static enum smq_result parse_file(struct loading *loading) {
    int status = ini_parse_stream(read_line, loading, handle_value, loading);
    if (ferror(loading->file)) {
        (void)snprintf(loading->report->error, sizeof loading->report->error, "%s: %s", loading->path, strerror(errno));
        return SMQ_ERR_SYSTEM;
    }
    if (status < 0 || loading->failure == SMQ_ERR_NO_MEMORY)
        return SMQ_ERR_NO_MEMORY;
    /* inih tells the first bad line; ours may be a later one. */
    if (status > 0 && (loading->failed_line == 0 || status < loading->failed_line)) {
        (void)snprintf(loading->report->error, sizeof loading->report->error,
                       "%s:%d: expected [section], key = value or # comment", loading->path, status);
        return SMQ_ERR_SYNTAX;
    }
    return loading->failed_line != 0 ? loading->failure : SMQ_OK;
}

enum { FILE_MAX = 1024 * 1024 };

static const char *kind_refused(mode_t mode) {
    return S_ISREG(mode)                    ? NULL
           : S_ISDIR(mode)                  ? strerror(EISDIR)
           : S_ISFIFO(mode)                 ? "a FIFO, not a file"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device, not a file"
                                            : "not a file";
}

/* A file that is soon read, not what one waits for: a FIFO would hold up the caller until somebody writes to it. */
static FILE *open_file(const char *path, const char **reason) {
    struct stat status;
    FILE *file = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
        *reason = kind_refused(status.st_mode);
        if (*reason == NULL && status.st_size > FILE_MAX)
            *reason = strerror(EFBIG);
        if (*reason == NULL)
            file = fdopen(descriptor, "r");
    }
    if (file == NULL && *reason == NULL)
        *reason = strerror(errno);
    if (file == NULL && descriptor >= 0)
        (void)close(descriptor);
    return file;
}

enum smq_result ini_load(const char *path, const struct ini_table *table, void *target, struct ini_report *report,
                         struct ini **ini) {
    struct loading loading = {.path = path, .table = table, .target = target, .report = report};
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    report->error[0] = '\0';
    report->given = 0;
    loading.ini = memory_zalloc(sizeof *loading.ini);
    loading.seen = memory_zalloc(table->count * sizeof *loading.seen);
    if (loading.ini == NULL || loading.seen == NULL)
        goto done;
    const char *reason = NULL;
    loading.file = open_file(path, &reason);
    if (loading.file == NULL) {
        (void)snprintf(report->error, sizeof report->error, "%s: %s", path, reason);
        result = SMQ_ERR_SYSTEM;
        goto done;
    }
    result = apply_defaults(&loading);
    if (result == SMQ_OK)
        result = parse_file(&loading);
done:
    if (loading.line != NULL)
        secret_wipe(loading.line, loading.line_capacity);
    free(loading.line);
    if (loading.file != NULL)
        (void)fclose(loading.file);
    memory_free(loading.seen);
    if (result == SMQ_OK) {
        *ini = loading.ini;
        return SMQ_OK;
    }
    if (report->error[0] == '\0')
        (void)snprintf(report->error, sizeof report->error, "%s: %s", path, smq_result_text(result));
    ini_destroy(&loading.ini);
    return result;
}

static bool same_value(const struct ini_row *row, const void *before, const void *now) {
    const uint8_t *first = (const uint8_t *)before + row->offset;
    const uint8_t *second = (const uint8_t *)now + row->offset;
    const char *texts[2];
    switch (row->type) {
    case INI_SWITCH:
        return memcmp(first, second, sizeof(bool)) == 0;
    case INI_CHOICE:
        return memcmp(first, second, sizeof(int)) == 0;
    case INI_NUMBER:
    case INI_SIZE:
        return memcmp(first, second, sizeof(int64_t)) == 0;
    default:
        memcpy(&texts[0], first, sizeof texts[0]);
        memcpy(&texts[1], second, sizeof texts[1]);
        return texts[0] == NULL || texts[1] == NULL ? texts[0] == texts[1] : strcmp(texts[0], texts[1]) == 0;
    }
}

void ini_compare(const struct ini_table *table, const void *before, const void *now,
                 void (*differs)(void *context, const struct ini_row *row), void *context) {
    for (size_t index = 0; index < table->count; index++) {
        const struct ini_row *row = &table->rows[index];
        if (row->offset != INI_NOT_STORED && !same_value(row, before, now))
            differs(context, row);
    }
}

void ini_destroy(struct ini **ini) {
    if (*ini == NULL)
        return;
    struct text *text = (*ini)->texts;
    while (text != NULL) {
        struct text *next = text->next;
        secret_wipe(text->bytes, text->length);
        memory_free(text);
        text = next;
    }
    memory_free(*ini);
    *ini = NULL;
}
