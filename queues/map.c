/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A wrapper of liburcu's lock-free hash table. Who wins the removal of a node gives up the map's reference a grace
 * period later, so that a node found in a read section still has that reference until the section ends, and a reference
 * can always be taken from it.
 *
 * The resize worker of liburcu 0.13.2 can deadlock with a destroy that runs on a call_rcu thread or while callbacks are
 * pending: map_destroy waits for all of them first, and refuses to run inside one. */
#include "queues/map.h"

#include <sodium.h>
#include <string.h>

#include "queues/base/counter.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"

#define MAP_MAGIC MAGIC('M', 'A', 'P', 'H')

enum { BUCKETS_MIN = 64, WALK_BATCH = 64 };
#define BUCKETS_EXPECTED_MAX ((size_t)1 << 24)

struct map {
    uint32_t magic;
    struct map_options options;
    struct cds_lfht *table;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    struct counter count;
};

static struct map_node *node_of(struct cds_lfht_node *link) {
    return caa_container_of(link, struct map_node, link);
}

static unsigned long hash_of(const struct map *map, struct slice key) {
    uint64_t hash;
    _Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    crypto_shorthash((uint8_t *)&hash, key.bytes, key.length, map->hash_key);
    return (unsigned long)hash;
}

struct wanted {
    const struct map *map;
    struct slice key;
};

static int matches(struct cds_lfht_node *link, const void *argument) {
    const struct wanted *wanted = argument;
    SANITIZER_ACQUIRE(link);
    struct slice key = wanted->map->options.key(node_of(link));
    return key.length == wanted->key.length &&
           (key.length == 0 || memcmp(key.bytes, wanted->key.bytes, key.length) == 0);
}

static size_t buckets_for(size_t expected) {
    size_t buckets = BUCKETS_MIN;
    while (buckets < expected && buckets < BUCKETS_EXPECTED_MAX)
        buckets *= 2;
    return buckets;
}

