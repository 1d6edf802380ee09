/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The folder of chunk files: one file a chunk, named by its sender id in base64url, all in one folder, as the
 * reference has it. What is being received is in a sub-folder, `.incoming`, under names that mean nothing, so that an
 * unfinished chunk can never be taken for a whole one. One process at a time has a folder open (flock).
 *
 * A folder may be used by several threads. All functions block for the disk. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

enum {
    CHUNK_ID_MAX = 64,    /* bytes of a sender id; routers make 16 */
    CHUNK_NAME_SIZE = 92, /* of the name of the longest, with its zero */
};

struct chunk_folder;

/* Opens the folder, makes it and the sub-folder when they are missing (mode 0700; the parent must be there), and
 * removes what was being received when the last process ended. Logs the reason of a failure. SMQ_ERR_EXISTS: another
 * process has it open; SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM (errno), SMQ_ERR_NO_MEMORY. */
enum smq_result chunk_folder_open(const char *path, struct chunk_folder **out);
/* All files of the folder must be closed. `is_orderly`: the next process need not look for what this one left behind.
 * Sets the pointer to NULL, which it may be. */
void chunk_folder_close(struct chunk_folder **folder, bool is_orderly);
/* Whether the last process that had the folder open did not close it in order. */
bool chunk_folder_was_left(const struct chunk_folder *folder);

/* The name of the file of this chunk; SMQ_ERR_TOO_LARGE, SMQ_ERR_INVALID (empty). Pure. */
enum smq_result chunk_name_of(struct slice id, char name[CHUNK_NAME_SIZE]);
/* Whether `name` is that of a chunk file, and of which; `*length` bytes of it. Pure. */
bool chunk_name_parse(const char *name, uint8_t id[CHUNK_ID_MAX], size_t *length);

/* Removes the file of a chunk. SMQ_ERR_NOT_FOUND when there is none; SMQ_ERR_STORE, logged. What was removed is not on
 * the disk any more after the next chunk_folder_sync. */
enum smq_result chunk_remove(struct chunk_folder *folder, struct slice id);
/* Makes removals so far durable. SMQ_ERR_STORE, logged. */
enum smq_result chunk_folder_sync(struct chunk_folder *folder);

/* Bytes that the file system has left for this process. SMQ_ERR_SYSTEM. */
enum smq_result chunk_folder_room(struct chunk_folder *folder, uint64_t *bytes);

/* ---- a walk over all chunk files, in no order; one thread ---- */

struct chunk_walk {
    DIR *directory;
    int folder;
};
struct chunk_entry {
    uint8_t id_length;
    uint8_t id[CHUNK_ID_MAX];
    uint64_t size;
    int64_t modified; /* seconds since 1970; when it got its name, or later */
};

/* SMQ_ERR_SYSTEM, SMQ_ERR_NO_MEMORY. */
enum smq_result chunk_walk_begin(struct chunk_folder *folder, struct chunk_walk *walk);
/* The next chunk file; other names are passed over, at most `names` of any kind a call. SMQ_ERR_AGAIN: none among
 * these; SMQ_ERR_EMPTY: that was all. */
enum smq_result chunk_walk_next(struct chunk_walk *walk, unsigned names, struct chunk_entry *entry);
void chunk_walk_end(struct chunk_walk *walk);
