/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queues: records, the four kinds of ids that lead to them, link data. (reference: QueueStore.hs, QueueStore/STM.hs)
 *
 * A queue has a number, given in order of creation and never used again. Ids, keys and blobs are opaque byte strings;
 * ids have 1 to 255 bytes.
 *
 * Functions that write, unless they say otherwise:
 *   - run in an operation of the batch engine and answer SMQ_OK, SMQ_ERR_NOT_FOUND (no such queue, now), or
 * SMQ_ERR_AGAIN: the record's auth_version is not the one that the request was authorised against, so verify again;
 * nothing was changed in either case, nor by any other error;
 *   - copy what slices give them;
 *   - answer SMQ_ERR_STORE, _STORE_FULL or _NO_MEMORY when the transaction broke. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/store.h"

enum { QUEUE_ID_MAX = 255, QUEUE_SECRET_SIZE = 32 };

enum queue_party { QUEUE_RECIPIENT, QUEUE_SENDER, QUEUE_NOTIFIER, QUEUE_LINK, QUEUE_PARTY_COUNT };

enum queue_status { QUEUE_ACTIVE, QUEUE_OFF, QUEUE_BLOCKED, QUEUE_STATUS_COUNT };

/* An id by value, for answers that outlive the transaction. Length 0: none. */
struct queue_id {
    uint8_t length;
    uint8_t bytes[QUEUE_ID_MAX];
};

/* A queue and the version of its record that a request was authorised against. */
struct queue_reference {
    uint64_t number;
    uint32_t auth_version;
};

struct queue_notifier {
    struct slice id; /* empty: the queue has no notifier, and the other fields are empty */
    struct slice key;
    const uint8_t *dh_secret; /* QUEUE_SECRET_SIZE bytes */
    struct slice service_id;  /* empty: none */
};

/* A queue as stored. Also what queue_store_create takes. Secrets are in the clear, as they are on the disk. */
struct queue_record {
    uint64_t number;       /* ignored by create */
    uint32_t auth_version; /* changes with keys, status, link and notifier, not with the day or services; ignored by
                              create (0) */
    enum queue_status status;
    char mode;            /* 'M' messaging, 'C' contact, 0 unknown */
    uint32_t updated_day; /* days since 1970-01-01; 0: never */
    struct slice recipient_id;
    struct slice sender_id;
    struct slice link_id;               /* empty: no link data */
    struct slice recipient_keys;        /* opaque, not empty */
    const uint8_t *recipient_dh_secret; /* QUEUE_SECRET_SIZE bytes */
    struct slice sender_key;            /* empty: not secured */
    struct queue_notifier notifier;
    struct slice recipient_service_id; /* empty: none */
    struct slice status_info;          /* why it is blocked, opaque; empty otherwise */
};

struct queue_link_data {
    struct slice fixed; /* at most 65,535 bytes each */
    struct slice user;
};

/* "Secured messaging queue" and "contact queue" of the specification. */
bool queue_record_is_secured_messaging(const struct queue_record *record);
bool queue_record_is_contact(const struct queue_record *record);

/* ---- Reading: any transaction ---- */

/* The number of the queue that `id` leads to. Errors: SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE. */
enum smq_result queue_store_find(struct store_txn *txn, enum queue_party party, struct slice id, uint64_t *number);
/* The record; its slices point into the store. Errors: SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE (damaged). */
enum smq_result queue_store_get(struct store_txn *txn, uint64_t number, struct queue_record *record);
/* Both of the above. */
enum smq_result queue_store_find_record(struct store_txn *txn, enum queue_party party, struct slice id,
                                        struct queue_record *record);
/* The record with the lowest number above `after` (0: the first). SMQ_ERR_EMPTY after the last. */
enum smq_result queue_store_next(struct store_txn *txn, uint64_t after, struct queue_record *record);
/* Link data. SMQ_ERR_NOT_FOUND: the queue has none. */
enum smq_result queue_store_link_get(struct store_txn *txn, uint64_t number, struct queue_link_data *data);

