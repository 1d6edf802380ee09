/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names of received files. Pure and re-entrant: any thread. */
#pragma once

#include "queues/base/cursor.h"

enum { XFTP_FILE_NAME_MAX = 255 };

/* Makes of the name that a sender wrote one that is a single, visible component of a path, and prints as what it is:
 * separators of folders, control characters and marks that turn the direction of text become `_`, so does a dot at the
 * start; bytes that are no UTF-8 become U+FFFD; what is longer than XFTP_FILE_NAME_MAX bytes is cut between characters;
 * an empty name becomes `file`. Fills `safe`, zero-terminated. Whether a file of that name is there already is the
 * caller's to find out. */
void xftp_file_name_make_safe(struct slice name, char safe[XFTP_FILE_NAME_MAX + 1]);
