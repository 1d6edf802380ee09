/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of smp-server-store.log. */
#include "stores/logs/smp_store_log.h"

#include <string.h>

#include "queues/base/text.h"
#include "stores/logs/log_status.h"

static const char service_roles[SERVICE_ROLE_COUNT] = {'M', 'N', 'P'};

bool smp_service_role_of(uint8_t letter, enum service_role *role) {
    const char *found = memchr(service_roles, letter, sizeof service_roles);
    if (found != NULL)
        *role = (enum service_role)(found - service_roles);
    return found != NULL;
}

/* ---- parts of records ---- */

static void read_recipient(struct log_reader *reader, struct smp_log_record *record) {
    read_literal(&reader->text, " ");
    record->queue.recipient_id = log_read_id(reader);
}

static void write_recipient(struct writer *writer, const struct smp_log_record *record) {
    write_u8(writer, ' ');
    log_write_bytes(writer, record->queue.recipient_id);
}

static void read_link_data(struct log_reader *reader, struct queue_link_data *link) {
    link->fixed = log_read_bytes_or_none(reader);
    read_literal(&reader->text, " ");
    link->user = log_read_bytes_or_none(reader);
}

static void write_link_data(struct writer *writer, const struct queue_link_data *link) {
    log_write_bytes(writer, link->fixed);
    write_u8(writer, ' ');
    log_write_bytes(writer, link->user);
}

static void read_notifier(struct log_reader *reader, struct queue_notifier *notifier) {
    notifier->id = log_read_id(reader);
    read_literal(&reader->text, " ");
    notifier->key = log_read_bytes(reader);
    read_literal(&reader->text, " ");
    notifier->dh_secret = log_read_fixed(reader, QUEUE_SECRET_SIZE);
    if (read_if(&reader->text, " nsrv="))
        notifier->service_id = log_read_id(reader);
}

static void write_notifier(struct writer *writer, const struct queue_notifier *notifier) {
    log_write_bytes(writer, notifier->id);
    write_u8(writer, ' ');
    log_write_bytes(writer, notifier->key);
    write_u8(writer, ' ');
    log_write_bytes(writer, slice_of(notifier->dh_secret, QUEUE_SECRET_SIZE));
    if (notifier->service_id.length > 0) {
        write_text(writer, " nsrv=");
        log_write_bytes(writer, notifier->service_id);
    }
}

static void read_status(struct reader *reader, struct queue_record *queue) {
    queue->status = (enum queue_status)log_read_status(reader, &queue->status_info);
}

enum smq_result smp_status_read(struct slice text, struct queue_record *queue) {
    struct reader reader = reader_of(text);
    read_status(&reader, queue);
    return reader_finish(&reader);
}

/* `sndSecure`: how logs before queue modes said it. */
static char read_mode(struct reader *reader) {
    uint8_t mode = 0;
    if (read_if(reader, " sndSecure="))
        return read_bool(reader) ? 'M' : 'C';
    if (read_if(reader, " queue_mode="))
        mode = read_u8(reader);
    if (mode != 0 && mode != 'M' && mode != 'C')
        reader_fail(reader);
    return (char)mode;
}

/* ---- CREATE ---- */

static void read_create(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    struct queue_record *queue = &record->queue;
    struct reader *text = &reader->text;
    read_literal(text, " rid=");
    queue->recipient_id = log_read_id(reader);
    read_literal(text, " rk=");
    queue->recipient_keys = log_read_list(reader, 1, true);
    read_literal(text, " rdh=");
    queue->recipient_dh_secret = log_read_fixed(reader, QUEUE_SECRET_SIZE);
    read_literal(text, " sid=");
    queue->sender_id = log_read_id(reader);
    read_literal(text, " sk=");
    queue->sender_key = log_read_bytes_or_none(reader);
    queue->mode = read_mode(text);
    if (read_if(text, " link_id=")) {
        queue->link_id = log_read_id(reader);
        read_literal(text, " queue_data=");
        read_link_data(reader, &record->link);
    }
    if (read_if(text, " notifier="))
        read_notifier(reader, &queue->notifier);
    if (read_if(text, " updated_at="))
        queue->updated_day = log_read_day(reader);
    if (read_if(text, " status="))
        read_status(text, queue);
    if (read_if(text, " rsrv="))
        queue->recipient_service_id = log_read_id(reader);
}

