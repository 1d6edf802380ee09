/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SEND: stored by the writer, then pushed by the subscriber lane when the queue was empty. */
#include "actors/smp/execute.h"

#include "actors/router/writer.h"
#include "actors/smp/hand_on.h"
#include "actors/smp/metrics.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "stores/smp/ntf_store.h"

static enum smq_result send_apply(struct store_operation *operation, struct store_txn *txn) {
    struct command_slot *slot = slot_of_operation(operation);
    const struct live_settings *live = &slot_router(slot)->live;
    uint64_t ttl_s = live_value(live->message_ttl_s);
    struct msg_send message = {
        .id = slice_of(slot->send.id, MESSAGE_ID_SIZE),
        .timestamp = slot->send.timestamp,
        .notify = slot->send.notify,
        .body = slot->send.body,
        .quota = live_value(live->queue_quota),
        .expire = live_value(live->expire_messages_on_send) && ttl_s > 0,
        .expire_before = slot->send.timestamp - (int64_t)ttl_s,
    };
    if (slot->touch) {
        enum smq_result touched = queue_store_touch(txn, slot->queue, (uint32_t)(slot->send.timestamp / 86400));
        if (touched != SMQ_OK)
            return touched;
    }
    enum smq_result result = msg_store_send(txn, slot->queue, &message, &slot->send.sent);
    if (result != SMQ_OK || slot->send.sent.outcome != MSG_SENT || !slot->send.has_notification)
        return result;
    uint64_t sequence;
    result = ntf_store_append(txn, slot->queue.number, slot->send.timestamp,
                              slice_of(slot->send.notification, NOTIFICATION_STORED_SIZE), &sequence);
    return result == SMQ_ERR_NOT_FOUND ? SMQ_OK : result;
}

static void count_sent(struct smp_router *router, const struct command_slot *slot) {
    counters_add(router->counters, COUNT_MSG_SENT, 1);
    active_note(router->statistics->active[ACTIVE_QUEUES], slot->send.recipient);
    if (!slot->send.notify)
        return;
    counters_add(router->counters, COUNT_MSG_SENT_NTF, 1);
    active_note(router->statistics->active[ACTIVE_QUEUES_NTF], slot->send.recipient);
}

/* On the writer's thread, after the commit. */
static void send_completed(struct store_operation *operation, enum smq_result result) {
    struct command_slot *slot = slot_of_operation(operation);
    struct smp_router *router = slot_router(slot);
    if (slot_retried(slot, result))
        return;
    if (result != SMQ_OK) {
        slot_answer_result(slot, result);
        slot_done(&slot->base);
        return;
    }
    counters_add(router->counters, COUNT_MSG_EXPIRED, slot->send.sent.expired);
    switch (slot->send.sent.outcome) {
    case MSG_SENT:
        count_sent(router, slot);
        unused_queues_remove(&router->new_quota->unused, slot->queue.number);
        slot_answer(slot, smp_response_ok());
        if (slot->send.sent.was_empty || slot->send.has_notification) {
            slot_to_subscriber(slot, SUBSCRIBER_STORED);
            return;
        }
        break;
    case MSG_QUOTA:
        slot_answer_error(slot, smp_error_of(SMP_ERROR_QUOTA));
        break;
    case MSG_OFF:
    case MSG_BLOCKED: /* refused before the store, where the same record version was seen active */
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH));
        break;
    }
    slot_done(&slot->base);
}

/* What the notifier will be sent: made here, where the record is at hand, and stored with the message. */
static void prepare_notification(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    struct box_key key;
    struct notification_meta meta = {slice_of(slot->send.id, MESSAGE_ID_SIZE), slot->send.timestamp};
    uint8_t *notification = memory_alloc(NOTIFICATION_STORED_SIZE);
    if (notification == NULL)
        return;
    slot_own(&slot->base, notification, memory_free);
    box_nonce_random(notification);
    box_key_of_secret(execution->record->notifier.dh_secret, &key);
    slot->send.notification = notification;
    slot->send.has_notification =
        notification_meta_seal(&key, notification, &meta, notification + BOX_NONCE_SIZE) == SMQ_OK;
    box_key_wipe(&key);
}

static bool refuse_send(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    if (execution->command->send.body.length > smp_message_limit(slot_form(slot).version))
        slot_answer_error(slot, smp_error_of(SMP_ERROR_LARGE_MESSAGE));
    else if (execution->record->status == QUEUE_OFF)
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH));
    else if (execution->record->status == QUEUE_BLOCKED)
        slot_answer_error(slot, blocked_error(execution->record));
    else
        return false;
    slot_done(&slot->base);
    return true;
}

void execute_send(const struct execution *execution) {
    struct command_slot *slot = execution->slot;
    if (refuse_send(execution))
        return;
    random_bytes(slot->send.id, MESSAGE_ID_SIZE);
    slot->send.timestamp = execution->now_s;
    slot->send.notify = execution->command->send.notification;
    slot->send.body = execution->command->send.body;
    slot->send.has_notification = false;
    slot->send.recipient = active_hash(execution->record->recipient_id);
    if (slot->send.notify && execution->record->notifier.id.length > 0)
        prepare_notification(execution);
    slot->request.operation = (struct store_operation){
        .grows = true,
        .bytes = slot->send.body.length,
        .apply = send_apply,
        .completed = send_completed,
    };
    post_writer(&execution->router->base, &slot->request);
}
