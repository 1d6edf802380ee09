/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The check of a store: one walk over the queues with all that belongs to them, then the totals, the sizes of the
 * tables, in which nothing else may be, and one walk over the tables whose values have parts, in which what waits for
 * the purge is no fault. */
#include "stores/smp/store_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "stores/smp/bodies.h"
#include "stores/smp/check_bodies.h"
#include "stores/smp/internal.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"
#include "stores/smp/parts.h"
#include "stores/smp/purge.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/service_store.h"

/* What was found. */
struct check {
    struct store_txn *txn;
    void (*tell)(void *context, const char *line);
    void *context;
    uint64_t faults;
    struct store_totals totals;
    uint64_t table_sizes[TABLE_COUNT];
    uint8_t body[MSG_BODY_MAX];
};

__attribute__((format(printf, 2, 3))) static void fault(struct check *check, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    check->faults++;
    check->tell(check->context, line);
}

static void compare(struct check *check, const char *what, uint64_t counted, uint64_t found) {
    if (counted != found)
        fault(check, "%s: %" PRIu64 " are counted, %" PRIu64 " are there", what, counted, found);
}

/* ---- one queue ---- */

static void check_id(struct check *check, enum queue_party party, struct slice id, uint64_t number) {
    static const char *const names[QUEUE_PARTY_COUNT] = {"recipient", "sender", "notifier", "link"};
    uint64_t found = 0;
    if (id.length == 0)
        return;
    check->table_sizes[TABLE_RECIPIENTS + (int)party]++;
    if (queue_store_find(check->txn, party, id, &found) != SMQ_OK || found != number)
        fault(check, "queue %" PRIu64 ": its %s id leads elsewhere", number, names[party]);
}

static void check_state(struct check *check, const struct queue_list *list, uint64_t number, uint64_t entries) {
    struct list_state state;
    if (list_state_get(check->txn, list, number, &state) != SMQ_OK) {
        fault(check, "queue %" PRIu64 ": the state of its %s cannot be read", number, list->name);
        return;
    }
    if (state.count != entries)
        fault(check, "queue %" PRIu64 ": %" PRIu32 " %s are counted, %" PRIu64 " are there", number, state.count,
              list->name, entries);
    check->table_sizes[list->entries] += entries > 0;
    if (state.registered == LIST_NOT_REGISTERED)
        return;
    struct pair_key key = pair_key((uint64_t)state.registered, number);
    check->table_sizes[list->expiry]++;
    if (!lmdb_find(check->txn->lmdb, list->expiry, KEY_SLICE(key), NULL))
        fault(check, "queue %" PRIu64 ": the expiry of its %s is not registered", number, list->name);
}

static void check_messages(struct check *check, uint64_t number) {
    struct msg_view message = {0};
    uint64_t entries = 0;
    while (msg_store_next(check->txn, number, message.sequence, &message) == SMQ_OK) {
        struct writer body = writer_of(check->body, sizeof check->body);
        struct slice in_segment;
        entries++;
        bool is_whole = message.body.segment != 0 ? bodies_look(check->txn, message.sequence, &message.body,
                                                                (uint32_t)message.body_length, &in_segment)
                                                  : msg_store_body(check->txn, &message, &body) == SMQ_OK;
        if (!is_whole)
            fault(check, "queue %" PRIu64 ": message %" PRIu64 " is not whole", number, message.sequence);
        if (store_txn_status(check->txn) != SMQ_OK)
            break;
    }
    check->totals.messages += entries;
    check_state(check, &message_list, number, entries);
}

static void check_notifications(struct check *check, uint64_t number) {
    struct ntf_view notification = {0};
    uint64_t entries = 0;
    while (ntf_store_next(check->txn, number, notification.sequence, &notification) == SMQ_OK)
        entries++;
    check->totals.notifications += entries;
    check_state(check, &notification_list, number, entries);
}

static void check_queue(struct check *check, const struct queue_record *record) {
    struct store_totals *totals = &check->totals;
    struct queue_link_data link;
    totals->queues++;
    totals->queues_by_status[record->status]++;
    totals->queues_secured += record->sender_key.length > 0;
    totals->notifiers += record->notifier.id.length > 0;
    totals->links += record->link_id.length > 0;
    totals->recipient_service_queues += record->recipient_service_id.length > 0;
    totals->notifier_service_queues += record->notifier.service_id.length > 0;
    check_id(check, QUEUE_RECIPIENT, record->recipient_id, record->number);
    check_id(check, QUEUE_SENDER, record->sender_id, record->number);
    check_id(check, QUEUE_NOTIFIER, record->notifier.id, record->number);
    check_id(check, QUEUE_LINK, record->link_id, record->number);
    if (record->link_id.length > 0 && queue_store_link_get(check->txn, record->number, &link) != SMQ_OK)
        fault(check, "queue %" PRIu64 ": its link data is not whole", record->number);
    check_messages(check, record->number);
    check_notifications(check, record->number);
}

