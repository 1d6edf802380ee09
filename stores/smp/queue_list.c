/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries of queues, their counts and their expiry. */
#include "stores/smp/queue_list.h"

#include "queues/base/clock.h"
#include "stores/smp/parts.h"

const struct queue_list message_list = {TABLE_MESSAGES, TABLE_MESSAGE_EXPIRY, true, "messages"};
const struct queue_list notification_list = {TABLE_NOTIFICATIONS, TABLE_NOTIFICATION_EXPIRY, false, "notifications"};

enum {
    STATE_FORMAT = 2,
    STATE_FORMAT_1 = 1, /* without `first` */
    STATE_SIZE = 22,
    ENTRY_FORMAT = 1,
    ENTRY_FORMAT_BODY = 2, /* the end of the payload is in a segment */
    ENTRY_HEADER = 14,
    ENTRY_HEADER_BODY = ENTRY_HEADER + 20,
};

static uint64_t *total_of(struct store_txn *txn, const struct queue_list *list) {
    struct store_totals *totals = &figures_of(txn)->totals;
    return list->entries == TABLE_MESSAGES ? &totals->messages : &totals->notifications;
}

/* ---- state ---- */

enum smq_result list_state_get(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                               struct list_state *state) {
    *state = (struct list_state){.can_write = true, .registered = LIST_NOT_REGISTERED, .first = 1};
    struct pair_key key = pair_key(number, 0);
    struct slice value;
    if (!lmdb_find(txn->lmdb, list->entries, KEY_SLICE(key), &value))
        return store_txn_status(txn);
    struct reader reader = reader_of(value);
    uint8_t format = read_u8(&reader);
    state->can_write = read_bool(&reader);
    state->count = read_u32(&reader);
    state->registered = read_i64(&reader);
    if (format == STATE_FORMAT)
        state->first = (uint64_t)read_i64(&reader);
    else if (format != STATE_FORMAT_1)
        reader_fail(&reader);
    if (reader_finish(&reader) != SMQ_OK || state->count == 0 || state->first == 0)
        return store_txn_damaged(txn, list->name);
    return SMQ_OK;
}

/* Seconds before 1970 sort with its first. */
static struct pair_key expiry_key(int64_t second, uint64_t number) {
    return pair_key(second > 0 ? (uint64_t)second : 0, number);
}

static void unregister(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                       struct list_state *state) {
    if (state->registered == LIST_NOT_REGISTERED)
        return;
    struct pair_key key = expiry_key(state->registered, number);
    lmdb_remove_key(txn->lmdb, list->expiry, KEY_SLICE(key));
    state->registered = LIST_NOT_REGISTERED;
}

static void register_at(struct store_txn *txn, const struct queue_list *list, uint64_t number, struct list_state *state,
                        int64_t second) {
    state->registered = second > 0 ? second : 0;
    struct pair_key key = expiry_key(state->registered, number);
    lmdb_put(txn->lmdb, list->expiry, KEY_SLICE(key), slice_of("", 0));
}

void list_state_put(struct store_txn *txn, const struct queue_list *list, uint64_t number, struct list_state *state) {
    struct pair_key key = pair_key(number, 0);
    if (state->count == 0) {
        unregister(txn, list, number, state);
        lmdb_remove_key(txn->lmdb, list->entries, KEY_SLICE(key));
        return;
    }
    uint8_t bytes[STATE_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, STATE_FORMAT);
    write_bool(&writer, state->can_write);
    write_u32(&writer, state->count);
    write_i64(&writer, state->registered);
    write_i64(&writer, (int64_t)state->first);
    lmdb_put(txn->lmdb, list->entries, KEY_SLICE(key), slice_of(bytes, sizeof bytes));
}

/* ---- entries: values in parts, see parts.h ---- */

static bool decode_entry(const struct queue_list *list, struct slice value, struct list_entry *entry) {
    struct reader reader = reader_of(value);
    uint8_t format = read_u8(&reader);
    entry->flags = read_u8(&reader);
    entry->timestamp = read_i64(&reader);
    entry->length = read_u32(&reader);
    entry->body = (struct body_location){0};
    if (format == ENTRY_FORMAT_BODY && list->has_bodies) {
        entry->body.segment = (uint64_t)read_i64(&reader);
        entry->body.offset = read_u32(&reader);
        entry->body.checksum = (uint64_t)read_i64(&reader);
        if (entry->body.segment == 0)
            reader_fail(&reader);
    } else if (format != ENTRY_FORMAT) {
        reader_fail(&reader);
    }
    entry->start = read_tail(&reader);
    return reader_finish(&reader) == SMQ_OK && entry->start.length <= entry->length &&
           entry->length <= LIST_PAYLOAD_MAX;
}

