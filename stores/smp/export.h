/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store as the reference's files: what one snapshot shows, in the order of queues' making. Any transaction; blocks
 * for the disk. Records that the reference could not read back are left out, and counted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smq/result.h"
#include "stores/logs/log_file.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store.h"

struct smp_export_counts {
    uint64_t services, queues, messages, notifications;
    uint64_t empty_links;        /* link data of which a part is empty: their queues are written without it */
    uint64_t empty_messages;     /* messages without a body */
    uint64_t lost_notifications; /* of which the message's id is not to be found */
};

/* smp-server-store.log: services, then a CREATE for each queue. Errors: SMQ_ERR_STORE (damaged), what
 * log_output_finish answers. */
enum smq_result smp_export_queues(struct store_txn *txn, struct log_output *output, struct smp_export_counts *counts);

/* smp-server-messages.log. */
enum smq_result smp_export_messages(struct store_txn *txn, struct log_output *output, struct smp_export_counts *counts);

/* smp-server-ntfs.log. A stored notification is a nonce of `nonce_size` bytes and what is encrypted; which message it
 * is of is in there: `message_id` decrypts it with the notifier's secret, or answers false. */
struct smp_export_notification {
    size_t nonce_size;
    bool (*message_id)(const uint8_t dh_secret[QUEUE_SECRET_SIZE], struct slice nonce, struct slice meta,
                       struct queue_id *id);
};
enum smq_result smp_export_notifications(struct store_txn *txn, struct log_output *output,
                                         const struct smp_export_notification *reading,
                                         struct smp_export_counts *counts);
