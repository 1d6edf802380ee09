/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store writer: the only role that changes the store. What arrives while one commit is on its way to the disk
 * shares the next, as far as it has room: writer_rounds.h. */
#pragma once

#include "actors/router/router.h"
#include "actors/router/writer_rounds.h"
#include "actors/runtime/actor.h"
#include "queues/base/owner.h"
#include "stores/lmdb/batch.h"

/* A change of the store, sent by post_writer; embedded in what asks for it. The operation's `completed` runs on the
 * writer's thread, after the commit. */
struct writer_request {
    struct message message; /* first */
    struct store_operation operation;
    struct writer_source *source; /* who asks; its own requests keep their order. NULL: the router's roles */
    uint32_t more_cost_us;        /* beside that of a small operation, and of its bytes */
    bool again;                   /* the store refused it before */
    bool lazy;                    /* nobody waits for it: few of them join a commit, or some go alone, before long */
    struct writer_request *next;  /* the writer's */
};

/* Creates and starts the writer under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result writer_create(struct router *router, struct store_writer **writer);
/* After the thread has ended. */
void writer_destroy(struct store_writer **writer);

/* The request that an operation is part of. */
static inline struct writer_request *writer_request_of(struct store_operation *operation) {
    return owner_of(operation, struct writer_request, operation);
}

/* A number above all given before, for an operation that completed well: in order of commit. Writer's thread. */
uint64_t writer_next_order(struct store_writer *writer);
