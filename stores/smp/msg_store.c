/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages: the quota with its marker, acknowledgement, expiry. */
#include "stores/smp/msg_store.h"

#include "stores/smp/internal.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/queue_record.h"

/* A SEND does not do the work of the expirer: it drops so many at most, and makes room for itself with one. */
enum { SEND_EXPIRES_MAX = 64 };

/* Everything but the body. */
static enum smq_result view_of(struct store_txn *txn, const struct list_entry *entry, struct msg_view *message) {
    struct reader reader = reader_of(entry->start);
    *message = (struct msg_view){
        .sequence = entry->sequence,
        .timestamp = entry->timestamp,
        .is_marker = (entry->flags & LIST_ENTRY_STOPS_EXPIRY) != 0,
        .notify = (entry->flags & LIST_ENTRY_NOTIFY) != 0,
        .id = read_short(&reader),
    };
    if (reader_status(&reader) != SMQ_OK)
        return store_txn_damaged(txn, message_list.name);
    message->body_length = entry->length - 1 - message->id.length;
    message->start = read_tail(&reader);
    message->body = entry->body;
    return SMQ_OK;
}

enum smq_result msg_store_state(struct store_txn *txn, uint64_t number, struct msg_state *state) {
    struct list_state stored;
    enum smq_result result = list_state_get(txn, &message_list, number, &stored);
    *state = (struct msg_state){.count = stored.count, .can_write = stored.can_write};
    return result;
}

enum smq_result msg_store_head(struct store_txn *txn, uint64_t number, struct msg_view *message) {
    return msg_store_next(txn, number, 0, message);
}

enum smq_result msg_store_get(struct store_txn *txn, uint64_t number, uint64_t sequence, struct msg_view *message) {
    struct list_entry entry;
    enum smq_result result = list_get(txn, &message_list, number, sequence, &entry);
    return result == SMQ_OK ? view_of(txn, &entry, message) : result;
}

enum smq_result msg_store_body(struct store_txn *txn, const struct msg_view *message, struct writer *to) {
    const struct list_entry entry = {.sequence = message->sequence,
                                     .length = (uint32_t)message->body_length,
                                     .start = message->start,
                                     .body = message->body};
    return list_payload(txn, &message_list, &entry, to);
}

enum smq_result msg_store_next(struct store_txn *txn, uint64_t number, uint64_t after, struct msg_view *message) {
    struct list_entry entry;
    enum smq_result result = list_next(txn, &message_list, number, after, &entry);
    return result == SMQ_OK ? view_of(txn, &entry, message) : result;
}

/* ---- send ---- */

static void store_message(struct store_txn *txn, uint64_t number, struct list_state *state, const struct msg_send *send,
                          bool marker, uint64_t *sequence) {
    uint8_t id_length = (uint8_t)send->id.length;
    struct list_entry entry = {
        .timestamp = send->timestamp,
        .flags = marker         ? LIST_ENTRY_STOPS_EXPIRY
                 : send->notify ? LIST_ENTRY_NOTIFY
                                : 0,
    };
    const struct slice pieces[LIST_PIECES_MAX] = {slice_of(&id_length, 1), send->id,
                                                  marker ? slice_of("", 0) : send->body};
    list_add(txn, &message_list, number, state, &entry, pieces, sequence);
}

static void send_under_quota(struct store_txn *txn, uint64_t number, const struct msg_send *send,
                             struct list_state *state, struct msg_sent *sent) {
    bool may_write = state->can_write || state->count == 0;
    if (may_write && state->count < send->quota) {
        sent->outcome = MSG_SENT;
        sent->was_empty = state->count == 0;
        state->can_write = true;
        store_message(txn, number, state, send, false, &sent->sequence);
        return;
    }
    sent->outcome = MSG_QUOTA;
    if (may_write) {
        uint64_t sequence;
        sent->marker = true;
        state->can_write = false;
        store_message(txn, number, state, send, true, &sequence);
    }
}

