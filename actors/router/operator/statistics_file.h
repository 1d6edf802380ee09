/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The statistics file, in the reference's text format: what a router counted, kept over restarts. */
#pragma once

#include "actors/router/operator/statistics.h"
#include "actors/router/operator/text_buffer.h"

/* Writes the statistics as text. Attached thread; the one that takes from them (active.h). */
void statistics_write(const struct statistics *statistics, struct text_buffer *text);

/* Adds what `text` holds to fresh statistics, also text of older versions. Lines of unknown names are read over.
 * SMQ_ERR_SYNTAX: `*line` is the first that does not parse (from 1), and nothing was added. Attached thread, before
 * others count. */
enum smq_result statistics_parse(struct statistics *statistics, struct slice text, unsigned *line);

/* The same from a file, which is then renamed to `path`.bak; one that does not parse to `path`.bad, and logged.
 * SMQ_ERR_NOT_FOUND: there is none; SMQ_ERR_SYNTAX, SMQ_ERR_SYSTEM (errno), SMQ_ERR_TOO_LARGE, SMQ_ERR_NO_MEMORY.
 * Blocks for the file. */
enum smq_result statistics_restore(struct statistics *statistics, const char *path);
/* Replaces the file, durably. SMQ_ERR_SYSTEM (errno), SMQ_ERR_NO_MEMORY: what was there is there. Blocks for the
 * disk. */
enum smq_result statistics_save(const struct statistics *statistics, const char *path);
