/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client's messages. */
#include "actors/client/post.h"

#include "actors/client/flush.h"
#include "actors/client/lane.h"

static enum smq_result post(struct process_lane *lane, unsigned kind, struct message *message) {
    message->kind = kind;
    return actor_send(lane->actor, message);
}

enum smq_result post_connect(struct smq_client *client) {
    return post(client->lane, LANE_CONNECT, &client->connect_message);
}

enum smq_result post_close(struct smq_client *client) {
    return post(client->lane, LANE_CLOSE, &client->close_message);
}

enum smq_result post_flush(struct client_flush *flush) {
    return post(flush->client->lane, LANE_FLUSH, &flush->message);
}

enum smq_result post_closed(struct smq_client *client) {
    return post(client->lane, LANE_CLOSED, &client->closed_message);
}

enum smq_result post_credit(struct smq_client *client) {
    return post(client->lane, LANE_CREDIT, &client->credit_message);
}

enum smq_result post_submit(struct request *request) {
    return post(request->client->lane, LANE_SUBMIT, &request->message);
}

enum smq_result post_submit_many(struct smq_client *client, struct request_group *group) {
    return post(client->lane, LANE_SUBMIT_MANY, &group->message);
}

enum smq_result post_failed(struct request *request) {
    return post(request->client->lane, LANE_FAILED, &request->message);
}

enum smq_result post_block(struct smq_client *client, struct block *block) {
    return post(client->lane, LANE_BLOCK, &block->message);
}

enum smq_result post_stop(struct process_lane *lane) {
    return post(lane, LANE_STOP, &lane->stop_message);
}

enum smq_result post_protocol(struct process_lane *lane, unsigned kind, struct message *message) {
    return post(lane, kind, message);
}
