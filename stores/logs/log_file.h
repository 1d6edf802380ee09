/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The reference's files: read as they are, never changed; written beside their place and put there whole. Reasons of
 * failures are logged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/logs/log_lines.h"

enum { LOG_PATH_SIZE = 4096 };

/* ---- Reading ---- */

/* A file as a source of lines; the caller's. */
struct log_input {
    int file;
    const char *path; /* for what is logged */
};

/* SMQ_ERR_NOT_FOUND: it is missing, which is not logged. SMQ_ERR_SYSTEM: it cannot be read, or is no regular file. */
enum smq_result log_input_open(struct log_input *input, const char *path);
void log_input_close(struct log_input *input);
/* `input` must stay where it is. */
struct log_source log_input_source(struct log_input *input);

/* Which file holds the state of the log `path` (LOG_PATH_SIZE bytes): `path`, or, when the reference died while it was
 * compacting, `path`.start, from before; `recovered` tells. Nothing is renamed. False: neither is there. */
bool log_file_current(const char *path, char *current, bool *recovered);

/* ---- Writing ---- */

struct log_output;

/* Makes `path`.part, with mode 0600 and, when root makes it, of whom the folder belongs to. What an earlier attempt
 * left of that name is replaced. SMQ_ERR_EXISTS: `path` is there. SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM,
 * SMQ_ERR_NO_MEMORY. */
enum smq_result log_output_create(const char *path, struct log_output **out);
/* A place to write records to, with room for at least LOG_OUTPUT_ROOM bytes; NULL when what was written before did not
 * get to the disk, which log_output_finish answers. */
struct writer *log_output_writer(struct log_output *output);
/* Makes all of it durable, under its name with `.part`. SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM. */
enum smq_result log_output_finish(struct log_output *output);
/* Gives it its name, which must still be free (SMQ_ERR_EXISTS), and makes that durable. After log_output_finish. */
enum smq_result log_output_publish(struct log_output *output);
/* Removes what was not published. Takes ownership and nulls the pointer; NULL inside is allowed. */
void log_output_destroy(struct log_output **output);

enum { LOG_OUTPUT_ROOM = 1 << 20 };

/* Copies a file of any size: whole, durable, under a name that is free. Errors of both sides. */
enum smq_result log_file_copy(const char *from, const char *to);
