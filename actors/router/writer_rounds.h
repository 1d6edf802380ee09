/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What waits for the store writer. A commit is gathered in rounds over those who ask, by what it costs, so that nobody
 * who asks for much keeps others waiting for longer than a commit or two. The writer's thread only. */
#pragma once

#include <stddef.h>

#include "actors/router/fair_queue.h"
#include "stores/lmdb/batch.h"

struct writer_request;

/* Who asks: a session, or the router's own roles. Embedded; zeroed asks for nothing. It stays where it is as long as
 * requests of it wait. */
struct writer_source {
    struct fair_member member;
    struct writer_request *first, *last; /* wait, in the order in which they came */
};

/* Zeroed is empty. */
struct writer_rounds {
    struct fair_queue sources;
    size_t count; /* requests that wait */
    size_t bytes; /* of them */
};

/* request->source must be set. */
void writer_rounds_add(struct writer_rounds *rounds, struct writer_request *request);
/* Whether what waits fills a commit. */
bool writer_rounds_fill_a_commit(const struct writer_rounds *rounds);
/* Moves what the next commit takes into the batch: in rounds, each source's in its order. What the store has refused
 * before goes first, so that it is not refused again and again for changes that come just before it. */
void writer_rounds_gather(struct writer_rounds *rounds, struct store_batch *batch);
/* Takes any one out; NULL: none is left. */
struct writer_request *writer_rounds_take(struct writer_rounds *rounds);
