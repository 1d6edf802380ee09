/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `journal` and `database`: commands of the reference for stores that this router does not have. */
#pragma once

/* Say what is the case, on stdout when a script may go on (exit code 0), on stderr when it may not (2). */
int smp_journal(const char *action);
int smp_database(const char *action);
