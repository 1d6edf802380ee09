/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store import: what the reference's smp-server left, taken over into this router's store. Its files are
 * read and stay as they are. Main thread, before any other exists; blocks for disk, database and, unless `yes`, the
 * person at the terminal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bin/common/server_files.h"

struct smp_import_options {
    bool yes;             /* ask nothing */
    const char *from;     /* folder of the reference's files; NULL: the router's data folder */
    const char *postgres; /* connection string or URI; NULL: queues and messages are in files */
    const char *schema;   /* of the database; NULL: the reference's default */
    int messages;         /* index into smp_import_messages when there are both; -1: not said */
};

/* "file", "journal"; ends with NULL. */
extern const char *const smp_import_messages[];

/* Returns the exit code; mistakes are told on stderr. */
int smp_import(const struct server_files *files, const struct smp_import_options *options);

/* Before a router starts: when there is no store yet, but the reference's store log is there, imports it, after asking;
 * when smp-server.ini says that the queues are in a database, refuses to begin without them. 0: go on. */
int smp_import_at_start(const struct server_files *files, bool yes);