static enum smq_result parse_entry(struct store_txn *txn, const struct queue_list *list, struct slice value,
                                   struct list_entry *entry) {
    return decode_entry(list, value, entry) ? SMQ_OK : store_txn_damaged(txn, list->name);
}

/* The entry at a key that a look-up answered: SMQ_ERR_EMPTY when it is another queue's. */
static enum smq_result take_entry(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                                  struct slice key, struct slice value, struct list_entry *entry) {
    uint64_t owner;
    if (!pair_key_parse(key, &owner, &entry->sequence))
        return store_txn_damaged(txn, list->name);
    return owner == number ? parse_entry(txn, list, value, entry) : SMQ_ERR_EMPTY;
}

/* The entry with the lowest sequence from `from` on. */
static enum smq_result seek_entry(struct store_txn *txn, const struct queue_list *list, uint64_t number, uint64_t from,
                                  struct list_entry *entry) {
    struct pair_key least = pair_key(number, from);
    struct slice key;
    struct slice value;
    if (!lmdb_seek(txn->lmdb, list->entries, KEY_SLICE(least), &key, &value))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    return take_entry(txn, list, number, key, value, entry);
}

enum smq_result list_next(struct store_txn *txn, const struct queue_list *list, uint64_t number, uint64_t after,
                          struct list_entry *entry) {
    struct list_state state;
    enum smq_result result = list_state_get(txn, list, number, &state);
    if (result != SMQ_OK)
        return result;
    if (state.count == 0 || after == UINT64_MAX)
        return SMQ_ERR_EMPTY;
    return seek_entry(txn, list, number, after < state.first ? state.first : after + 1, entry);
}

enum smq_result list_head(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                          const struct list_state *state, struct list_entry *entry) {
    return seek_entry(txn, list, number, state->first, entry);
}

enum smq_result list_following(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                               struct list_entry *entry) {
    struct slice key;
    struct slice value;
    if (!lmdb_next(txn->lmdb, list->entries, &key, &value))
        return store_txn_missing(txn, SMQ_ERR_EMPTY);
    return take_entry(txn, list, number, key, value, entry);
}

enum smq_result list_get(struct store_txn *txn, const struct queue_list *list, uint64_t number, uint64_t sequence,
                         struct list_entry *entry) {
    struct pair_key key = pair_key(number, sequence);
    struct slice value;
    struct list_state state;
    enum smq_result result = list_state_get(txn, list, number, &state);
    if (result != SMQ_OK)
        return result;
    if (state.count == 0 || sequence < state.first || !lmdb_find(txn->lmdb, list->entries, KEY_SLICE(key), &value))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    entry->sequence = sequence;
    return parse_entry(txn, list, value, entry);
}

static uint32_t body_length(const struct list_entry *entry) {
    return entry->length - (uint32_t)entry->start.length;
}

/* What of the payload is not in the entry itself. */
static enum smq_result read_rest(struct store_txn *txn, const struct queue_list *list, const struct list_entry *entry,
                                 struct writer *rest) {
    struct slice body;
    if (entry->body.segment == 0)
        return parts_read(txn, list->entries, rest);
    enum smq_result result = bodies_get(txn, entry->sequence, &entry->body, body_length(entry), &body);
    if (result == SMQ_OK)
        write_slice(rest, body);
    return result;
}

enum smq_result list_payload(struct store_txn *txn, const struct queue_list *list, const struct list_entry *entry,
                             struct writer *to) {
    if (writer_room(to) < entry->length)
        return SMQ_ERR_TOO_LARGE;
    struct writer payload = writer_of(to->position, entry->length);
    write_slice(&payload, entry->start);
    enum smq_result result = read_rest(txn, list, entry, &payload);
    if (result == SMQ_OK)
        to->position = payload.position;
    return result;
}

static void write_location(struct writer *writer, const struct body_location *body) {
    write_i64(writer, (int64_t)body->segment);
    write_u32(writer, body->offset);
    write_i64(writer, (int64_t)body->checksum);
}

static void write_header(struct writer *writer, const struct list_entry *entry) {
    bool has_body = entry->body.segment != 0;
    write_u8(writer, has_body ? ENTRY_FORMAT_BODY : ENTRY_FORMAT);
    write_u8(writer, entry->flags);
    write_i64(writer, entry->timestamp);
    write_u32(writer, entry->length);
    if (has_body)
        write_location(writer, &entry->body);
}

