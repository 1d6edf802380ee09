/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service table: chained buckets, doubled when there are as many objects. */
#include "actors/smp/service_table.h"

#include <string.h>

#include "queues/base/memory.h"

enum { BUCKETS_FIRST = 64 };

/* Service ids are random and the router's own, so no peer chooses them: their bytes are spread well enough. */
static struct service_node **bucket_of(struct service_node **buckets, size_t count, const uint8_t *id) {
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    return &buckets[hash & (count - 1)];
}

enum smq_result service_table_init(struct service_table *table) {
    *table = (struct service_table){.bucket_count = BUCKETS_FIRST};
    table->buckets = memory_zalloc(BUCKETS_FIRST * sizeof(struct service_node *));
    return table->buckets != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
}

void service_table_finish(struct service_table *table) {
    memory_free(table->buckets);
    *table = (struct service_table){0};
}

struct service_node *service_table_find(const struct service_table *table, struct slice id) {
    if (id.length != SMP_ENTITY_ID_SIZE)
        return NULL;
    struct service_node *found = *bucket_of(table->buckets, table->bucket_count, id.bytes);
    while (found != NULL && memcmp(found->id, id.bytes, SMP_ENTITY_ID_SIZE) != 0)
        found = found->chain;
    return found;
}

static void grow(struct service_table *table) {
    size_t count = table->bucket_count * 2;
    struct service_node **buckets = memory_zalloc(count * sizeof(struct service_node *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct service_node *node = table->buckets[i];
            struct service_node **bucket = bucket_of(buckets, count, node->id);
            table->buckets[i] = node->chain;
            node->chain = *bucket;
            *bucket = node;
        }
    }
    memory_free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
}

void service_table_insert(struct service_table *table, struct service_node *node) {
    if (table->count >= table->bucket_count)
        grow(table);
    struct service_node **bucket = bucket_of(table->buckets, table->bucket_count, node->id);
    node->chain = *bucket;
    *bucket = node;
    table->count++;
}

void service_table_remove(struct service_table *table, struct service_node *node) {
    struct service_node **link = bucket_of(table->buckets, table->bucket_count, node->id);
    while (*link != node)
        link = &(*link)->chain;
    *link = node->chain;
    table->count--;
}

struct service_node *service_table_any(const struct service_table *table) {
    for (size_t i = 0; table->count > 0 && i < table->bucket_count; i++)
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    return NULL;
}
