/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications that wait for delivery. */
#include "stores/smp/ntf_store.h"

#include "stores/smp/internal.h"
#include "stores/smp/parts.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/queue_record.h"

enum smq_result ntf_store_next(struct store_txn *txn, uint64_t number, uint64_t after, struct ntf_view *notification) {
    struct list_entry entry;
    enum smq_result result = list_next(txn, &notification_list, number, after, &entry);
    if (result != SMQ_OK)
        return result;
    notification->sequence = entry.sequence;
    notification->timestamp = entry.timestamp;
    return parts_gather(txn, notification_list.entries, entry.start, entry.length, &notification->bytes);
}

enum smq_result ntf_store_next_queue(struct store_txn *txn, uint64_t after, uint64_t *number) {
    if (after == UINT64_MAX)
        return SMQ_ERR_EMPTY;
    struct pair_key from = pair_key(after + 1, 0);
    struct slice key;
    uint64_t sequence;
    if (!lmdb_seek(txn->lmdb, notification_list.entries, KEY_SLICE(from), &key, NULL))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    return pair_key_parse(key, number, &sequence) ? SMQ_OK : store_txn_damaged(txn, notification_list.name);
}

enum smq_result ntf_store_append(struct store_txn *txn, uint64_t number, int64_t timestamp, struct slice bytes,
                                 uint64_t *sequence) {
    struct queue_summary summary;
    struct list_state state;
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK && bytes.length > NTF_BYTES_MAX)
        result = SMQ_ERR_TOO_LARGE;
    if (result == SMQ_OK)
        result = queue_record_summary(txn, number, &summary);
    if (result == SMQ_OK && !summary.has_notifier)
        result = SMQ_ERR_NOT_FOUND;
    if (result == SMQ_OK)
        result = list_state_get(txn, &notification_list, number, &state);
    if (result != SMQ_OK)
        return result;
    const struct list_entry entry = {.timestamp = timestamp};
    const struct slice pieces[LIST_PIECES_MAX] = {bytes, slice_of("", 0), slice_of("", 0)};
    list_add(txn, &notification_list, number, &state, &entry, pieces, sequence);
    list_state_put(txn, &notification_list, number, &state);
    return store_txn_status(txn);
}

enum smq_result ntf_store_delete_through(struct store_txn *txn, uint64_t number, uint64_t last, uint64_t *deleted) {
    *deleted = 0;
    struct list_state state;
    struct list_entry entry;
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = list_state_get(txn, &notification_list, number, &state);
    if (result != SMQ_OK || state.count == 0)
        return result;
    result = list_head(txn, &notification_list, number, &state, &entry);
    while (result == SMQ_OK && entry.sequence <= last) {
        list_remove(txn, &notification_list, &entry, &state);
        if (store_txn_status(txn) != SMQ_OK)
            break;
        ++*deleted;
        result = list_following(txn, &notification_list, number, &entry);
    }
    if (*deleted > 0)
        list_state_put(txn, &notification_list, number, &state);
    return store_txn_status(txn);
}

enum smq_result ntf_store_expire(struct store_txn *txn, const struct store_expiry *expiry,
                                 struct ntf_expired *expired) {
    struct list_expired step;
    enum smq_result result = list_expire(txn, &notification_list, expiry, &step);
    *expired = (struct ntf_expired){.queues = step.queues, .notifications = step.entries, .more = step.more};
    return result;
}
