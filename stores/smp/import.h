/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of the reference's files as changes of a store: what each of them did there, done here. In a transaction of
 * store_import_run. `fault` gets why a record was not applied, or not wholly; the result is an error only when the
 * store failed. */
#pragma once

#include <stdbool.h>

#include "smq/result.h"
#include "stores/logs/smp_message_log.h"
#include "stores/logs/smp_store_log.h"
#include "stores/smp/store.h"

/* Any record of smp-server-store.log. A service that is not known is left out of a queue that names it. */
enum smq_result smp_import_record(struct store_txn *txn, enum smp_log_kind kind, const struct smp_log_record *record,
                                  const char **fault);

/* Appends a message to its queue whatever the queue's status and the quota are; `last` remembers the queue of the one
 * before, and is zeroed before the first. After a marker the queue takes no messages until it is
 * empty; a marker at its head gives way to a new one. */
struct smp_import_last {
    struct queue_id recipient_id;
    uint64_t number;
};
enum smq_result smp_import_message(struct store_txn *txn, const struct smp_log_message *message,
                                   struct smp_import_last *last, const char **fault);

/* Appends a notification, stored as nonce and meta. */
enum smq_result smp_import_notification(struct store_txn *txn, const struct smp_log_notification *notification,
                                        const char **fault);
