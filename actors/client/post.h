/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of the client: every message to its process lanes. All are sent here, and only here.
 *
 * | message  | from               | carries                     | afterwards owned by |
 * |----------|--------------------|-----------------------------|---------------------|
 * | CONNECT  | caller             | the client, new             | the lane, a reference |
 * | CLOSE    | caller             | the client                  | the lane, a reference of the message |
 * | FLUSH    | caller             | the flush                   | the lane |
 * | SUBMIT   | caller, monitor    | a request                   | the lane |
 * | SUBMIT_MANY | caller          | a group of requests         | the lane |
 * | FAILED   | send lane          | a request it cannot write   | the lane, the send lane's reference |
 * | BLOCK    | receive lane       | a received block            | the lane |
 * | CLOSED   | receive lane       | the client, whose connection is gone | the lane had it |
 * | CREDIT   | whoever returns credit for events | the client   | the lane, a reference of the message |
 * | STOP     | context            | nothing: all clients are to end | |
 * | PROTOCOL | the protocol's roles | the protocol's own        | as it says |
 *
 * Functions return what actor_send does: SMQ_ERR_CLOSED, the lane has stopped, and the sender keeps what it carries.
 * Any attached thread; none blocks. What else goes between roles: items that connection_send hands to the send lane
 * (OUTGOING_HELLO, OUTGOING_COMMAND, OUTGOING_PROTOCOL in client.h), and batches of events, which go to their consumer
 * (events.h). */
#pragma once

#include "smq/result.h"

struct block;
struct client_flush;
struct message;
struct process_lane;
struct request;
struct request_group;
struct smq_client;

enum lane_message {
    LANE_CONNECT = 1,
    LANE_CLOSE,
    LANE_FLUSH,
    LANE_CLOSED,
    LANE_CREDIT,
    LANE_SUBMIT,
    LANE_SUBMIT_MANY,
    LANE_FAILED,
    LANE_BLOCK,
    LANE_STOP,
    LANE_PROTOCOL, /* LANE_PROTOCOL_KINDS for each of client_protocols */
};
enum { LANE_PROTOCOL_KINDS = 16 };

enum smq_result post_connect(struct smq_client *client);
enum smq_result post_close(struct smq_client *client);
enum smq_result post_flush(struct client_flush *flush);
enum smq_result post_closed(struct smq_client *client);
enum smq_result post_credit(struct smq_client *client);
enum smq_result post_submit(struct request *request);
enum smq_result post_submit_many(struct smq_client *client, struct request_group *group);
enum smq_result post_failed(struct request *request);
enum smq_result post_block(struct smq_client *client, struct block *block);
enum smq_result post_stop(struct process_lane *lane);
/* `kind`: LANE_PROTOCOL or more. */
enum smq_result post_protocol(struct process_lane *lane, unsigned kind, struct message *message);
