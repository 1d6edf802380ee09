/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriber lanes: who reads which queue, what is in flight to them, and the events END, DELD and NMSG. A queue
 * belongs to one lane. */
#pragma once

#include "actors/smp/roles.h"

/* Creates and starts lane `index` under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result subscriber_lane_create(struct smp_router *router, unsigned index, struct subscriber_lane **lane);
/* After the lane's thread has ended. */
void subscriber_lane_destroy(struct subscriber_lane **lane);
