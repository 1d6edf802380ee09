/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File of --state: the recipient's secrets of many queues, one record after another. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"

struct bench_state_writer;

/* Makes the file, or empties it; only the owner may read it. SMQ_ERR_SYSTEM with errno. */
enum smq_result bench_state_create(const char *path, struct bench_state_writer **writer);
enum smq_result bench_state_write(struct bench_state_writer *writer, const struct smq_receive_queue *queue);
/* Writes what is left and frees. SMQ_ERR_SYSTEM: the file is not complete. NULL inside is allowed. */
enum smq_result bench_state_close(struct bench_state_writer **writer);

/* The file in memory, read-only. */
struct bench_state;

/* SMQ_ERR_SYSTEM with errno; SMQ_ERR_SYNTAX: not such a file, or cut off. */
enum smq_result bench_state_open(const char *path, struct bench_state **state);
size_t bench_state_count(const struct bench_state *state);
/* The handle of a queue, for the caller to release. SMQ_ERR_NOT_FOUND beyond the end; SMQ_ERR_SYNTAX,
 * SMQ_ERR_VERSION. */
enum smq_result bench_state_queue(const struct bench_state *state, size_t index, struct smq_receive_queue **queue);
/* NULL inside is allowed. */
void bench_state_destroy(struct bench_state **state);