enum smq_result map_create(const struct map_options *options, struct map **map) {
    enum smq_result result = base_setup();
    if (result != SMQ_OK)
        return result;
    struct map *created = memory_zalloc(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->options = *options;
    random_bytes(created->hash_key, sizeof(created->hash_key));
    /* The first table starts liburcu's resize worker. */
    sigset_t former;
    thread_signals_block(&former);
    created->table = cds_lfht_new_flavor(buckets_for(options->expected), BUCKETS_MIN, 0,
                                         CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, &urcu_memb_flavor, NULL);
    thread_signals_restore(&former);
    if (created->table == NULL) {
        memory_free(created);
        return SMQ_ERR_NO_MEMORY;
    }
    MAGIC_SET(created, MAP_MAGIC);
    *map = created;
    return SMQ_OK;
}

static struct map_node *lookup(struct map *map, struct slice key) {
    const struct wanted wanted = {.map = map, .key = key};
    struct cds_lfht_iter iterator;
    cds_lfht_lookup(map->table, hash_of(map, key), matches, &wanted, &iterator);
    struct cds_lfht_node *link = cds_lfht_iter_get_node(&iterator);
    return link != NULL ? node_of(link) : NULL;
}

/* NULL when the node gives no reference. */
static struct map_node *referenced(const struct map *map, struct map_node *node) {
    if (node != NULL && map->options.try_reference != NULL && !map->options.try_reference(node))
        return NULL;
    return node;
}

bool map_count_reference(_Atomic uint32_t *references) {
    uint32_t count = atomic_load_explicit(references, memory_order_relaxed);
    while (count != 0)
        if (atomic_compare_exchange_weak_explicit(references, &count, count + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

struct map_node *map_find(struct map *map, struct slice key) {
    MAGIC_CHECK(map, MAP_MAGIC);
    CHECK(thread_is_attached());
    read_section_begin();
    struct map_node *found = referenced(map, lookup(map, key));
    read_section_end();
    return found;
}

/* Inside a read section. Returns the node that is in the map now: `node`, or the one that was there. */
static struct map_node *add_unique(struct map *map, struct map_node *node) {
    node->map = map;
    const struct wanted wanted = {.map = map, .key = map->options.key(node)};
    cds_lfht_node_init(&node->link);
    SANITIZER_RELEASE(&node->link);
    struct cds_lfht_node *present =
        cds_lfht_add_unique(map->table, hash_of(map, wanted.key), matches, &wanted, &node->link);
    if (present == &node->link)
        counter_add(&map->count, 1);
    return node_of(present);
}

enum smq_result map_insert(struct map *map, struct map_node *node) {
    MAGIC_CHECK(map, MAP_MAGIC);
    CHECK(thread_is_attached());
    read_section_begin();
    bool inserted = add_unique(map, node) == node;
    read_section_end();
    return inserted ? SMQ_OK : SMQ_ERR_EXISTS;
}

enum smq_result map_insert_or_find(struct map *map, struct map_node *node, struct map_node **found) {
    MAGIC_CHECK(map, MAP_MAGIC);
    CHECK(thread_is_attached());
    enum smq_result result = SMQ_OK;
    read_section_begin();
    struct map_node *present = add_unique(map, node);
    if (present != node) {
        struct map_node *held = referenced(map, present);
        result = held != NULL ? SMQ_ERR_EXISTS : SMQ_ERR_AGAIN;
        if (held != NULL)
            *found = held;
    }
    read_section_end();
    return result;
}

static void release_removed(struct reclaim *reclaim) {
    struct map_node *node = caa_container_of(reclaim, struct map_node, reclaim);
    node->map->options.release(node);
}

/* Inside a read section. */
static bool remove_node(struct map *map, struct map_node *node) {
    if (cds_lfht_del(map->table, &node->link) != 0)
        return false;
    counter_add(&map->count, -1);
    reclaim_later(&node->reclaim, release_removed);
    return true;
}

bool map_remove(struct map *map, struct map_node *node) {
    MAGIC_CHECK(map, MAP_MAGIC);
    CHECK(thread_is_attached());
    read_section_begin();
    bool removed = remove_node(map, node);
    read_section_end();
    return removed;
}

bool map_remove_key(struct map *map, struct slice key) {
    MAGIC_CHECK(map, MAP_MAGIC);
    CHECK(thread_is_attached());
    read_section_begin();
    struct map_node *node = lookup(map, key);
    bool removed = node != NULL && remove_node(map, node);
    read_section_end();
    return removed;
}

size_t map_count(const struct map *map) {
    int64_t count = counter_read(&map->count);
    return count > 0 ? (size_t)count : 0;
}

/* Nodes in the order of the table, referenced. The last one of a full batch is not visited, but the first of the next:
 * a walk whose visitor removes everything still finds its place. */
struct batch {
    struct map_node *nodes[WALK_BATCH];
    size_t count;
};

static size_t visited_of(const struct batch *batch) {
    return batch->count == WALK_BATCH ? WALK_BATCH - 1 : batch->count;
}

/* Inside a read section: moves `iterator` to the first node after the visited ones of `former`, as far as these are
 * still in the table; to its start when none is. */
static void resume(struct map *map, const struct batch *former, struct cds_lfht_iter *iterator) {
    for (size_t i = former->count; i > 0; i--) {
        struct map_node *node = former->nodes[i - 1];
        const struct wanted wanted = {.map = map, .key = map->options.key(node)};
        cds_lfht_lookup(map->table, hash_of(map, wanted.key), matches, &wanted, iterator);
        if (cds_lfht_iter_get_node(iterator) != &node->link)
            continue;
        if (i <= visited_of(former))
            cds_lfht_next(map->table, iterator);
        return;
    }
    cds_lfht_first(map->table, iterator);
}

/* The nodes that follow `former`. */
static void collect(struct map *map, const struct batch *former, struct batch *batch) {
    struct cds_lfht_iter iterator;
    batch->count = 0;
    read_section_begin();
    resume(map, former, &iterator);
    struct cds_lfht_node *link;
    while (batch->count < WALK_BATCH && (link = cds_lfht_iter_get_node(&iterator)) != NULL) {
        SANITIZER_ACQUIRE(link);
        struct map_node *node = referenced(map, node_of(link));
        if (node != NULL)
            batch->nodes[batch->count++] = node;
        cds_lfht_next(map->table, &iterator);
    }
    read_section_end();
}

static void release_batch(const struct map *map, struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        map->options.release(batch->nodes[i]);
    batch->count = 0;
}

void map_each(struct map *map, bool (*visit)(void *context, struct map_node *node), void *context) {
    MAGIC_CHECK(map, MAP_MAGIC);
    CHECK(thread_is_attached() && map->options.try_reference != NULL);
    struct batch batches[2] = {{.count = 0}, {.count = 0}};
    struct batch *former = &batches[0];
    struct batch *batch = &batches[1];
    bool goes_on = true;
    while (goes_on) {
        collect(map, former, batch);
        release_batch(map, former);
        for (size_t i = 0; i < visited_of(batch) && goes_on; i++)
            goes_on = visit(context, batch->nodes[i]);
        goes_on = goes_on && batch->count > 0;
        struct batch *swapped = former;
        former = batch;
        batch = swapped;
    }
    release_batch(map, former);
}

/* Takes `place` (NULL: nothing) and nodes after it (from the start) out of a table that nobody else changes. Returns
 * the place to go on from, which is still in the table; NULL when the table is empty. */
static struct map_node *remove_some(struct map *map, struct map_node *place) {
    struct cds_lfht_iter iterator;
    read_section_begin();
    if (place == NULL) {
        cds_lfht_first(map->table, &iterator);
    } else {
        const struct wanted wanted = {.map = map, .key = map->options.key(place)};
        cds_lfht_lookup(map->table, hash_of(map, wanted.key), matches, &wanted, &iterator);
        cds_lfht_next(map->table, &iterator);
        remove_node(map, place);
        place = NULL;
    }
    struct cds_lfht_node *link;
    for (int i = 0; i < WALK_BATCH && (link = cds_lfht_iter_get_node(&iterator)) != NULL; i++) {
        SANITIZER_ACQUIRE(link);
        cds_lfht_next(map->table, &iterator);
        if (place != NULL)
            remove_node(map, place);
        place = node_of(link);
    }
    read_section_end();
    return place;
}

void map_destroy(struct map **map) {
    if (*map == NULL)
        return;
    struct map *destroyed = *map;
    MAGIC_CHECK(destroyed, MAP_MAGIC);
    waiting_begins();
    struct map_node *place = NULL;
    do
        place = remove_some(destroyed, place);
    while (place != NULL);
    reclaim_barrier();
    CHECK(cds_lfht_destroy(destroyed->table, NULL) == 0);
    secret_wipe(destroyed->hash_key, sizeof(destroyed->hash_key));
    MAGIC_CLEAR(destroyed);
    memory_free(destroyed);
    *map = NULL;
}
