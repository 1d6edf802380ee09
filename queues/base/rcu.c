/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Grace periods and deferred reclaim, told to ThreadSanitizer by two tags: the end of every read section is released
 * into one, and what waited for a grace period acquires it; the end of every deferred function is released into the
 * other, for reclaim_barrier. */
#include "queues/base/rcu.h"

#include "queues/base/postpone.h"

char read_section_tag;
#ifdef SANITIZER_THREAD
static char reclaim_tag;
#endif

void grace_period_wait(void) {
    waiting_begins();
    urcu_memb_synchronize_rcu();
    SANITIZER_ACQUIRE(&read_section_tag);
}

static void run_reclaim(struct rcu_head *head) {
    struct reclaim *reclaim = caa_container_of(head, struct reclaim, head);
    SANITIZER_ACQUIRE(&read_section_tag);
    SANITIZER_ACQUIRE(reclaim);
    reclaim->function(reclaim);
    SANITIZER_RELEASE(&reclaim_tag);
}

void reclaim_later(struct reclaim *reclaim, void (*function)(struct reclaim *reclaim)) {
    reclaim->function = function;
    SANITIZER_RELEASE(reclaim);
    urcu_memb_call_rcu(&reclaim->head, run_reclaim);
}

void reclaim_barrier(void) {
    waiting_begins();
    urcu_memb_barrier();
    SANITIZER_ACQUIRE(&reclaim_tag);
}
