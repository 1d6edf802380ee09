/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Process lanes: decode and authorise commands, look records up, and hand each command to the role that carries it
 * out. */
#pragma once

#include "actors/smp/roles.h"
#include "smq/result.h"

struct command_batch;
struct command_slot;
struct order_entry;
struct block;
struct client_session;

/* Creates and starts lane `index` under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result process_lane_create(struct smp_router *router, unsigned index, struct process_lane **lane);
/* After the lane's thread has ended. */
void process_lane_destroy(struct process_lane **lane);

/* From the receive lane: an admitted block of commands (command_batch_create). The lane owns it; when the lane has
 * stopped it is refused at once. */
void process_lane_block(struct process_lane *lane, struct block *block);
/* From the receive lane: the batch that answers a block which could not be opened. */
void process_lane_batch(struct process_lane *lane, struct command_batch *batch);
/* From whoever completed the last command that others of its session wait for: command_order.h. */
void process_lane_freed(struct process_lane *lane, struct order_entry *entry);
/* From the store writer: the record changed under the command; it is verified and carried out anew. */
void process_lane_retry(struct process_lane *lane, struct command_slot *slot);
/* From whoever answered a proxied command while others of the session wait. Takes over a reference to its connection;
 * any thread. */
void process_lane_proxy_room(struct process_lane *lane, struct client_session *session);
/* From the receive lane: a client hello that shows a service. The lane answers it and resumes the connection. Takes
 * the block over. SMQ_ERR_CLOSED: the lane has stopped; the block was released. */
enum smq_result process_lane_service_hello(struct process_lane *lane, struct block *block);
