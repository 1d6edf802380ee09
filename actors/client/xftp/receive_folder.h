/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The folder in which the chunks of a file that is being received outlive an interruption: one sparse file of all
 * chunks, and a state: a first line that says which file it is, a line for each chunk that is whole, and where the
 * decrypted file is being written. One process at a time. Blocks for the disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"
#include "transport/xftp/description.h"

enum { RECEIVE_PATH_SIZE = 4096 };

struct receive_folder {
    int folder;
    int chunks; /* the sparse file */
    int state;
    char stale_output[RECEIVE_PATH_SIZE]; /* a file that an interrupted process was writing; empty: none */
};

/* Opens or makes the folder, which must be the user's own and closed to others, and sets `done[i]` for each chunk that
 * the state has; their bytes are not checked. SMQ_ERR_EXISTS: another process uses it, or it is of another file;
 * SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM. */
enum smq_result receive_folder_open(struct receive_folder *folder, const char *path,
                                    const struct xftp_description *description, bool *done);
void receive_folder_close(struct receive_folder *folder);
/* Removes the files, and the folder if nothing else is in it. */
void receive_folder_remove(struct receive_folder *folder, const char *path);

enum smq_result receive_folder_note_chunk(struct receive_folder *folder, size_t index);
enum smq_result receive_folder_note_output(struct receive_folder *folder, const char *path);

/* What a failed system call means: SMQ_ERR_STORE_FULL or SMQ_ERR_SYSTEM. */
enum smq_result file_failure(void);
/* All of the bytes at `offset`. */
enum smq_result write_at(int file, struct slice bytes, uint64_t offset);
/* Exactly `length` bytes; SMQ_ERR_SYSTEM also when there are fewer. */
enum smq_result read_at(int file, uint8_t *bytes, size_t length, uint64_t offset);
