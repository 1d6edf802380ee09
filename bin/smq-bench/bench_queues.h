/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queues of a benchmark: made on its connections, kept in memory or in a file, removed again. */
#pragma once

#include <stddef.h>

#include "bin/smq-bench/bench_connections.h"

struct bench_queue_set {
    size_t count;
    struct smq_receive_queue **handles; /* NULL where creating failed; the set owns them */
};

/* Creates `total` queues, dealt out to the connections; `set` gets their handles, unless it is NULL. `file` (of
 * bench_state.h) gets them, too, unless it is NULL. Returns how many were created; `set` is to be destroyed in any
 * case. */
struct bench_state_writer;
size_t bench_create_queues(struct bench *bench, struct bench_connections *connections, size_t total, bool subscribe,
                           struct bench_histogram *latency, struct bench_queue_set *set,
                           struct bench_state_writer *file);
/* Deletes the queues at the router, in the connections that made them. */
void bench_delete_queues(struct bench *bench, struct bench_connections *connections, struct bench_queue_set *set);
/* Releases the handles. */
void bench_queue_set_destroy(struct bench_queue_set *set);
