/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifier subscriptions of a subscriber lane: of connections (NOTIFY), and of services, which need none a queue
 * (reference: Server.hs, subscribeNotifications). The lane hears of every commit that gives a notifier to a service or
 * takes it away, in order, so that a queue never has both. */
#include "actors/smp/hand_on.h"
#include "actors/smp/metrics.h"
#include "actors/smp/notifier_move.h"
#include "actors/smp/subscriber_lane.h"

/* What the lane reads of a record. */
struct notifier_state {
    uint32_t auth_version;
    bool has_service;
    struct notifier_move service; /* when the service's id is one of ours */
};

/* As it is now. */
static enum smq_result look(struct subscriber_lane *lane, uint64_t queue, struct notifier_state *state) {
    struct store_txn *txn;
    struct queue_record record;
    enum smq_result result = store_reader_begin(lane->reader, &txn);
    if (result != SMQ_OK)
        return result;
    result = queue_store_get(txn, queue, &record);
    if (result == SMQ_OK) {
        state->auth_version = record.auth_version;
        state->has_service = record.notifier.service_id.length > 0;
        notifier_move_note(&state->service, record.notifier.service_id);
    }
    store_reader_end(lane->reader);
    return result;
}

/* Removes the subscription, and returns up to where it was notified. */
static uint64_t take_away(struct subscriber_lane *lane, struct subscription *subscription) {
    uint64_t notified = subscription->notified;
    deliver_forget(lane, subscription);
    subscription_remove(&lane->table, &subscription);
    return notified;
}

/* Makes the slot's connection the one that gets the queue's notifications; the one before is told END. */
static enum smq_result register_notify(struct subscriber_lane *lane, const struct command_slot *slot) {
    struct client_session *session = slot_session(slot);
    uint64_t queue = slot->queue.number;
    struct subscription *holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_NOTIFY);
    struct subscription *of_service = subscription_holder(&lane->table, queue, SUBSCRIPTION_SERVICE);
    if (session->lanes[lane->index].closed)
        return SMQ_ERR_CLOSED;
    bool is_repeated = holder != NULL && holder->session == session;
    if (!is_repeated) {
        struct subscription *added;
        enum smq_result result = subscription_add(&lane->table, queue, SUBSCRIPTION_NOTIFY, session, &added);
        if (result != SMQ_OK)
            return result;
        if (holder != NULL) {
            ends_tell(lane, holder, SMP_END, slot->entity_id);
            added->notified = take_away(lane, holder);
        }
        holder = added;
    }
    counters_add(lane->router->counters, is_repeated ? COUNT_NTF_SUB_DUPLICATE : COUNT_NTF_SUB, 1);
    if (of_service != NULL)
        holder->notified = take_away(lane, of_service);
    deliver_later(lane, holder);
    return SMQ_OK;
}

static void answer_subscribed(struct command_slot *slot, enum smq_result result) {
    struct smp_response response = {.tag = SMP_SOK};
    const struct client_session *session = slot_session(slot);
    if (session->service.present) {
        response.service.present = true;
        response.service.id = slice_of(session->service.id, SMP_ENTITY_ID_SIZE);
    }
    if (result == SMQ_OK)
        slot_answer(slot, response);
    else
        slot_answer_result(slot, result);
}

/* NSUB of a connection that is no service; repeating it is fine. A notifier that a service has is taken from it
 * first. */
void notify_subscribe(struct subscriber_lane *lane, struct command_slot *slot) {
    struct notifier_state state;
    enum smq_result result = look(lane, slot->queue.number, &state);
    if (result == SMQ_OK && state.auth_version != slot->queue.auth_version) {
        (void)slot_retried(slot, SMQ_ERR_AGAIN);
        return;
    }
    if (result == SMQ_OK && state.has_service) {
        notifier_move_submit(slot);
        return;
    }
    if (result == SMQ_OK)
        result = register_notify(lane, slot);
    answer_subscribed(slot, result);
    slot_done(&slot->base);
}

/* The notifier came to the service of the slot's session: its queue's subscriber is told END, and what is undelivered
 * goes to the service. While nobody holds the service, the search of whoever takes it finds that; the subscription then
 * stays only to remember what is handed over and not deleted yet. */
static void moved_to_service(struct subscriber_lane *lane, const struct command_slot *slot) {
    struct subscription *holder = subscription_holder(&lane->table, slot->queue.number, SUBSCRIPTION_NOTIFY);
    struct service_copy *service = service_find(lane, slice_of(slot_session(slot)->service.id, SMP_ENTITY_ID_SIZE));
    if (holder != NULL) {
        ends_tell(lane, holder, SMP_END, slot->entity_id);
        deliver_forget(lane, holder);
        subscription_becomes_service(holder);
    }
    if (service != NULL)
        service_enlist(lane, service, slot->queue.number);
    else if (holder != NULL)
        deliver_end_if_idle(lane, holder);
}

void notify_moved(struct subscriber_lane *lane, struct command_slot *slot) {
    enum smq_result result = SMQ_OK;
    if (slot_session(slot)->service.present)
        moved_to_service(lane, slot);
    else
        result = register_notify(lane, slot);
    answer_subscribed(slot, result);
    slot_to_services(slot, SERVICES_MOVED);
}

/* A queue without a subscriber of its own may be a service's, which the record says. While no service is held there is
 * nothing to look for. */
void notify_stored(struct subscriber_lane *lane, uint64_t queue) {
    struct subscription *holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_NOTIFY);
    if (holder == NULL)
        holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_SERVICE);
    if (holder != NULL) {
        deliver_later(lane, holder);
        return;
    }
    struct notifier_state state;
    if (lane->services.count == 0 || look(lane, queue, &state) != SMQ_OK || !state.service.had_service)
        return;
    struct service_copy *service = service_find(lane, slice_of(state.service.service, SMP_ENTITY_ID_SIZE));
    if (service != NULL)
        service_enlist(lane, service, queue);
}

void notify_dropped(struct subscriber_lane *lane, uint64_t queue, struct slice notifier_id) {
    struct subscription *holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_NOTIFY);
    struct subscription *of_service = subscription_holder(&lane->table, queue, SUBSCRIPTION_SERVICE);
    if (holder != NULL) {
        if (notifier_id.length > 0)
            ends_tell(lane, holder, SMP_DELD, notifier_id);
        (void)take_away(lane, holder);
    }
    if (of_service != NULL)
        (void)take_away(lane, of_service);
}

void notify_gone(struct subscriber_lane *lane, struct command_slot *slot) {
    struct subscription *holder = subscription_holder(&lane->table, slot->queue.number, SUBSCRIPTION_NOTIFY);
    struct subscription *of_service = subscription_holder(&lane->table, slot->queue.number, SUBSCRIPTION_SERVICE);
    if (holder != NULL) {
        if (slot->old_notifier->length > 0 && holder->session != slot_session(slot))
            ends_tell(lane, holder, SMP_DELD, slice_of(slot->old_notifier->bytes, slot->old_notifier->length));
        (void)take_away(lane, holder);
    }
    if (of_service != NULL)
        (void)take_away(lane, of_service);
    if (slot->move.had_service)
        slot_to_services(slot, SERVICES_MOVED);
    else
        slot_done(&slot->base);
}
