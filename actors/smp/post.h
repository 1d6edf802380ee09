/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of the router: every message between its roles. All are sent here, and only here, so this is the map of its
 * traffic. Roles include this header, and never what is inside another role.
 *
 * | message         | from                      | carries                                | afterwards owned by |
 * |-----------------|---------------------------|----------------------------------------|---------------------|
 * | to a process lane, the session's |          |                                        |                     |
 * | BLOCK           | receive lane              | a block, received, opened and admitted | the lane, with a reference to its connection |
 * | BATCH           | receive lane              | the batch that answers a bad block     | the lane            |
 * | SERVICE_HELLO   | receive lane              | a client hello with a service          | the lane, with a reference to its connection |
 * | ORDER           | whoever ended the last command that others wait for | an order_entry | the session: the lane has it looked at |
 * | RETRY           | writer, subscriber lane   | a slot: the record changed between verification and commit | the lane |
 * | PROXY_ROOM      | whoever answered a proxied command | the session: a place came free | the lane, a reference to the connection |
 * | to a subscriber lane, the queue's |         |                                        |                     |
 * | SUBSCRIBE, GET, ACKNOWLEDGE, INFORM | process lane | a slot: SUB, GET, ACK before the store, QUE | the lane   |
 * | NOTIFY          | process lane              | a slot: NSUB of a connection that is no service | the lane   |
 * | CREATED         | writer                    | a slot: NEW with subscription was committed | the lane       |
 * | ACKNOWLEDGED    | writer                    | a slot: ACK, after the commit          | the lane            |
 * | STORED          | writer                    | a slot: SEND was committed, to an empty queue or with a notification | the lane |
 * | DELETED         | writer                    | a slot: DEL was committed              | the lane            |
 * | NOTIFIER_MOVED  | writer                    | a slot: NSUB, and the notifier's service was committed | the lane |
 * | NOTIFIER_GONE   | writer                    | a slot: NKEY or NDEL was committed     | the lane            |
 * | HANDED_OVER     | writer                    | a handed_over: its notifications are deleted | the lane      |
 * | LOST_DELIVERY   | send lane                 | a delivery whose message was gone when its turn came | the lane, with a reference to its connection |
 * | SERVICE_HELD    | services, to every lane   | a service_copy: another session holds the service | the lane |
 * | SESSION_CLOSED  | receive lane, to every lane | the lane's session_farewell          | the session; the lane gets a reference to its connection |
 * | to services     |                           |                                        |                     |
 * | MOVED           | subscriber lane           | a slot: NSUB, NKEY, NDEL, DEL: a notifier came to a service or left one | services |
 * | SUBSCRIBE       | writer                    | a slot: NSUBS, with the count of the service's queues | services |
 * | SESSION_CLOSED  | receive lane              | the session_farewell of services       | the session; services gets a reference to its connection |
 * | to the writer   |                           |                                        |                     |
 * | (one kind)      | any                       | a writer_request: a change of the store | the writer, until its `completed` |
 * | to the expirer  |                           |                                        |                     |
 * | ROUND           | writer                    | a round whose step is committed        | the expirer had it  |
 * | SETTINGS        | whoever reloads           | a message of the expirer: settings changed | the expirer had it |
 *
 * Functions return what actor_send does: SMQ_ERR_CLOSED, the role has stopped, and the sender keeps what was to be
 * carried (for slots hand_on.h decides). Any attached thread; none blocks. What else goes between roles: items that
 * connection_send hands to the send lane (outgoing_kind in client_session.h), and requests to the net (connection.h). */
#pragma once

#include "smq/result.h"

struct block;
struct client_session;
struct command_batch;
struct command_slot;
struct delivery;
struct message;
struct order_entry;
struct service_copy;
struct smp_router;
struct writer_request;

enum process_message {
    PROCESS_BLOCK,
    PROCESS_BATCH,
    PROCESS_SERVICE_HELLO,
    PROCESS_ORDER,
    PROCESS_RETRY,
    PROCESS_PROXY_ROOM
};

enum subscriber_message {
    SUBSCRIBER_SUBSCRIBE,
    SUBSCRIBER_GET,
    SUBSCRIBER_ACKNOWLEDGE,
    SUBSCRIBER_INFORM,
    SUBSCRIBER_NOTIFY,
    SUBSCRIBER_CREATED,
    SUBSCRIBER_ACKNOWLEDGED,
    SUBSCRIBER_STORED,
    SUBSCRIBER_DELETED,
    SUBSCRIBER_NOTIFIER_MOVED,
    SUBSCRIBER_NOTIFIER_GONE,
    SUBSCRIBER_HANDED_OVER,
    SUBSCRIBER_LOST_DELIVERY,
    SUBSCRIBER_SERVICE_HELD,
    SUBSCRIBER_SESSION_CLOSED,
    SUBSCRIBER_MESSAGE_COUNT
};

enum services_message { SERVICES_MOVED, SERVICES_SUBSCRIBE, SERVICES_SESSION_CLOSED };

enum expirer_message { EXPIRER_ROUND, EXPIRER_SETTINGS };

enum smq_result post_process_block(struct client_session *session, struct block *block);
enum smq_result post_process_batch(struct command_batch *batch);
enum smq_result post_process_service_hello(struct client_session *session, struct block *block);
enum smq_result post_process_order(struct order_entry *entry);
enum smq_result post_process_retry(struct command_slot *slot);
enum smq_result post_process_proxy_room(struct client_session *session);

/* Any of the messages that carry a slot, to the lane of slot->queue. */
enum smq_result post_subscriber_slot(struct command_slot *slot, enum subscriber_message kind);
/* `deletion` is the first of a handed_over. */
enum smq_result post_subscriber_handed_over(struct smp_router *router, unsigned lane, struct writer_request *deletion);
enum smq_result post_subscriber_lost_delivery(struct delivery *delivery);
enum smq_result post_subscriber_service_held(struct smp_router *router, unsigned lane, struct service_copy *copy);
enum smq_result post_subscriber_session_closed(struct client_session *session, unsigned lane);

/* MOVED or SUBSCRIBE. */
enum smq_result post_services_slot(struct command_slot *slot, enum services_message kind);
enum smq_result post_services_session_closed(struct client_session *session);

/* When the writer has stopped the operation completes at once with SMQ_ERR_CANCELLED. */
void post_writer(struct smp_router *router, struct writer_request *request);

/* `request` is the first of a round. */
enum smq_result post_expirer_round(struct smp_router *router, struct writer_request *request);
enum smq_result post_expirer_settings(struct smp_router *router, struct message *message);
