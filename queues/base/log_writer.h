/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The thread that writes the log; private to queues/base. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct log_site;

/* From now on the first line starts the thread. Once, by base_setup. */
void log_writer_allow(void);
/* Whether lines go through the ring; else they are written at once. */
bool log_writer_is_used(void);
/* Takes a whole line: never blocks. Any thread. */
void log_writer_line(const char *line, size_t length);
/* Tells, a second later, how many lines of `site` were left out, by its `format`, a literal. Any thread. */
void log_writer_list(struct log_site *site, const char *format);
