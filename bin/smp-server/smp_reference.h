/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `journal` and `database`: commands of the reference for stores that this router does not have. */
#pragma once

#include "bin/common/server_files.h"

/* `import` takes the reference's files over when there is no store yet, as a start does. Else they say what is the
 * case, on stdout when a script may go on (exit code 0), on stderr when it may not (2). */
int smp_journal(const struct server_files *files, const char *action);
int smp_database(const struct server_files *files, const char *action);
