/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of the client agent: every message to its actor. All are sent here, and only here.
 *
 * | message      | from                     | carries                                  | afterwards owned by     |
 * |--------------|--------------------------|------------------------------------------|-------------------------|
 * | CONNECT      | caller                   | a client_agent_waiter                    | the agent, until `done` |
 * | SUBSCRIBE    | caller                   | a subscribe_message, with handles        | the agent               |
 * | UNSUBSCRIBE  | caller                   | a subscribe_message                      | the agent               |
 * | SERVICE      | caller                   | a service_message                        | the agent               |
 * | CONNECTED    | process lane of a client | its session: the attempt has ended       | the agent, a reference  |
 * | DISCONNECTED | process lane             | its session: the connection has ended    | the agent, a reference  |
 * | ENDED        | process lane             | an ended_message: a subscription is lost | the agent               |
 * | GROUP        | process lane             | a group, with all its outcomes           | the agent, a reference  |
 * | LATE         | process lane             | a late_message: an outcome after all     | the agent               |
 * | SERVICE_DONE | process lane             | a client_agent_service_request           | the agent, a reference  |
 * | CREDIT       | whoever returns credit   | the agent: it may tell events again      | itself, a reference     |
 * | CHANGE       | caller                   | a change_message, with a network         | the agent               |
 *
 * Messages begin what carries them, where the table names a struct of one file. Functions return what actor_send does:
 * SMQ_ERR_CLOSED, the agent has stopped, and the sender keeps what it carries. Any attached thread; none blocks. What
 * the agent tells goes as batches of events to their consumer (deliver.c). */
#pragma once

#include "smq/result.h"

struct client_agent_session;
struct client_agent_waiter;
struct message;
struct smq_client_agent;

enum client_agent_message {
    CLIENT_AGENT_CONNECT = 1,
    CLIENT_AGENT_SUBSCRIBE,
    CLIENT_AGENT_UNSUBSCRIBE,
    CLIENT_AGENT_SERVICE,
    CLIENT_AGENT_CONNECTED,
    CLIENT_AGENT_DISCONNECTED,
    CLIENT_AGENT_ENDED,
    CLIENT_AGENT_GROUP,
    CLIENT_AGENT_LATE,
    CLIENT_AGENT_SERVICE_DONE,
    CLIENT_AGENT_CREDIT,
    CLIENT_AGENT_CHANGE,
};

enum smq_result post_agent_connect(struct smq_client_agent *agent, struct client_agent_waiter *waiter);
enum smq_result post_agent_subscribe(struct smq_client_agent *agent, struct message *message);
enum smq_result post_agent_unsubscribe(struct smq_client_agent *agent, struct message *message);
enum smq_result post_agent_service(struct smq_client_agent *agent, struct message *message);
enum smq_result post_agent_connected(struct client_agent_session *session);
enum smq_result post_agent_disconnected(struct client_agent_session *session);
enum smq_result post_agent_ended(struct client_agent_session *session, struct message *message);
enum smq_result post_agent_group(struct client_agent_session *session, struct message *message);
enum smq_result post_agent_late(struct client_agent_session *session, struct message *message);
enum smq_result post_agent_service_done(struct client_agent_session *session, struct message *message);
enum smq_result post_agent_credit(struct smq_client_agent *agent);
enum smq_result post_agent_change(struct smq_client_agent *agent, struct message *message);