/* ---- the whole ---- */

static void check_services(struct check *check) {
    struct slice key;
    uint64_t recipients = 0;
    uint64_t notifiers = 0;
    bool found = lmdb_seek(check->txn->lmdb, TABLE_SERVICE_COUNTS, slice_of("\0", 1), &key, NULL);
    while (found) {
        struct service_record record;
        uint64_t of_recipient = 0;
        uint64_t of_notifier = 0;
        if (service_store_find(check->txn, key, &record) != SMQ_OK ||
            service_store_counts(check->txn, key, &of_recipient, &of_notifier) != SMQ_OK)
            fault(check, "a service's record cannot be read");
        else
            check->totals.services[record.role]++;
        recipients += of_recipient;
        notifiers += of_notifier;
        found = lmdb_next(check->txn->lmdb, TABLE_SERVICE_COUNTS, &key, NULL);
    }
    compare(check, "queues of recipient services, by service", recipients, check->totals.recipient_service_queues);
    compare(check, "queues of notifier services, by service", notifiers, check->totals.notifier_service_queues);
}

static void check_totals(struct check *check) {
    struct store_totals counted;
    const struct store_totals *found = &check->totals;
    store_totals_get(check->txn, &counted);
    compare(check, "queues", counted.queues, found->queues);
    compare(check, "active queues", counted.queues_by_status[QUEUE_ACTIVE], found->queues_by_status[QUEUE_ACTIVE]);
    compare(check, "suspended queues", counted.queues_by_status[QUEUE_OFF], found->queues_by_status[QUEUE_OFF]);
    compare(check, "blocked queues", counted.queues_by_status[QUEUE_BLOCKED], found->queues_by_status[QUEUE_BLOCKED]);
    compare(check, "secured queues", counted.queues_secured, found->queues_secured);
    compare(check, "notifiers", counted.notifiers, found->notifiers);
    compare(check, "links", counted.links, found->links);
    compare(check, "messages", counted.messages, found->messages);
    compare(check, "notifications", counted.notifications, found->notifications);
    compare(check, "queues of recipient services", counted.recipient_service_queues, found->recipient_service_queues);
    compare(check, "queues of notifier services", counted.notifier_service_queues, found->notifier_service_queues);
    for (size_t role = 0; role < sizeof counted.services / sizeof counted.services[0]; role++)
        compare(check, "services", counted.services[role], found->services[role]);
}

