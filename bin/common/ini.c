/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reads an INI file by a table. Every mistake is told, not only the first: who mends a file wants to mend it once. */
#include "bin/common/ini.h"

#include <stdarg.h>
#include <string.h>

#include "bin/common/ini_lines.h"
#include "bin/common/ini_value.h"
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
    const struct ini_table *table;
    void *target;
    struct ini *ini;
    struct ini_report *report;
    struct ini_lines lines;
    const char **seen; /* by row, counted over all parts: the value given last; NULL: none yet */
    enum smq_result failure;
};

/* A row with where it is. */
struct place {
    const struct ini_part *part;
    const struct ini_row *row;
    size_t index; /* over all parts */
};

static void *field_of(const struct ini_part *part, const struct ini_row *row, void *target) {
    return (char *)target + part->base + row->offset;
}

static bool find_place(const struct ini_table *table, const char *section, const char *key, struct place *place) {
    size_t before = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct ini_part *part = &table->parts[i];
        for (size_t k = 0; k < part->rows->count && strcmp(part->section, section) == 0; k++) {
            if (strcmp(part->rows->rows[k].key, key) == 0) {
                *place = (struct place){part, &part->rows->rows[k], before + k};
                return true;
            }
        }
        before += part->rows->count;
    }
    return false;
}

const struct ini_row *ini_find(const struct ini_table *table, const char *section, const char *key) {
    struct place place;
    return find_place(table, section, key, &place) ? place.row : NULL;
}

/* ---- what is said */

static void warn(const struct loading *loading, const char *key, const char *text) {
    char line[512];
    if (loading->report->warn == NULL)
        return;
    (void)snprintf(line, sizeof line, "%s:%u: warning: [%s] %s: %s", loading->path, loading->lines.number,
                   loading->lines.section, key, text);
    loading->report->warn(loading->report->context, line);
}

__attribute__((format(printf, 3, 4))) static void mistake(struct loading *loading, enum smq_result failure,
                                                          const char *format, ...) {
    char text[448], line[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (loading->lines.number > 0)
        (void)snprintf(line, sizeof line, "%s:%u: %s", loading->path, loading->lines.number, text);
    else
        (void)snprintf(line, sizeof line, "%s: %s", loading->path, text);
    if (loading->report->mistake != NULL)
        loading->report->mistake(loading->report->context, line);
    if (loading->failure != SMQ_OK)
        return;
    loading->failure = failure;
    memcpy(loading->report->error, line, sizeof line);
}

/* Names of the sections, or of the keys of one. */
static void list_names(const struct ini_table *table, const char *section, char *text, size_t size) {
    size_t length = 0;
    const char *last = "";
    text[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        const struct ini_part *part = &table->parts[i];
        size_t count = section == NULL ? strcmp(last, part->section) != 0
                                       : (strcmp(section, part->section) == 0 ? part->rows->count : 0);
        last = part->section;
        for (size_t k = 0; k < count && length < size; k++)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length == 0 ? "" : ", ",
                                       section == NULL ? part->section : part->rows->rows[k].key);
    }
}

/* ---- sections and keys */

static const struct ini_part *find_section(const struct ini_table *table, const char *section) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->parts[i].section, section) == 0)
            return &table->parts[i];
    return NULL;
}

static void take_section(struct loading *loading) {
    char names[256];
    if (find_section(loading->table, loading->lines.section) != NULL)
        return;
    list_names(loading->table, NULL, names, sizeof names);
    mistake(loading, SMQ_ERR_SYNTAX, "[%s]: unknown section: expected %s", loading->lines.section, names);
}

