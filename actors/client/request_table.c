/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Request table: a chained hash table that doubles when it is full. */
#include "actors/client/request_table.h"

#include <string.h>

#include "actors/client/request.h"
#include "queues/base/memory.h"

enum { BUCKETS_FIRST = 256 };

static size_t hash_of(const uint8_t *correlation_id) {
    uint64_t hash;
    memcpy(&hash, correlation_id, sizeof(hash));
    return (size_t)hash;
}

enum smq_result request_table_init(struct request_table *table) {
    table->buckets = memory_zalloc_array(BUCKETS_FIRST, sizeof(*table->buckets));
    table->mask = BUCKETS_FIRST - 1;
    table->count = 0;
    return table->buckets == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

void request_table_destroy(struct request_table *table) {
    memory_free(table->buckets);
    table->buckets = NULL;
}

static struct request **bucket_of(struct request **buckets, size_t mask, const struct request *request) {
    return &buckets[hash_of(request->correlation_id) & mask];
}

static void grow(struct request_table *table) {
    size_t mask = 2 * table->mask + 1;
    struct request **buckets = memory_zalloc_array(mask + 1, sizeof(*buckets));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= table->mask; i++) {
        for (struct request *request = table->buckets[i], *next; request != NULL; request = next) {
            next = request->bucket_next;
            struct request **bucket = bucket_of(buckets, mask, request);
            request->bucket_next = *bucket;
            *bucket = request;
        }
    }
    memory_free(table->buckets);
    table->buckets = buckets;
    table->mask = mask;
}

void request_table_add(struct request_table *table, struct request *request) {
    if (table->count > table->mask)
        grow(table);
    struct request **bucket = bucket_of(table->buckets, table->mask, request);
    request->bucket_next = *bucket;
    *bucket = request;
    table->count++;
}

void request_table_remove(struct request_table *table, struct request *request) {
    struct request **link = bucket_of(table->buckets, table->mask, request);
    while (*link != request)
        link = &(*link)->bucket_next;
    *link = request->bucket_next;
    table->count--;
}

struct request *request_table_find(const struct request_table *table, const struct smq_client *client,
                                   struct slice correlation_id) {
    if (correlation_id.length != CORRELATION_ID_SIZE)
        return NULL;
    struct request *request = table->buckets[hash_of(correlation_id.bytes) & table->mask];
    while (request != NULL && (request->client != client ||
                               memcmp(request->correlation_id, correlation_id.bytes, CORRELATION_ID_SIZE) != 0))
        request = request->bucket_next;
    return request;
}
