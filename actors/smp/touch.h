/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Touches: notes of the day on which a queue was used, which the store keeps so that old queues can be told. */
#pragma once

#include "actors/smp/roles.h"
#include "stores/smp/queue_store.h"

/* SMQ_ERR_NO_MEMORY. */
enum smq_result toucher_create(struct smp_router *router, struct toucher **toucher);
/* When the writer's thread has ended. */
void toucher_destroy(struct toucher **toucher);

/* Notes that a queue was used on `day`, before long: nobody waits for it, and when very many wait already it is left to
 * the queue's next use. Any thread, never blocks. */
void touch_queue(struct toucher *toucher, struct queue_reference queue, uint32_t day);
