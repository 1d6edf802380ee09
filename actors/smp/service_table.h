/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A table keyed by service id, owned by one actor. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/smp/limits.h"

/* Embedded in what the table holds. The owner of the table owns the objects. */
struct service_node {
    struct service_node *chain;
    uint8_t id[SMP_ENTITY_ID_SIZE];
};

struct service_table {
    struct service_node **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

/* SMQ_ERR_NO_MEMORY. */
enum smq_result service_table_init(struct service_table *table);
/* The table must be empty, or its objects freed in another way. */
void service_table_finish(struct service_table *table);

/* The object of that id, or NULL; ids of another size than ours are nobody's. O(1) on average. */
struct service_node *service_table_find(const struct service_table *table, struct slice id);
/* Adds an object whose id is set and not in the table. Never fails: without memory for more buckets the chains get
 * longer. */
void service_table_insert(struct service_table *table, struct service_node *node);
/* Takes out an object that is in the table. */
void service_table_remove(struct service_table *table, struct service_node *node);
/* Any object, or NULL when the table is empty; for taking the table down. */
struct service_node *service_table_any(const struct service_table *table);
