/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queues: look-ups, creation, deletion, and the changes of their records.
 *
 * Every change loads the record, checks its version, decides, writes the record over itself, and then changes other
 * tables. The record comes first because its encoding is the only step that can refuse; ids of the old record that are
 * needed after it are copied. */
#include "stores/smp/queue_store.h"

#include "stores/smp/internal.h"
#include "stores/smp/link_data.h"
#include "stores/smp/purge.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/queue_record.h"
#include "stores/smp/service_internal.h"

static enum store_table table_of(enum queue_party party) {
    return (enum store_table)(TABLE_RECIPIENTS + (int)party);
}

bool queue_record_is_secured_messaging(const struct queue_record *record) {
    return record->mode != 'C' && record->sender_key.length > 0;
}

bool queue_record_is_contact(const struct queue_record *record) {
    return record->mode == 'C' || (record->mode == 0 && record->sender_key.length == 0);
}

/* ---- reading ---- */

enum smq_result queue_store_find(struct store_txn *txn, enum queue_party party, struct slice id, uint64_t *number) {
    struct slice value;
    if (!lmdb_find(txn->lmdb, table_of(party), id, &value))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    struct reader reader = reader_of(value);
    *number = (uint64_t)read_i64(&reader);
    return reader_finish(&reader) == SMQ_OK ? SMQ_OK : store_txn_damaged(txn, "queue id");
}

enum smq_result queue_store_get(struct store_txn *txn, uint64_t number, struct queue_record *record) {
    size_t stored_length;
    return queue_record_load(txn, number, record, &stored_length);
}

enum smq_result queue_store_find_record(struct store_txn *txn, enum queue_party party, struct slice id,
                                        struct queue_record *record) {
    uint64_t number;
    enum smq_result result = queue_store_find(txn, party, id, &number);
    return result == SMQ_OK ? queue_store_get(txn, number, record) : result;
}

enum smq_result queue_store_next(struct store_txn *txn, uint64_t after, struct queue_record *record) {
    if (after == UINT64_MAX)
        return SMQ_ERR_EMPTY;
    struct number_key from = number_key(after + 1);
    struct slice key;
    struct slice stored;
    if (!lmdb_seek(txn->lmdb, TABLE_QUEUES, KEY_SLICE(from), &key, &stored))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    struct reader reader = reader_of(key);
    uint64_t number = (uint64_t)read_i64(&reader);
    if (reader_finish(&reader) != SMQ_OK || queue_record_decode(stored, record) != SMQ_OK)
        return store_txn_damaged(txn, "queue record");
    record->number = number;
    return SMQ_OK;
}

/* ---- parts of changes ---- */

static bool id_is_valid(struct slice id) {
    return id.length > 0 && id.length <= QUEUE_ID_MAX;
}

static bool id_is_taken(struct store_txn *txn, enum queue_party party, struct slice id) {
    return id.length > 0 && lmdb_find(txn->lmdb, table_of(party), id, NULL);
}

static void id_put(struct store_txn *txn, enum queue_party party, struct slice id, uint64_t number) {
    struct number_key value = number_key(number);
    if (id.length > 0)
        lmdb_put(txn->lmdb, table_of(party), id, KEY_SLICE(value));
}

static void id_remove(struct store_txn *txn, enum queue_party party, const struct queue_id *id) {
    if (id->length > 0)
        lmdb_remove_key(txn->lmdb, table_of(party), queue_id_slice(id));
}

/* Counts a record into the totals (+1) or out of them (-1). */
static void count_record(struct store_txn *txn, const struct queue_record *record, int amount) {
    struct store_totals *totals = &figures_of(txn)->totals;
    uint64_t change = (uint64_t)amount;
    totals->queues += change;
    totals->queues_by_status[record->status] += change;
    totals->queues_secured += record->sender_key.length > 0 ? change : 0;
    totals->notifiers += record->notifier.id.length > 0 ? change : 0;
    totals->links += record->link_id.length > 0 ? change : 0;
}

/* A record that is being changed. */
struct change {
    struct queue_record before;
    struct queue_record record; /* to be changed; slices into the store until change_end */
    size_t stored_length;
};

static enum smq_result change_begin(struct store_txn *txn, struct queue_reference queue, struct change *change) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = queue_record_load(txn, queue.number, &change->record, &change->stored_length);
    if (result == SMQ_OK && change->record.auth_version != queue.auth_version)
        result = SMQ_ERR_AGAIN;
    change->before = change->record;
    return result;
}

