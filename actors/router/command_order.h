/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The order of one session's commands. What is under way is counted by what it is about: a record, or an id that may be
 * about to lead to one. A command that must not overtake what is under way at its record is put aside, without holding
 * up commands about anything else, and is taken up when all of that is done; what comes later about the same goes
 * behind it. Commands that the store refused, to be verified again, keep their place before all that wait.
 *
 * An id may be what two records of a session contend for: one is about to take it and the other to give it up, or to be
 * found by it, or to take it as well. A command that would have to wait for more than its own record is a fence: it
 * waits for all that is before it, and nothing that comes later begins before it.
 *
 * All functions: the session's process lane, unless they say otherwise. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/runtime/actor.h"
#include "queues/base/cursor.h"
#include "queues/ring.h"
#include "smq/result.h"

struct session;
struct slot;

/* Where a command's effect takes place: a number that the router gives, below 256, with what holds on that route.
 * Commands of one route about one record need not wait for each other, as they take effect in the order in which the
 * next role gets them, unless ROUTE_ONE_BY_ONE. */
enum {
    ROUTE_AT_ONCE = 0,                        /* answered by the process lane */
    ROUTE_ONE_BY_ONE = 1 << 8,                /* later ones wait until it is done */
    ROUTE_CHANGES = 1 << 9 | ROUTE_ONE_BY_ONE /* the record is another one then: later ones look again */
};

enum { ORDER_CLAIMS_MAX = 2, ORDER_OTHERS_MAX = 5 };

/* Commands in a list, by `next_in_order`. */
struct slot_list {
    struct slot *first, *last;
};

/* What is under way about one thing. It stays where it is as long as anything is. */
struct order_entry {
    struct message message; /* PROCESS_ORDER: nothing is under way any more, and commands wait for that; first */
    uint64_t key;
    uint64_t record; /* of an id: the record whose command takes it; 0: none that has a number */
    struct session *session;
    struct order_entry *next;   /* in its bucket, or spare */
    _Atomic uint32_t under_way; /* commands that are not done; with ORDER_ARMED, the last one sends the message */
    _Atomic uint32_t unread;    /* answers of commands that are done, to be read from the store when they are sent */
    uint16_t route;             /* of all that is under way */
    uint32_t auth_version;      /* likewise */
    bool changed;               /* a look-up before now may have missed what was done */
    bool armed;
    struct slot_list waiting;
    struct slot_list refused; /* by the store; they go before `waiting` */
    struct ring ready;        /* in the session's, while `waiting` may be taken up */
    struct ring parked;       /* in the lane's, while `armed` */
};

/* Zeroed is empty. */
struct command_order {
    struct order_entry **buckets;
    uint32_t bucket_count; /* a power of two, or 0 */
    uint32_t count;        /* entries in buckets */
    uint32_t id_count;     /* those of ids */
    struct order_entry *spare;
    struct ring ready;
    struct order_entry *taking; /* the entry that the present command waited at, or NULL */
    struct slot *fence;         /* waits for everything before it; NULL: none */
    bool fence_waits;           /* the lane will be told when it is worth looking whether the fence may go on */
};

/* What a command is about. Keys are of records (their numbers, below 2^63) or of ids (order_id_key); 0: none. */
struct order_wish {
    uint16_t route;
    uint32_t auth_version;
    uint64_t record;                   /* its own, where it is counted and waits */
    uint64_t ids[ORDER_CLAIMS_MAX];    /* that it takes, or shares; counted as well. The first only without a record */
    uint64_t others[ORDER_OTHERS_MAX]; /* records and ids that it must not overtake anything at, besides */
};

enum order_verdict {
    ORDER_GO,
    ORDER_LOOK_AGAIN, /* what was looked up may be older than what is done: take a new snapshot, and ask again */
    ORDER_WAITS,      /* the slot was put aside, or is the fence */
    ORDER_FAILED      /* out of memory */
};

/* An id, of a `party` that says what it names, as a key; never that of a record. Keyed, so that clients cannot
 * choose what meets. */
uint64_t order_id_key(const uint8_t hash_key[16], unsigned party, struct slice id);

/* Whether the command in `slot` may be carried out. `parked`: the lane's ring of entries that wait to be told. */
enum order_verdict command_order_ask(struct session *session, struct slot *slot, const struct order_wish *wish,
                                     struct ring *parked);
/* Counts the command, which may be carried out. SMQ_ERR_NO_MEMORY. */
enum smq_result command_order_claim(struct session *session, struct slot *slot, const struct order_wish *wish);

/* Whether answers about the record have not been read from the store yet, of any block. */
bool command_order_has_unread(const struct session *session, uint64_t record);
/* Puts the command, which may take away what those answers need, aside until they have been sent. */
void command_order_await_answers(struct session *session, struct slot *slot, uint64_t record, struct ring *parked);

/* The store refused the slot's operation: it goes before all that wait, and is taken up when the others that are under
 * way are done, or refused as well. */
void command_order_refused(struct slot *slot, struct ring *parked);
/* The entry's message came: what waits there is ready. */
void command_order_freed(struct order_entry *entry);
/* The next command that is ready, or NULL; until command_order_taken it may be put aside again, in its place. */
struct slot *command_order_take(struct session *session);
void command_order_taken(struct session *session);
/* Whether no command may begin but those that wait already. */
static inline bool command_order_is_fenced(const struct command_order *order) {
    return order->fence != NULL;
}
/* Whether something that waits can be looked at. */
bool command_order_is_ready(const struct command_order *order);
/* The fence, when all that was before it is done, is the fence no more; NULL: there is none, or it waits, and an
 * entry's message will tell. */
struct slot *command_order_pass_fence(struct command_order *order, struct ring *parked);
/* Takes out any command that waits at `entry`, or the fence of its session, for the end of the lane; NULL: none. */
struct slot *command_order_drop(struct order_entry *entry);

/* The command is done. Any thread. */
void command_order_done(struct slot *slot);
/* Its answer needs the store no longer. Any thread. */
void command_order_answered(struct slot *slot);

/* The session ends; nothing is under way. Any thread. */
void command_order_finish(struct command_order *order);
