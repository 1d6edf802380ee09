/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Timer wheel: any number of timers, owned by one actor; adding and cancelling cost O(1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

/* All functions: the owner's thread only; none blocks. */
struct wheel;

/* Embedded in the timer's owner; all zero, but for `fire`, is an idle timer. It must be cancelled before its memory
 * goes away. */
struct wheel_timer {
    void (*fire)(struct wheel_timer *timer); /* set by the owner; the timer is idle again when it is called */
    uint64_t deadline_ms;                    /* private from here */
    struct wheel_timer *next;
    struct wheel_timer **link;
};

/* A wheel that starts at `now_ms` (clock_monotonic_ms). SMQ_ERR_NO_MEMORY. */
enum smq_result wheel_create(uint64_t now_ms, struct wheel **wheel);
/* Timers that are still in the wheel are forgotten, not fired. */
void wheel_destroy(struct wheel **wheel);

/* Lets `timer` fire at the first wheel_advance with a time of `deadline_ms` or later. A timer in the wheel is moved. */
void wheel_add(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms);
/* Takes `timer` out; nothing happens when it is idle. */
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);
bool wheel_timer_is_active(const struct wheel_timer *timer);

/* Fires what is due at `now_ms`, in the order of deadlines to the millisecond. `fire` may add and cancel any timer,
 * free its own, and must not advance the wheel; a timer that it adds fires in a later call even if it is due. Returns
 * how many fired. */
size_t wheel_advance(struct wheel *wheel, uint64_t now_ms);
/* How long the owner may sleep from `now_ms` on: -1 without timers, 0 when something is due. Never later than the next
 * deadline, at times earlier (the wheel then has to sort timers anew), never above INT_MAX. */
int wheel_next_timeout_ms(const struct wheel *wheel, uint64_t now_ms);
/* Timers in the wheel. */
size_t wheel_count(const struct wheel *wheel);