static void write_service_of_queue(struct writer *writer, struct slice recipient_id, char party, struct slice service) {
    write_u8(writer, ' ');
    log_write_bytes(writer, recipient_id);
    write_u8(writer, ' ');
    write_u8(writer, (uint8_t)party);
    write_u8(writer, ' ');
    log_write_bytes(writer, service);
}

static void write_status_and_service(struct writer *writer, const struct queue_record *queue) {
    if (queue->status != QUEUE_ACTIVE) {
        write_text(writer, " status=");
        log_write_status(writer, (enum log_status)queue->status, queue->status_info);
    }
    if (queue->recipient_service_id.length == 0)
        return;
    if (queue->status == QUEUE_BLOCKED && log_blocking_has_notice(queue->status_info)) {
        write_text(writer, "\nQUEUE_SERVICE");
        write_service_of_queue(writer, queue->recipient_id, 'R', queue->recipient_service_id);
        return;
    }
    write_text(writer, " rsrv=");
    log_write_bytes(writer, queue->recipient_service_id);
}

static void write_create(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    const struct queue_record *queue = &record->queue;
    write_text(writer, " rid=");
    log_write_bytes(writer, queue->recipient_id);
    write_text(writer, " rk=");
    log_write_list(writer, queue->recipient_keys, 1, true);
    write_text(writer, " rdh=");
    log_write_bytes(writer, slice_of(queue->recipient_dh_secret, QUEUE_SECRET_SIZE));
    write_text(writer, " sid=");
    log_write_bytes(writer, queue->sender_id);
    write_text(writer, " sk=");
    log_write_bytes(writer, queue->sender_key);
    if (queue->mode != 0) {
        write_text(writer, " queue_mode=");
        write_u8(writer, (uint8_t)queue->mode);
    }
    if (queue->link_id.length > 0) {
        write_text(writer, " link_id=");
        log_write_bytes(writer, queue->link_id);
        write_text(writer, " queue_data=");
        write_link_data(writer, &record->link);
    }
    if (queue->notifier.id.length > 0) {
        write_text(writer, " notifier=");
        write_notifier(writer, &queue->notifier);
    }
    if (queue->updated_day != 0) {
        write_text(writer, " updated_at=");
        log_write_day(writer, queue->updated_day);
    }
    write_status_and_service(writer, queue);
}

/* ---- changes of a queue ---- */

static void read_only_recipient(struct log_reader *reader, void *target) {
    read_recipient(reader, target);
}

static void write_only_recipient(struct writer *writer, const void *source) {
    write_recipient(writer, source);
}

static void read_link(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    record->queue.link_id = log_read_id(reader);
    read_literal(&reader->text, " ");
    read_link_data(reader, &record->link);
}

static void write_link(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_recipient(writer, record);
    write_u8(writer, ' ');
    log_write_bytes(writer, record->queue.link_id);
    write_u8(writer, ' ');
    write_link_data(writer, &record->link);
}

static void read_secure(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    record->queue.sender_key = log_read_bytes(reader);
}

static void write_secure(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_recipient(writer, record);
    write_u8(writer, ' ');
    log_write_bytes(writer, record->queue.sender_key);
}

static void read_keys(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    record->queue.recipient_keys = log_read_list(reader, 1, true);
}

static void write_keys(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_recipient(writer, record);
    write_u8(writer, ' ');
    log_write_list(writer, record->queue.recipient_keys, 1, true);
}

static void read_notifier_of_queue(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    read_notifier(reader, &record->queue.notifier);
}

static void write_notifier_of_queue(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_recipient(writer, record);
    write_u8(writer, ' ');
    write_notifier(writer, &record->queue.notifier);
}

static void read_block(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    record->queue.status = QUEUE_BLOCKED;
    record->queue.status_info = log_read_blocking(&reader->text);
}

