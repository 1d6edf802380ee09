/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The router's messages. */
#include "actors/smp/post.h"

#include "actors/router/command_batch.h"
#include "actors/router/writer.h"
#include "actors/smp/delivery.h"
#include "actors/smp/queue_notice.h"
#include "actors/smp/roles.h"
#include "actors/smp/services.h"

static enum smq_result post(struct actor *role, unsigned kind, struct message *message) {
    message->kind = kind;
    return actor_send(role, message);
}

/* ---- to process lanes */

static struct actor *process_of(const struct client_session *session) {
    return session->router->addresses.process[session->process_lane];
}

enum smq_result post_process_block(struct client_session *session, struct block *block) {
    return post(process_of(session), PROCESS_BLOCK, &block->message);
}

enum smq_result post_process_batch(struct command_batch *batch) {
    return post(process_of(batch->session), PROCESS_BATCH, &batch->outgoing.message);
}

enum smq_result post_process_service_hello(struct client_session *session, struct block *block) {
    return post(process_of(session), PROCESS_SERVICE_HELLO, &block->message);
}

enum smq_result post_process_order(struct order_entry *entry) {
    return post(process_of(entry->session), PROCESS_ORDER, &entry->message);
}

enum smq_result post_process_retry(struct command_slot *slot) {
    return post(process_of(slot->batch->session), PROCESS_RETRY, &slot->request.message);
}

enum smq_result post_process_proxy_room(struct client_session *session) {
    return post(process_of(session), PROCESS_PROXY_ROOM, &session->proxied.room);
}

/* ---- to subscriber lanes */

static struct actor *subscriber_of(const struct smp_router *router, uint64_t queue) {
    return router->addresses.subscribers[subscriber_lane_of(router, queue)];
}

enum smq_result post_subscriber_slot(struct command_slot *slot, enum subscriber_message kind) {
    return post(subscriber_of(slot->batch->session->router, slot->queue.number), kind, &slot->request.message);
}

enum smq_result post_subscriber_handed_over(struct smp_router *router, unsigned lane, struct writer_request *deletion) {
    return post(router->addresses.subscribers[lane], SUBSCRIBER_HANDED_OVER, &deletion->message);
}

enum smq_result post_subscriber_notice(struct smp_router *router, struct queue_notice *notice) {
    return post(subscriber_of(router, notice->queue), SUBSCRIBER_NOTICE, &notice->message);
}

enum smq_result post_subscriber_lost_delivery(struct delivery *delivery) {
    return post(subscriber_of(delivery->session->router, delivery->reference.queue), SUBSCRIBER_LOST_DELIVERY,
                &delivery->outgoing.message);
}

enum smq_result post_subscriber_service_held(struct smp_router *router, unsigned lane, struct service_copy *copy) {
    return post(router->addresses.subscribers[lane], SUBSCRIBER_SERVICE_HELD, &copy->message);
}

enum smq_result post_subscriber_session_closed(struct client_session *session, unsigned lane) {
    return post(session->router->addresses.subscribers[lane], SUBSCRIBER_SESSION_CLOSED,
                &session->lanes[lane].farewell.message);
}

/* ---- to services */

enum smq_result post_services_slot(struct command_slot *slot, enum services_message kind) {
    return post(slot->batch->session->router->addresses.services, kind, &slot->request.message);
}

enum smq_result post_services_notice(struct smp_router *router, struct queue_notice *notice) {
    return post(router->addresses.services, SERVICES_NOTICE, &notice->message);
}

enum smq_result post_services_session_closed(struct client_session *session) {
    return post(session->router->addresses.services, SERVICES_SESSION_CLOSED, &session->service_place.farewell.message);
}

/* ---- to the writer and the expirer */

void post_writer(struct smp_router *router, struct writer_request *request) {
    if (actor_send(router->addresses.writer, &request->message) != SMQ_OK)
        request->operation.completed(&request->operation, SMQ_ERR_CANCELLED);
}

enum smq_result post_expirer_round(struct smp_router *router, struct writer_request *request) {
    return post(router->addresses.expirer, EXPIRER_ROUND, &request->message);
}

enum smq_result post_expirer_settings(struct smp_router *router, struct message *message) {
    return post(router->addresses.expirer, EXPIRER_SETTINGS, message);
}
