/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The messages of the SMP router's own roles. */
#include "actors/smp/post.h"

#include "actors/router/writer.h"
#include "actors/smp/command_slot.h"
#include "actors/smp/delivery.h"
#include "actors/smp/queue_notice.h"
#include "actors/smp/roles.h"
#include "actors/smp/services.h"

static enum smq_result post(struct actor *role, unsigned kind, struct message *message) {
    message->kind = kind;
    return actor_send(role, message);
}

/* ---- to process lanes */

enum smq_result post_process_service_hello(struct client_session *session, struct block *block) {
    return post_process(&session->base, PROCESS_SERVICE_HELLO, &block->message);
}

enum smq_result post_process_proxy_room(struct client_session *session) {
    return post_process(&session->base, PROCESS_PROXY_ROOM, &session->proxied.room);
}

/* ---- to subscriber lanes */

static struct actor *subscriber_of(const struct smp_router *router, uint64_t queue) {
    return router->role_addresses.subscribers[subscriber_lane_of(router, queue)];
}

enum smq_result post_subscriber_slot(struct command_slot *slot, enum subscriber_message kind) {
    return post(subscriber_of(slot_router(slot), slot->queue.number), kind, &slot->request.message);
}

enum smq_result post_subscriber_handed_over(struct smp_router *router, unsigned lane, struct writer_request *deletion) {
    return post(router->role_addresses.subscribers[lane], SUBSCRIBER_HANDED_OVER, &deletion->message);
}

enum smq_result post_subscriber_notice(struct smp_router *router, struct queue_notice *notice) {
    return post(subscriber_of(router, notice->queue), SUBSCRIBER_NOTICE, &notice->message);
}

enum smq_result post_subscriber_lost_delivery(struct delivery *delivery) {
    return post(subscriber_of(smp_router_of(delivery->session), delivery->reference.queue), SUBSCRIBER_LOST_DELIVERY,
                &delivery->outgoing.message);
}

enum smq_result post_subscriber_service_held(struct smp_router *router, unsigned lane, struct service_copy *copy) {
    return post(router->role_addresses.subscribers[lane], SUBSCRIBER_SERVICE_HELD, &copy->message);
}

enum smq_result post_subscriber_session_closed(struct client_session *session, unsigned lane) {
    return post(smp_router_of(session)->role_addresses.subscribers[lane], SUBSCRIBER_SESSION_CLOSED,
                &session->lanes[lane].farewell.message);
}

/* ---- to services */

enum smq_result post_services_slot(struct command_slot *slot, enum services_message kind) {
    return post(slot_router(slot)->role_addresses.services, kind, &slot->request.message);
}

enum smq_result post_services_notice(struct smp_router *router, struct queue_notice *notice) {
    return post(router->role_addresses.services, SERVICES_NOTICE, &notice->message);
}

enum smq_result post_services_session_closed(struct client_session *session) {
    return post(smp_router_of(session)->role_addresses.services, SERVICES_SESSION_CLOSED,
                &session->service_place.farewell.message);
}
