/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NSUB and NSUBS, up to where subscriptions begin. Which service a notifier belongs to is decided by the writer, and
 * every lane hears of it in the order of the commits. */
#include "actors/router/writer.h"
#include "actors/smp/execute.h"
#include "actors/smp/hand_on.h"
#include "actors/smp/notifier_move.h"
#include "stores/smp/service_store.h"

static struct slice service_id(const struct client_session *session) {
    return session->service.present ? slice_of(session->service.id, SMP_ENTITY_ID_SIZE) : slice_of(NULL, 0);
}

void execute_notifier_subscribe(const struct execution *execution) {
    if (execution->session->service.present)
        notifier_move_submit(execution->slot);
    else
        slot_to_subscriber(execution->slot, SUBSCRIBER_NOTIFY);
}

static enum smq_result count_apply(struct store_operation *operation, struct store_txn *txn) {
    struct command_slot *slot = slot_of_operation(operation);
    uint64_t recipient_queues;
    return service_store_counts(txn, service_id(slot_session(slot)), &recipient_queues, &slot->service_count.count);
}

/* On the writer's thread. */
static void count_completed(struct store_operation *operation, enum smq_result result) {
    struct command_slot *slot = slot_of_operation(operation);
    if (result != SMQ_OK) {
        slot_answer_result(slot, result);
        slot_done(&slot->base);
        return;
    }
    slot->service_count.order = writer_next_order(slot_router(slot)->writer);
    slot_to_services(slot, SERVICES_SUBSCRIBE);
}

/* The count is read by the writer, between the commits that change it. */
void execute_service_subscribe(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    slot->request.operation = (struct store_operation){.apply = count_apply, .completed = count_completed};
    post_writer(&execution->router->base, &slot->request);
}
