/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Services and the counts of their queues. */
#include "stores/smp/service_store.h"

#include "stores/smp/internal.h"
#include "stores/smp/service_internal.h"

enum { SERVICE_FORMAT = 1, SERVICE_COUNTS_SIZE = 17 };

static const char damaged_service[] = "service";

enum smq_result service_store_find(struct store_txn *txn, struct slice id, struct service_record *record) {
    struct slice stored;
    if (!lmdb_find(txn->lmdb, TABLE_SERVICES, id, &stored))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    struct reader reader = reader_of(stored);
    if (read_u8(&reader) != SERVICE_FORMAT)
        reader_fail(&reader);
    uint8_t role = read_u8(&reader);
    record->role = (enum service_role)role;
    record->created_day = read_u32(&reader);
    record->id = read_short(&reader);
    record->fingerprint = read_short(&reader);
    record->certificate_chain = read_large(&reader);
    if (reader_finish(&reader) != SMQ_OK || role >= SERVICE_ROLE_COUNT)
        return store_txn_damaged(txn, damaged_service);
    return SMQ_OK;
}

enum smq_result service_store_find_fingerprint(struct store_txn *txn, struct slice fingerprint,
                                               struct service_record *record) {
    struct slice id;
    if (!lmdb_find(txn->lmdb, TABLE_SERVICE_FINGERPRINTS, fingerprint, &id))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    return service_store_find(txn, id, record);
}

enum smq_result service_store_counts(struct store_txn *txn, struct slice id, uint64_t *recipient_queues,
                                     uint64_t *notifier_queues) {
    struct slice stored;
    if (!lmdb_find(txn->lmdb, TABLE_SERVICE_COUNTS, id, &stored))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    struct reader reader = reader_of(stored);
    if (read_u8(&reader) != SERVICE_FORMAT)
        reader_fail(&reader);
    *recipient_queues = (uint64_t)read_i64(&reader);
    *notifier_queues = (uint64_t)read_i64(&reader);
    return reader_finish(&reader) == SMQ_OK ? SMQ_OK : store_txn_damaged(txn, damaged_service);
}

static void counts_put(struct store_txn *txn, struct slice id, uint64_t recipient_queues, uint64_t notifier_queues) {
    uint8_t bytes[SERVICE_COUNTS_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, SERVICE_FORMAT);
    write_i64(&writer, (int64_t)recipient_queues);
    write_i64(&writer, (int64_t)notifier_queues);
    lmdb_put(txn->lmdb, TABLE_SERVICE_COUNTS, id, slice_of(bytes, sizeof bytes));
}

bool service_is_known(struct store_txn *txn, struct slice id) {
    return id.length == 0 || lmdb_find(txn->lmdb, TABLE_SERVICE_COUNTS, id, NULL);
}

void service_count(struct store_txn *txn, struct slice id, int recipient_queues, int notifier_queues) {
    if (id.length == 0)
        return;
    uint64_t recipients;
    uint64_t notifiers;
    enum smq_result result = service_store_counts(txn, id, &recipients, &notifiers);
    if (result == SMQ_ERR_NOT_FOUND)
        (void)store_txn_damaged(txn, damaged_service);
    if (result != SMQ_OK)
        return;
    counts_put(txn, id, recipients + (uint64_t)recipient_queues, notifiers + (uint64_t)notifier_queues);
    figures_of(txn)->totals.recipient_service_queues += (uint64_t)recipient_queues;
    figures_of(txn)->totals.notifier_service_queues += (uint64_t)notifier_queues;
}

static bool record_is_valid(const struct service_record *record) {
    return record->role < SERVICE_ROLE_COUNT && record->id.length > 0 && record->id.length <= QUEUE_ID_MAX &&
           record->fingerprint.length > 0 && record->fingerprint.length <= QUEUE_ID_MAX;
}

enum smq_result service_store_create(struct store_txn *txn, const struct service_record *record) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result != SMQ_OK)
        return result;
    if (!record_is_valid(record))
        return SMQ_ERR_INVALID;
    struct writer writer = writer_of(txn->store->scratch, RECORD_MAX);
    write_u8(&writer, SERVICE_FORMAT);
    write_u8(&writer, (uint8_t)record->role);
    write_u32(&writer, record->created_day);
    write_short(&writer, record->id);
    write_short(&writer, record->fingerprint);
    write_large(&writer, record->certificate_chain);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    if (lmdb_find(txn->lmdb, TABLE_SERVICES, record->id, NULL) ||
        lmdb_find(txn->lmdb, TABLE_SERVICE_FINGERPRINTS, record->fingerprint, NULL))
        return SMQ_ERR_EXISTS;
    lmdb_put(txn->lmdb, TABLE_SERVICES, record->id, slice_of(txn->store->scratch, writer_length(&writer)));
    lmdb_put(txn->lmdb, TABLE_SERVICE_FINGERPRINTS, record->fingerprint, record->id);
    counts_put(txn, record->id, 0, 0);
    figures_of(txn)->totals.services[record->role]++;
    return store_txn_status(txn);
}
