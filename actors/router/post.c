/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The kernel's messages. */
#include "actors/router/post.h"

#include "actors/router/command_batch.h"
#include "actors/router/router.h"
#include "actors/router/writer.h"

static enum smq_result post(struct actor *role, unsigned kind, struct message *message) {
    message->kind = kind;
    return actor_send(role, message);
}

/* ---- to process lanes */

enum smq_result post_process(struct session *session, unsigned kind, struct message *message) {
    return post(session->router->addresses.process[session->process_lane], kind, message);
}

enum smq_result post_process_block(struct session *session, struct block *block) {
    return post_process(session, PROCESS_BLOCK, &block->message);
}

enum smq_result post_process_batch(struct command_batch *batch) {
    return post_process(batch->session, PROCESS_BATCH, &batch->outgoing.message);
}

enum smq_result post_process_order(struct order_entry *entry) {
    return post_process(entry->session, PROCESS_ORDER, &entry->message);
}

enum smq_result post_process_retry(struct slot *slot) {
    return post_process(slot->batch->session, PROCESS_RETRY, &slot->request.message);
}

/* ---- to the writer and the expirer */

void post_writer(struct router *router, struct writer_request *request) {
    if (actor_send(router->addresses.writer, &request->message) != SMQ_OK)
        request->operation.completed(&request->operation, SMQ_ERR_CANCELLED);
}

enum smq_result post_expirer_round(struct router *router, struct writer_request *request) {
    return post(router->addresses.expirer, EXPIRER_ROUND, &request->message);
}

enum smq_result post_expirer_settings(struct router *router, struct message *message) {
    return post(router->addresses.expirer, EXPIRER_SETTINGS, message);
}
