/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File of one side of a queue: its keys, for the owner's eyes only (mode 0600). Text: a heading, then base64url. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"

/* Makes an empty file, so that nothing can go wrong with it after the queue is made. SMQ_ERR_EXISTS: something has that
 * name; SMQ_ERR_SYSTEM with errno. */
enum smq_result queue_file_reserve(const char *path);

/* Writes a file of one side, replacing the one at `path` in one step: a crash leaves the old or the new one. Durable.
 * SMQ_ERR_SYSTEM with errno. */
enum smq_result queue_file_write_recipient(const char *path, const struct smq_receive_queue *queue);
enum smq_result queue_file_write_sender(const char *path, const struct smq_send_queue *queue);

/* One of the two is set, for the caller to release. */
struct queue_sides {
    struct smq_receive_queue *recipient;
    struct smq_send_queue *sender;
};
/* SMQ_ERR_SYSTEM with errno; SMQ_ERR_SYNTAX: not such a file; SMQ_ERR_VERSION: made by a later version. */
enum smq_result queue_file_read(const char *path, struct queue_sides *sides);
void queue_sides_release(struct queue_sides *sides);
