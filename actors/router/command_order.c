/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A table of counts by key, in the session. Only the process lane changes it; other threads do no more than count down,
 * and tell the lane when it waits for that. */
#include "actors/router/command_order.h"

#include <sodium.h>
#include <string.h>

#include "actors/router/command_batch.h"
#include "actors/router/post.h"
#include "queues/base/memory.h"
#include "queues/base/owner.h"

enum { BUCKETS_FIRST = 4 };

static const uint32_t ORDER_ARMED = UINT32_C(1) << 31;
static const uint64_t ID_KEY = UINT64_C(1) << 63;

uint64_t order_id_key(const uint8_t hash_key[16], unsigned party, struct slice id) {
    uint8_t text[1 + UINT8_MAX];
    uint64_t hash;
    size_t length = id.length < UINT8_MAX ? id.length : UINT8_MAX;
    text[0] = (uint8_t)party;
    if (length > 0)
        memcpy(text + 1, id.bytes, length);
    (void)crypto_shorthash((uint8_t *)&hash, text, 1 + length, hash_key);
    return hash | ID_KEY;
}

/* ---- lists */

static bool list_is_empty(const struct slot_list *list) {
    return list->first == NULL;
}

static void list_append(struct slot_list *list, struct slot *slot) {
    slot->next_in_order = NULL;
    if (list->first == NULL)
        list->first = slot;
    else
        list->last->next_in_order = slot;
    list->last = slot;
}

static void list_prepend(struct slot_list *list, struct slot *slot) {
    slot->next_in_order = list->first;
    if (list->first == NULL)
        list->last = slot;
    list->first = slot;
}

static struct slot *list_take(struct slot_list *list) {
    struct slot *slot = list->first;
    if (slot != NULL)
        list->first = slot->next_in_order;
    return slot;
}

/* What was refused was there before what waits. */
static void put_refused_first(struct order_entry *entry) {
    if (list_is_empty(&entry->refused))
        return;
    entry->refused.last->next_in_order = entry->waiting.first;
    if (list_is_empty(&entry->waiting))
        entry->waiting.last = entry->refused.last;
    entry->waiting.first = entry->refused.first;
    entry->refused = (struct slot_list){NULL, NULL};
}

/* ---- table */

static bool is_id(uint64_t key) {
    return (key & ID_KEY) != 0;
}

static struct order_entry **bucket_of(const struct command_order *order, uint64_t key) {
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return &order->buckets[(mixed >> 32) & (order->bucket_count - 1)];
}

static struct order_entry *find(const struct command_order *order, uint64_t key) {
    if (order->bucket_count == 0 || key == 0)
        return NULL;
    struct order_entry *entry = *bucket_of(order, key);
    while (entry != NULL && entry->key != key)
        entry = entry->next;
    return entry;
}

static uint32_t count_of(_Atomic uint32_t *counter) {
    return atomic_load_explicit(counter, memory_order_acquire) & ~ORDER_ARMED;
}

static bool is_held(const struct order_entry *entry) {
    return entry->armed || ring_is_member(&entry->ready) || !list_is_empty(&entry->waiting) ||
           !list_is_empty(&entry->refused);
}

static bool is_idle(struct order_entry *entry) {
    return !is_held(entry) && count_of(&entry->under_way) == 0 && count_of(&entry->unread) == 0;
}

static void remove_idle(struct command_order *order, struct order_entry **place) {
    while (*place != NULL) {
        struct order_entry *entry = *place;
        if (entry == order->taking || !is_idle(entry)) {
            place = &entry->next;
            continue;
        }
        *place = entry->next;
        entry->next = order->spare;
        order->spare = entry;
        order->count--;
        order->id_count -= is_id(entry->key) ? 1 : 0;
    }
}

/* Twice as many buckets when there are as many entries; without memory it goes on with those that there are. */
static enum smq_result grow(struct command_order *order) {
    uint32_t count = order->bucket_count == 0 ? BUCKETS_FIRST : 2 * order->bucket_count;
    struct order_entry **buckets = memory_zalloc(count * sizeof *buckets);
    struct command_order grown = {.buckets = buckets, .bucket_count = count};
    if (buckets == NULL)
        return order->bucket_count > 0 ? SMQ_OK : SMQ_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < order->bucket_count; i++) {
        struct order_entry *entry;
        while ((entry = order->buckets[i]) != NULL) {
            struct order_entry **place = bucket_of(&grown, entry->key);
            order->buckets[i] = entry->next;
            entry->next = *place;
            *place = entry;
        }
    }
    memory_free(order->buckets);
    order->buckets = buckets;
    order->bucket_count = count;
    return SMQ_OK;
}

