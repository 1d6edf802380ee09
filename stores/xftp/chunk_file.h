/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of chunks, being received and being sent. A file belongs to one thread at a time; all functions block for the
 * disk, and log what goes wrong with it (at a bounded rate). */
#pragma once

#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/xftp/chunk_folder.h"

/* ---- receiving: a temporary name, until all is on the disk ---- */

struct chunk_upload {
    struct chunk_folder *folder;
    int file;        /* -1: none */
    uint64_t number; /* its name in `.incoming` */
};

/* SMQ_ERR_STORE_FULL, SMQ_ERR_STORE. */
enum smq_result chunk_upload_begin(struct chunk_folder *folder, struct chunk_upload *upload);
/* The next bytes. SMQ_ERR_STORE_FULL: no room on the disk; SMQ_ERR_STORE. Then only chunk_upload_abandon is of use. */
enum smq_result chunk_upload_write(struct chunk_upload *upload, struct slice bytes);
/* Makes the bytes durable under the name of the chunk, in place of what may have had that name (which had the same
 * bytes, as both had the digest of the record). Afterwards the upload is over. What is left to do is to remember in the
 * store that the chunk is there; if the record is gone, chunk_remove. SMQ_ERR_STORE_FULL, SMQ_ERR_STORE: what has the
 * name of the chunk, if anything, is whole, but need not survive the machine. */
enum smq_result chunk_upload_keep(struct chunk_upload *upload, struct slice id);
/* Removes what was received. Nothing happens when the upload is over. */
void chunk_upload_abandon(struct chunk_upload *upload);

/* ---- sending ---- */

struct chunk_download {
    int file; /* -1: none */
    uint64_t left;
};

/* Opens the file of a chunk of exactly `size` bytes. SMQ_ERR_NOT_FOUND: there is none, or one of another size, which is
 * logged; SMQ_ERR_STORE. */
enum smq_result chunk_download_begin(struct chunk_folder *folder, struct slice id, uint64_t size,
                                     struct chunk_download *download);
/* The next bytes: as many as fit in `size`, and are left. SMQ_ERR_STORE: the file has become shorter, or cannot be
 * read. */
enum smq_result chunk_download_read(struct chunk_download *download, uint8_t *room, size_t size, size_t *length);
/* At any time after begin, also more than once. */
void chunk_download_end(struct chunk_download *download);
