/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What messages and notifications have in common: entries of a queue in order, with a count and lazy expiry. Private
 * to stores/.
 *
 * A list without entries takes no room at all. One with entries has a state, which sorts before them, so that both
 * are mostly on one page; entries without a state, or before the first that it tells, are not there any more and wait
 * for the purge. It has one registration in the expiry table: (second of its oldest entry at the time of registering,
 * number). The registration is left alone while the head changes; the expiry step moves it when it is due. So sending
 * and acknowledging cost the expiry nothing as long as the queue does not become empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/bodies.h"
#include "stores/smp/internal.h"

struct queue_list {
    enum store_table entries;
    enum store_table expiry;
    bool has_bodies; /* the last piece of a payload may be in a segment (bodies.h) */
    const char *name;
};
extern const struct queue_list message_list;
extern const struct queue_list notification_list;

enum { LIST_NOT_REGISTERED = -1 };

struct list_state {
    uint32_t count;
    bool can_write;
    int64_t registered; /* second of the registration, LIST_NOT_REGISTERED without one */
    uint64_t first;     /* entries below this sequence are not the list's: they wait for the purge */
};

enum list_entry_flag {
    LIST_ENTRY_STOPS_EXPIRY = 1,
    LIST_ENTRY_NOTIFY = 2,
};

struct list_entry {
    uint64_t sequence;
    int64_t timestamp;
    uint8_t flags;
    uint32_t length;    /* of the payload */
    struct slice start; /* the part of the payload that is in the entry itself: all of it; or what is not the body,
                         * which is in a segment then; or LIST_START_MIN bytes or more of what is in parts */
    struct body_location body;
};

enum {
    LIST_START_MIN = 4000,
    LIST_START_MAX = 512, /* of an entry whose body is in a segment */
    LIST_PIECES_MAX = 3,
    LIST_PAYLOAD_MAX = 70000,
};

/* Missing is {0, true, not registered}. Errors: SMQ_ERR_STORE. */
enum smq_result list_state_get(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                               struct list_state *state);
/* Writes the state back; an empty list loses its state and registration. */
void list_state_put(struct store_txn *txn, const struct queue_list *list, uint64_t number, struct list_state *state);

/* The list's first entry above `after`; the position of the entries' table is then there. SMQ_ERR_EMPTY,
 * SMQ_ERR_STORE. */
enum smq_result list_next(struct store_txn *txn, const struct queue_list *list, uint64_t number, uint64_t after,
                          struct list_entry *entry);
/* The entry of exactly that sequence. SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE. */
enum smq_result list_get(struct store_txn *txn, const struct queue_list *list, uint64_t number, uint64_t sequence,
                         struct list_entry *entry);
/* The list's first entry. `state` was got last in this transaction, and is not empty. Errors as list_next. */
enum smq_result list_head(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                          const struct list_state *state, struct list_entry *entry);
/* The entry that follows the table's position, which is at one, if it is the queue's. SMQ_ERR_EMPTY, SMQ_ERR_STORE. */
enum smq_result list_following(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                               struct list_entry *entry);

/* Appends the payload of an entry that the table's position is at, if it is in parts. Errors: SMQ_ERR_TOO_LARGE (for
 * `to`, which is as before), SMQ_ERR_STORE. */
enum smq_result list_payload(struct store_txn *txn, const struct queue_list *list, const struct list_entry *entry,
                             struct writer *to);

/* Adds an entry whose payload is the pieces, one after the other, at most LIST_PAYLOAD_MAX bytes, and counts it in
 * `state`, which the caller puts back. */
void list_add(struct store_txn *txn, const struct queue_list *list, uint64_t number, struct list_state *state,
              const struct list_entry *entry, const struct slice pieces[LIST_PIECES_MAX], uint64_t *sequence);
/* Removes `entry`, which the table's position is at, and counts it out of `state`. The position is then before what
 * followed. */
void list_remove(struct store_txn *txn, const struct queue_list *list, const struct list_entry *entry,
                 struct list_state *state);
/* What goes with an entry that is removed by its key: bytes of a segment. SMQ_ERR_STORE when `value` is damaged. */
enum smq_result list_forget(struct store_txn *txn, const struct queue_list *list, struct slice value);
/* Takes everything out of the list, at a cost that does not depend on how much it is. Answers how many entries there
 * were; they are for the caller to have purged (purge.h). */
uint64_t list_drop(struct store_txn *txn, const struct queue_list *list, uint64_t number);

/* Removes entries from the head while they are older than `before`, at most `max`, and at least one until `until_us`
 * (clock_monotonic_us); stops at LIST_ENTRY_STOPS_EXPIRY.
 * Changes `state`, which the caller puts back. Answers how many were removed. */
uint32_t list_expire_head(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                          struct list_state *state, int64_t before, uint32_t max, uint64_t until_us);

struct list_expired {
    uint64_t queues;
    uint64_t entries;
    bool more;
};
/* Expires due registrations, oldest first, until a limit or `until_us` (clock_monotonic_us) is reached; at least one
 * entry in any case, but nothing while the store is tight (internal.h). SMQ_ERR_INVALID when a limit is 0. */
enum smq_result list_expire(struct store_txn *txn, const struct queue_list *list, const struct store_expiry *expiry,
                            struct list_expired *expired);

/* Moves the body of a message to where bodies are written, if its record says that it is at that place. While room is
 * short it may have to go to its record: segments are what is to be given back then. */
enum list_moved { LIST_MOVED, LIST_NOT_THERE, LIST_NO_ROOM, LIST_DAMAGED };
enum list_moved list_move_body(struct store_txn *txn, const struct body_owner *owner, uint64_t segment, uint32_t offset,
                               uint32_t length);

/* Where the body of a stored record of TABLE_MESSAGES is, and how long it is; false when the record has it, or is no
 * message. list_set_body changes the place in a copy of such a record. */
bool list_body_of(struct slice key, struct slice value, struct body_location *body, uint32_t *length);
void list_set_body(uint8_t *value, const struct body_location *body);
