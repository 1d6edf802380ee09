/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The send lane's part of the router: packs answers, events and messages into blocks. Messages are read from the store
 * when their turn comes, so that what waits for a slow reader costs some hundred bytes, not 16 KB. */
#pragma once

#include <stdint.h>

#include "actors/net/connection.h"
#include "actors/smp/command_slot.h"
#include "actors/smp/roles.h"

/* A MSG event on its way to its subscriber. */
struct delivery {
    struct outgoing outgoing; /* first */
    struct client_session *session;
    struct message_reference reference;
};

/* Queues a MSG event. SMQ_ERR_CLOSED, SMQ_ERR_NO_MEMORY. Subscriber lane. */
enum smq_result delivery_send(struct client_session *session, const struct message_reference *reference);
/* Frees a delivery that was lost, and the reference to its connection that it then holds. */
void delivery_release(struct delivery **delivery);

/* Hooks of the protocol; see connection.h. */
enum smq_result delivery_fill(struct connection *connection, void *state, struct outgoing_queue *queue,
                              void *lane_state, uint8_t *bytes);
void delivery_discard(struct connection *connection, void *state, struct outgoing *item);
