/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of commands, and the functions of those that only pass on. */
#include "actors/smp/execute.h"

#include "actors/proxy/execute_proxy.h"
#include "actors/router/writer.h"
#include "actors/smp/hand_on.h"

/* Which message of the subscriber lane each of these commands becomes. */
static enum subscriber_message subscriber_message_of(enum smp_command_tag tag) {
    switch (tag) {
    case SMP_GET:
        return SUBSCRIBER_GET;
    case SMP_ACK:
        return SUBSCRIBER_ACKNOWLEDGE;
    case SMP_QUE:
        return SUBSCRIBER_INFORM;
    default:
        return SUBSCRIBER_SUBSCRIBE;
    }
}

void execute_subscription(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    if (slot->touch)
        writer_touch_queue(execution->router->writer, slot->queue, (uint32_t)(execution->now_s / 86400));
    if (slot->tag == SMP_ACK)
        slot->acknowledge.id = execution->command->message_id;
    if (slot->tag == SMP_QUE) {
        slot->inform.secured = execution->record->sender_key.length > 0;
        slot->inform.has_notifier = execution->record->notifier.id.length > 0;
    }
    slot_to_subscriber(slot, subscriber_message_of(slot->tag));
}

/* LGET: contact queues only; the blobs are read when the answer is sent. */
void execute_link_get(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    if (!queue_record_is_contact(execution->record)) {
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH));
    } else {
        if (slot->touch)
            writer_touch_queue(execution->router->writer, slot->queue, (uint32_t)(execution->now_s / 86400));
        slot->answer = ANSWER_LINK;
        slot->message_reference.queue = slot->queue.number;
    }
    slot_done(slot);
}

static void execute_ping(const struct execution *execution) {
    slot_answer(execution->slot, (struct smp_response){.tag = SMP_PONG});
    slot_done(execution->slot);
}

/* SUBS is refused by the reference too, after its checks. */
static void execute_prohibited(const struct execution *execution) {
    slot_answer_error(execution->slot, smp_error_command(SMP_COMMAND_PROHIBITED));
    slot_done(execution->slot);
}

static const struct execution_row rows[SMP_COMMAND_COUNT] = {
    [SMP_NEW] = {ROUTE_CHANGE, false, false, 90, execute_new},
    [SMP_SUB] = {ROUTE_SUBSCRIPTION, true, true, 2, execute_subscription},
    [SMP_SUBS] = {ROUTE_AT_ONCE, false, false, 2, execute_prohibited},
    [SMP_KEY] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_RKEY] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_LSET] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_LDEL] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_NKEY] = {ROUTE_CHANGE, true, true, 60, execute_change},
    [SMP_NDEL] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_GET] = {ROUTE_SUBSCRIPTION, true, true, 2, execute_subscription},
    [SMP_ACK] = {ROUTE_ACKNOWLEDGE, true, true, 2, execute_subscription},
    [SMP_OFF] = {ROUTE_CHANGE, false, true, 2, execute_change},
    [SMP_DEL] = {ROUTE_CHANGE, false, false, 2, execute_change},
    [SMP_QUE] = {ROUTE_SUBSCRIPTION, true, true, 2, execute_subscription},
    [SMP_SKEY] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_SEND] = {ROUTE_STORE, false, true, 4, execute_send},
    [SMP_LKEY] = {ROUTE_CHANGE, true, true, 2, execute_change},
    [SMP_LGET] = {ROUTE_AT_ONCE, true, true, 2, execute_link_get},
    [SMP_NSUB] = {ROUTE_NOTIFIER, false, false, 2, execute_notifier_subscribe},
    [SMP_NSUBS] = {ROUTE_AT_ONCE, false, false, 2, execute_service_subscribe},
    [SMP_PING] = {ROUTE_AT_ONCE, false, false, 2, execute_ping},
    [SMP_PRXY] = {ROUTE_AT_ONCE, false, false, 20, execute_proxy_session},
    [SMP_PFWD] = {ROUTE_AT_ONCE, false, false, 10, execute_proxy_forward},
    [SMP_RFWD] = {ROUTE_AT_ONCE, false, false, 70, NULL}, /* opened by the process lane: see forwarded.h */
};

const struct execution_row *execution_row(enum smp_command_tag tag) {
    return &rows[tag];
}
