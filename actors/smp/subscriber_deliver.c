/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handing notifications over (reference: Server.hs, deliverNtfsThread). They are stored with their messages; rounds of
 * bounded size hand what is stored to whoever is subscribed, and let the writer delete what was handed over. A session
 * that has no credit keeps its subscriptions in line, and costs one look a round. */
#include <string.h>

#include "actors/router/writer.h"
#include "actors/smp/event.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "actors/smp/subscriber_lane.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "stores/smp/ntf_store.h"

enum {
    INTERVAL_MIN_MS = 10,
    CREDIT_INTERVAL_MS = 20, /* between looks at sessions that had no credit */
    NOTIFICATIONS_A_BLOCK = 80,
    ROUND_STEPS = 1024 /* queues looked at and notifications handed over before other work gets its turn */
};

/* Deletion of what was handed over; then a message back to the lane. */
struct handed_over {
    struct writer_request request; /* first */
    struct subscriber_lane *lane;
    uint64_t queue;
    uint64_t last;
};

struct round {
    struct subscriber_lane *lane;
    struct store_txn *txn;
    uint32_t steps; /* left */
    uint32_t sent;  /* to the present session */
};

enum delivered { DELIVERED_ALL, DELIVERED_NO_CREDIT, DELIVERED_NO_TURN };

void deliver_later(struct subscriber_lane *lane, struct subscription *subscription) {
    struct session_lane *place = &subscription->session->lanes[lane->index];
    if (ring_is_member(&subscription->pending))
        return;
    ring_append(&place->pending, &subscription->pending);
    place->pending_count++;
    if (ring_is_member(&place->waiting))
        return;
    ring_append(&lane->waiting, &place->waiting);
    lane->waiting_count++;
}

void deliver_forget(struct subscriber_lane *lane, struct subscription *subscription) {
    struct session_lane *place = &subscription->session->lanes[lane->index];
    if (!ring_is_member(&subscription->pending))
        return;
    ring_remove(&subscription->pending);
    if (--place->pending_count > 0)
        return;
    ring_remove(&place->waiting);
    lane->waiting_count--;
}

void deliver_end_if_idle(struct subscriber_lane *lane, struct subscription *subscription) {
    if (subscription->kind == SUBSCRIPTION_SERVICE && !ring_is_member(&subscription->pending) &&
        subscription->notified == 0)
        subscription_remove(&lane->table, &subscription);
}

static enum smq_result handed_over_apply(struct store_operation *operation, struct store_txn *txn) {
    const struct handed_over *handed_over = (struct handed_over *)(void *)writer_request_of(operation);
    uint64_t deleted;
    (void)ntf_store_delete_through(txn, handed_over->queue, handed_over->last,
                                   &deleted); /* the queue may be gone, and its notifications with it */
    return SMQ_OK;
}

/* On the writer's thread. */
static void handed_over_completed(struct store_operation *operation, enum smq_result result) {
    (void)result; /* a failure means that they are delivered once more */
    struct handed_over *handed_over = (struct handed_over *)(void *)writer_request_of(operation);
    const struct subscriber_lane *lane = handed_over->lane;
    if (post_subscriber_handed_over(lane->router, lane->index, &handed_over->request) != SMQ_OK)
        memory_free(handed_over);
}

void deliver_handed_over(struct subscriber_lane *lane, struct message *message) {
    static const enum subscription_kind kinds[] = {SUBSCRIPTION_NOTIFY, SUBSCRIPTION_SERVICE};
    struct handed_over *handed_over = (struct handed_over *)(void *)message;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct subscription *subscription = subscription_holder(&lane->table, handed_over->queue, kinds[i]);
        if (subscription == NULL || subscription->notified > handed_over->last)
            continue;
        subscription->notified = 0;
        deliver_end_if_idle(lane, subscription);
    }
    memory_free(handed_over);
}

static void delete_handed_over(struct subscriber_lane *lane, struct handed_over *handed_over, uint64_t queue,
                               uint64_t last) {
    handed_over->lane = lane;
    handed_over->queue = queue;
    handed_over->last = last;
    handed_over->request.operation.apply = handed_over_apply;
    handed_over->request.operation.completed = handed_over_completed;
    post_writer(&lane->router->base, &handed_over->request);
}

