/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of the kernel: every message between the roles that all routers have. The router of a protocol has a post of
 * its own for its roles (actors/smp/post.h). Roles include posts, and never what is inside another role.
 *
 * | message       | to           | from                | carries                                    | owned by   |
 * |---------------|--------------|---------------------|--------------------------------------------|------------|
 * | BLOCK         | process lane | receive lane        | a block, received and admitted             | the lane   |
 * | BATCH         | process lane | receive lane        | a batch that the router has made           | the lane   |
 * | ORDER         | process lane | whoever was last    | an order_entry: what waits there may go on | its session|
 * | RETRY         | process lane | writer, other roles | a slot whose record changed meanwhile      | the lane   |
 * | (from OWN on) | process lane | the router's roles    | see its own post                           |            |
 * | (of one kind) | writer       | any role            | a writer_request: a change of the store    | the writer |
 * | ROUND         | expirer      | writer              | a round whose step is committed            | the expirer|
 * | SETTINGS      | expirer      | whoever reloads     | nothing: settings changed                  | the expirer|
 *
 * Process lane: that of the session. What the writer sends about a slot it sends after the commit (RETRY: instead of
 * it), and a request is its until `completed`. BLOCK brings a reference to its connection.
 *
 * Functions return what actor_send does: SMQ_ERR_CLOSED, the role has stopped, and the sender keeps what was to be
 * carried. Any attached thread; none blocks. What else goes between roles: items that connection_send hands to the send
 * lane, and requests to the net (connection.h). */
#pragma once

#include "smq/result.h"

struct block;
struct command_batch;
struct message;
struct order_entry;
struct router;
struct session;
struct slot;
struct writer_request;

enum process_message { PROCESS_BLOCK, PROCESS_BATCH, PROCESS_ORDER, PROCESS_RETRY, PROCESS_OWN };

enum expirer_message { EXPIRER_ROUND, EXPIRER_SETTINGS };

enum smq_result post_process_block(struct session *session, struct block *block);
enum smq_result post_process_batch(struct command_batch *batch);
enum smq_result post_process_order(struct order_entry *entry);
enum smq_result post_process_retry(struct slot *slot);
/* A message of the router's own, of a kind from PROCESS_OWN on: for its post. */
enum smq_result post_process(struct session *session, unsigned kind, struct message *message);

/* When the writer has stopped the operation completes at once with SMQ_ERR_CANCELLED. */
void post_writer(struct router *router, struct writer_request *request);

/* `request` is the first of a round. */
enum smq_result post_expirer_round(struct router *router, struct writer_request *request);
enum smq_result post_expirer_settings(struct router *router, struct message *message);
