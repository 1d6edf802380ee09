/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A file on its way out of chunks: they come in any order, several at a time, into a folder of their own where they
 * outlive an interruption; as they become complete, in order, they are decrypted into a file without a name that
 * anybody uses, which gets its name only when digest and tag are those of the description. Nothing grows in memory with
 * the file.
 *
 * file_join_write, for different chunks, may be called on several threads at a time; all else on one at a time. They
 * block for the disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/xftp/output_name.h"
#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/xftp/description.h"

struct file_join_options {
    const struct xftp_description *description; /* borrowed; without problems (xftp_description_problem) */
    const char *work_folder; /* made when missing, mode 0700; what it has of this file, from before, is used */
    const char *target_folder;
    const char *target_name; /* NULL: the one that the sender wrote, made safe and made unique */
};

struct file_join;

/* Checks what is there from before, which takes a hash of it. SMQ_ERR_EXISTS: a file of `target_name` is there, or the
 * work folder is in use; SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM, SMQ_ERR_NO_MEMORY, SMQ_ERR_CRYPTO; SMQ_ERR_INVALID. */
enum smq_result file_join_open(const struct file_join_options *options, struct file_join **out);
/* What has come stays in the work folder, unless the file was finished. Sets the pointer to NULL, which it may be. */
void file_join_close(struct file_join **join);
/* As file_join_close, and removes what has come. */
void file_join_discard(struct file_join **join);

/* Whether the chunk has come, now or before. */
bool file_join_has(const struct file_join *join, size_t index);
uint64_t file_join_bytes(const struct file_join *join); /* of chunks that have come */

/* Bytes of a chunk, decrypted from the router's layer. SMQ_ERR_TOO_LARGE: beyond its end; SMQ_ERR_STORE_FULL,
 * SMQ_ERR_SYSTEM. */
enum smq_result file_join_write(struct file_join *join, size_t index, uint32_t offset, struct slice bytes);
/* The chunk is whole: the caller has checked its digest. SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM. */
enum smq_result file_join_chunk_done(struct file_join *join, size_t index);

/* Decrypts a piece of what has come in order. SMQ_OK: there may be more to do; SMQ_ERR_AGAIN: not before another chunk
 * has come; SMQ_ERR_EMPTY: all is decrypted. SMQ_ERR_SYNTAX, SMQ_ERR_CRYPTO: it is not the file of the description;
 * SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM. */
enum smq_result file_join_step(struct file_join *join);
/* After SMQ_ERR_EMPTY: gives the file its name and removes what came. `name`: which it is, in the target folder.
 * SMQ_ERR_EXISTS: a file of `target_name` has come into being meanwhile; others as above. */
enum smq_result file_join_finish(struct file_join *join, char name[OUTPUT_NAME_SIZE]);
