/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The lines of an INI file: `[section]`, `key = value` or `key: value`, and comments, which begin with `#` or `;`. What
 * follows the separator is the value to the end of the line, so that texts and secrets may hold any of these
 * characters. Debian's libinih cannot do that: it is compiled to cut lines at 200 bytes and values at ` ;`, and it does
 * not tell the number of a line. */
#pragma once

#include <stddef.h>

#include "smq/result.h"

enum ini_line_kind {
    INI_LINE_END,
    INI_LINE_SECTION, /* `section` is new */
    INI_LINE_KEY,     /* `key` and `value` */
    INI_LINE_BAD      /* none of them; `fault` says why */
};

struct ini_lines {
    /* Of the line that was read last; texts are valid until the next section begins or the file is closed. */
    unsigned number; /* from 1 */
    const char *section, *key, *value;
    const char *fault;
    /* private */
    char *text, *next;
    size_t length;
};

/* Reads the whole file, 1 MB at most. Blocks for it, but not for a FIFO, which is refused. SMQ_ERR_SYSTEM: `*reason`
 * says why it cannot be read; SMQ_ERR_NO_MEMORY. */
enum smq_result ini_lines_open(const char *path, struct ini_lines *lines, const char **reason);
/* The next line that says anything. */
enum ini_line_kind ini_lines_next(struct ini_lines *lines);
/* Wipes and frees the text. */
void ini_lines_close(struct ini_lines *lines);
