/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two rings: those that come, and those that go round. */
#include "actors/router/fair_queue.h"

#include "queues/base/owner.h"

static bool has_quantum(const struct fair_member *member) {
    return member->used_us < FAIR_QUANTUM_US;
}

void fair_queue_add(struct fair_queue *queue, struct fair_member *member) {
    if (!ring_is_member(&member->place))
        ring_append(has_quantum(member) ? &queue->fresh : &queue->served, &member->place);
}

bool fair_queue_is_empty(const struct fair_queue *queue) {
    return ring_is_empty(&queue->fresh) && ring_is_empty(&queue->served);
}

static struct fair_member *member_of(struct ring *place) {
    return owner_of(place, struct fair_member, place);
}

/* Every pass through the ring pays a quantum of each debt, so that the debts bound the passes. */
static struct ring *first_with_quantum(struct fair_queue *queue) {
    for (struct ring *place = ring_first(&queue->served); place != NULL; place = ring_first(&queue->served)) {
        struct fair_member *member = member_of(place);
        if (!has_quantum(member))
            member->used_us -= FAIR_QUANTUM_US;
        if (has_quantum(member))
            return place;
        ring_remove(place);
        ring_append(&queue->served, place);
    }
    return NULL;
}

struct fair_member *fair_queue_take(struct fair_queue *queue) {
    struct ring *place = ring_is_empty(&queue->fresh) ? first_with_quantum(queue) : ring_first(&queue->fresh);
    if (place == NULL)
        return NULL;
    ring_remove(place);
    return member_of(place);
}

bool fair_member_pay(struct fair_member *member, uint32_t cost_us) {
    member->used_us += cost_us;
    return has_quantum(member);
}

void fair_queue_put_back(struct fair_queue *queue, struct fair_member *member) {
    ring_append(&queue->served, &member->place);
}
