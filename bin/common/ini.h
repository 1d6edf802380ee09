/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* INI files read into a struct by a table of rows: what is not in the table is warned of, what does not fit is
 * refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

enum ini_type {
    INI_TEXT,   /* const char *, kept alive by struct ini */
    INI_SECRET, /* the same; never shown in a message, wiped by ini_destroy */
    INI_SWITCH, /* bool: on, off */
    INI_NUMBER, /* int64_t, decimal */
    INI_SIZE,   /* int64_t bytes: a number with an optional K, M, G or T (powers of 1,024) */
    INI_CHOICE  /* int: index into `choices` */
};

#define INI_NOT_STORED SIZE_MAX /* as `offset`: the value is checked and then forgotten */

struct ini_row {
    const char *section;
    const char *key;
    enum ini_type type;
    size_t offset;              /* of the field in the target */
    const char *initial;        /* the default, as it would stand in the file; NULL: the field keeps what is in it */
    int64_t minimum, maximum;   /* INI_NUMBER, INI_SIZE; both 0: any that is not negative */
    const char *const *choices; /* INI_CHOICE: ends with NULL */
    bool (*check)(const char *value); /* INI_TEXT, INI_SECRET: whether the value is acceptable; NULL: every one is */
    const char *accepted;             /* with `check`: the end of the sentence "expected ..." */
    /* Not NULL: the key is known, but a value other than `initial` does nothing in this version; ends the warning. */
    const char *without_effect;
    bool live; /* a new value counts at a reload; the others need a restart */
};

struct ini_table {
    const struct ini_row *rows;
    size_t count;
};

/* Where the reader reports to. `warn` gets one line without a line end; NULL drops warnings. `error` is set on
 * failure, `given` otherwise. */
struct ini_report {
    void (*warn)(void *context, const char *line);
    void *context;
    char error[512];
    size_t given; /* rows that the file had */
};

struct ini; /* owns the texts that the target points to */

/* Sets every field to its default, then reads the file. Lines are `[section]`, `key = value`, `# comment`, `; comment`;
 * white space around them does not count; a key given twice counts as given last, with a warning. Messages begin with
 * "path:line: ". Any thread; blocks for the file. Errors: SMQ_ERR_SYSTEM (cannot be read, or larger than 1 MB),
 * SMQ_ERR_SYNTAX (not an INI line), SMQ_ERR_INVALID (a bad value), SMQ_ERR_NO_MEMORY; all with report->error. On
 * failure the target's texts are not valid. */
enum smq_result ini_load(const char *path, const struct ini_table *table, void *target, struct ini_report *report,
                         struct ini **ini);

/* Calls `differs` for each stored row with another value in `now` than in `before`; both were loaded by the table. */
void ini_compare(const struct ini_table *table, const void *before, const void *now,
                 void (*differs)(void *context, const struct ini_row *row), void *context);

/* Takes ownership and nulls the pointer; wipes and frees the texts. NULL inside is allowed. */
void ini_destroy(struct ini **ini);