enum change_kind { CHANGE_AUTH, CHANGE_OTHER };

static enum smq_result change_end(struct store_txn *txn, struct change *change, enum change_kind kind) {
    if (kind == CHANGE_AUTH)
        change->record.auth_version++;
    struct store_figures figures = *figures_of(txn);
    count_record(txn, &change->before, -1);
    count_record(txn, &change->record, 1);
    enum smq_result result = queue_record_replace(txn, &change->record, change->stored_length);
    if (result != SMQ_OK)
        *figures_of(txn) = figures;
    return result;
}

/* ---- create and delete ---- */

static enum smq_result check_new(struct store_txn *txn, const struct queue_record *record,
                                 const struct queue_link_data *link) {
    if (!id_is_valid(record->recipient_id) || !id_is_valid(record->sender_id) || record->recipient_keys.length == 0 ||
        record->link_id.length > QUEUE_ID_MAX || record->notifier.id.length > QUEUE_ID_MAX ||
        record->status >= QUEUE_STATUS_COUNT || record->recipient_dh_secret == NULL ||
        (record->notifier.id.length > 0 && record->notifier.dh_secret == NULL) ||
        (record->link_id.length > 0) != (link != NULL))
        return SMQ_ERR_INVALID;
    if (link != NULL && !link_data_fits(link))
        return SMQ_ERR_TOO_LARGE;
    if (!service_is_known(txn, record->recipient_service_id) || !service_is_known(txn, record->notifier.service_id))
        return SMQ_ERR_INVALID;
    if (id_is_taken(txn, QUEUE_RECIPIENT, record->recipient_id) || id_is_taken(txn, QUEUE_SENDER, record->sender_id) ||
        id_is_taken(txn, QUEUE_NOTIFIER, record->notifier.id) || id_is_taken(txn, QUEUE_LINK, record->link_id))
        return SMQ_ERR_EXISTS;
    return store_txn_status(txn);
}

enum smq_result queue_store_create(struct store_txn *txn, const struct queue_record *record,
                                   const struct queue_link_data *link, uint64_t *number) {
    enum smq_result result = store_txn_check_writable(txn);
    if (result == SMQ_OK)
        result = check_new(txn, record, link);
    if (result != SMQ_OK)
        return result;
    struct queue_record stored = *record;
    stored.number = figures_of(txn)->next_number;
    stored.auth_version = 0;
    result = queue_record_append(txn, &stored);
    if (result != SMQ_OK)
        return result;
    figures_of(txn)->next_number++;
    id_put(txn, QUEUE_RECIPIENT, record->recipient_id, stored.number);
    id_put(txn, QUEUE_SENDER, record->sender_id, stored.number);
    id_put(txn, QUEUE_NOTIFIER, record->notifier.id, stored.number);
    id_put(txn, QUEUE_LINK, record->link_id, stored.number);
    if (link != NULL)
        link_data_put(txn, stored.number, link);
    count_record(txn, &stored, 1);
    service_count(txn, record->recipient_service_id, 1, 0);
    service_count(txn, record->notifier.service_id, 0, 1);
    *number = stored.number;
    return store_txn_status(txn);
}

/* The ids of a record, copied because the record is about to go. */
struct record_ids {
    struct queue_id ids[QUEUE_PARTY_COUNT];
    struct queue_id recipient_service;
    struct queue_id notifier_service;
};

static void copy_ids(struct record_ids *ids, const struct queue_record *record) {
    (void)queue_id_set(&ids->ids[QUEUE_RECIPIENT], record->recipient_id); /* stored ids fit */
    (void)queue_id_set(&ids->ids[QUEUE_SENDER], record->sender_id);
    (void)queue_id_set(&ids->ids[QUEUE_NOTIFIER], record->notifier.id);
    (void)queue_id_set(&ids->ids[QUEUE_LINK], record->link_id);
    (void)queue_id_set(&ids->recipient_service, record->recipient_service_id);
    (void)queue_id_set(&ids->notifier_service, record->notifier.service_id);
}

