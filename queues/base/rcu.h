/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RCU (liburcu, flavour memb): read sections, grace periods, deferred reclaim. The only header that includes the
 * flavour. */
#pragma once

#include <stdbool.h>

#include "queues/base/sanitizer.h"

/* Inlined fast paths; not under ThreadSanitizer, which must not see their plain accesses. */
#if !defined(SANITIZER_THREAD) && !defined(_LGPL_SOURCE)
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-memb.h>

/* Embedded in an object that is freed after a grace period. */
struct reclaim {
    struct rcu_head head;
    void (*function)(struct reclaim *reclaim);
};

extern char read_section_tag; /* ThreadSanitizer only: stands for "all read sections that ended" */

/* Opens and closes a read section: objects found inside stay allocated until it is closed. Nests. Never blocks, costs a
 * few nanoseconds; do not block and do not walk long inside. The thread must be attached (thread.h). */
static inline void read_section_begin(void) {
    urcu_memb_read_lock();
}

static inline void read_section_end(void) {
    SANITIZER_RELEASE(&read_section_tag);
    urcu_memb_read_unlock();
}

/* Whether the calling thread is inside a read section. Every function that waits checks that it is not. */
static inline bool read_section_is_open(void) {
    return urcu_memb_read_ongoing() != 0;
}

/* Waits until every read section that is open now is closed. Blocks (milliseconds). Not inside a read section. Attached
 * or not. */
void grace_period_wait(void);

/* Calls `function(reclaim)` after a grace period, on the reclaim thread, where it must not block or wait for a grace
 * period. Never blocks. `reclaim` is embedded in the object and belongs to RCU until then. The thread must be attached.
 */
void reclaim_later(struct reclaim *reclaim, void (*function)(struct reclaim *reclaim));

/* Waits until all functions handed to reclaim_later before this call have run. Blocks. Not inside a read section, not
 * on the reclaim thread. */
void reclaim_barrier(void);
