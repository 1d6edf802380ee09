/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files, as the XFTP protocol calls them: the chunks that a router holds. Records, the two kinds of ids that lead to
 * them, when they expire, and the chunk files that are to be removed. (reference: FileTransfer/Server/Store.hs) Opening
 * the store, reading it, and changing it: stores/lmdb/store.h, stores/lmdb/batch.h. The bytes of chunks are in files of
 * their own (chunk_folder.h), named by sender ids.
 *
 * Ids and keys are opaque byte strings; ids have 1 to FILE_ID_MAX bytes, keys and digests up to 255.
 *
 * Functions that write run in an operation of the batch engine and copy what slices give them. Whatever else they
 * answer than SMQ_OK, nothing was changed; SMQ_ERR_STORE, _STORE_FULL and _NO_MEMORY: the transaction broke. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/lmdb/store.h"
#include "stores/xftp/chunk_folder.h"

/* For store_open and store_open_to_read. */
extern const struct store_layout file_store_layout;

enum { FILE_ID_MAX = CHUNK_ID_MAX };

enum file_status { FILE_ACTIVE, FILE_OFF, FILE_BLOCKED, FILE_STATUS_COUNT };

/* A file as stored. Also what file_store_create takes. */
struct file_record {
    struct slice sender_id;
    struct slice sender_key;
    uint32_t size;       /* bytes of the chunk; not 0 */
    struct slice digest; /* of the chunk; whatever the sender gave */
    int64_t created;     /* seconds since 1970, not negative */
    enum file_status status;
    bool has_chunk;           /* it was uploaded, and not blocked since; ignored by create */
    uint32_t recipient_count; /* ignored by create */
    struct slice status_info; /* why it is blocked, opaque; empty otherwise; at most 16,384 bytes */
};

struct file_recipient {
    struct slice id;
    struct slice key;
};

/* An id by value, for answers that outlive the transaction. */
struct file_id {
    uint8_t length;
    uint8_t bytes[FILE_ID_MAX];
};
struct slice file_id_slice(const struct file_id *id);
/* SMQ_ERR_TOO_LARGE. */
enum smq_result file_id_set(struct file_id *id, struct slice bytes);

/* How many of everything there are; kept with each change, in the same transaction, so that they are exact after any
 * crash, and asking costs one look-up. */
struct file_totals {
    uint64_t files;
    uint64_t recipients;
    uint64_t chunks;      /* files that have one */
    uint64_t chunk_bytes; /* of these */
    uint64_t blocked;
};
void file_totals_get(struct store_txn *txn, struct file_totals *out);

/* ---- Reading: any transaction ---- */

/* SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE (damaged). */
enum smq_result file_store_find(struct store_txn *txn, struct slice sender_id, struct file_record *record);
/* The recipient of that id, and its file. Errors as above. */
enum smq_result file_store_find_recipient(struct store_txn *txn, struct slice id, struct file_recipient *recipient,
                                          struct file_record *record);
/* The first file, or recipient of a file, whose id is above `after` (empty: the first of all); `after` may be a slice
 * of the last. SMQ_ERR_EMPTY after the last. */
enum smq_result file_store_next(struct store_txn *txn, struct slice after, struct file_record *record);
enum smq_result file_store_next_recipient(struct store_txn *txn, struct slice sender_id, struct slice after,
                                          struct file_recipient *recipient);
/* How many files expire at `before` (file_store_expire), counted up to `limit`. */
uint64_t file_store_count_expired(struct store_txn *txn, int64_t before, uint64_t limit);

/* ---- Writing: in an operation ---- */

/* Stores a new file with its recipients. Growing. SMQ_ERR_EXISTS: an id is taken; SMQ_ERR_INVALID, SMQ_ERR_TOO_LARGE:
 * a field. */
enum smq_result file_store_create(struct store_txn *txn, const struct file_record *record,
                                  const struct file_recipient *recipients, size_t count);
/* FADD. Growing. SMQ_ERR_NOT_FOUND; SMQ_ERR_AUTH: it is off or blocked; the rest as above. */
enum smq_result file_store_add_recipients(struct store_txn *txn, struct slice sender_id,
                                          const struct file_recipient *recipients, size_t count);
/* FPUT: its chunk is there, durably. SMQ_ERR_NOT_FOUND, SMQ_ERR_AUTH as above: the chunk file is of no use;
 * SMQ_ERR_EXISTS: it was there before. */
enum smq_result file_store_set_uploaded(struct store_txn *txn, struct slice sender_id);
/* FACK. SMQ_ERR_NOT_FOUND; SMQ_ERR_AUTH: its file is off or blocked. */
enum smq_result file_store_remove_recipient(struct store_txn *txn, struct slice id);

/* What a file took with it. */
struct file_removed {
    struct file_id sender_id;
    uint32_t size;
    bool had_chunk;
};
/* FDEL, also of blocked files: removes the file. Its recipients are not found any more; commits to come remove them, so
 * that the cost does not depend on how many there are. Its chunk file is to be removed. SMQ_ERR_NOT_FOUND. */
enum smq_result file_store_delete(struct store_txn *txn, struct slice sender_id, struct file_removed *removed);
/* Control port: the record stays, with `info`; the chunk file is to be removed. Of a blocked file only the info
 * changes. SMQ_ERR_NOT_FOUND. Growing. */
enum smq_result file_store_block(struct store_txn *txn, struct slice sender_id, struct slice info,
                                 struct file_removed *removed);
/* Removes the file that was created first, if that was before `before`. SMQ_ERR_EMPTY: none was. */
enum smq_result file_store_expire(struct store_txn *txn, int64_t before, struct file_removed *removed);

/* ---- Chunk files to be removed ---- */

/* Each deletion, block and expiry puts its chunk file on a list, in the same transaction; who has removed the file, and
 * made that durable, takes it off. So no crash leaves a chunk that nobody will remove. */

/* The first on the list above `after` (empty: the first of all). SMQ_ERR_EMPTY. Any transaction. */
enum smq_result file_store_next_removal(struct store_txn *txn, struct slice after, struct file_id *sender_id);
/* SMQ_OK also when it is not on the list. */
enum smq_result file_store_removal_done(struct store_txn *txn, struct slice sender_id);