enum smq_result queue_store_delete(struct store_txn *txn, struct queue_reference queue, struct queue_deleted *deleted) {
    struct change change;
    struct record_ids ids;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    copy_ids(&ids, &change.record);
    *deleted = (struct queue_deleted){
        .secured = change.record.sender_key.length > 0,
        .notifier = ids.ids[QUEUE_NOTIFIER],
    };
    count_record(txn, &change.record, -1);
    bool has_link = change.record.link_id.length > 0;
    lmdb_remove(txn->lmdb, TABLE_QUEUES); /* where change_begin found it */
    for (int party = 0; party < QUEUE_PARTY_COUNT; party++)
        id_remove(txn, (enum queue_party)party, &ids.ids[party]);
    service_count(txn, queue_id_slice(&ids.recipient_service), -1, 0);
    service_count(txn, queue_id_slice(&ids.notifier_service), 0, -1);
    deleted->messages = list_drop(txn, &message_list, queue.number);
    deleted->notifications = list_drop(txn, &notification_list, queue.number);
    if (has_link || deleted->messages > 0 || deleted->notifications > 0 || purge_through(txn, queue.number) > 0)
        purge_add(txn, queue.number, PURGE_QUEUE);
    return store_txn_status(txn);
}

/* ---- keys ---- */

enum smq_result queue_store_secure(struct store_txn *txn, struct queue_reference queue, struct slice sender_key) {
    if (sender_key.length == 0)
        return SMQ_ERR_INVALID;
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    if (change.record.sender_key.length > 0)
        return slice_equal(change.record.sender_key, sender_key) ? SMQ_OK : SMQ_ERR_AUTH;
    change.record.sender_key = sender_key;
    return change_end(txn, &change, CHANGE_AUTH);
}

enum smq_result queue_store_set_recipient_keys(struct store_txn *txn, struct queue_reference queue,
                                               struct slice recipient_keys) {
    if (recipient_keys.length == 0)
        return SMQ_ERR_INVALID;
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    change.record.recipient_keys = recipient_keys;
    return change_end(txn, &change, CHANGE_AUTH);
}

/* ---- link ---- */

/* A link that is there keeps its id and fixed data; the user data is replaced and nothing that authorises changes. */
static enum smq_result link_update(struct store_txn *txn, const struct queue_record *record, struct slice link_id,
                                   const struct queue_link_data *data) {
    struct queue_link_data stored;
    if (!slice_equal(record->link_id, link_id))
        return SMQ_ERR_AUTH;
    enum smq_result result = queue_store_link_get(txn, record->number, &stored);
    if (result == SMQ_ERR_NOT_FOUND)
        return store_txn_damaged(txn, "link data");
    if (result != SMQ_OK)
        return result;
    if (!slice_equal(stored.fixed, data->fixed))
        return SMQ_ERR_AUTH;
    link_data_put(txn, record->number, data);
    return store_txn_status(txn);
}

enum smq_result queue_store_link_set(struct store_txn *txn, struct queue_reference queue, struct slice link_id,
                                     const struct queue_link_data *data) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    if (!id_is_valid(link_id))
        return SMQ_ERR_INVALID;
    if (!link_data_fits(data))
        return SMQ_ERR_TOO_LARGE;
    if (queue_record_is_secured_messaging(&change.record))
        return SMQ_ERR_AUTH;
    if (change.record.link_id.length > 0)
        return link_update(txn, &change.record, link_id, data);
    if (id_is_taken(txn, QUEUE_LINK, link_id))
        return SMQ_ERR_EXISTS;
    change.record.link_id = link_id;
    result = change_end(txn, &change, CHANGE_AUTH);
    if (result != SMQ_OK)
        return result;
    id_put(txn, QUEUE_LINK, link_id, queue.number);
    link_data_put(txn, queue.number, data);
    return store_txn_status(txn);
}

enum smq_result queue_store_link_delete(struct store_txn *txn, struct queue_reference queue) {
    struct change change;
    struct queue_id link_id;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result == SMQ_OK)
        result = queue_id_set(&link_id, change.record.link_id);
    if (result != SMQ_OK || link_id.length == 0)
        return result;
    change.record.link_id = slice_of("", 0);
    result = change_end(txn, &change, CHANGE_AUTH);
    if (result != SMQ_OK)
        return result;
    id_remove(txn, QUEUE_LINK, &link_id);
    link_data_remove(txn, queue.number);
    return store_txn_status(txn);
}

/* ---- notifier ---- */

