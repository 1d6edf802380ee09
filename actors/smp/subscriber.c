/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The subscriber lane. A subscription is registered before the queue is looked at, and the look is at a snapshot taken
 * after that, so a message is either seen there or reported by the writer afterwards (SUBSCRIBER_STORED): none falls
 * between. At most one message is in flight to a subscription; while its ACK is with the writer, reports are ignored,
 * since the ACK's completion says what is at the head. */
#include "actors/smp/subscriber.h"

#include <string.h>

#include "actors/smp/delivery.h"
#include "actors/smp/event.h"
#include "actors/smp/hand_on.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "actors/smp/queue_notice.h"
#include "actors/smp/subscriber_lane.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/memory.h"

static void count_in_flight(struct subscriber_lane *lane, struct client_session *session, int amount) {
    counters_add(lane->router->counters, COUNT_IN_FLIGHT, amount);
    atomic_fetch_add_explicit(&session->figures.in_flight, (uint32_t)amount, memory_order_relaxed);
}

/* What was delivered is not in flight any more. */
static void land(struct subscriber_lane *lane, struct subscription *subscription) {
    if (!subscription->in_flight)
        return;
    subscription->in_flight = false;
    ages_end(lane->in_flight, subscription->delivered_second);
    count_in_flight(lane, subscription->session, -1);
}

static void mark_in_flight(struct subscriber_lane *lane, struct subscription *subscription,
                           const uint8_t id[MESSAGE_ID_SIZE]) {
    land(lane, subscription);
    memmove(subscription->delivered, id, MESSAGE_ID_SIZE);
    subscription->delivered_second = (uint32_t)clock_realtime_s();
    subscription->in_flight = true;
    ages_begin(lane->in_flight, subscription->delivered_second);
    count_in_flight(lane, subscription->session, 1);
}

/* The oldest message of the queue, as of now. SMQ_ERR_EMPTY: none. */
static enum smq_result peek(struct subscriber_lane *lane, uint64_t queue, struct message_reference *reference) {
    struct store_txn *txn;
    struct msg_view view;
    enum smq_result result = store_reader_begin(lane->reader, &txn);
    if (result != SMQ_OK)
        return result;
    result = msg_store_head(txn, queue, &view);
    if (result == SMQ_OK && view.id.length != MESSAGE_ID_SIZE)
        result = SMQ_ERR_STORE;
    if (result == SMQ_OK) {
        reference->queue = queue;
        reference->sequence = view.sequence;
        memcpy(reference->id, view.id.bytes, MESSAGE_ID_SIZE);
    }
    store_reader_end(lane->reader);
    return result;
}

/* Removes a subscription of any kind, with what else the lane keeps about it. */
static void drop(struct subscriber_lane *lane, struct subscription *subscription) {
    if (subscription->kind == SUBSCRIPTION_NOTIFY || subscription->kind == SUBSCRIPTION_SERVICE)
        deliver_forget(lane, subscription);
    else
        land(lane, subscription);
    subscription_remove(&lane->table, &subscription);
}

static bool session_is_gone(const struct subscriber_lane *lane, const struct client_session *session) {
    return session->lanes[lane->index].closed;
}

/* Makes the session the one that gets the queue's messages; the one before is told END. SMQ_ERR_CLOSED,
 * SMQ_ERR_NO_MEMORY. */
static enum smq_result register_push(struct subscriber_lane *lane, struct client_session *session, uint64_t queue,
                                     struct slice recipient_id, struct subscription **out) {
    struct subscription *holder = subscription_holder(&lane->table, queue, SUBSCRIPTION_PUSH);
    if (session_is_gone(lane, session))
        return SMQ_ERR_CLOSED;
    if (holder == NULL || holder->session != session) {
        struct subscription *added;
        enum smq_result result = subscription_add(&lane->table, queue, SUBSCRIPTION_PUSH, session, &added);
        if (result != SMQ_OK)
            return result;
        if (holder != NULL) {
            ends_tell(lane, holder, SMP_END, recipient_id);
            drop(lane, holder);
        }
        holder = added;
    }
    *out = holder;
    return SMQ_OK;
}

