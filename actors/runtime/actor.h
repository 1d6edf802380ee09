/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Actor: a role run by a thread of its own, with one mailbox, and state that only it writes. A lane is one of several
 * actors of a role. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/mailbox.h"
#include "queues/waker.h"
#include "queues/wheel.h"
#include "smq/result.h"

struct actor;

/* What actors send each other; embedded as the first field of each kind of message. */
struct message {
    struct mailbox_node node; /* owned by the mailbox on the way */
    uint32_t kind;            /* meant by the receiving role */
};

/* What an actor has to do at the end of a turn, besides what its mailbox holds. */
enum actor_rest {
    ACTOR_MAY_SLEEP,
    ACTOR_MUST_POLL, /* I/O is awaited */
    ACTOR_MUST_GO_ON /* there is work */
};

/* A role. All functions run on the actor's thread; only `receive` must be set. Each turn of the actor is:
 *     receive() for up to batch_limit messages; due timers; batch_end(); wait
 * With more messages in the mailbox the wait is left out (`wait` is called with 0). None but `wait` waits for another
 * thread or a peer. */
struct actor_ops {
    const char *role; /* a constant text; "role" or "role-<lane>" is the thread's name, at most 15 bytes */
    /* First on the thread. Anything but SMQ_OK ends the actor (`stop` is then not called) and is what actor_start
     * returns. */
    enum smq_result (*start)(void *state);
    void (*receive)(void *state, struct message *message); /* owns `message` */
    /* At the end of every turn, also of one without messages: timers or the wait hook may have made work. Here batches
     * are written. */
    void (*batch_end)(void *state);
    /* Last on the thread: the mailbox is closed and empty, no timer will fire. */
    void (*stop)(void *state);
    /* Instead of the futex, for lanes that sleep in a poller: waits for I/O or for the actor's waker (an eventfd, see
     * waker.h: registered in `start` with EPOLLIN | EPOLLET, never read) at most `timeout_ms` (-1: no limit, 0: only
     * looks), and handles the I/O. The actor loop itself prepares and clears the waker around the call and looks into
     * the mailbox after it, whatever made it return. */
    void (*wait)(void *state, int timeout_ms);
    /* With `wait`: whether it is needed now. NULL: always. A lane that waits for no I/O sleeps on a futex, which is
     * cheaper. */
    enum actor_rest (*rest)(void *state);
    uint32_t batch_limit; /* messages a turn; 0: 256 */
};

/* Makes an actor that is not running yet; `ops` and `state` are borrowed and outlive it. `lane` is its number within
 * the role, -1 for a role of one. Messages can be sent from now on. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. Any thread. */
enum smq_result actor_create(const struct actor_ops *ops, void *state, int lane, struct actor **actor);

/* Starts the thread and waits for its start hook. Returns what the hook returned; after an error messages are refused
 * and actor_stop is allowed. Blocks; not from an actor. Once. */
enum smq_result actor_start(struct actor *actor);

/* Hands `message` over. SMQ_ERR_CLOSED: the actor was stopped, and the caller keeps it. Any attached thread, never
 * blocks. */
enum smq_result actor_send(struct actor *actor, struct message *message);

/* Refuses messages from now on; the actor drains what was sent, runs its stop hook and ends. Waits for a grace period,
 * not for the end. Idempotent. Any attached thread, outside of a read section. */
void actor_stop(struct actor *actor);
/* Waits for the end of the thread (after actor_stop, by somebody). One caller, not the actor itself. */
void actor_join(struct actor *actor);
/* After actor_join, or when never started, and when nobody can send any more: frees. Messages that were sent to an
 * actor which never ran are dropped without being freed. */
void actor_destroy(struct actor **actor);

/* For the actor's own hooks. */
struct wheel *actor_wheel(struct actor *actor);
uint64_t actor_now_ms(const struct actor *actor); /* clock_monotonic_ms at the start of this turn */
struct waker *actor_waker(struct actor *actor);   /* waker_wake on it: any thread */
/* The wait hook calls it when it has waited, before it handles I/O, with clock_monotonic_ms: that is part of a turn. */
void actor_wakes(struct actor *actor, uint64_t now_ms);
/* Reports that the role cannot do its work any more: logs, and tells the supervisor, which stops the process in order.
 * The actor goes on until it is stopped, so that it can refuse what it is asked. The first report counts. */
void actor_fail(struct actor *actor, enum smq_result reason, const char *what);

/* For the supervisor and the metrics; any thread. */
const char *actor_name(const struct actor *actor);
uint64_t actor_received(const struct actor *actor);       /* messages so far */
enum smq_result actor_failure(const struct actor *actor); /* SMQ_OK, or the reason of actor_fail */
/* Called once by actor_fail, on the actor's thread, with the actor. Set before actor_start. */
void actor_on_failure(struct actor *actor, void (*report)(void *context, struct actor *actor), void *context);