/* Replaces the notifier by `notifier`, whose id may be empty. */
static enum smq_result notifier_replace(struct store_txn *txn, struct queue_reference queue, struct change *change,
                                        const struct queue_notifier *notifier, struct queue_id *removed) {
    struct queue_id service;
    (void)queue_id_set(removed, change->record.notifier.id); /* stored ids fit */
    (void)queue_id_set(&service, change->record.notifier.service_id);
    change->record.notifier = *notifier;
    enum smq_result result = change_end(txn, change, CHANGE_AUTH);
    if (result != SMQ_OK)
        return result;
    id_remove(txn, QUEUE_NOTIFIER, removed);
    service_count(txn, queue_id_slice(&service), 0, -1);
    if (list_drop(txn, &notification_list, queue.number) > 0)
        purge_add(txn, queue.number, figures_of(txn)->next_sequence - 1);
    id_put(txn, QUEUE_NOTIFIER, notifier->id, queue.number);
    service_count(txn, notifier->service_id, 0, 1);
    return store_txn_status(txn);
}

enum smq_result queue_store_notifier_set(struct store_txn *txn, struct queue_reference queue,
                                         const struct queue_notifier *notifier, struct queue_id *removed) {
    struct change change;
    if (!id_is_valid(notifier->id) || notifier->dh_secret == NULL)
        return SMQ_ERR_INVALID;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    if (!service_is_known(txn, notifier->service_id))
        return store_txn_missing(txn, SMQ_ERR_INVALID);
    if (id_is_taken(txn, QUEUE_NOTIFIER, notifier->id))
        return SMQ_ERR_EXISTS;
    return notifier_replace(txn, queue, &change, notifier, removed);
}

enum smq_result queue_store_notifier_delete(struct store_txn *txn, struct queue_reference queue,
                                            struct queue_id *removed) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    removed->length = 0;
    if (change.record.notifier.id.length == 0)
        return SMQ_OK;
    const struct queue_notifier none = {0};
    return notifier_replace(txn, queue, &change, &none, removed);
}

enum smq_result queue_store_notifier_service(struct store_txn *txn, struct queue_reference queue,
                                             struct slice service_id, struct queue_id *previous) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result == SMQ_OK)
        result = queue_id_set(previous, change.record.notifier.service_id);
    if (result != SMQ_OK)
        return result;
    if (change.record.notifier.id.length == 0)
        return SMQ_ERR_EMPTY;
    if (slice_equal(change.record.notifier.service_id, service_id))
        return SMQ_OK;
    if (!service_is_known(txn, service_id))
        return store_txn_missing(txn, SMQ_ERR_INVALID);
    change.record.notifier.service_id = service_id;
    result = change_end(txn, &change, CHANGE_OTHER);
    if (result != SMQ_OK)
        return result;
    service_count(txn, queue_id_slice(previous), 0, -1);
    service_count(txn, service_id, 0, 1);
    return store_txn_status(txn);
}

/* ---- status and day ---- */

enum smq_result queue_store_suspend(struct store_txn *txn, struct queue_reference queue) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK || change.record.status == QUEUE_OFF)
        return result;
    change.record.status = QUEUE_OFF;
    change.record.status_info = slice_of("", 0);
    return change_end(txn, &change, CHANGE_AUTH);
}

enum smq_result queue_store_block(struct store_txn *txn, struct queue_reference queue, struct slice info,
                                  bool *was_active) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK)
        return result;
    *was_active = change.record.status == QUEUE_ACTIVE;
    change.record.status = QUEUE_BLOCKED;
    change.record.status_info = info;
    return change_end(txn, &change, CHANGE_AUTH);
}

enum smq_result queue_store_unblock(struct store_txn *txn, struct queue_reference queue) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK || change.record.status != QUEUE_BLOCKED)
        return result;
    change.record.status = QUEUE_ACTIVE;
    change.record.status_info = slice_of("", 0);
    return change_end(txn, &change, CHANGE_AUTH);
}

enum smq_result queue_store_touch(struct store_txn *txn, struct queue_reference queue, uint32_t day) {
    struct change change;
    enum smq_result result = change_begin(txn, queue, &change);
    if (result != SMQ_OK || change.record.updated_day == day)
        return result;
    if (txn->store->is_tight)
        return SMQ_ERR_STORE_FULL;
    change.record.updated_day = day;
    return change_end(txn, &change, CHANGE_OTHER);
}
