/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service clients: certificate identities that queues and notifiers are associated with. (reference: QueueStore/STM.hs,
 * services) Functions that write follow the rules at the top of queue_store.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/store.h"

enum service_role { SERVICE_MESSAGING, SERVICE_NOTIFIER, SERVICE_PROXY, SERVICE_ROLE_COUNT };

struct service_record {
    enum service_role role;
    struct slice id;                /* 1..255 bytes */
    struct slice fingerprint;       /* 1..255 bytes; SHA-256 of the identity certificate */
    struct slice certificate_chain; /* opaque, at most 65,535 bytes */
    uint32_t created_day;           /* days since 1970-01-01 */
};

/* Look-ups. SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE (damaged). Any transaction. */
enum smq_result service_store_find(struct store_txn *txn, struct slice id, struct service_record *record);
enum smq_result service_store_find_fingerprint(struct store_txn *txn, struct slice fingerprint,
                                               struct service_record *record);

/* How many queues have the service as recipient service, and how many notifiers are associated with it.
 * SMQ_ERR_NOT_FOUND: unknown service. Any transaction. */
enum smq_result service_store_counts(struct store_txn *txn, struct slice id, uint64_t *recipient_queues,
                                     uint64_t *notifier_queues);

/* Stores a new service. Growing. SMQ_ERR_EXISTS when the id or the fingerprint is taken, SMQ_ERR_INVALID,
 * SMQ_ERR_TOO_LARGE. */
enum smq_result service_store_create(struct store_txn *txn, const struct service_record *record);
