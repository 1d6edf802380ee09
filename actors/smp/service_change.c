/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The end of a change of holder. */
#include "actors/smp/service_change.h"

#include "actors/smp/command_slot.h"
#include "actors/smp/event.h"
#include "queues/base/memory.h"

void service_change_applied(struct service_change **reference) {
    struct service_change *change = *reference;
    *reference = NULL;
    if (atomic_fetch_sub_explicit(&change->lanes, 1, memory_order_acq_rel) != 1)
        return;
    if (change->before != NULL) {
        event_send_service_end(change->before, slice_of(change->id, sizeof change->id), change->count_before);
        connection_release(change->before->connection);
    }
    slot_done(&change->slot->base);
    memory_free(change);
}