/* A connection may go over any number of records: the table grows only with what is under way. */
static enum smq_result make_room(struct command_order *order) {
    for (uint32_t i = 0; i < order->bucket_count; i++)
        remove_idle(order, &order->buckets[i]);
    return 2 * order->count < order->bucket_count ? SMQ_OK : grow(order);
}

static struct order_entry *spare_entry(struct command_order *order) {
    struct order_entry *entry = order->spare;
    if (entry == NULL)
        return memory_zalloc(sizeof *entry);
    order->spare = entry->next;
    entry->changed = false;
    return entry;
}

static struct order_entry *find_or_add(struct session *session, uint64_t key) {
    struct command_order *order = &session->order;
    struct order_entry *entry = find(order, key);
    if (entry != NULL)
        return entry;
    if (order->count >= order->bucket_count && make_room(order) != SMQ_OK)
        return NULL;
    entry = spare_entry(order);
    if (entry == NULL)
        return NULL;
    struct order_entry **place = bucket_of(order, key);
    entry->key = key;
    entry->session = session;
    entry->next = *place;
    *place = entry;
    order->count++;
    order->id_count += is_id(key) ? 1 : 0;
    return entry;
}

static void free_entries(struct order_entry *entry) {
    while (entry != NULL) {
        struct order_entry *next = entry->next;
        memory_free(entry);
        entry = next;
    }
}

void command_order_finish(struct command_order *order) {
    for (uint32_t i = 0; i < order->bucket_count; i++)
        free_entries(order->buckets[i]);
    free_entries(order->spare);
    memory_free(order->buckets);
    *order = (struct command_order){0};
}

/* ---- waiting */

/* Has whoever counts down to nothing send the entry's message; false: there is nothing left to wait for. */
static bool arm(struct order_entry *entry, _Atomic uint32_t *counter, struct ring *parked) {
    if (entry->armed)
        return true;
    if (atomic_fetch_add_explicit(counter, ORDER_ARMED, memory_order_acq_rel) == 0) {
        atomic_fetch_sub_explicit(counter, ORDER_ARMED, memory_order_relaxed);
        return false;
    }
    entry->armed = true;
    ring_append(parked, &entry->parked);
    return true;
}

/* What waits at the entry is ready when nothing is left there, or when that is told. */
static void await(struct order_entry *entry, _Atomic uint32_t *counter, struct ring *parked) {
    if (arm(entry, counter, parked))
        return;
    put_refused_first(entry);
    if (!ring_is_member(&entry->ready))
        ring_append(&entry->session->order.ready, &entry->ready);
}

/* Any thread. The entry is not touched any more unless the lane waits for it. */
static void count_down(struct order_entry *entry, _Atomic uint32_t *counter) {
    if (atomic_fetch_sub_explicit(counter, 1, memory_order_acq_rel) == ORDER_ARMED + 1)
        (void)post_process_order(entry); /* a lane that has stopped has nothing waiting there */
}

void command_order_freed(struct order_entry *entry) {
    entry->armed = false;
    entry->session->order.fence_waits = false;
    ring_remove(&entry->parked);
    if ((atomic_load_explicit(&entry->under_way, memory_order_acquire) & ORDER_ARMED) != 0)
        atomic_fetch_sub_explicit(&entry->under_way, ORDER_ARMED, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&entry->unread, ORDER_ARMED, memory_order_relaxed);
    put_refused_first(entry);
    if (!list_is_empty(&entry->waiting))
        ring_append(&entry->session->order.ready, &entry->ready);
}

static void put_aside(struct command_order *order, struct order_entry *entry, struct slot *slot,
                      _Atomic uint32_t *counter, struct ring *parked) {
    bool ready = ring_is_member(&entry->ready);
    if (order->taking == entry)
        list_prepend(&entry->waiting, slot);
    else
        list_append(&entry->waiting, slot);
    if (order->taking == entry && ready)
        ring_remove(&entry->ready);
    if (order->taking == entry || !ready)
        await(entry, counter, parked);
}

