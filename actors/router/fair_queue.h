/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Deficit round robin: who has something to do is served in turn, and pays for it. Who has not used up a quantum when
 * work comes goes before those that have. One thread at a time; every call costs O(1), spread over the debts paid. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/ring.h"

enum { FAIR_QUANTUM_US = 500 };

/* Embedded in what is served; zeroed owes nothing. */
struct fair_member {
    struct ring place;
    int64_t used_us; /* of the present quantum; above FAIR_QUANTUM_US: a debt */
};

/* Zeroed is empty. */
struct fair_queue {
    struct ring fresh;  /* with something left of their quantum, since they had something to do; first come */
    struct ring served; /* round and round */
};

/* The member has something to do; nothing happens when that is known. */
void fair_queue_add(struct fair_queue *queue, struct fair_member *member);
bool fair_queue_is_empty(const struct fair_queue *queue);
/* Who is to be served, taken out, or NULL. */
struct fair_member *fair_queue_take(struct fair_queue *queue);
/* What was done cost that much. Whether there is anything left of the quantum. */
bool fair_member_pay(struct fair_member *member, uint32_t cost_us);
/* Puts a member back that has more to do. */
void fair_queue_put_back(struct fair_queue *queue, struct fair_member *member);
