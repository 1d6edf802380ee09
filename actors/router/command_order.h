/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The order of one session's commands. What is under way is counted by what it is about: a queue, or an id that may be
 * about to lead to one. A command that must not overtake what is under way at its queue is put aside, without holding
 * up commands about anything else, and is taken up when all of that is done; what comes later about the same goes
 * behind it. Commands that the store refused, to be verified again, keep their place before all that wait.
 *
 * An id may be what two queues of a session contend for: one is about to take it and the other to give it up, or to be
 * found by it, or to take it as well. A command that would have to wait for more than its own queue is a fence: it
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

struct client_session;
struct command_slot;

/* Where a command's effect takes place. Commands of one route on one queue need not wait for each other, but for
 * ROUTE_CHANGE and ROUTE_ACKNOWLEDGE. */
enum execution_route {
    ROUTE_AT_ONCE,      /* answered by the process lane */
    ROUTE_STORE,        /* SEND: in the order in which the writer gets them */
    ROUTE_SUBSCRIPTION, /* SUB, GET, QUE: in the order in which the subscriber lane gets them */
    ROUTE_NOTIFIER,     /* NSUB: in a service session first the store, then the subscriber lane */
    ROUTE_ACKNOWLEDGE,  /* ACK: first the subscriber lane, then the store */
    ROUTE_CHANGE        /* changes the record: later commands on the queue wait for its commit */
};

enum { ORDER_CLAIMS_MAX = 2, ORDER_OTHERS_MAX = 5 };

/* Commands in a list, by `next_in_order`. */
struct slot_list {
    struct command_slot *first, *last;
};

/* What is under way about one thing. It stays where it is as long as anything is. */
struct order_entry {
    struct message message; /* PROCESS_ORDER: nothing is under way any more, and commands wait for that; first */
    uint64_t key;
    uint64_t queue; /* of an id: the queue whose command takes it; 0: none that has a number */
    struct client_session *session;
    struct order_entry *next;   /* in its bucket, or spare */
    _Atomic uint32_t under_way; /* commands that are not done; with ORDER_ARMED, the last one sends the message */
    _Atomic uint32_t unread;    /* answers of commands that are done, to be read from the store when they are sent */
    enum execution_route route; /* of all that is under way */
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
    struct command_slot *fence; /* waits for everything before it; NULL: none */
    bool fence_waits;           /* the lane will be told when it is worth looking whether the fence may go on */
};

/* What a command is about. Keys are of queues (their numbers) or of ids (order_id_key); 0: none. */
struct order_wish {
    enum execution_route route;
    uint32_t auth_version;
    uint64_t queue;                    /* its own, where it is counted and waits */
    uint64_t ids[ORDER_CLAIMS_MAX];    /* that it takes, or shares; counted as well. The first only without a queue */
    uint64_t others[ORDER_OTHERS_MAX]; /* queues and ids that it must not overtake anything at, besides */
};

enum order_verdict {
    ORDER_GO,
    ORDER_LOOK_AGAIN, /* what was looked up may be older than what is done: take a new snapshot, and ask again */
    ORDER_WAITS,      /* the slot was put aside, or is the fence */
    ORDER_FAILED      /* out of memory */
};

/* A party's id, or a service's, as a key; never that of a queue. Keyed, so that clients cannot
 * choose what meets. */
uint64_t order_id_key(const uint8_t hash_key[16], unsigned party, struct slice id);

/* Whether the command in `slot` may be carried out. `parked`: the lane's ring of entries that wait to be told. */
enum order_verdict command_order_ask(struct client_session *session, struct command_slot *slot,
                                     const struct order_wish *wish, struct ring *parked);
/* Counts the command, which may be carried out. SMQ_ERR_NO_MEMORY. */
enum smq_result command_order_claim(struct client_session *session, struct command_slot *slot,
                                    const struct order_wish *wish);

/* Whether answers about the queue have not been read from the store yet, of any block. */
bool command_order_has_unread(const struct client_session *session, uint64_t queue);
/* Puts the command, which may take away what those answers need, aside until they have been sent. */
void command_order_await_answers(struct client_session *session, struct command_slot *slot, uint64_t queue,
                                 struct ring *parked);

/* The store refused the slot's operation: it goes before all that wait, and is taken up when the others that are under
 * way are done, or refused as well. */
void command_order_refused(struct command_slot *slot, struct ring *parked);
/* The entry's message came: what waits there is ready. */
void command_order_freed(struct order_entry *entry);
/* The next command that is ready, or NULL; until command_order_taken it may be put aside again, in its place. */
struct command_slot *command_order_take(struct client_session *session);
void command_order_taken(struct client_session *session);
/* Whether no command may begin but those that wait already. */
static inline bool command_order_is_fenced(const struct command_order *order) {
    return order->fence != NULL;
}
/* Whether something that waits can be looked at. */
bool command_order_is_ready(const struct command_order *order);
/* The fence, when all that was before it is done, is the fence no more; NULL: there is none, or it waits, and an
 * entry's message will tell. */
struct command_slot *command_order_pass_fence(struct command_order *order, struct ring *parked);
/* Takes out any command that waits at `entry`, or the fence of its session, for the end of the lane; NULL: none. */
struct command_slot *command_order_drop(struct order_entry *entry);

/* The command is done. Any thread. */
void command_order_done(struct command_slot *slot);
/* Its answer needs the store no longer. Any thread. */
void command_order_answered(struct command_slot *slot);

/* The session ends; nothing is under way. Any thread. */
void command_order_finish(struct command_order *order);