/* Every store failure while reading is an answer of its own; the subscription stays as it was. */
static void answer_failure(struct command_slot *slot, enum smq_result result) {
    slot_answer_result(slot, result);
    slot_done(&slot->base);
}

/* SUB. Repeated, it delivers the same message again. */
static void subscribe(struct subscriber_lane *lane, struct command_slot *slot) {
    struct client_session *session = slot_session(slot);
    struct subscription *subscription;
    if (subscription_find(&lane->table, slot->queue.number, SUBSCRIPTION_GET, session) != NULL) {
        slot_answer_error(slot, smp_error_command(COMMAND_PROHIBITED));
        slot_done(&slot->base);
        return;
    }
    bool is_repeated = subscription_find(&lane->table, slot->queue.number, SUBSCRIPTION_PUSH, session) != NULL;
    enum smq_result result = register_push(lane, session, slot->queue.number, slot->entity_id, &subscription);
    if (result != SMQ_OK) {
        answer_failure(slot, result);
        return;
    }
    if (is_repeated)
        counters_add(lane->router->counters, COUNT_Q_SUB_DUPLICATE, 1);
    land(lane, subscription);
    result = peek(lane, slot->queue.number, &slot->message_reference);
    if (result == SMQ_OK) {
        mark_in_flight(lane, subscription, slot->message_reference.id);
        slot->push = true;
        counters_add(lane->router->counters, COUNT_Q_SUB, is_repeated ? 0 : 1);
    } else if (result != SMQ_ERR_EMPTY) {
        answer_failure(slot, result);
        return;
    }
    struct smp_response response = {.tag = SMP_SOK};
    if (session->service.present) {
        response.service.present = true;
        response.service.id = slice_of(session->service.id, SMP_ENTITY_ID_SIZE);
    }
    slot_answer(slot, response);
    slot_done(&slot->base);
}

/* NEW with subscription: the queue is empty and nobody else can know it, so there is nothing to look at. */
static void created(struct subscriber_lane *lane, struct command_slot *slot) {
    struct subscription *subscription;
    enum smq_result result =
        register_push(lane, slot_session(slot), slot->queue.number, slot->response.ids.recipient_id, &subscription);
    if (result == SMQ_ERR_NO_MEMORY)
        slot_answer_result(slot, result);
    slot_done(&slot->base);
}

static void get(struct subscriber_lane *lane, struct command_slot *slot) {
    struct client_session *session = slot_session(slot);
    uint64_t queue = slot->queue.number;
    enum smq_result result = SMQ_OK;
    if (subscription_find(&lane->table, queue, SUBSCRIPTION_PUSH, session) != NULL) {
        slot_answer_error(slot, smp_error_command(COMMAND_PROHIBITED));
        slot_done(&slot->base);
        return;
    }
    struct subscription *subscription = subscription_find(&lane->table, queue, SUBSCRIPTION_GET, session);
    if (session_is_gone(lane, session))
        result = SMQ_ERR_CLOSED;
    if (result == SMQ_OK && subscription == NULL)
        result = subscription_add(&lane->table, queue, SUBSCRIPTION_GET, session, &subscription);
    bool is_repeated = result == SMQ_OK && subscription->in_flight;
    if (result == SMQ_OK) {
        land(lane, subscription);
        result = peek(lane, queue, &slot->message_reference);
    }
    if (result == SMQ_OK || result == SMQ_ERR_EMPTY)
        counters_add(lane->router->counters,
                     result != SMQ_OK ? COUNT_MSG_GET_NO_MSG
                     : is_repeated    ? COUNT_MSG_GET_DUPLICATE
                                      : COUNT_MSG_GET,
                     1);
    if (result == SMQ_OK) {
        mark_in_flight(lane, subscription, slot->message_reference.id);
        slot->answer = ANSWER_FROM_STORE;
        slot->stored = STORED_MESSAGE;
    } else {
        slot_answer_result(slot, result == SMQ_ERR_EMPTY ? SMQ_OK : result);
    }
    slot_done(&slot->base);
}

