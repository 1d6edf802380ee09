/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Slots on their way from role to role. */
#include "actors/smp/hand_on.h"

#include "actors/smp/command_slot.h"

static void refuse(struct command_slot *slot) {
    slot_fail(slot, smp_error_of(SMP_ERROR_INTERNAL));
}

/* Whether the subscriber lane is to answer; otherwise the answer is there already. */
static bool is_answered_there(enum subscriber_message kind) {
    return kind == SUBSCRIBER_SUBSCRIBE || kind == SUBSCRIBER_GET || kind == SUBSCRIBER_ACKNOWLEDGE ||
           kind == SUBSCRIBER_INFORM || kind == SUBSCRIBER_NOTIFY || kind == SUBSCRIBER_NOTIFIER_MOVED;
}

void slot_to_subscriber(struct command_slot *slot, enum subscriber_message kind) {
    if (post_subscriber_slot(slot, kind) == SMQ_OK)
        return;
    if (is_answered_there(kind))
        refuse(slot);
    else
        slot_done(&slot->base);
}

void slot_to_services(struct command_slot *slot, enum services_message kind) {
    if (post_services_slot(slot, kind) == SMQ_OK)
        return;
    if (kind == SERVICES_SUBSCRIBE)
        refuse(slot);
    else
        slot_done(&slot->base);
}

bool slot_retried(struct command_slot *slot, enum smq_result result) {
    if (result != SMQ_ERR_AGAIN)
        return false;
    slot_retry(&slot->base);
    return true;
}
