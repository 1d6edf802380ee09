/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stored form of queue records. Private to stores/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/internal.h"
#include "stores/smp/queue_store.h"

/* The start of a stored record: what sending and acknowledging need of it. */
struct queue_summary {
    uint32_t auth_version;
    enum queue_status status;
    char mode;
    bool secured;
    bool has_link;
    bool has_notifier;
};

/* Errors: SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE. */
enum smq_result queue_record_summary(struct store_txn *txn, uint64_t number, struct queue_summary *summary);
/* For functions that write: also SMQ_ERR_AGAIN for another version, and what store_txn_check_writable answers. */
enum smq_result queue_record_check(struct store_txn *txn, struct queue_reference queue, struct queue_summary *summary);

/* A record as stored, which may have room to grow in place. */
enum smq_result queue_record_load(struct store_txn *txn, uint64_t number, struct queue_record *record,
                                  size_t *stored_length);
/* SMQ_ERR_STORE when it does not parse. */
enum smq_result queue_record_decode(struct slice stored, struct queue_record *record);

/* Writes the record to the end of the table, or over itself. The slices of `record` may point to its stored form.
 * SMQ_ERR_TOO_LARGE before anything is written. */
enum smq_result queue_record_append(struct store_txn *txn, const struct queue_record *record);
enum smq_result queue_record_replace(struct store_txn *txn, const struct queue_record *record, size_t stored_length);

/* SMQ_ERR_TOO_LARGE when longer than QUEUE_ID_MAX. */
enum smq_result queue_id_set(struct queue_id *id, struct slice bytes);
struct slice queue_id_slice(const struct queue_id *id);