static void take_unknown(struct loading *loading) {
    const struct ini_lines *lines = &loading->lines;
    const struct ini_part *part = find_section(loading->table, lines->section);
    char names[256];
    if (lines->section[0] == '\0') {
        mistake(loading, SMQ_ERR_SYNTAX, "%s: before any [section]", lines->key);
    } else if (part != NULL && part->strict) {
        list_names(loading->table, lines->section, names, sizeof names);
        mistake(loading, SMQ_ERR_SYNTAX, "[%s] %s: unknown key: expected %s", lines->section, lines->key, names);
    } else if (part != NULL) {
        warn(loading, lines->key, "unknown key, ignored");
    }
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

static enum smq_result store(struct loading *loading, const struct ini_part *part, const struct ini_row *row,
                             const char *text) {
    union ini_value value;
    if (!ini_value_parse(row, text, &value))
        return SMQ_ERR_INVALID;
    if (row->offset == INI_NOT_STORED)
        return SMQ_OK;
    if ((row->type == INI_TEXT || row->type == INI_SECRET) && (value.text = keep_text(loading->ini, text)) == NULL)
        return SMQ_ERR_NO_MEMORY;
    ini_value_store(row, &value, field_of(part, row, loading->target));
    return SMQ_OK;
}

static void take_again(struct loading *loading, const struct place *place, const char *before) {
    if (place->part->strict && strcmp(before, loading->lines.value) != 0)
        mistake(loading, SMQ_ERR_INVALID, "[%s] %s: given before with another value: expected one of the two",
                loading->lines.section, loading->lines.key);
    else
        warn(loading, loading->lines.key, "given more than once, the last one counts");
}

static void take_key(struct loading *loading) {
    const struct ini_lines *lines = &loading->lines;
    struct place place;
    if (!find_place(loading->table, lines->section, lines->key, &place)) {
        take_unknown(loading);
        return;
    }
    const struct ini_row *row = place.row;
    const char *before = loading->seen[place.index];
    loading->report->given += before == NULL;
    loading->seen[place.index] = lines->value;
    enum smq_result result = store(loading, place.part, row, lines->value);
    if (result == SMQ_ERR_INVALID) {
        char accepted[256];
        bool shown = row->type != INI_SECRET;
        ini_describe(row, accepted, sizeof accepted);
        mistake(loading, result, "[%s] %s%s%s: expected %s", lines->section, lines->key, shown ? " = " : "",
                shown ? lines->value : "", accepted);
        return;
    }
    if (result != SMQ_OK) {
        mistake(loading, result, "%s", smq_result_text(result));
        return;
    }
    if (before != NULL)
        take_again(loading, &place, before);
    if (row->without_effect != NULL && !row->quiet && (row->initial == NULL || strcmp(lines->value, row->initial) != 0))
        warn(loading, lines->key, row->without_effect);
}

static void take_lines(struct loading *loading) {
    for (;;) {
        switch (ini_lines_next(&loading->lines)) {
        case INI_LINE_SECTION:
            take_section(loading);
            break;
        case INI_LINE_KEY:
            take_key(loading);
            break;
        case INI_LINE_BAD:
            mistake(loading, SMQ_ERR_SYNTAX, "%s", loading->lines.fault);
            break;
        default:
            return;
        }
    }
}

/* ---- the whole file */

static enum smq_result apply_defaults(struct loading *loading) {
    for (size_t i = 0; i < loading->table->count; i++) {
        const struct ini_part *part = &loading->table->parts[i];
        for (size_t k = 0; k < part->rows->count; k++) {
            const struct ini_row *row = &part->rows->rows[k];
            enum smq_result result = row->initial == NULL ? SMQ_OK : store(loading, part, row, row->initial);
            if (result != SMQ_OK)
                return result == SMQ_ERR_INVALID ? SMQ_ERR_INTERNAL : result;
        }
    }
    return SMQ_OK;
}

static size_t count_rows(const struct ini_table *table) {
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        count += table->parts[i].rows->count;
    return count;
}

static enum smq_result load(struct loading *loading) {
    const char *reason = NULL;
    loading->ini = memory_zalloc(sizeof *loading->ini);
    loading->seen = memory_zalloc_array(count_rows(loading->table) + 1, sizeof *loading->seen);
    if (loading->ini == NULL || loading->seen == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = apply_defaults(loading);
    if (result == SMQ_OK)
        result = ini_lines_open(loading->path, &loading->lines, &reason);
    if (result == SMQ_OK)
        take_lines(loading);
    else
        mistake(loading, result, "%s", reason != NULL ? reason : smq_result_text(result));
    return loading->failure;
}

enum smq_result ini_load(const char *path, const struct ini_table *table, void *target, struct ini_report *report,
                         struct ini **ini) {
    struct loading loading = {.path = path, .table = table, .target = target, .report = report};
    report->error[0] = '\0';
    report->given = 0;
    enum smq_result result = load(&loading);
    if (result != SMQ_OK && report->error[0] == '\0')
        mistake(&loading, result, "%s", smq_result_text(result));
    ini_lines_close(&loading.lines);
    memory_free(loading.seen);
    if (result != SMQ_OK)
        ini_destroy(&loading.ini);
    *ini = loading.ini;
    return result;
}

void ini_compare(const struct ini_table *table, const void *before, const void *now,
                 void (*differs)(void *context, const char *section, const struct ini_row *row), void *context) {
    for (size_t i = 0; i < table->count; i++) {
        const struct ini_part *part = &table->parts[i];
        for (size_t k = 0; k < part->rows->count; k++) {
            const struct ini_row *row = &part->rows->rows[k];
            size_t offset = part->base + row->offset;
            if (row->offset != INI_NOT_STORED &&
                !ini_value_same(row, (const char *)before + offset, (const char *)now + offset))
                differs(context, part->section, row);
        }
    }
}

void ini_destroy(struct ini **ini) {
    if (*ini == NULL)
        return;
    for (struct text *text = (*ini)->texts; text != NULL;) {
        struct text *next = text->next;
        secret_wipe(text->bytes, text->length);
        memory_free(text);
        text = next;
    }
    memory_free(*ini);
    *ini = NULL;
}