/* Whether the subscription is still for the notifier as it is stored. When it is not, a message says so soon. */
static bool is_entitled(const struct subscriber_lane *lane, const struct subscription *subscription,
                        const struct queue_record *record) {
    const struct service_copy *service = subscription->session->lanes[lane->index].service;
    if (record->notifier.id.length == 0)
        return false;
    if (subscription->kind == SUBSCRIPTION_NOTIFY)
        return record->notifier.service_id.length == 0;
    return service != NULL && slice_equal(record->notifier.service_id, slice_of(service->node.id, SMP_ENTITY_ID_SIZE));
}

/* Hands over what is stored, oldest first, as far as the connection's credit and the round go. What cannot be deleted
 * afterwards is not handed over. */
static enum delivered deliver_queue(struct round *round, struct subscription *subscription) {
    struct queue_record record;
    struct ntf_view view;
    uint64_t last = 0;
    enum delivered delivered = DELIVERED_ALL;
    if (round->steps == 0)
        return DELIVERED_NO_TURN;
    round->steps--;
    if (queue_store_get(round->txn, subscription->queue, &record) != SMQ_OK ||
        !is_entitled(round->lane, subscription, &record) ||
        ntf_store_next(round->txn, subscription->queue, subscription->notified, &view) != SMQ_OK)
        return DELIVERED_ALL;
    struct handed_over *handed_over = memory_zalloc(sizeof *handed_over);
    if (handed_over == NULL)
        return DELIVERED_NO_CREDIT;
    do {
        enum smq_result result = round->steps == 0
                                     ? SMQ_ERR_AGAIN
                                     : event_send_notification(subscription->session, record.notifier.id, view.bytes);
        if (result != SMQ_OK && result != SMQ_ERR_STORE) {
            delivered = result == SMQ_ERR_AGAIN ? DELIVERED_NO_TURN : DELIVERED_NO_CREDIT;
            break;
        }
        if (result == SMQ_OK)
            round->sent++;
        round->steps--;
        last = view.sequence;
    } while (ntf_store_next(round->txn, subscription->queue, last, &view) == SMQ_OK);
    if (last == 0) {
        memory_free(handed_over);
        return delivered;
    }
    subscription->notified = last;
    delete_handed_over(round->lane, handed_over, subscription->queue, last);
    return delivered;
}

/* Whether the session has nothing left in line, or why it has. */
static enum delivered deliver_session(struct round *round, struct session_lane *place) {
    struct ring *node;
    while ((node = ring_first(&place->pending)) != NULL) {
        struct subscription *subscription = owner_of(node, struct subscription, pending);
        enum delivered delivered = deliver_queue(round, subscription);
        if (delivered != DELIVERED_ALL)
            return delivered;
        deliver_forget(round->lane, subscription);
        deliver_end_if_idle(round->lane, subscription);
    }
    return DELIVERED_ALL;
}

static void count_delivered(const struct round *round) {
    if (round->sent == 0)
        return;
    counters_add(round->lane->router->counters, COUNT_MSG_NTFS, round->sent);
    counters_add(round->lane->router->counters, COUNT_MSG_NTFS_B, round->sent / NOTIFICATIONS_A_BLOCK + 1);
}

/* One turn for each session in line; the next round begins after the last of this one. */
static void deliver_sessions(struct round *round) {
    struct subscriber_lane *lane = round->lane;
    for (uint32_t left = lane->waiting_count; left > 0 && round->steps > 0; left--) {
        struct ring *node = ring_first(&lane->waiting);
        struct session_lane *place = owner_of(node, struct session_lane, waiting);
        ring_remove(node);
        ring_append(&lane->waiting, node);
        round->sent = 0;
        (void)deliver_session(round, place);
        count_delivered(round);
    }
}

void deliver_round(struct wheel_timer *timer) {
    struct subscriber_lane *lane = owner_of(timer, struct subscriber_lane, delivery);
    struct round round = {.lane = lane, .steps = ROUND_STEPS};
    uint32_t interval = live_value(lane->router->live.notification_delivery_interval_ms);
    bool more = false;
    if (interval < INTERVAL_MIN_MS)
        interval = INTERVAL_MIN_MS;
    if ((lane->waiting_count > 0 || !ring_is_empty(&lane->scanning)) &&
        store_reader_begin(lane->reader, &round.txn) == SMQ_OK) {
        more = service_scan(lane, round.txn);
        deliver_sessions(&round);
        store_reader_end(lane->reader);
    }
    if (more || round.steps == 0)
        interval = 0;
    else if ((lane->waiting_count > 0 || !ring_is_empty(&lane->scanning)) && interval > CREDIT_INTERVAL_MS)
        interval = CREDIT_INTERVAL_MS;
    wheel_add(actor_wheel(lane->actor), timer, clock_monotonic_ms() + interval);
}
