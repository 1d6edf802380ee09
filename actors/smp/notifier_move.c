/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which service a notifier belongs to is decided by the writer, and every lane hears of it in the order of the
 * commits. */
#include "actors/smp/notifier_move.h"

#include <string.h>

#include "actors/smp/hand_on.h"

static struct slice service_id(const struct client_session *session) {
    return session->service.present ? slice_of(session->service.id, SMP_ENTITY_ID_SIZE) : slice_of(NULL, 0);
}

void notifier_move_note(struct notifier_move *move, struct slice id) {
    move->had_service = id.length == SMP_ENTITY_ID_SIZE;
    if (move->had_service)
        memcpy(move->service, id.bytes, SMP_ENTITY_ID_SIZE);
}

static enum smq_result move_apply(struct store_operation *operation, struct store_txn *txn) {
    struct command_slot *slot = slot_of_operation(operation);
    struct queue_id previous;
    enum smq_result result = queue_store_notifier_service(txn, slot->queue, service_id(slot_session(slot)), &previous);
    if (result == SMQ_OK)
        notifier_move_note(&slot->move, slice_of(previous.bytes, previous.length));
    return result;
}

/* On the writer's thread. */
static void move_completed(struct store_operation *operation, enum smq_result result) {
    struct command_slot *slot = slot_of_operation(operation);
    if (slot_retried(slot, result))
        return;
    if (result != SMQ_OK) {
        slot_answer_result(slot, result == SMQ_ERR_EMPTY ? SMQ_ERR_AUTH : result);
        slot_done(&slot->base);
        return;
    }
    slot->move.order = writer_next_order(slot_router(slot)->writer);
    slot_to_subscriber(slot, SUBSCRIBER_NOTIFIER_MOVED);
}

void notifier_move_submit(struct command_slot *slot) {
    slot->request.operation = (struct store_operation){
        .grows = slot_session(slot)->service.present,
        .bytes = SMP_ENTITY_ID_SIZE,
        .apply = move_apply,
        .completed = move_completed,
    };
    post_writer(slot->batch->session->router, &slot->request);
}
