/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store written as the reference's files. */
#include "stores/smp/export.h"

#include "queues/base/memory.h"
#include "stores/logs/smp_message_log.h"
#include "stores/logs/smp_store_log.h"
#include "stores/smp/internal.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"
#include "stores/smp/service_store.h"

static enum smq_result put(struct log_output *output, const struct log_record_table *table, unsigned kind,
                           const void *record) {
    struct writer *writer = log_output_writer(output);
    return writer != NULL ? log_record_write(table, writer, kind, record) : log_output_finish(output);
}

/* What a walk answers at its end. */
static enum smq_result end_of(enum smq_result result) {
    return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

/* ---- queues ---- */

static enum smq_result export_services(struct store_txn *txn, struct log_output *output,
                                       struct smp_export_counts *counts) {
    struct smp_log_record record = {0};
    struct slice id;
    bool found = lmdb_seek(txn->lmdb, TABLE_SERVICE_COUNTS, slice_of("\0", 1), &id, NULL);
    for (; found; found = lmdb_next(txn->lmdb, TABLE_SERVICE_COUNTS, &id, NULL)) {
        enum smq_result result = service_store_find(txn, id, &record.service);
        if (result == SMQ_OK)
            result = put(output, &smp_store_log, SMP_LOG_NEW_SERVICE, &record);
        if (result != SMQ_OK)
            return result;
        counts->services++;
    }
    return store_txn_status(txn);
}

static enum smq_result export_queue(struct store_txn *txn, struct log_output *output, struct smp_log_record *record,
                                    struct smp_export_counts *counts) {
    record->link = (struct queue_link_data){0};
    if (record->queue.link_id.length > 0) {
        enum smq_result result = queue_store_link_get(txn, record->queue.number, &record->link);
        if (result != SMQ_OK)
            return result == SMQ_ERR_NOT_FOUND ? SMQ_ERR_STORE : result;
        if (record->link.fixed.length == 0 || record->link.user.length == 0) {
            record->queue.link_id = slice_of("", 0);
            counts->empty_links++;
        }
    }
    counts->queues++;
    return put(output, &smp_store_log, SMP_LOG_CREATE, record);
}

enum smq_result smp_export_queues(struct store_txn *txn, struct log_output *output, struct smp_export_counts *counts) {
    struct smp_log_record record = {0};
    uint64_t after = 0;
    enum smq_result result = export_services(txn, output, counts);
    while (result == SMQ_OK) {
        result = queue_store_next(txn, after, &record.queue);
        after = record.queue.number;
        if (result == SMQ_OK)
            result = export_queue(txn, output, &record, counts);
    }
    return end_of(result);
}

/* ---- messages ---- */

static enum smq_result export_message(struct store_txn *txn, struct log_output *output, const struct msg_view *view,
                                      struct smp_log_message *message, uint8_t body[MSG_BODY_MAX],
                                      struct smp_export_counts *counts) {
    struct writer writer = writer_of(body, MSG_BODY_MAX);
    enum smq_result result = msg_store_body(txn, view, &writer);
    if (result != SMQ_OK)
        return result;
    if (view->body_length == 0 && !view->is_marker) {
        counts->empty_messages++;
        return SMQ_OK;
    }
    message->id = view->id;
    message->timestamp = view->timestamp;
    message->is_marker = view->is_marker;
    message->notify = view->notify;
    message->body = slice_of(body, writer_length(&writer));
    counts->messages++;
    return put(output, &smp_message_log, 0, message);
}

static enum smq_result export_messages_of(struct store_txn *txn, struct log_output *output,
                                          const struct queue_record *queue, uint8_t body[MSG_BODY_MAX],
                                          struct smp_export_counts *counts) {
    struct smp_log_message message = {.recipient_id = queue->recipient_id};
    struct msg_view view = {0};
    enum smq_result result = msg_store_next(txn, queue->number, 0, &view);
    while (result == SMQ_OK) {
        result = export_message(txn, output, &view, &message, body, counts);
        if (result == SMQ_OK)
            result = msg_store_next(txn, queue->number, view.sequence, &view);
    }
    return end_of(result);
}

enum smq_result smp_export_messages(struct store_txn *txn, struct log_output *output,
                                    struct smp_export_counts *counts) {
    struct queue_record queue = {0};
    uint64_t after = 0;
    uint8_t *body = memory_alloc(MSG_BODY_MAX);
    enum smq_result result = body != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
    while (result == SMQ_OK) {
        result = queue_store_next(txn, after, &queue);
        after = queue.number;
        if (result == SMQ_OK)
            result = export_messages_of(txn, output, &queue, body, counts);
    }
    memory_free(body);
    return end_of(result);
}

/* ---- notifications ---- */

static enum smq_result export_notification(struct log_output *output, const struct queue_record *queue,
                                           const struct ntf_view *view, const struct smp_export_notification *reading,
                                           struct smp_export_counts *counts) {
    struct queue_id id;
    struct reader reader = reader_of(view->bytes);
    struct smp_log_notification notification = {.notifier_id = queue->notifier.id, .timestamp = view->timestamp};
    notification.nonce = read_bytes(&reader, reading->nonce_size);
    notification.meta = read_tail(&reader);
    if (reader_status(&reader) != SMQ_OK ||
        !reading->message_id(queue->notifier.dh_secret, notification.nonce, notification.meta, &id)) {
        counts->lost_notifications++;
        return SMQ_OK;
    }
    notification.message_id = slice_of(id.bytes, id.length);
    counts->notifications++;
    return put(output, &smp_notification_log, 0, &notification);
}

static enum smq_result export_notifications_of(struct store_txn *txn, struct log_output *output, uint64_t number,
                                               const struct smp_export_notification *reading,
                                               struct smp_export_counts *counts) {
    struct queue_record queue;
    struct ntf_view view = {0};
    enum smq_result result = queue_store_get(txn, number, &queue);
    if (result == SMQ_ERR_NOT_FOUND) /* it was deleted, and is not removed yet */
        return SMQ_OK;
    if (result == SMQ_OK)
        result = ntf_store_next(txn, number, 0, &view);
    while (result == SMQ_OK) {
        result = export_notification(output, &queue, &view, reading, counts);
        if (result == SMQ_OK)
            result = ntf_store_next(txn, number, view.sequence, &view);
    }
    return end_of(result);
}

enum smq_result smp_export_notifications(struct store_txn *txn, struct log_output *output,
                                         const struct smp_export_notification *reading,
                                         struct smp_export_counts *counts) {
    uint64_t number = 0;
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK) {
        result = ntf_store_next_queue(txn, number, &number);
        if (result == SMQ_OK)
            result = export_notifications_of(txn, output, number, reading, counts);
    }
    return end_of(result);
}
