/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifier subscriptions of a subscriber lane. Notifications are stored with their messages; a timer hands what is
 * stored to whoever subscribed, and lets the writer delete what was handed over (reference: Server.hs, deliverNtfs). */
#include <string.h>

#include "actors/smp/event.h"
#include "actors/smp/subscriber_lane.h"
#include "actors/smp/writer.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "stores/ntf_store.h"

enum { TIMER_MIN_MS = 10 };

/* Deletion of what was handed over. */
struct handed_over {
    struct writer_request request;
    uint64_t queue;
    uint64_t last;
};

static void set_pending(struct subscriber_lane *lane, struct subscription *subscription) {
    if (subscription->pending)
        return;
    subscription->pending = true;
    subscription->pending_next = lane->pending;
    lane->pending = subscription;
}

void notify_forget(struct subscriber_lane *lane, struct subscription *subscription) {
    if (!subscription->pending)
        return;
    struct subscription **link = &lane->pending;
    while (*link != subscription)
        link = &(*link)->pending_next;
    *link = subscription->pending_next;
    subscription->pending = false;
}

/* NSUB: takes over from another connection, which is told END. Repeating it is fine. */
void notify_subscribe(struct subscriber_lane *lane, struct command_slot *slot) {
    struct client_session *session = slot->batch->session;
    struct subscription *holder = subscription_holder(&lane->table, slot->queue.number, SUBSCRIPTION_NOTIFY);
    enum smq_result result = session->lanes[lane->index].closed ? SMQ_ERR_CLOSED : SMQ_OK;
    if (result == SMQ_OK && (holder == NULL || holder->session != session)) {
        struct subscription *added;
        result = subscription_add(&lane->table, slot->queue.number, SUBSCRIPTION_NOTIFY, session, &added);
        if (result == SMQ_OK && holder != NULL) {
            event_send(holder->session, SMP_END, slot->entity_id);
            notify_forget(lane, holder);
            subscription_remove(&lane->table, &holder);
        }
        holder = added;
    }
    if (result == SMQ_OK) {
        set_pending(lane, holder);
        slot_answer(slot, (struct smp_response){.tag = SMP_SOK});
    } else {
        slot_answer_result(slot, result);
    }
    slot_done(slot);
}

void notify_stored(struct subscriber_lane *lane, uint64_t queue) {
    struct subscription *holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_NOTIFY);
    if (holder != NULL)
        set_pending(lane, holder);
}

void notify_gone(struct subscriber_lane *lane, uint64_t queue, struct slice id, const struct client_session *session) {
    struct subscription *holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_NOTIFY);
    if (holder == NULL)
        return;
    if (id.length > 0 && holder->session != session)
        event_send(holder->session, SMP_DELD, id);
    notify_forget(lane, holder);
    subscription_remove(&lane->table, &holder);
}

static enum smq_result handed_over_apply(struct store_operation *operation, struct store_txn *txn) {
    const struct handed_over *handed_over = (struct handed_over *)(void *)writer_request_of(operation);
    uint64_t deleted;
    (void)ntf_store_delete_through(txn, handed_over->queue, handed_over->last,
                                   &deleted); /* the queue may be gone, and its notifications with it */
    return SMQ_OK;
}

static void handed_over_completed(struct store_operation *operation, enum smq_result result) {
    (void)result; /* a failure means that they are delivered once more */
    memory_free(writer_request_of(operation));
}

static void delete_handed_over(struct subscriber_lane *lane, uint64_t queue, uint64_t last) {
    struct handed_over *handed_over = memory_zalloc(sizeof *handed_over);
    if (handed_over == NULL)
        return;
    handed_over->queue = queue;
    handed_over->last = last;
    handed_over->request.operation.apply = handed_over_apply;
    handed_over->request.operation.completed = handed_over_completed;
    writer_submit(lane->router->writer, &handed_over->request);
}

/* Hands over what is stored, oldest first, as far as the connection's credit goes. True: nothing is left for the next
 * time. */
static bool deliver_queue(struct subscriber_lane *lane, struct store_txn *txn, struct subscription *subscription) {
    struct queue_record record;
    struct ntf_view view;
    uint64_t last = 0;
    bool complete = true;
    uint64_t after = subscription->notified;
    if (queue_store_get(txn, subscription->queue, &record) != SMQ_OK || record.notifier.id.length == 0)
        return true;
    while (ntf_store_next(txn, subscription->queue, after, &view) == SMQ_OK) {
        enum smq_result result = event_send_notification(subscription->session, record.notifier.id, view.bytes);
        if (result == SMQ_ERR_CLOSED || result == SMQ_ERR_NO_CREDIT || result == SMQ_ERR_NO_MEMORY) {
            complete = false;
            break;
        }
        if (result == SMQ_OK)
            counter_add(&lane->router->counters.notifications_sent, 1);
        after = last = view.sequence;
    }
    subscription->notified = after;
    if (last > 0)
        delete_handed_over(lane, subscription->queue, last);
    return complete;
}

void notify_deliver(struct wheel_timer *timer) {
    struct subscriber_lane *lane =
        (struct subscriber_lane *)(void *)((char *)timer - offsetof(struct subscriber_lane, delivery));
    struct subscription *pending = lane->pending;
    struct store_txn *txn;
    uint32_t interval = lane->router->config.notification_delivery_interval_ms;
    wheel_add(actor_wheel(lane->actor), timer,
              clock_monotonic_ms() + (interval > TIMER_MIN_MS ? interval : TIMER_MIN_MS));
    if (pending == NULL || store_reader_begin(lane->reader, &txn) != SMQ_OK)
        return;
    lane->pending = NULL;
    while (pending != NULL) {
        struct subscription *subscription = pending;
        pending = subscription->pending_next;
        subscription->pending = false;
        if (!deliver_queue(lane, txn, subscription))
            set_pending(lane, subscription);
    }
    store_reader_end(lane->reader);
}