/* A body goes to a segment; with its record when it is short, or there is no room. */
static void write_entry(struct store_txn *txn, const struct queue_list *list, uint64_t number, struct list_entry *entry,
                        const struct slice *pieces) {
    enum { BODY = LIST_PIECES_MAX - 1 };
    uint8_t header[ENTRY_HEADER_BODY];
    struct writer writer = writer_of(header, sizeof header);
    const struct body_owner owner = {number, entry->sequence};
    bool has_body =
        list->has_bodies && pieces[BODY].length >= BODY_MIN && bodies_put(txn, &owner, pieces[BODY], &entry->body);
    if (!has_body)
        entry->body = (struct body_location){0};
    write_header(&writer, entry);
    struct pair_key key = pair_key(number, entry->sequence);
    const struct slice all[PARTS_PIECES_MAX] = {slice_of(header, writer_length(&writer)), pieces[0], pieces[1],
                                                has_body ? slice_of("", 0) : pieces[BODY]};
    parts_put(txn, list->entries, KEY_SLICE(key), all);
}

void list_add(struct store_txn *txn, const struct queue_list *list, uint64_t number, struct list_state *state,
              const struct list_entry *entry, const struct slice pieces[LIST_PIECES_MAX], uint64_t *sequence) {
    struct list_entry added = *entry;
    added.sequence = figures_of(txn)->next_sequence++;
    added.length = 0;
    for (size_t i = 0; i < LIST_PIECES_MAX; i++)
        added.length += (uint32_t)pieces[i].length;
    write_entry(txn, list, number, &added, pieces);
    if (state->registered == LIST_NOT_REGISTERED && (added.flags & LIST_ENTRY_STOPS_EXPIRY) == 0)
        register_at(txn, list, number, state, added.timestamp);
    if (state->count++ == 0)
        state->first = added.sequence;
    ++*total_of(txn, list);
    *sequence = added.sequence;
}

/* The record itself, at the table's position, and the parts behind it. */
static enum smq_result remove_entry(struct store_txn *txn, const struct queue_list *list,
                                    const struct list_entry *entry) {
    bool has_body = entry->body.segment != 0;
    enum smq_result result = parts_remove(txn, list->entries, has_body ? 0 : body_length(entry));
    if (result == SMQ_OK && has_body)
        bodies_forget(txn, &entry->body, body_length(entry));
    return result;
}

void list_remove(struct store_txn *txn, const struct queue_list *list, const struct list_entry *entry,
                 struct list_state *state) {
    if (remove_entry(txn, list, entry) != SMQ_OK)
        return;
    state->count--;
    --*total_of(txn, list);
    if (state->count == 0)
        state->can_write = true;
}

enum smq_result list_forget(struct store_txn *txn, const struct queue_list *list, struct slice value) {
    struct list_entry entry;
    enum smq_result result = parse_entry(txn, list, value, &entry);
    if (result == SMQ_OK && entry.body.segment != 0)
        bodies_forget(txn, &entry.body, body_length(&entry));
    return result;
}

uint64_t list_drop(struct store_txn *txn, const struct queue_list *list, uint64_t number) {
    struct list_state state;
    if (list_state_get(txn, list, number, &state) != SMQ_OK || state.count == 0)
        return 0;
    uint64_t dropped = state.count;
    *total_of(txn, list) -= dropped;
    state.count = 0;
    list_state_put(txn, list, number, &state);
    return dropped;
}

/* ---- expiry ---- */

uint32_t list_expire_head(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                          struct list_state *state, int64_t before, uint32_t max, uint64_t until_us) {
    uint32_t removed = 0;
    struct list_entry entry;
    while (state->count > 0 && removed < max && list_head(txn, list, number, state, &entry) == SMQ_OK &&
           entry.timestamp < before && (entry.flags & LIST_ENTRY_STOPS_EXPIRY) == 0) {
        list_remove(txn, list, &entry, state);
        if (store_txn_status(txn) != SMQ_OK)
            break;
        removed++;
        if (txn->removed_parts >= STORE_REMOVED_PARTS || clock_monotonic_us() >= until_us)
            break;
    }
    return removed;
}

/* A due queue: expires from its head, then registers it with the head that is left. A head that stops expiry is the
 * last entry: the queue needs no registration until it has been empty. Answers how many entries expired. */
static uint32_t expire_queue(struct store_txn *txn, const struct queue_list *list, uint64_t number,
                             const struct store_expiry *expiry, uint32_t max) {
    struct list_state state;
    struct list_entry head;
    if (list_state_get(txn, list, number, &state) != SMQ_OK)
        return 0;
    if (state.count == 0) {
        (void)store_txn_damaged(txn, list->name);
        return 0;
    }
    unregister(txn, list, number, &state);
    uint32_t removed = list_expire_head(txn, list, number, &state, expiry->before, max, expiry->until_us);
    if (state.count > 0 && list_head(txn, list, number, &state, &head) == SMQ_OK &&
        (head.flags & LIST_ENTRY_STOPS_EXPIRY) == 0)
        register_at(txn, list, number, &state, head.timestamp);
    list_state_put(txn, list, number, &state);
    return removed;
}

