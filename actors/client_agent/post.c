/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client agent's messages. */
#include "actors/client_agent/post.h"

#include "actors/client_agent/client_agent_private.h"

static enum smq_result post(struct smq_client_agent *agent, enum client_agent_message kind, struct message *message) {
    message->kind = kind;
    return actor_send(agent->actor, message);
}

enum smq_result post_agent_connect(struct smq_client_agent *agent, struct client_agent_waiter *waiter) {
    return post(agent, CLIENT_AGENT_CONNECT, &waiter->message);
}

enum smq_result post_agent_subscribe(struct smq_client_agent *agent, struct message *message) {
    return post(agent, CLIENT_AGENT_SUBSCRIBE, message);
}

enum smq_result post_agent_unsubscribe(struct smq_client_agent *agent, struct message *message) {
    return post(agent, CLIENT_AGENT_UNSUBSCRIBE, message);
}

enum smq_result post_agent_service(struct smq_client_agent *agent, struct message *message) {
    return post(agent, CLIENT_AGENT_SERVICE, message);
}

enum smq_result post_agent_connected(struct client_agent_session *session) {
    return post(session->agent, CLIENT_AGENT_CONNECTED, &session->connected);
}

enum smq_result post_agent_disconnected(struct client_agent_session *session) {
    return post(session->agent, CLIENT_AGENT_DISCONNECTED, &session->disconnected);
}

enum smq_result post_agent_ended(struct client_agent_session *session, struct message *message) {
    return post(session->agent, CLIENT_AGENT_ENDED, message);
}

enum smq_result post_agent_group(struct client_agent_session *session, struct message *message) {
    return post(session->agent, CLIENT_AGENT_GROUP, message);
}

enum smq_result post_agent_late(struct client_agent_session *session, struct message *message) {
    return post(session->agent, CLIENT_AGENT_LATE, message);
}

enum smq_result post_agent_service_done(struct client_agent_session *session, struct message *message) {
    return post(session->agent, CLIENT_AGENT_SERVICE_DONE, message);
}

enum smq_result post_agent_credit(struct smq_client_agent *agent) {
    return post(agent, CLIENT_AGENT_CREDIT, &agent->credit_message);
}

enum smq_result post_agent_change(struct smq_client_agent *agent, struct message *message) {
    return post(agent, CLIENT_AGENT_CHANGE, message);
}