/* The session's subscription that an ACK is for. */
static struct subscription *subscription_to_acknowledge(struct subscriber_lane *lane, const struct command_slot *slot) {
    struct subscription *push =
        subscription_find(&lane->table, slot->queue.number, SUBSCRIPTION_PUSH, slot_session(slot));
    return push != NULL ? push
                        : subscription_find(&lane->table, slot->queue.number, SUBSCRIPTION_GET, slot_session(slot));
}

static enum smq_result acknowledge_apply(struct store_operation *operation, struct store_txn *txn) {
    struct command_slot *slot = slot_of_operation(operation);
    struct msg_acknowledged acknowledged = {0};
    enum smq_result result = msg_store_acknowledge(txn, slot->queue, slot->acknowledge.id, &acknowledged);
    slot->acknowledge.deleted = acknowledged.deleted;
    slot->acknowledge.was_marker = acknowledged.was_marker;
    slot->acknowledge.notify = acknowledged.notify;
    slot->acknowledge.has_next = acknowledged.has_next && acknowledged.next_id.length == MESSAGE_ID_SIZE;
    slot->acknowledge.next_sequence = acknowledged.next_sequence;
    memcpy(slot->acknowledge.next_id, acknowledged.next_id.bytes, MESSAGE_ID_SIZE);
    return result;
}

/* On the writer's thread. */
static void acknowledge_completed(struct store_operation *operation, enum smq_result result) {
    struct command_slot *slot = slot_of_operation(operation);
    slot->acknowledge_result = result;
    slot_to_subscriber(slot, SUBSCRIBER_ACKNOWLEDGED);
}

/* ACK, first half: it must be for what was delivered here; an empty id passes, and deletes nothing. */
static void acknowledge(struct subscriber_lane *lane, struct command_slot *slot) {
    struct subscription *subscription = subscription_to_acknowledge(lane, slot);
    struct slice id = slot->acknowledge.id;
    bool fits = subscription != NULL && subscription->in_flight &&
                (id.length == 0 || slice_equal(id, slice_of(subscription->delivered, MESSAGE_ID_SIZE)));
    if (!fits) {
        slot_answer_error(slot, smp_error_of(SMP_ERROR_NO_MESSAGE));
        slot_done(&slot->base);
        return;
    }
    land(lane, subscription);
    subscription->acknowledging = true;
    slot->request.operation = (struct store_operation){.apply = acknowledge_apply, .completed = acknowledge_completed};
    post_writer(&lane->router->base, &slot->request);
}

/* The ACK could not be done: the message is still in flight. */
static void acknowledge_failed(struct subscriber_lane *lane, struct subscription *subscription,
                               struct command_slot *slot) {
    if (subscription != NULL && !subscription->in_flight && slot->acknowledge.id.length == MESSAGE_ID_SIZE)
        mark_in_flight(lane, subscription, slot->acknowledge.id.bytes);
    answer_failure(slot, slot->acknowledge_result);
}

/* A message has reached its recipient. */
static void count_received(struct subscriber_lane *lane, const struct subscription *subscription,
                           const struct command_slot *slot) {
    struct smp_router *router = lane->router;
    uint64_t recipient = active_hash(slot->entity_id);
    counters_add(router->counters, COUNT_MSG_RECV, 1);
    active_note(router->statistics->active[ACTIVE_QUEUES], recipient);
    if (slot->acknowledge.notify) {
        counters_add(router->counters, COUNT_MSG_RECV_NTF, 1);
        active_note(router->statistics->active[ACTIVE_QUEUES_NTF], recipient);
    }
    if (subscription == NULL)
        return;
    if (subscription->kind == SUBSCRIPTION_GET)
        counters_add(router->counters, COUNT_MSG_RECV_GET, 1);
    uint32_t now = (uint32_t)clock_realtime_s();
    histogram_add(router->acknowledgement_times,
                  now > subscription->delivered_second ? now - subscription->delivered_second : 0);
}

/* ACK, second half: the next message, if any, is the answer to a push subscription's ACK; a get subscription asks for
 * it itself. */
