/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is known of a file that is being sent, in memory and in a file of its own, so that an interrupted sending goes
 * on: the key, which chunks are at which routers under which ids and keys, and which of them were uploaded. The file is
 * a text of lines that are only ever added; a last one that is not whole counts as not there. It is as secret as the
 * file that is sent (mode 0600). One thread at a time; blocks for the disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"
#include "transport/xftp/description.h"

enum { SEND_RECIPIENTS_MAX = 1000 };

/* What does not change. */
struct send_head {
    uint8_t name_length;
    uint8_t name[UINT8_MAX]; /* of the file, as the recipients are told */
    uint64_t size;           /* of the content */
    int64_t modified_ns;     /* of the source, or another mark of it: it must be the same when sending goes on */
    uint32_t chunk_count;
    uint32_t recipient_count;
    uint8_t key[XFTP_FILE_KEY_SIZE];
    uint8_t nonce[BOX_NONCE_SIZE];
};

/* An id and key at a router, of a sender or a recipient. */
struct sent_credential {
    uint8_t id_length; /* 0: none */
    uint8_t id[XFTP_REPLICA_ID_MAX];
    struct private_key key;
};

struct sent_chunk {
    uint32_t size; /* 0: not created yet */
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE];
    struct server_address server;
    struct sent_credential sender;
    uint32_t recipient_count; /* credentials that there are */
    bool is_uploaded;
};

struct send_state;

/* Makes the file. SMQ_ERR_EXISTS: it is there; SMQ_ERR_INVALID (counts); SMQ_ERR_STORE_FULL, SMQ_ERR_SYSTEM,
 * SMQ_ERR_NO_MEMORY. */
enum smq_result send_state_create(const char *path, const struct send_head *head, struct send_state **out);
/* SMQ_ERR_NOT_FOUND; SMQ_ERR_EXISTS: another process uses it; SMQ_ERR_SYNTAX: it is none; others as above. */
enum smq_result send_state_open(const char *path, struct send_state **out);
/* Wipes; sets the pointer to NULL, which it may be. The file stays. */
void send_state_close(struct send_state **state);
/* The same, and removes the file. */
void send_state_remove(struct send_state **state);

const struct send_head *send_state_head(const struct send_state *state);
/* `index` below chunk_count. Borrowed; valid until the next note about this chunk. */
const struct sent_chunk *send_state_chunk(const struct send_state *state, uint32_t index);

/* Each is on the disk's way when it returns, which is enough for the death of the process. SMQ_ERR_INVALID for what
 * cannot be (another order, an index too high, more recipients than recipient_count); SMQ_ERR_STORE_FULL,
 * SMQ_ERR_SYSTEM. */
enum smq_result send_state_note_created(struct send_state *state, uint32_t index, const struct sent_chunk *chunk);
enum smq_result send_state_note_recipient(struct send_state *state, uint32_t index,
                                          const struct sent_credential *recipient);
enum smq_result send_state_note_uploaded(struct send_state *state, uint32_t index);
/* The router does not have the chunk any more: it is to be created anew. */
enum smq_result send_state_note_lost(struct send_state *state, uint32_t index);

/* The description of the whole file, once all chunks are uploaded and have all recipients: of recipient `recipient`,
 * or, with `recipient` SEND_FOR_SENDER, the sender's own. SMQ_ERR_INVALID before; SMQ_ERR_NO_MEMORY,
 * SMQ_ERR_TOO_LARGE. */
#define SEND_FOR_SENDER UINT32_MAX
enum smq_result send_state_describe(const struct send_state *state, const uint8_t digest[XFTP_FILE_DIGEST_SIZE],
                                    uint32_t recipient, struct xftp_description **description);
