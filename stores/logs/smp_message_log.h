/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server-messages.log and smp-server-ntfs.log: what waits for delivery, a line each, those of a queue together,
 * oldest first. (reference: MsgStore.hs, NtfStore.hs) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/logs/log_record.h"

struct smp_log_message {
    struct slice recipient_id;
    struct slice id;
    int64_t timestamp; /* seconds */
    bool is_marker;    /* of the quota: no body */
    bool notify;
    struct slice body; /* as the sender sent it; may be empty, which the reference writes but cannot read */
};

struct smp_log_notification {
    struct slice notifier_id;
    struct slice message_id;
    int64_t timestamp; /* seconds */
    struct slice nonce;
    struct slice meta; /* encrypted to the recipient */
};

/* One kind of record each: struct smp_log_message, struct smp_log_notification. */
extern const struct log_record_table smp_message_log;
extern const struct log_record_table smp_notification_log;

/* A line of a journal: a message without `v3` and its queue. `room` as in log_record_read. SMQ_ERR_SYNTAX. */
enum smq_result smp_journal_message_read(struct slice line, uint8_t *room, size_t room_size,
                                         struct smp_log_message *message);

/* Longest lines that are read: a body of 65,535 bytes. */
enum { SMP_MESSAGE_LINE_MAX = 1 << 17 };
