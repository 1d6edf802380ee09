/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of the SMP router: the messages of the roles that only it has; those of the roles of every router are in
 * actors/router/post.h. All are sent in these two, and only there, so they are the map of its traffic. Roles include
 * this header, and never what is inside another role.
 *
 * To a process lane, that of the session:
 *
 * | message        | from                    | carries                                       | afterwards owned by   |
 * |----------------|-------------------------|-----------------------------------------------|-----------------------|
 * | SERVICE_HELLO  | receive lane            | a block: a hello with a service               | the lane              |
 * | PROXY_ROOM     | whoever answered        | a session: a place for proxied ones is free   | the lane, a reference |
 *
 * To a subscriber lane, that of the queue:
 *
 * | message        | from                    | carries                                       | afterwards owned by   |
 * |----------------|-------------------------|-----------------------------------------------|-----------------------|
 * | SUBSCRIBE      | process lane            | a slot: SUB                                   | the lane              |
 * | GET            | process lane            | a slot: GET                                   | the lane              |
 * | ACKNOWLEDGE    | process lane            | a slot: ACK, before the store                 | the lane              |
 * | INFORM         | process lane            | a slot: QUE                                   | the lane              |
 * | NOTIFY         | process lane            | a slot: NSUB of what is no service            | the lane              |
 * | CREATED        | writer                  | a slot: NEW with subscription                 | the lane              |
 * | ACKNOWLEDGED   | writer                  | a slot: ACK, after the commit                 | the lane              |
 * | STORED         | writer                  | a slot: SEND, that somebody may wait for      | the lane              |
 * | DELETED        | writer                  | a slot: DEL                                   | the lane              |
 * | NOTIFIER_MOVED | writer                  | a slot: NSUB, with the notifier's service     | the lane              |
 * | NOTIFIER_GONE  | writer                  | a slot: NKEY or NDEL                          | the lane              |
 * | HANDED_OVER    | writer                  | a handed_over: its notifications are deleted  | the lane              |
 * | LOST_DELIVERY  | send lane               | a delivery: its message is not there any more | the lane              |
 * | NOTICE         | writer                  | a queue_notice: an operator changed the queue | the lane              |
 * | SERVICE_HELD   | services                | a service_copy: another session holds it      | the lane              |
 * | SESSION_CLOSED | receive lane            | a session_farewell                            | its session           |
 *
 * To services:
 *
 * | message        | from                    | carries                                       | afterwards owned by   |
 * |----------------|-------------------------|-----------------------------------------------|-----------------------|
 * | MOVED          | subscriber lane         | a slot: a notifier came to a service or left  | services              |
 * | SUBSCRIBE      | writer                  | a slot: NSUBS, with the count of notifiers    | services              |
 * | NOTICE         | subscriber lane         | a queue_notice: a service's notifier is gone  | services              |
 * | SESSION_CLOSED | receive lane            | a session_farewell                            | its session           |
 *
 * What the writer sends about a slot it sends after the commit. SERVICE_HELLO, PROXY_ROOM, LOST_DELIVERY and
 * SESSION_CLOSED bring a reference to their connection. SERVICE_HELD and SESSION_CLOSED go to every lane.
 *
 * Functions return what actor_send does: SMQ_ERR_CLOSED, the role has stopped, and the sender keeps what was to be
 * carried (for slots hand_on.h decides). Any attached thread; none blocks. What else goes between roles: items that
 * connection_send hands to the send lane (smp_outgoing_kind in client_session.h). */
#pragma once

#include "actors/router/post.h"
#include "smq/result.h"

struct block;
struct client_session;
struct command_slot;
struct delivery;
struct message;
struct queue_notice;
struct service_copy;
struct smp_router;
struct writer_request;

enum smp_process_message { PROCESS_SERVICE_HELLO = PROCESS_OWN, PROCESS_PROXY_ROOM };

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
    SUBSCRIBER_NOTICE,
    SUBSCRIBER_SERVICE_HELD,
    SUBSCRIBER_SESSION_CLOSED,
    SUBSCRIBER_MESSAGE_COUNT
};

enum services_message { SERVICES_MOVED, SERVICES_SUBSCRIBE, SERVICES_NOTICE, SERVICES_SESSION_CLOSED };

enum smq_result post_process_service_hello(struct client_session *session, struct block *block);
enum smq_result post_process_proxy_room(struct client_session *session);

/* Any of the messages that carry a slot, to the lane of slot->queue. */
enum smq_result post_subscriber_slot(struct command_slot *slot, enum subscriber_message kind);
/* `deletion` is the first of a handed_over. */
enum smq_result post_subscriber_handed_over(struct smp_router *router, unsigned lane, struct writer_request *deletion);
enum smq_result post_subscriber_notice(struct smp_router *router, struct queue_notice *notice);
enum smq_result post_subscriber_lost_delivery(struct delivery *delivery);
enum smq_result post_subscriber_service_held(struct smp_router *router, unsigned lane, struct service_copy *copy);
enum smq_result post_subscriber_session_closed(struct client_session *session, unsigned lane);

/* MOVED or SUBSCRIBE. */
enum smq_result post_services_slot(struct command_slot *slot, enum services_message kind);
enum smq_result post_services_notice(struct smp_router *router, struct queue_notice *notice);
enum smq_result post_services_session_closed(struct client_session *session);
