/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings as tables: what an INI file may say, what it says when it says nothing, and what `init` writes, all from the
 * same rows. What fits no row is refused or warned of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "smq/result.h"

enum ini_type {
    INI_TEXT,   /* const char *, kept alive by struct ini */
    INI_SECRET, /* the same; never shown in a message, wiped by ini_destroy */
    INI_SWITCH, /* bool: on, off */
    INI_NUMBER, /* int64_t, decimal */
    INI_SIZE,   /* int64_t bytes: a number with an optional K, M, G or T (powers of 1,024), and a B if one likes */
    INI_CHOICE  /* int: index into `choices` */
};

#define INI_NOT_STORED SIZE_MAX /* as `offset`: the value is checked and then forgotten */

struct ini_row {
    const char *key;
    enum ini_type type;
    size_t offset;              /* of the field in the struct that the rows are for */
    const char *initial;        /* the default, as it would stand in the file; NULL: the field keeps what is in it */
    int64_t minimum, maximum;   /* INI_NUMBER, INI_SIZE; both 0: any that is not negative */
    const char *const *choices; /* INI_CHOICE: ends with NULL */
    bool (*check)(const char *value); /* INI_TEXT, INI_SECRET: whether the value is acceptable; NULL: every one is */
    const char *accepted;             /* with `check`: the end of the sentence "expected ..." */
    /* Not NULL: the key is known, but a value other than `initial` does nothing here; ends the warning. */
    const char *without_effect;
    bool live;           /* a new value counts at a reload; the others need a restart */
    bool quiet;          /* with `without_effect`: nobody need be warned */
    const char *comment; /* one line over the key in a new file; NULL: that of the key before is about this one, too */
    const char *written; /* the value that a new file gives; NULL: none, and the key stands there as a comment */
    const char *example; /* which then shows this; NULL: `initial` */
};

/* Rows that routers share, or that only one has. */
struct ini_rows {
    const struct ini_row *rows;
    size_t count;
};

#define INI_ROWS(rows_)                                                                                                \
    { .rows = (rows_), .count = sizeof(rows_) / sizeof((rows_)[0]) }

/* A section, or a part of one: parts of the same name follow each other. */
struct ini_part {
    const char *section;
    const char *comment; /* lines under the heading in a new file, separated by line ends; may be NULL */
    const struct ini_rows *rows;
    size_t base; /* of the rows' struct in the target */
    /* An unknown key, or one that is given twice with different values, is an error: where a key closes a door, a typo
     * must not open it. */
    bool strict;
};

struct ini_table {
    const struct ini_part *parts;
    size_t count;
};

/* Where the reader reports to: lines without a line end. `warn` NULL drops warnings; `mistake`, when not NULL, gets
 * every mistake. `error` is the first of them on failure, `given` is set otherwise. */
struct ini_report {
    void (*warn)(void *context, const char *line);
    void (*mistake)(void *context, const char *line);
    void *context;
    char error[512];
    size_t given; /* rows that the file had */
};

struct ini; /* owns the texts that the target points to */

/* Sets every field to its default, then reads the file (ini_lines.h). A key given twice counts as given last, with a
 * warning. A section that no part has is a mistake. Messages begin with "path:line: ". Any thread; blocks for the file.
 * Errors: SMQ_ERR_SYSTEM (cannot be read, or larger than 1 MB), SMQ_ERR_SYNTAX (not an INI line, an unknown section),
 * SMQ_ERR_INVALID (a bad value), SMQ_ERR_NO_MEMORY; all with report->error. On failure the target's texts are not
 * valid. */
enum smq_result ini_load(const char *path, const struct ini_table *table, void *target, struct ini_report *report,
                         struct ini **ini);

/* Calls `differs` for each stored row with another value in `now` than in `before`; both were loaded by the table. */
void ini_compare(const struct ini_table *table, const void *before, const void *now,
                 void (*differs)(void *context, const char *section, const struct ini_row *row), void *context);

/* Takes ownership and nulls the pointer; wipes and frees the texts. NULL inside is allowed. */
void ini_destroy(struct ini **ini);

/* ---- new files */

/* What a new file says instead of the row's `written`; `value` NULL: nothing, the key stands there as a comment. */
struct ini_given {
    const char *section, *key, *value;
};

/* The whole text of a new file: every section, and every key of it with its comment. SMQ_ERR_INVALID: what is given
 * has no row. */
enum smq_result ini_write(FILE *file, const struct ini_table *table, const struct ini_given *given, size_t count);

/* Makes the file at `path` (mode 0600, not there yet), durable, and reads it back with the same table into `target`;
 * what was given must be there as it was given. On failure there is no file. Errors of ini_load; SMQ_ERR_EXISTS; all
 * with report->error. */
enum smq_result ini_create(const char *path, const struct ini_table *table, const struct ini_given *given, size_t count,
                           void *target, struct ini_report *report, struct ini **ini);

/* ---- rows */

/* NULL when there is none. */
const struct ini_row *ini_find(const struct ini_table *table, const char *section, const char *key);
/* Whether `value` may stand in a file as the row's: one line without blanks at its ends, of the row's type and range.
 */
bool ini_accepts(const struct ini_row *row, const char *value);
/* The end of the sentence "expected ..." for a row. */
void ini_describe(const struct ini_row *row, char *text, size_t size);
