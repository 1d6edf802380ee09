/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_batch from the inside: events and everything they point to, in one allocation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "queues/mailbox.h"

/* Where a batch was taken. */
struct batch_origin {
    /* Gives `bytes` of credit back, and the batch's reference up. Any thread. */
    void (*returned)(struct batch_origin *origin, uint64_t bytes);
};

struct smq_batch {
    uint32_t magic;
    uint32_t count;
    size_t size;         /* bytes of the allocation: what it costs in credit */
    bool without_credit; /* it took none on its way */
    /* Gives up what only the maker of the batch knows of; NULL: there is nothing. Any thread. */
    void (*drop)(const struct smq_batch *batch);
    struct mailbox_node node;    /* on the way to the consumer */
    struct smq_batch *next;      /* while it waits for credit: its owner's chain */
    struct batch_origin *origin; /* referenced; NULL: it was not taken anywhere */
    struct smq_event events[];   /* then the bytes */
};

/* A batch of one zeroed event and `size` bytes behind it at `room`, aligned for any type. Any thread. */
struct smq_batch *batch_create_with_room(size_t size, void **room);
/* Packs `count` events (at least 1, all of one client): byte strings and texts are copied, references to handles are
 * taken over, the client is referenced. NULL when out of memory; then nothing was taken over. Any thread. */
struct smq_batch *batch_create(const struct smq_event *events, size_t count);
struct smq_batch *batch_of_node(struct mailbox_node *node);
/* Takes the reference over. */
void batch_set_origin(struct smq_batch *batch, struct batch_origin *origin);
