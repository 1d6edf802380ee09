/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How smq prints messages. */
#pragma once

#include "bin/smq/smq_session.h"

/* Prints a message to stdout: its body (with --lines and a line end), or an object with --json, which has the key
 * `file` unless `file` is NULL. The mark of a full queue goes to stderr without --json. Returns an exit code. */
int message_print(const struct smq_options *options, const char *file, const struct smq_event *event);
