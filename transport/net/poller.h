/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Poller: level-triggered epoll, owned by one lane. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/waker.h"
#include "smq/result.h"

enum { POLLER_BATCH = 256 };

/* What is waited for, and what is reported; POLL_FAILED (error, or both directions ended) is reported unasked. */
enum poll_events { POLL_NOTHING = 0, POLL_READ = 1, POLL_WRITE = 2, POLL_FAILED = 4 };

struct poll_event {
    void *subject;   /* what was given when the descriptor was added */
    unsigned events; /* enum poll_events */
};

struct poller;

/* SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result poller_create(struct poller **poller);
void poller_destroy(struct poller **poller);

/* Lets a wake of `waker` (eventfd kind) end poller_wait; wakes are not reported as events. SMQ_ERR_SYSTEM. */
enum smq_result poller_add_waker(struct poller *poller, const struct waker *waker);
/* SMQ_ERR_SYSTEM, errno. `subject` is not NULL. */
enum smq_result poller_add(struct poller *poller, int descriptor, unsigned events, void *subject);
enum smq_result poller_change(struct poller *poller, int descriptor, unsigned events, void *subject);
/* Events of this descriptor that poller_wait has already returned stay in the caller's array. */
void poller_remove(struct poller *poller, int descriptor);

/* Waits at most `timeout_ms` (-1: no limit, 0: only looks). Returns how many events there are; they stay valid until
 * the next call. The poller's lane only. */
size_t poller_wait(struct poller *poller, int timeout_ms, const struct poll_event **events);