static uint32_t version_at(uint64_t key, const struct order_wish *wish) {
    return is_id(key) ? 0 : wish->auth_version;
}

static bool conflicts(const struct order_entry *entry, const struct order_wish *wish) {
    return entry->route != wish->route || (entry->route & ROUTE_ONE_BY_ONE) != 0 ||
           entry->auth_version != version_at(entry->key, wish) || !list_is_empty(&entry->refused);
}

static bool holds(const struct slot *slot, const struct order_entry *entry) {
    return slot->claims[0] == entry || slot->claims[1] == entry;
}

static bool is_busy_for(struct order_entry *entry, const struct order_wish *wish) {
    return count_of(&entry->under_way) > 0 && conflicts(entry, wish);
}

/* Nothing is under way at the entry that the command would have to wait for. */
static enum order_verdict go_on(struct order_entry *entry) {
    if (!entry->changed || count_of(&entry->under_way) > 0)
        return ORDER_GO;
    entry->changed = false;
    return ORDER_LOOK_AGAIN;
}

/* What is about to take an id for the command's own record is in that record's order. */
static enum order_verdict ask_other(struct command_order *order, uint64_t key, const struct slot *slot,
                                    const struct order_wish *wish) {
    struct order_entry *entry = find(order, key);
    if (entry == NULL || holds(slot, entry) || (wish->record != 0 && entry->record == wish->record))
        return ORDER_GO;
    return is_held(entry) || is_busy_for(entry, wish) ? ORDER_WAITS : go_on(entry);
}

static enum order_verdict ask_others(struct command_order *order, const struct slot *slot,
                                     const struct order_wish *wish) {
    enum order_verdict verdict = ORDER_GO;
    for (unsigned i = 0; i < ORDER_CLAIMS_MAX && verdict == ORDER_GO; i++)
        verdict = ask_other(order, wish->ids[i], slot, wish);
    for (unsigned i = 0; i < ORDER_OTHERS_MAX && verdict == ORDER_GO; i++)
        if (wish->others[i] != wish->record)
            verdict = ask_other(order, wish->others[i], slot, wish);
    return verdict;
}

static enum order_verdict ask_own_record(struct command_order *order, struct slot *slot, const struct order_wish *wish,
                                         struct ring *parked) {
    struct order_entry *entry = find(order, wish->record);
    if (entry == NULL || holds(slot, entry))
        return ORDER_GO;
    if ((order->taking == entry || !is_held(entry)) && !is_busy_for(entry, wish))
        return go_on(entry);
    put_aside(order, entry, slot, &entry->under_way, parked);
    return ORDER_WAITS;
}

static bool changes(const struct order_wish *wish) {
    return (wish->route & ROUTE_CHANGES) == ROUTE_CHANGES;
}

static enum smq_result claim_at(struct session *session, struct slot *slot, unsigned place, uint64_t key,
                                const struct order_wish *wish) {
    if (key == 0 || slot->claims[place] != NULL)
        return SMQ_OK;
    struct order_entry *entry = find_or_add(session, key);
    if (entry == NULL)
        return SMQ_ERR_NO_MEMORY;
    slot->claims[place] = entry;
    entry->route = wish->route;
    entry->auth_version = version_at(key, wish);
    entry->changed |= changes(wish);
    entry->record = changes(wish) && is_id(key) ? wish->record : 0;
    atomic_fetch_add_explicit(&entry->under_way, 1, memory_order_relaxed);
    return SMQ_OK;
}

/* Ids are claimed before the command may wait for its record: later ones see that it is about to take them. An entry
 * that is added may take the place of the one that knows that the record was changed. */
static enum order_verdict claim_ids(struct session *session, struct slot *slot, const struct order_wish *wish) {
    enum order_verdict verdict = ORDER_GO;
    for (unsigned i = 0; i < ORDER_CLAIMS_MAX; i++) {
        if (wish->ids[i] == 0 || slot->claims[i] != NULL)
            continue;
        if (claim_at(session, slot, i, wish->ids[i], wish) != SMQ_OK)
            return ORDER_FAILED;
        verdict = ORDER_LOOK_AGAIN;
    }
    return verdict;
}

