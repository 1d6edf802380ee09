/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queues to be subscribed to: those of an earlier run, from the file of --state, or new ones. */
#pragma once

#include "bin/smq-bench/bench_queues.h"
#include "bin/smq-bench/bench_state.h"

struct bench_source {
    struct bench_queue_set set; /* one of the two */
    struct bench_state *state;
};

/* Opens the file, or creates the queues on connections that are closed again. Looks at the router's memory afterwards,
 * so that what it grows by is due to what follows. On failure says why on stderr; bench_source_close is due in any
 * case. */
enum smq_result bench_source_open(struct bench *bench, struct bench_source *source);
void bench_source_close(struct bench_source *source);

size_t bench_source_count(const struct bench_source *source);
/* A handle, for the caller to release. SMQ_ERR_NOT_FOUND: creating it failed; else what bench_state_queue returns. */
enum smq_result bench_source_queue(const struct bench_source *source, size_t index, struct smq_receive_queue **queue);

/* Says on stderr what is wrong with the file of --state, if something is. Returns `result`. */
enum smq_result bench_tell_file(const char *path, enum smq_result result);
