/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Map: a hash table that threads read without locks; byte-string keys, references to what is found, late reclaim. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <urcu/rculfhash.h>

#include "queues/base/cursor.h"
#include "queues/base/rcu.h"

/* Who may call what:
 *   find, insert, remove, each                any attached thread; lock-free
 *   map_create, map_destroy                   the owner; destroy when no other thread can reach the map any more
 *
 * Hashes are keyed with a random key of the map, so that peers who choose keys cannot make them collide. */
struct map;

/* Embedded in the objects of the map. It belongs to the map from map_insert until `release` is called for the map's own
 * reference. */
struct map_node {
    struct cds_lfht_node link;
    struct reclaim reclaim;
    struct map *map;
};

/* How the map sees its objects. All functions are quick and never block. */
struct map_options {
    /* The key of the object; constant while the object is in the map. Called on several threads. */
    struct slice (*key)(const struct map_node *node);
    /* Takes a reference unless the object is already dying (a count that reached zero stays zero); whether it was
     * taken. Called inside a read section. NULL: objects have no count; what is found is valid only until the caller's
     * own read section ends. */
    bool (*try_reference)(struct map_node *node);
    /* Gives up one reference, and frees the object with the last. For the reference of the map itself it is called on
     * the reclaim thread, a grace period after the removal: the object may therefore be freed at once. */
    void (*release)(struct map_node *node);
    size_t expected; /* objects to make room for; the table grows and shrinks by itself */
};

/* For try_reference: adds one to a count unless it is zero; whether it did. Any thread. */
bool map_count_reference(_Atomic uint32_t *references);

/* `options` is copied. SMQ_ERR_NO_MEMORY, or what base_setup returns. */
enum smq_result map_create(const struct map_options *options, struct map **map);

/* Removes what is left, waits until everything removed was released, and frees the map. Blocks. Not inside a read
 * section, not on the reclaim thread. */
void map_destroy(struct map **map);

/* The object with `key`, referenced for the caller (who releases it in its own way), or NULL. */
struct map_node *map_find(struct map *map, struct slice key);

/* Inserts `node`; the map takes over one reference of the caller's. SMQ_ERR_EXISTS: there is an object with this key;
 * the caller keeps its own, which was never visible. An object goes into a map once. */
enum smq_result map_insert(struct map *map, struct map_node *node);

/* The same, but on SMQ_ERR_EXISTS the object that is there is returned in `found`, referenced. SMQ_ERR_AGAIN: it is
 * there, but gave no reference; it is about to be removed. */
enum smq_result map_insert_or_find(struct map *map, struct map_node *node, struct map_node **found);

/* Takes `node`, which the caller holds a reference of, or found in its still open read section, out of the map. Whether
 * this call was the one that did; then the map's reference is released after a grace period. */
bool map_remove(struct map *map, struct map_node *node);
/* Takes out the object with `key`. Whether this call did. */
bool map_remove_key(struct map *map, struct slice key);

/* Calls `visit(context, node)` for the objects, in no order, outside of any read section; `node` is referenced for the
 * duration of the call. An object that is in the map all the time is visited at least once, usually exactly once.
 * `visit` may insert and remove; it ends the walk by returning false. Needs try_reference. */
void map_each(struct map *map, bool (*visit)(void *context, struct map_node *node), void *context);

/* Objects inserted and not removed; exact when nobody changes the map. */
size_t map_count(const struct map *map);
