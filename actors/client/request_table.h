/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Request table: requests of one process lane by correlation id. The ids are random and our own, so that their bytes
 * are the hash. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

struct request;
struct smq_client;

struct request_table {
    struct request **buckets;
    size_t mask;
    size_t count;
};

enum smq_result request_table_init(struct request_table *table);
void request_table_destroy(struct request_table *table);
/* Never fails: when there is no memory to grow, chains become longer. */
void request_table_add(struct request_table *table, struct request *request);
void request_table_remove(struct request_table *table, struct request *request);
/* NULL: none of this client's. */
struct request *request_table_find(const struct request_table *table, const struct smq_client *client,
                                   struct slice correlation_id);
