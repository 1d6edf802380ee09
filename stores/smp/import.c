/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of the reference's files, applied. */
#include "stores/smp/import.h"

#include "stores/smp/internal.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/queue_record.h"
#include "stores/smp/service_internal.h"

static const char no_queue[] = "there is no such queue, or no longer; skipped";
static const char unknown_service[] = "it names a service that is not known; taken without it";

/* What an operation of the store answers, as a fault of the record; an error only when the store failed. */
static enum smq_result judge(enum smq_result result, const char *otherwise, const char **fault) {
    switch (result) {
    case SMQ_OK:
        return SMQ_OK;
    case SMQ_ERR_STORE:
    case SMQ_ERR_STORE_FULL:
    case SMQ_ERR_NO_MEMORY:
        return result;
    case SMQ_ERR_NOT_FOUND:
        *fault = no_queue;
        return SMQ_OK;
    case SMQ_ERR_EXISTS:
        *fault = "an id of it is taken; skipped";
        return SMQ_OK;
    case SMQ_ERR_TOO_LARGE:
        *fault = "it is too large; skipped";
        return SMQ_OK;
    default:
        *fault = otherwise;
        return SMQ_OK;
    }
}

/* Leaves out a service that is not known. */
static struct slice known_service(struct store_txn *txn, struct slice id, const char **fault) {
    if (service_is_known(txn, id))
        return id;
    *fault = unknown_service;
    return slice_of("", 0);
}

/* ---- queues ---- */

static enum smq_result create(struct store_txn *txn, const struct smp_log_record *record, const char **fault) {
    struct queue_record queue = record->queue;
    uint64_t number;
    queue.recipient_service_id = known_service(txn, queue.recipient_service_id, fault);
    queue.notifier.service_id = known_service(txn, queue.notifier.service_id, fault);
    enum smq_result result = queue_store_create(txn, &queue, queue.link_id.length > 0 ? &record->link : NULL, &number);
    return judge(result, "it is no queue that can be stored; skipped", fault);
}

static enum smq_result new_service(struct store_txn *txn, const struct service_record *service, const char **fault) {
    struct service_record known;
    if (service_store_find(txn, service->id, &known) == SMQ_OK && slice_equal(known.fingerprint, service->fingerprint))
        return SMQ_OK;
    return judge(service_store_create(txn, service), "it is no service that can be stored; skipped", fault);
}

static enum smq_result set_notifier(struct store_txn *txn, struct queue_reference queue,
                                    const struct smp_log_record *record, const char **fault) {
    struct queue_notifier notifier = record->queue.notifier;
    struct queue_id removed;
    notifier.service_id = known_service(txn, notifier.service_id, fault);
    return queue_store_notifier_set(txn, queue, &notifier, &removed);
}

static enum smq_result set_recipient_service(struct store_txn *txn, struct queue_reference queue, struct slice service,
                                             const char **fault) {
    struct queue_record record;
    struct queue_id previous;
    size_t stored_length;
    enum smq_result result = queue_record_load(txn, queue.number, &record, &stored_length);
    if (result == SMQ_OK)
        result = queue_id_set(&previous, record.recipient_service_id);
    if (result != SMQ_OK)
        return result;
    record.recipient_service_id = known_service(txn, service, fault);
    struct slice chosen = record.recipient_service_id;
    result = queue_record_replace(txn, &record, stored_length);
    if (result != SMQ_OK)
        return result;
    service_count(txn, queue_id_slice(&previous), -1, 0);
    service_count(txn, chosen, 1, 0);
    return store_txn_status(txn);
}

static enum smq_result set_service(struct store_txn *txn, struct queue_reference queue,
                                   const struct smp_log_record *record, const char **fault) {
    struct queue_id previous;
    if (!record->of_notifier)
        return set_recipient_service(txn, queue, record->service_id, fault);
    return queue_store_notifier_service(txn, queue, known_service(txn, record->service_id, fault), &previous);
}

static enum smq_result delete_queue(struct store_txn *txn, struct queue_reference queue) {
    struct queue_deleted deleted;
    return queue_store_delete(txn, queue, &deleted);
}

static enum smq_result block(struct store_txn *txn, struct queue_reference queue, struct slice info) {
    bool was_active;
    return queue_store_block(txn, queue, info, &was_active);
}

static enum smq_result delete_notifier(struct store_txn *txn, struct queue_reference queue) {
    struct queue_id removed;
    return queue_store_notifier_delete(txn, queue, &removed);
}

