/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Waker: how one sleeping consumer is woken by many producers; a futex, and for consumers that also sleep in a poller
 * an eventfd, behind one interface. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "smq/result.h"

/* Who may call what:
 *   waker_wake                                any thread
 *   waker_prepare, waker_clear, waker_wait    the consumer
 *   init, destroy                             the owner, while nobody else uses it
 *
 * A wake is remembered until the consumer has taken it, so that none is lost: whoever publishes work first and wakes
 * then is seen by a consumer that takes the wake (waker_wait, waker_prepare or waker_clear) first and looks for work
 * then. */
struct waker {
    _Atomic uint32_t state; /* private */
    int fd;                 /* private; -1: futex */
};

void waker_init_futex(struct waker *waker);
/* SMQ_ERR_SYSTEM when there is no descriptor left. */
enum smq_result waker_init_eventfd(struct waker *waker);
void waker_destroy(struct waker *waker);

/* Wakes the consumer, or makes its next wait return at once. A system call only when the consumer sleeps and nobody
 * woke it yet. */
void waker_wake(struct waker *waker);

/* Sleeps until woken or until `timeout_ms` have passed (-1: no limit; 0: does not sleep), and takes the wake. Whether
 * it was woken; may also return early for no reason. Both kinds sleep on the futex here. Not inside a read section. */
bool waker_wait(struct waker *waker, int timeout_ms);

/* For a consumer that sleeps in a poller of its own (eventfd kind):
 *     bool may_sleep = waker_prepare(waker);
 *     epoll_wait(..., may_sleep ? timeout_ms : 0);
 *     waker_clear(waker);
 *     look for work
 * The descriptor is registered once, with EPOLLIN | EPOLLET, and is never read: each wake is an edge. */
int waker_fd(const struct waker *waker); /* -1 for the futex kind */
bool waker_prepare(struct waker *waker); /* announces the sleep; false: already woken, do not sleep */
void waker_clear(struct waker *waker);   /* takes back the announcement, and takes the wake */
