/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriber lanes: who reads which queue, what is in flight to them, and the events END, DELD and NMSG. A queue
 * belongs to one lane. */
#pragma once

#include "actors/smp/roles.h"

struct command_slot;
struct delivery;
struct service_copy;
struct session_farewell;

/* Creates and starts lane `index` under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result subscriber_lane_create(struct smp_router *router, unsigned index, struct subscriber_lane **lane);
/* After the lane's thread has ended. */
void subscriber_lane_destroy(struct subscriber_lane **lane);

/* Hands a command to the lane of slot->queue; the lane answers it. Any thread. A lane that has stopped leaves the
 * answer as it is, or INTERNAL. */
void subscriber_lane_slot(struct smp_router *router, struct command_slot *slot, enum subscriber_message kind);
/* A delivery whose message was gone: the lane looks again. Takes it over. Send lane. */
void subscriber_lane_lost(struct smp_router *router, struct delivery *delivery);
/* The session ended; takes over the reference to its connection. Receive lane. */
void subscriber_lane_farewell(struct subscriber_lane *lane, struct session_farewell *farewell);
/* Another session holds a service; takes `copy` over. A lane that has stopped has applied it at once. Services role. */
void subscriber_lane_service(struct subscriber_lane *lane, struct service_copy *copy);
