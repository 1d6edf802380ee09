/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who takes long: the turns of all actors of the process, watched by one thread that belongs to none of them. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "queues/base/counter.h"

/* The part of an actor that is watched. */
struct watched {
    const char *name; /* constant while it is watched */
    /* written by the actor */
    _Atomic uint64_t began_ms;   /* of the present turn; 0: it waits */
    _Atomic uint64_t longest_ms; /* of the turns since the last look */
    _Atomic uint64_t busy_ms;    /* all turns together, to a millisecond on average */
    _Atomic uint64_t turns;
    _Atomic uint64_t received; /* messages */
    /* by whoever sends */
    struct counter sent;
    /* under the lock of the list */
    struct watched *next, *previous;
    uint64_t told_ms; /* the turn that was told, by its begin; 0: none */
};

/* From before the first turn to after the last. Any thread; a lock is held for a few instructions, or for a look. */
void watch_begin(struct watched *watched);
void watch_end(struct watched *watched);

/* Looks at all actors: logs, with role and duration, a turn that takes longer than `limit_ms` already, once, and one
 * that took longer and is over. Returns how many take longer now. Who waits for work takes no time, who waits inside a
 * turn, for the disk say, does. One thread, which calls it about every second. */
unsigned watch_turns(uint64_t limit_ms);

/* Calls `visit` with each actor of the process, which does not end meanwhile: it is quick, and starts and ends none.
 * Any thread. */
void watch_each(void (*visit)(void *context, const struct watched *watched), void *context);
/* Messages that were sent to the actor, and that it has not begun with. */
uint64_t watch_queue_length(const struct watched *watched);