static enum smq_result change(struct store_txn *txn, struct queue_reference queue, enum smp_log_kind kind,
                              const struct smp_log_record *record, const char **fault) {
    switch (kind) {
    case SMP_LOG_LINK:
        return queue_store_link_set(txn, queue, record->queue.link_id, &record->link);
    case SMP_LOG_LINK_DELETE:
        return queue_store_link_delete(txn, queue);
    case SMP_LOG_SECURE:
        return queue_store_secure(txn, queue, record->queue.sender_key);
    case SMP_LOG_KEYS:
        return queue_store_set_recipient_keys(txn, queue, record->queue.recipient_keys);
    case SMP_LOG_NOTIFIER:
        return set_notifier(txn, queue, record, fault);
    case SMP_LOG_SUSPEND:
        return queue_store_suspend(txn, queue);
    case SMP_LOG_BLOCK:
        return block(txn, queue, record->queue.status_info);
    case SMP_LOG_UNBLOCK:
        return queue_store_unblock(txn, queue);
    case SMP_LOG_DELETE:
        return delete_queue(txn, queue);
    case SMP_LOG_NOTIFIER_DELETE:
        return delete_notifier(txn, queue);
    case SMP_LOG_TIME:
        return queue_store_touch(txn, queue, record->queue.updated_day);
    case SMP_LOG_QUEUE_SERVICE:
        return set_service(txn, queue, record, fault);
    default:
        return SMQ_ERR_INVALID;
    }
}

enum smq_result smp_import_record(struct store_txn *txn, enum smp_log_kind kind, const struct smp_log_record *record,
                                  const char **fault) {
    struct queue_record stored;
    if (kind == SMP_LOG_CREATE)
        return create(txn, record, fault);
    if (kind == SMP_LOG_NEW_SERVICE)
        return new_service(txn, &record->service, fault);
    enum smq_result result = queue_store_find_record(txn, QUEUE_RECIPIENT, record->queue.recipient_id, &stored);
    if (result == SMQ_OK) {
        struct queue_reference queue = {.number = stored.number, .auth_version = stored.auth_version};
        result = change(txn, queue, kind, record, fault);
    }
    return judge(result, "the queue does not allow it; skipped", fault);
}

/* ---- messages ---- */

static enum smq_result find_queue(struct store_txn *txn, struct slice recipient_id, struct smp_import_last *last) {
    if (last->number != 0 && slice_equal(queue_id_slice(&last->recipient_id), recipient_id))
        return SMQ_OK;
    last->number = 0;
    enum smq_result result = queue_store_find(txn, QUEUE_RECIPIENT, recipient_id, &last->number);
    return result == SMQ_OK ? queue_id_set(&last->recipient_id, recipient_id) : result;
}

/* Two stores that were merged leave a marker before messages; a marker at the head is of no use there. */
static void drop_marker_at_head(struct store_txn *txn, uint64_t number, struct list_state *state) {
    struct list_entry head;
    if (state->count > 0 && list_head(txn, &message_list, number, state, &head) == SMQ_OK &&
        (head.flags & LIST_ENTRY_STOPS_EXPIRY) != 0)
        list_remove(txn, &message_list, &head, state);
}

static void append(struct store_txn *txn, uint64_t number, const struct smp_log_message *message,
                   struct list_state *state) {
    uint64_t sequence;
    uint8_t id_length = (uint8_t)message->id.length;
    const struct list_entry entry = {
        .timestamp = message->timestamp,
        .flags = message->is_marker ? LIST_ENTRY_STOPS_EXPIRY
                 : message->notify  ? LIST_ENTRY_NOTIFY
                                    : 0,
    };
    const struct slice pieces[LIST_PIECES_MAX] = {slice_of(&id_length, 1), message->id, message->body};
    if (message->is_marker)
        drop_marker_at_head(txn, number, state);
    state->can_write = state->can_write && !message->is_marker;
    list_add(txn, &message_list, number, state, &entry, pieces, &sequence);
    list_state_put(txn, &message_list, number, state);
}

enum smq_result smp_import_message(struct store_txn *txn, const struct smp_log_message *message,
                                   struct smp_import_last *last, const char **fault) {
    struct list_state state;
    if (message->id.length == 0 || message->id.length > QUEUE_ID_MAX || message->body.length > MSG_BODY_MAX)
        return judge(SMQ_ERR_TOO_LARGE, "", fault);
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = find_queue(txn, message->recipient_id, last);
    if (result == SMQ_OK)
        result = list_state_get(txn, &message_list, last->number, &state);
    if (result != SMQ_OK)
        return judge(result, "", fault);
    append(txn, last->number, message, &state);
    return store_txn_status(txn);
}

/* ---- notifications ---- */

enum smq_result smp_import_notification(struct store_txn *txn, const struct smp_log_notification *notification,
                                        const char **fault) {
    uint8_t bytes[1024];
    struct writer writer = writer_of(bytes, sizeof bytes);
    uint64_t number, sequence;
    write_slice(&writer, notification->nonce);
    write_slice(&writer, notification->meta);
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = queue_store_find(txn, QUEUE_NOTIFIER, notification->notifier_id, &number);
    if (result == SMQ_OK)
        result =
            ntf_store_append(txn, number, notification->timestamp, slice_of(bytes, writer_length(&writer)), &sequence);
    return judge(result, "", fault);
}