enum smq_result list_expire(struct store_txn *txn, const struct queue_list *list, const struct store_expiry *expiry,
                            struct list_expired *expired) {
    *expired = (struct list_expired){0};
    enum smq_result result = store_txn_check_writable(txn);
    if (result != SMQ_OK)
        return result;
    if (expiry->max_queues == 0 || expiry->max_records == 0)
        return SMQ_ERR_INVALID;
    if (txn->store->is_tight)
        return SMQ_OK;
    struct pair_key first = pair_key(0, 0);
    struct slice key;
    while (lmdb_seek(txn->lmdb, list->expiry, KEY_SLICE(first), &key, NULL)) {
        uint64_t second;
        uint64_t number;
        if (!pair_key_parse(key, &second, &number))
            return store_txn_damaged(txn, list->name);
        if (expiry->before <= 0 || second >= (uint64_t)expiry->before)
            break;
        bool is_late = expired->queues > 0 &&
                       (txn->removed_parts >= STORE_REMOVED_PARTS || clock_monotonic_us() >= expiry->until_us);
        if (is_late || expired->queues == expiry->max_queues || expired->entries == expiry->max_records) {
            expired->more = true;
            break;
        }
        expired->entries += expire_queue(txn, list, number, expiry, expiry->max_records - (uint32_t)expired->entries);
        expired->queues++;
    }
    return store_txn_status(txn);
}

/* ---- moving ---- */

/* Writes the record anew, with its body or another place of that. */
static void rewrite_entry(struct store_txn *txn, struct slice key, const struct list_entry *entry, struct slice body) {
    uint8_t header[ENTRY_HEADER_BODY];
    struct writer writer = writer_of(header, sizeof header);
    write_header(&writer, entry);
    const struct slice all[PARTS_PIECES_MAX] = {slice_of(header, writer_length(&writer)), entry->start,
                                                entry->body.segment == 0 ? body : slice_of("", 0)};
    parts_put(txn, TABLE_MESSAGES, key, all);
}

enum list_moved list_move_body(struct store_txn *txn, const struct body_owner *owner, uint64_t segment, uint32_t offset,
                               uint32_t length) {
    struct pair_key key = pair_key(owner->number, owner->sequence);
    struct list_entry entry = {.sequence = owner->sequence};
    struct body_location from;
    struct slice value;
    struct slice body;
    uint8_t start[LIST_START_MAX];
    if (!lmdb_find(txn->lmdb, TABLE_MESSAGES, KEY_SLICE(key), &value))
        return store_txn_status(txn) == SMQ_OK ? LIST_NOT_THERE : LIST_DAMAGED;
    if (parse_entry(txn, &message_list, value, &entry) != SMQ_OK)
        return LIST_DAMAGED;
    if (entry.body.segment != segment || entry.body.offset != offset)
        return LIST_NOT_THERE;
    from = entry.body;
    if (length != body_length(&entry) || entry.start.length > sizeof start ||
        !bodies_look(txn, owner->sequence, &from, length, &body))
        return LIST_DAMAGED;
    memcpy(start, entry.start.bytes, entry.start.length); /* the record may move with what is written now */
    entry.start = slice_of(start, entry.start.length);
    if (!bodies_put(txn, owner, body, &entry.body)) {
        if (store_txn_status(txn) != SMQ_OK || !txn->store->is_short)
            return LIST_NO_ROOM;
        entry.body = (struct body_location){0};
    }
    rewrite_entry(txn, KEY_SLICE(key), &entry, body);
    bodies_forget(txn, &from, length);
    return LIST_MOVED;
}

bool list_body_of(struct slice key, struct slice value, struct body_location *body, uint32_t *length) {
    struct list_entry entry;
    uint64_t number;
    uint64_t sequence;
    bool is_message = pair_key_parse(key, &number, &sequence) && sequence > 0;
    if (!is_message || !decode_entry(&message_list, value, &entry) || entry.body.segment == 0)
        return false;
    *body = entry.body;
    *length = body_length(&entry);
    return true;
}

void list_set_body(uint8_t *value, const struct body_location *body) {
    struct writer writer = writer_of(value + ENTRY_HEADER, ENTRY_HEADER_BODY - ENTRY_HEADER);
    write_location(&writer, body);
}