static void write_block(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_recipient(writer, record);
    write_u8(writer, ' ');
    write_slice(writer, record->queue.status_info);
}

static void read_time_of_queue(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    record->queue.updated_day = log_read_day(reader);
}

static void write_time_of_queue(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_recipient(writer, record);
    write_u8(writer, ' ');
    log_write_day(writer, record->queue.updated_day);
}

/* ---- services ---- */

static void read_new_service(struct log_reader *reader, void *target) {
    struct service_record *service = &((struct smp_log_record *)target)->service;
    read_literal(&reader->text, " service_id=");
    service->id = log_read_id(reader);
    read_literal(&reader->text, " role=");
    if (!smp_service_role_of(read_u8(&reader->text), &service->role))
        reader_fail(&reader->text);
    read_literal(&reader->text, " cert=");
    service->certificate_chain = log_read_list(reader, 2, false);
    read_literal(&reader->text, " cert_hash=");
    service->fingerprint = log_read_id(reader);
    read_literal(&reader->text, " created_at=");
    service->created_day = log_read_day(reader);
}

static void write_new_service(struct writer *writer, const void *source) {
    const struct service_record *service = &((const struct smp_log_record *)source)->service;
    write_text(writer, " service_id=");
    log_write_bytes(writer, service->id);
    write_text(writer, " role=");
    write_u8(writer, (uint8_t)service_roles[service->role]);
    write_text(writer, " cert=");
    log_write_list(writer, service->certificate_chain, 2, false);
    write_text(writer, " cert_hash=");
    log_write_bytes(writer, service->fingerprint);
    write_text(writer, " created_at=");
    log_write_day(writer, service->created_day);
}

static void read_queue_service(struct log_reader *reader, void *target) {
    struct smp_log_record *record = target;
    read_recipient(reader, record);
    read_literal(&reader->text, " ");
    record->of_notifier = read_if(&reader->text, "N");
    if (!record->of_notifier)
        read_literal(&reader->text, "R");
    read_literal(&reader->text, " ");
    record->service_id = log_read_bytes_or_none(reader);
    if (record->service_id.length > QUEUE_ID_MAX)
        reader_fail(&reader->text);
}

static void write_queue_service(struct writer *writer, const void *source) {
    const struct smp_log_record *record = source;
    write_service_of_queue(writer, record->queue.recipient_id, record->of_notifier ? 'N' : 'R', record->service_id);
}

static const struct log_record_kind kinds[SMP_LOG_KIND_COUNT] = {
    [SMP_LOG_CREATE] = {"CREATE", read_create, write_create},
    [SMP_LOG_LINK] = {"LINK", read_link, write_link},
    [SMP_LOG_LINK_DELETE] = {"LDELETE", read_only_recipient, write_only_recipient},
    [SMP_LOG_SECURE] = {"SECURE", read_secure, write_secure},
    [SMP_LOG_KEYS] = {"KEYS", read_keys, write_keys},
    [SMP_LOG_NOTIFIER] = {"NOTIFIER", read_notifier_of_queue, write_notifier_of_queue},
    [SMP_LOG_SUSPEND] = {"SUSPEND", read_only_recipient, write_only_recipient},
    [SMP_LOG_BLOCK] = {"BLOCK", read_block, write_block},
    [SMP_LOG_UNBLOCK] = {"UNBLOCK", read_only_recipient, write_only_recipient},
    [SMP_LOG_DELETE] = {"DELETE", read_only_recipient, write_only_recipient},
    [SMP_LOG_NOTIFIER_DELETE] = {"NDELETE", read_only_recipient, write_only_recipient},
    [SMP_LOG_TIME] = {"TIME", read_time_of_queue, write_time_of_queue},
    [SMP_LOG_NEW_SERVICE] = {"NEW_SERVICE", read_new_service, write_new_service},
    [SMP_LOG_QUEUE_SERVICE] = {"QUEUE_SERVICE", read_queue_service, write_queue_service},
};

const struct log_record_table smp_store_log = {kinds, SMP_LOG_KIND_COUNT, sizeof(struct smp_log_record)};