/* Tables with one key for each thing of a queue that was seen. */
static void check_tables(struct check *check) {
    static const struct {
        enum store_table table;
        const char *name;
    } tables[] = {{TABLE_RECIPIENTS, "recipient ids"},
                  {TABLE_SENDERS, "sender ids"},
                  {TABLE_NOTIFIERS, "notifier ids"},
                  {TABLE_LINKS, "link ids"},
                  {TABLE_MESSAGE_EXPIRY, "expiries of messages"},
                  {TABLE_NOTIFICATION_EXPIRY, "expiries of notifications"}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        compare(check, tables[i].name, lmdb_table_size(check->txn->lmdb, tables[i].table),
                check->table_sizes[tables[i].table]);
}

/* ---- what belongs to nobody ---- */

/* A table of values in parts, on the way through its keys. */
struct walk {
    enum store_table table;
    const char *name;
    const struct queue_list *list; /* NULL: link data, whose keys have no sequence */
    size_t key_length;
    bool begun;
    uint64_t number;  /* of the queue that the keys are of */
    uint64_t first;   /* sequence that belongs to it; UINT64_MAX: none does */
    uint64_t through; /* sequences up to this one wait for the purge */
    bool told;        /* of keys that belong to nobody */
    uint8_t entry[PARTS_KEY_MAX];
    unsigned part; /* the entry's last one */
};

/* From which sequence on the keys of the walk's queue belong to it. */
static uint64_t first_owned(struct check *check, const struct walk *walk) {
    struct queue_record record;
    struct list_state state;
    if (queue_store_get(check->txn, walk->number, &record) != SMQ_OK)
        return UINT64_MAX;
    if (walk->list == NULL)
        return record.link_id.length > 0 ? 0 : UINT64_MAX;
    bool has_state = list_state_get(check->txn, walk->list, walk->number, &state) == SMQ_OK && state.count > 0;
    return has_state ? state.first : UINT64_MAX;
}

static void walk_queue(struct check *check, struct walk *walk, uint64_t number) {
    if (walk->begun && number == walk->number)
        return;
    uint64_t through = purge_through(check->txn, number);
    walk->begun = true;
    walk->number = number;
    walk->told = false;
    walk->first = first_owned(check, walk);
    walk->through = walk->table != TABLE_NOTIFICATIONS && through != PURGE_QUEUE ? 0 : through;
}

/* A purge takes any number of keys in a step: what it has left of an entry need not be whole. */
static void walk_key(struct check *check, struct walk *walk, struct slice key) {
    struct reader reader = reader_of(key);
    uint64_t number = (uint64_t)read_i64(&reader);
    uint64_t sequence = walk->list != NULL ? (uint64_t)read_i64(&reader) : 0;
    bool is_entry = key.length == walk->key_length;
    bool is_part = walk->begun && key.length == walk->key_length + 1 &&
                   memcmp(key.bytes, walk->entry, walk->key_length) == 0 &&
                   key.bytes[walk->key_length] == walk->part + 1;
    uint64_t before = walk->number;
    if (reader_status(&reader) == SMQ_OK)
        walk_queue(check, walk, number);
    walk->part = is_entry ? 0 : walk->part + 1;
    if (is_entry)
        memcpy(walk->entry, key.bytes, walk->key_length);
    bool is_state = walk->list != NULL && sequence == 0;
    bool is_purged = walk->through == PURGE_QUEUE || (!is_state && sequence <= walk->through && walk->through > 0);
    if (is_purged && !is_state)
        return;
    if (!is_entry && !is_part)
        fault(check, "after queue %" PRIu64 ": a part of %s that belongs to nothing", before, walk->name);
    if (!is_entry || walk->told || (walk->first != UINT64_MAX && (is_state || sequence >= walk->first)))
        return;
    walk->told = true;
    fault(check, "queue %" PRIu64 " is not there, or has no %s, but there are some", number, walk->name);
}

static void check_owners(struct check *check) {
    struct walk walks[] = {
        {.table = TABLE_MESSAGES, .name = "messages", .list = &message_list, .key_length = sizeof(struct pair_key)},
        {.table = TABLE_NOTIFICATIONS,
         .name = "notifications",
         .list = &notification_list,
         .key_length = sizeof(struct pair_key)},
        {.table = TABLE_LINK_DATA, .name = "link data", .key_length = sizeof(struct number_key)}};
    struct lmdb_txn *txn = check->txn->lmdb;
    struct slice key;
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        bool found = lmdb_seek(txn, walks[i].table, slice_of("\0", 1), &key, NULL);
        for (; found; found = lmdb_next(txn, walks[i].table, &key, NULL))
            walk_key(check, &walks[i], key);
        if (store_txn_status(check->txn) != SMQ_OK) {
            fault(check, "%s after those of queue %" PRIu64 " cannot be read", walks[i].name, walks[i].number);
            return;
        }
    }
}

/* What waits for the purge is of queues that are gone, or notifications of some that are there. */
static void check_purges(struct check *check) {
    struct queue_record record;
    struct slice key;
    struct slice value;
    bool found = lmdb_seek(check->txn->lmdb, TABLE_PURGE, slice_of("", 1), &key, &value);
    for (; found; found = lmdb_next(check->txn->lmdb, TABLE_PURGE, &key, &value)) {
        uint64_t number;
        uint64_t through;
        if (!purge_parse(key, value, &number, &through))
            fault(check, "what is to be removed cannot be read");
        else if ((queue_store_get(check->txn, number, &record) == SMQ_OK) == (through == PURGE_QUEUE))
            fault(check, "queue %" PRIu64 ": what is to be removed of it is not what was deleted", number);
    }
}

static void tell_fault(void *context, const char *line) {
    fault(context, "%s", line);
}

uint64_t store_check(struct store_txn *txn, void (*tell)(void *context, const char *line), void *context) {
    static struct check check; /* one at a time; too large for a stack */
    struct queue_record record = {0};
    uint64_t after = 0;
    check = (struct check){.txn = txn, .tell = tell, .context = context};
    while (queue_store_next(txn, after, &record) == SMQ_OK) {
        after = record.number;
        check_queue(&check, &record);
        if (store_txn_status(txn) != SMQ_OK)
            break;
    }
    if (store_txn_status(txn) != SMQ_OK) {
        fault(&check, "queue %" PRIu64 " or the one after it cannot be read", after);
        return check.faults;
    }
    check_services(&check);
    check_totals(&check);
    check_tables(&check);
    check_owners(&check);
    check_purges(&check);
    check_bodies(txn, tell_fault, &check);
    return check.faults;
}