static void acknowledged(struct subscriber_lane *lane, struct command_slot *slot) {
    struct subscription *subscription = subscription_to_acknowledge(lane, slot);
    if (subscription != NULL)
        subscription->acknowledging = false;
    if (slot->acknowledge_result == SMQ_ERR_AGAIN) {
        if (subscription != NULL)
            mark_in_flight(lane, subscription, subscription->delivered);
        (void)slot_retried(slot, SMQ_ERR_AGAIN);
        return;
    }
    if (slot->acknowledge_result != SMQ_OK) {
        acknowledge_failed(lane, subscription, slot);
        return;
    }
    if (slot->acknowledge.deleted && !slot->acknowledge.was_marker)
        count_received(lane, subscription, slot);
    if (subscription != NULL && subscription->kind == SUBSCRIPTION_PUSH && !subscription->in_flight &&
        slot->acknowledge.has_next) {
        mark_in_flight(lane, subscription, slot->acknowledge.next_id);
        slot_answer_message(slot, slot->queue.number, slot->acknowledge.next_sequence, slot->acknowledge.next_id);
    } else {
        slot_answer(slot, smp_response_ok());
    }
    slot_done(&slot->base);
}

static void push(struct subscriber_lane *lane, struct subscription *subscription,
                 const struct message_reference *reference) {
    if (delivery_send(subscription->session, reference) == SMQ_OK)
        mark_in_flight(lane, subscription, reference->id);
}

/* A message was committed to an empty queue, or with a notification. */
static void stored(struct subscriber_lane *lane, struct command_slot *slot) {
    struct subscription *subscription = subscription_holder(&lane->table, slot->queue.number, SUBSCRIPTION_PUSH);
    if (slot->send.sent.was_empty && subscription != NULL && !subscription->in_flight && !subscription->acknowledging) {
        struct message_reference reference = {.queue = slot->queue.number, .sequence = slot->send.sent.sequence};
        memcpy(reference.id, slot->send.id, MESSAGE_ID_SIZE);
        push(lane, subscription, &reference);
    }
    if (slot->send.has_notification)
        notify_stored(lane, slot->queue.number);
    slot_done(&slot->base);
}

/* DEL: the connection's own subscription ends silently, another's with DELD; get subscriptions stay and meet AUTH. */
static void deleted(struct subscriber_lane *lane, struct command_slot *slot) {
    struct subscription *subscription = subscription_holder(&lane->table, slot->queue.number, SUBSCRIPTION_PUSH);
    if (subscription != NULL) {
        if (subscription->session != slot_session(slot))
            ends_tell(lane, subscription, SMP_DELD, slot->entity_id);
        drop(lane, subscription);
    }
    notify_gone(lane, slot);
}

/* An operator has blocked or deleted the queue. */
static void noticed(struct subscriber_lane *lane, struct queue_notice *notice) {
    struct subscription *subscription = subscription_holder(&lane->table, notice->queue, SUBSCRIPTION_PUSH);
    struct slice recipient = slice_of(notice->recipient.bytes, notice->recipient.length);
    if (subscription != NULL && notice->kind == QUEUE_NOTICE_BLOCKED)
        event_send_blocked(subscription->session, recipient, &notice->blocked);
    if (notice->kind == QUEUE_NOTICE_DELETED) {
        if (subscription != NULL) {
            ends_tell(lane, subscription, SMP_DELD, recipient);
            drop(lane, subscription);
        }
        notify_dropped(lane, notice->queue, slice_of(notice->notifier.bytes, notice->notifier.length));
    }
    if (notice->kind != QUEUE_NOTICE_DELETED || !notice->move.had_service ||
        post_services_notice(lane->router, notice) != SMQ_OK)
        notice->done(notice);
}

/* The message was acknowledged elsewhere or expired before it was sent: what is at the head now goes instead. */
static void lost_delivery(struct subscriber_lane *lane, struct delivery *delivery) {
    const struct message_reference *lost = &delivery->reference;
    struct message_reference reference;
    struct subscription *subscription =
        subscription_find(&lane->table, lost->queue, SUBSCRIPTION_PUSH, delivery->session);
    if (subscription != NULL && subscription->in_flight &&
        memcmp(subscription->delivered, lost->id, MESSAGE_ID_SIZE) == 0) {
        land(lane, subscription);
        if (peek(lane, lost->queue, &reference) == SMQ_OK)
            push(lane, subscription, &reference);
    }
    delivery_release(&delivery);
}

