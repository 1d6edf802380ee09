/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a command finds in the store before it is verified: the record of its queue, copied out of a snapshot that is
 * over by then. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "stores/smp/queue_store.h"
#include "transport/smp/command.h"

/* One is used for one command after the other. Zeroed is empty. */
struct queue_lookup {
    enum smq_result result;     /* SMQ_ERR_EMPTY: the command has no queue */
    struct queue_record record; /* for SMQ_OK; its slices point into `bytes` */
    uint64_t others[2];         /* NEW, LSET: the queues that the ids which it takes lead to; 0: none */
    uint8_t *bytes;
    size_t capacity;
};

/* Looks up `entity_id`, as the command's party names it, and the ids that the command takes. */
void queue_lookup_run(struct queue_lookup *lookup, struct store_reader *reader, const struct smp_command *command,
                      struct slice entity_id);
void queue_lookup_finish(struct queue_lookup *lookup);
