/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server-store.log: queues and services, a record for each change. (reference: StoreLog.hs, QueueStore.hs) */
#pragma once

#include "stores/logs/log_record.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/service_store.h"

enum smp_log_kind {
    SMP_LOG_CREATE,
    SMP_LOG_LINK,
    SMP_LOG_LINK_DELETE,
    SMP_LOG_SECURE,
    SMP_LOG_KEYS,
    SMP_LOG_NOTIFIER,
    SMP_LOG_SUSPEND,
    SMP_LOG_BLOCK,
    SMP_LOG_UNBLOCK,
    SMP_LOG_DELETE,
    SMP_LOG_NOTIFIER_DELETE,
    SMP_LOG_TIME,
    SMP_LOG_NEW_SERVICE,
    SMP_LOG_QUEUE_SERVICE,
    SMP_LOG_KIND_COUNT
};

/* What a line says. Forms are those of the store: keys as a list with a count, certificates as a list without. */
struct smp_log_record {
    struct queue_record queue;   /* recipient_id, and the fields that the kind sets; CREATE: all */
    struct queue_link_data link; /* LINK, and CREATE with a link id */
    struct service_record service;
    bool of_notifier;        /* QUEUE_SERVICE: N, not R */
    struct slice service_id; /* QUEUE_SERVICE; empty: none */
};

/* Kinds are enum smp_log_kind, records struct smp_log_record. A CREATE with a notice of blocking and a recipient
 * service is written as two lines, since the reference reads a notice to the line's end; both forms are read. */
extern const struct log_record_table smp_store_log;

/* M, N or P. */
bool smp_service_role_of(uint8_t letter, enum service_role *role);

/* A status as text: `active`, `off`, or `blocked,` and why. Sets status and status_info, which points into the text.
 * SMQ_ERR_SYNTAX. */
enum smq_result smp_status_read(struct slice text, struct queue_record *queue);

/* Longest line that is read: a queue's keys, and link data of twice 65,535 bytes. */
enum { SMP_STORE_LINE_MAX = 1 << 20 };