/* What waited has been asked about the others already, and nothing that came later has begun about them since. */
enum order_verdict command_order_ask(struct session *session, struct slot *slot, const struct order_wish *wish,
                                     struct ring *parked) {
    struct command_order *order = &session->order;
    enum order_verdict verdict = order->taking == NULL ? ask_others(order, slot, wish) : ORDER_GO;
    if (verdict == ORDER_WAITS) {
        order->fence = slot;
        order->fence_waits = false;
    }
    if (verdict == ORDER_GO)
        verdict = claim_ids(session, slot, wish);
    return verdict == ORDER_GO ? ask_own_record(order, slot, wish, parked) : verdict;
}

enum smq_result command_order_claim(struct session *session, struct slot *slot, const struct order_wish *wish) {
    return claim_at(session, slot, 0, wish->record, wish);
}

bool command_order_has_unread(const struct session *session, uint64_t record) {
    struct order_entry *entry = find(&session->order, record);
    return entry != NULL && count_of(&entry->unread) > 0;
}

void command_order_await_answers(struct session *session, struct slot *slot, uint64_t record, struct ring *parked) {
    struct order_entry *entry = find(&session->order, record);
    put_aside(&session->order, entry, slot, &entry->unread, parked);
}

/* ---- taking up */

void command_order_refused(struct slot *slot, struct ring *parked) {
    struct order_entry *entry = slot->claims[0];
    slot->claims[0] = NULL;
    list_append(&entry->refused, slot);
    if (ring_is_member(&entry->ready))
        ring_remove(&entry->ready);
    await(entry, &entry->under_way, parked);
    count_down(entry, &entry->under_way);
}

struct slot *command_order_take(struct session *session) {
    struct ring *first = ring_first(&session->order.ready);
    if (first == NULL)
        return NULL;
    struct order_entry *entry = owner_of(first, struct order_entry, ready);
    session->order.taking = entry;
    session->order.fence_waits = false;
    return list_take(&entry->waiting);
}

void command_order_taken(struct session *session) {
    struct order_entry *entry = session->order.taking;
    session->order.taking = NULL;
    if (list_is_empty(&entry->waiting) && ring_is_member(&entry->ready))
        ring_remove(&entry->ready);
}

bool command_order_is_ready(const struct command_order *order) {
    return !ring_is_empty(&order->ready) || (order->fence != NULL && !order->fence_waits);
}

/* Whether nothing is under way at the entry, nor waits; otherwise its message comes. */
static bool is_passed(struct order_entry *entry, struct ring *parked) {
    return !is_held(entry) && (count_of(&entry->under_way) == 0 || !arm(entry, &entry->under_way, parked));
}

struct slot *command_order_pass_fence(struct command_order *order, struct ring *parked) {
    struct slot *slot = order->fence;
    if (slot == NULL || order->fence_waits)
        return NULL;
    for (uint32_t i = 0; i < order->bucket_count; i++) {
        for (struct order_entry *entry = order->buckets[i]; entry != NULL; entry = entry->next) {
            order->fence_waits = !is_passed(entry, parked);
            if (order->fence_waits)
                return NULL;
        }
    }
    order->fence = NULL;
    return slot;
}

struct slot *command_order_drop(struct order_entry *entry) {
    put_refused_first(entry);
    struct slot *slot = list_take(&entry->waiting);
    if (slot != NULL)
        return slot;
    slot = entry->session->order.fence;
    entry->session->order.fence = NULL;
    return slot;
}

/* ---- any thread */

void command_order_done(struct slot *slot) {
    struct order_entry *entry = slot->claims[0];
    struct order_entry *id = slot->claims[1];
    bool is_read_later = slot->answer == ANSWER_FROM_STORE;
    slot->claims[1] = NULL;
    if (entry != NULL && is_read_later)
        atomic_fetch_add_explicit(&entry->unread, 1, memory_order_relaxed);
    else
        slot->claims[0] = NULL;
    atomic_store_explicit(&slot->done, true, memory_order_release);
    if (id != NULL)
        count_down(id, &id->under_way);
    if (entry != NULL)
        count_down(entry, &entry->under_way);
}

void command_order_answered(struct slot *slot) {
    struct order_entry *entry = slot->claims[0];
    slot->claims[0] = NULL;
    if (entry != NULL)
        count_down(entry, &entry->unread);
}