enum smq_result msg_store_send(struct store_txn *txn, struct queue_reference queue, const struct msg_send *send,
                               struct msg_sent *sent) {
    *sent = (struct msg_sent){.outcome = MSG_QUOTA};
    if (send->id.length == 0 || send->id.length > QUEUE_ID_MAX || send->quota == 0)
        return SMQ_ERR_INVALID;
    if (send->body.length > MSG_BODY_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct queue_summary summary;
    struct list_state state;
    enum smq_result result = queue_record_check(txn, queue, &summary);
    if (result != SMQ_OK)
        return result;
    if (summary.status != QUEUE_ACTIVE) {
        sent->outcome = summary.status == QUEUE_OFF ? MSG_OFF : MSG_BLOCKED;
        return SMQ_OK;
    }
    if (summary.has_link && summary.secured && summary.mode != 'C') {
        result = queue_store_link_delete(txn, queue);
        if (result != SMQ_OK)
            return result;
        sent->link_deleted = true;
    }
    result = list_state_get(txn, &message_list, queue.number, &state);
    if (result != SMQ_OK)
        return result;
    /* The head is never older than the registration says. */
    if (send->expire && state.registered != LIST_NOT_REGISTERED && state.registered < send->expire_before)
        sent->expired = list_expire_head(txn, &message_list, queue.number, &state, send->expire_before,
                                         SEND_EXPIRES_MAX, UINT64_MAX);
    send_under_quota(txn, queue.number, send, &state, sent);
    if (sent->outcome == MSG_SENT || sent->marker || sent->expired > 0)
        list_state_put(txn, &message_list, queue.number, &state);
    return store_txn_status(txn);
}

/* ---- acknowledge ---- */

static enum smq_result note_next(struct store_txn *txn, const struct list_entry *entry,
                                 struct msg_acknowledged *acknowledged) {
    struct msg_view next;
    enum smq_result result = view_of(txn, entry, &next);
    if (result != SMQ_OK)
        return result;
    acknowledged->has_next = true;
    acknowledged->next_is_marker = next.is_marker;
    acknowledged->next_notify = next.notify;
    acknowledged->next_sequence = next.sequence;
    acknowledged->next_timestamp = next.timestamp;
    return queue_id_set(&acknowledged->next_id, next.id);
}

enum smq_result msg_store_acknowledge(struct store_txn *txn, struct queue_reference queue, struct slice id,
                                      struct msg_acknowledged *acknowledged) {
    *acknowledged = (struct msg_acknowledged){0};
    struct queue_summary summary;
    struct list_state state;
    struct list_entry entry;
    struct msg_view head;
    enum smq_result result = queue_record_check(txn, queue, &summary);
    if (result == SMQ_OK)
        result = list_state_get(txn, &message_list, queue.number, &state);
    if (result != SMQ_OK || state.count == 0)
        return result;
    result = list_head(txn, &message_list, queue.number, &state, &entry);
    if (result == SMQ_OK)
        result = view_of(txn, &entry, &head);
    if (result != SMQ_OK)
        return result == SMQ_ERR_EMPTY ? store_txn_damaged(txn, message_list.name) : result;
    if (id.length == 0 || !slice_equal(head.id, id))
        return note_next(txn, &entry, acknowledged);
    acknowledged->deleted = true;
    acknowledged->was_marker = head.is_marker;
    acknowledged->notify = head.notify;
    list_remove(txn, &message_list, &entry, &state);
    if (state.count > 0) {
        result = list_following(txn, &message_list, queue.number, &entry);
        if (result == SMQ_OK)
            result = note_next(txn, &entry, acknowledged);
        if (result != SMQ_OK)
            return result == SMQ_ERR_EMPTY ? store_txn_damaged(txn, message_list.name) : result;
    }
    list_state_put(txn, &message_list, queue.number, &state);
    return store_txn_status(txn);
}

/* ---- expire ---- */

enum smq_result msg_store_expire(struct store_txn *txn, const struct store_expiry *expiry,
                                 struct msg_expired *expired) {
    struct list_expired step;
    enum smq_result result = list_expire(txn, &message_list, expiry, &step);
    *expired = (struct msg_expired){.queues = step.queues, .messages = step.entries, .more = step.more};
    return result;
}