/* ---- Writing: in an operation ---- */

/* Stores a new queue. `link` may be NULL when record->link_id is empty. record->recipient_service_id and
 * notifier.service_id must be services that exist. Growing. Errors: SMQ_ERR_EXISTS (an id is taken by a queue),
 * SMQ_ERR_INVALID (an id is empty or too long, a service is unknown), SMQ_ERR_TOO_LARGE. */
enum smq_result queue_store_create(struct store_txn *txn, const struct queue_record *record,
                                   const struct queue_link_data *link, uint64_t *number);

/* KEY, SKEY, LKEY: sets the sender key. The same key again is SMQ_OK and changes nothing; SMQ_ERR_AUTH when there is
 * another one. Which modes allow it is the caller's to check (a mode never changes). Growing. */
enum smq_result queue_store_secure(struct store_txn *txn, struct queue_reference queue, struct slice sender_key);

/* RKEY: replaces the recipient keys. Growing. SMQ_ERR_INVALID when empty. */
enum smq_result queue_store_set_recipient_keys(struct store_txn *txn, struct queue_reference queue,
                                               struct slice recipient_keys);

/* LSET. SMQ_ERR_AUTH: a secured messaging queue, another link id than the queue has, or a fixed blob that differs from
 * the stored one. SMQ_ERR_EXISTS: the link id is another queue's. Growing. */
enum smq_result queue_store_link_set(struct store_txn *txn, struct queue_reference queue, struct slice link_id,
                                     const struct queue_link_data *data);
/* LDEL. Also SMQ_OK when there is none. */
enum smq_result queue_store_link_delete(struct store_txn *txn, struct queue_reference queue);

/* NKEY: sets the notifier (notifier->service_id must be empty or a service that exists) and drops the notifications
 * of the previous one (removed as those of a deleted queue), whose id is put into `removed` (length 0: there was
 * none). SMQ_ERR_EXISTS: the notifier id is taken. Growing. */
enum smq_result queue_store_notifier_set(struct store_txn *txn, struct queue_reference queue,
                                         const struct queue_notifier *notifier, struct queue_id *removed);
/* NDEL. `removed` as above; also SMQ_OK when there is none. */
enum smq_result queue_store_notifier_delete(struct store_txn *txn, struct queue_reference queue,
                                            struct queue_id *removed);
/* NSUB: associates the notifier with a service (empty: with none). `previous` gets the service that it was associated
 * with before (length 0: none). SMQ_ERR_EMPTY: the queue has no notifier. SMQ_ERR_INVALID: unknown service. Growing. */
enum smq_result queue_store_notifier_service(struct store_txn *txn, struct queue_reference queue,
                                             struct slice service_id, struct queue_id *previous);

/* OFF. Idempotent; a blocked queue becomes an off queue. */
enum smq_result queue_store_suspend(struct store_txn *txn, struct queue_reference queue);
/* Control port. Blocks with opaque `info`, replacing that of an earlier block. `was_active` says whether the queue was
 * active before. */
enum smq_result queue_store_block(struct store_txn *txn, struct queue_reference queue, struct slice info,
                                  bool *was_active);
/* Control port. A blocked queue becomes active; any other is left as it is. */
enum smq_result queue_store_unblock(struct store_txn *txn, struct queue_reference queue);

/* Notes the day of use. Rewrites nothing when it is noted already. SMQ_ERR_STORE_FULL, with nothing changed, also
 * when the little room that is left is for others. */
enum smq_result queue_store_touch(struct store_txn *txn, struct queue_reference queue, uint32_t day);

struct queue_deleted {
    bool secured;
    uint64_t messages; /* deleted with it, markers included */
    uint64_t notifications;
    struct queue_id notifier; /* length 0: it had none */
};
/* DEL: removes the queue and its ids, which may be used again. Its link data, messages and notifications are not found
 * any more; commits to come remove them (purge.h), so that the cost does not depend on how many there are. */
enum smq_result queue_store_delete(struct store_txn *txn, struct queue_reference queue, struct queue_deleted *deleted);
