/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of commands, and the functions of those that only pass on. */
#include "actors/smp/execute.h"

#include "actors/proxy/execute_proxy.h"
#include "actors/smp/hand_on.h"
#include "actors/smp/touch.h"

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
        touch_queue(execution->router->toucher, slot->queue, (uint32_t)(execution->now_s / 86400));
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
            touch_queue(execution->router->toucher, slot->queue, (uint32_t)(execution->now_s / 86400));
        slot_answer_link(slot, slot->queue.number);
    }
    slot_done(&slot->base);
}

static void execute_ping(const struct execution *execution) {
    slot_answer(execution->slot, (struct smp_response){.tag = SMP_PONG});
    slot_done(&execution->slot->base);
}

/* SUBS is refused by the reference too, after its checks. */
static void execute_prohibited(const struct execution *execution) {
    slot_fail(execution->slot, smp_error_command(COMMAND_PROHIBITED));
}

static const struct execution_row rows[SMP_COMMAND_COUNT] = {
    [SMP_NEW] = {{ROUTE_CHANGE, 90}, false, false, execute_new},
    [SMP_SUB] = {{ROUTE_SUBSCRIPTION, 2}, true, true, execute_subscription},
    [SMP_SUBS] = {{ROUTE_AT_ONCE, 2}, false, false, execute_prohibited},
    [SMP_KEY] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_RKEY] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_LSET] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_LDEL] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_NKEY] = {{ROUTE_CHANGE, 60}, true, true, execute_change},
    [SMP_NDEL] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_GET] = {{ROUTE_SUBSCRIPTION, 2}, true, true, execute_subscription},
    [SMP_ACK] = {{ROUTE_ACKNOWLEDGE, 2}, true, true, execute_subscription},
    [SMP_OFF] = {{ROUTE_CHANGE, 2}, false, true, execute_change},
    [SMP_DEL] = {{ROUTE_CHANGE, 2}, false, false, execute_change},
    [SMP_QUE] = {{ROUTE_SUBSCRIPTION, 2}, true, true, execute_subscription},
    [SMP_SKEY] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_SEND] = {{ROUTE_STORE, 4}, false, true, execute_send},
    [SMP_LKEY] = {{ROUTE_CHANGE, 2}, true, true, execute_change},
    [SMP_LGET] = {{ROUTE_AT_ONCE, 2}, true, true, execute_link_get},
    [SMP_NSUB] = {{ROUTE_NOTIFIER, 2}, false, false, execute_notifier_subscribe},
    [SMP_NSUBS] = {{ROUTE_AT_ONCE, 2}, false, false, execute_service_subscribe},
    [SMP_PING] = {{ROUTE_AT_ONCE, 2}, false, false, execute_ping},
    [SMP_PRXY] = {{ROUTE_AT_ONCE, 20}, false, false, execute_proxy_session},
    [SMP_PFWD] = {{ROUTE_AT_ONCE, 10}, false, false, execute_proxy_forward},
    [SMP_RFWD] = {{ROUTE_AT_ONCE, 70, .wraps = true}, false, false, NULL},
};

const struct execution_row *execution_row(enum smp_command_tag tag) {
    return &rows[tag];
}
