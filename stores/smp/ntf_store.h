/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications that wait for delivery, by queue number. (reference: NtfStore.hs)
 *
 * They belong to the queue's present notifier: setting another one or deleting it drops them, and so does deleting the
 * queue. Functions that write follow the rules at the top of queue_store.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store.h"

enum { NTF_BYTES_MAX = 65535 };

struct ntf_view {
    uint64_t sequence;  /* never used again */
    int64_t timestamp;  /* seconds */
    struct slice bytes; /* valid until the next one is read from the same transaction */
};

/* The first notification of the queue with a sequence above `after` (0: the oldest). SMQ_ERR_EMPTY after the last. Any
 * transaction. */
enum smq_result ntf_store_next(struct store_txn *txn, uint64_t number, uint64_t after, struct ntf_view *notification);
/* The lowest queue number above `after` (0: the first) that has notifications, or dropped ones that are not removed yet
 * (purge.h): then ntf_store_next finds none. SMQ_ERR_EMPTY after the last. Any transaction. */
enum smq_result ntf_store_next_queue(struct store_txn *txn, uint64_t after, uint64_t *number);

/* Appends. Growing: bytes = the notification. SMQ_ERR_TOO_LARGE above NTF_BYTES_MAX. SMQ_ERR_NOT_FOUND when the queue
 * has no notifier or is gone; the version is not checked, so it may share an operation with msg_store_send. */
enum smq_result ntf_store_append(struct store_txn *txn, uint64_t number, int64_t timestamp, struct slice bytes,
                                 uint64_t *sequence);

/* Deletes the notifications of the queue with sequences up to and including `last` (delivered ones). `deleted` is their
 * number; 0 is no error. */
enum smq_result ntf_store_delete_through(struct store_txn *txn, uint64_t number, uint64_t last, uint64_t *deleted);

struct ntf_expired {
    uint64_t queues;
    uint64_t notifications;
    bool more;
};
/* As msg_store_expire, for notifications. */
enum smq_result ntf_store_expire(struct store_txn *txn, const struct store_expiry *expiry, struct ntf_expired *expired);