static void session_closed(struct subscriber_lane *lane, struct client_session *session) {
    struct session_lane *place = &session->lanes[lane->index];
    place->closed = true;
    while (place->subscriptions != NULL)
        drop(lane, place->subscriptions);
    ends_forget(lane, place);
    service_forget(lane, session);
    connection_release(session->connection);
}

static void (*const slot_handlers[SUBSCRIBER_MESSAGE_COUNT])(struct subscriber_lane *, struct command_slot *) = {
    [SUBSCRIBER_SUBSCRIBE] = subscribe,
    [SUBSCRIBER_CREATED] = created,
    [SUBSCRIBER_GET] = get,
    [SUBSCRIBER_ACKNOWLEDGE] = acknowledge,
    [SUBSCRIBER_ACKNOWLEDGED] = acknowledged,
    [SUBSCRIBER_STORED] = stored,
    [SUBSCRIBER_DELETED] = deleted,
    [SUBSCRIBER_INFORM] = queue_inform,
    [SUBSCRIBER_NOTIFY] = notify_subscribe,
    [SUBSCRIBER_NOTIFIER_MOVED] = notify_moved,
    [SUBSCRIBER_NOTIFIER_GONE] = notify_gone,
};

static void subscriber_receive(void *state, struct message *message) {
    struct subscriber_lane *lane = state;
    switch (message->kind) {
    case SUBSCRIBER_SESSION_CLOSED:
        session_closed(lane, (owner_of(message, struct session_farewell, message))->session);
        break;
    case SUBSCRIBER_LOST_DELIVERY:
        lost_delivery(lane, owner_of(message, struct delivery, outgoing.message));
        break;
    case SUBSCRIBER_NOTICE:
        noticed(lane, (struct queue_notice *)(void *)message);
        break;
    case SUBSCRIBER_SERVICE_HELD:
        service_held(lane, (struct service_copy *)(void *)message);
        break;
    case SUBSCRIBER_HANDED_OVER:
        deliver_handed_over(lane, message);
        break;
    default:
        FAULT_DELAY(subscriber_slow);
        slot_handlers[message->kind](lane, slot_of_message(message));
        break;
    }
}

static enum smq_result subscriber_start(void *state) {
    struct subscriber_lane *lane = state;
    ends_start(lane);
    lane->delivery.fire = deliver_round;
    wheel_add(actor_wheel(lane->actor), &lane->delivery,
              clock_monotonic_ms() + live_value(lane->router->live.notification_delivery_interval_ms));
    return SMQ_OK;
}

static void subscriber_stop(void *state) {
    struct subscriber_lane *lane = state;
    wheel_cancel(actor_wheel(lane->actor), &lane->delivery);
    ends_stop(lane);
}

static const struct actor_ops subscriber_ops = {
    .role = "subscriber", .start = subscriber_start, .receive = subscriber_receive, .stop = subscriber_stop};

enum smq_result subscriber_lane_create(struct smp_router *router, unsigned index, struct subscriber_lane **out) {
    struct subscriber_lane *lane = memory_zalloc(sizeof *lane);
    if (lane == NULL)
        return SMQ_ERR_NO_MEMORY;
    lane->router = router;
    lane->index = index;
    enum smq_result result = subscription_table_init(&lane->table, index);
    if (result == SMQ_OK)
        result = ages_create(&lane->in_flight);
    if (result == SMQ_OK)
        result = service_table_init(&lane->services);
    if (result == SMQ_OK)
        result = store_reader_create(router->store, &lane->reader);
    if (result == SMQ_OK)
        result = actor_create(&subscriber_ops, lane, (int)index, &lane->actor);
    if (result != SMQ_OK) {
        subscriber_lane_destroy(&lane);
        return result;
    }
    *out = lane;
    router->role_addresses.subscribers[index] = lane->actor;
    return supervisor_start_actor(router->supervisor, lane->actor);
}

void subscriber_lane_destroy(struct subscriber_lane **lane) {
    if (*lane == NULL)
        return;
    subscription_table_finish(&(*lane)->table);
    ages_destroy(&(*lane)->in_flight);
    service_copies_destroy(*lane);
    store_reader_destroy(&(*lane)->reader);
    memory_free(*lane);
    *lane = NULL;
}
