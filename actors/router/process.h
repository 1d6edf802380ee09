/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Process lanes: decode and authorise commands, look records up, and hand each command to the role that carries it
 * out. */
#pragma once

#include "actors/smp/roles.h"
#include "smq/result.h"

/* Creates and starts lane `index` under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result process_lane_create(struct smp_router *router, unsigned index, struct process_lane **lane);
/* After the lane's thread has ended. */
void process_lane_destroy(struct process_lane **lane);
