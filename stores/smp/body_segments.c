/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Segments: which one is written to, what is used of them, and when one is empty. */
#include "stores/smp/body_segments.h"

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "stores/lmdb/room.h"

enum {
    USE_SIZE = 8,
    MARK_SIZE = 40,
    PINNED_MAX = 64,
    SLACK_MAX = 64, /* segments that may be in use beyond twice what lives; less in a small store */
    SLACK_SHARE = 16
};

static uint32_t round_up(uint32_t offset) {
    return (offset + SEGMENT_PAGE - 1) / SEGMENT_PAGE * SEGMENT_PAGE;
}

/* ---- what is used ---- */

bool segment_use_parse(struct store_txn *txn, struct slice value, struct segment_use *use) {
    struct reader reader = reader_of(value);
    use->live = read_u32(&reader);
    use->end = read_u32(&reader);
    if (reader_finish(&reader) == SMQ_OK && use->end <= SEGMENT_SIZE && use->live <= use->end)
        return true;
    (void)store_txn_damaged(txn, "use of a segment");
    return false;
}

bool segment_use_get(struct store_txn *txn, uint64_t segment, struct segment_use *use) {
    struct number_key key = number_key(segment);
    struct slice value;
    return lmdb_find(txn->lmdb, TABLE_BODY_USE, KEY_SLICE(key), &value) && segment_use_parse(txn, value, use);
}

static void put_use(struct store_txn *txn, uint64_t segment, const struct segment_use *use) {
    struct number_key key = number_key(segment);
    uint8_t bytes[USE_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u32(&writer, use->live);
    write_u32(&writer, use->end);
    lmdb_put(txn->lmdb, TABLE_BODY_USE, KEY_SLICE(key), slice_of(bytes, sizeof bytes));
}

static void become_empty(struct store_txn *txn, uint64_t segment) {
    struct number_key use = number_key(segment);
    struct pair_key empty = pair_key(lmdb_number(txn->lmdb), segment);
    lmdb_remove_key(txn->lmdb, TABLE_BODY_USE, KEY_SLICE(use));
    lmdb_put(txn->lmdb, TABLE_BODY_EMPTY, KEY_SLICE(empty), slice_of("", 0));
}

void segment_forget(struct store_txn *txn, uint64_t segment, uint32_t bytes) {
    struct segment_use use;
    if (!segment_use_get(txn, segment, &use) || use.live < bytes || figures_of(txn)->body_bytes < bytes) {
        if (store_txn_status(txn) == SMQ_OK)
            (void)store_txn_damaged(txn, "use of a segment");
        return;
    }
    use.live -= bytes;
    figures_of(txn)->body_bytes -= bytes;
    if (use.live == 0 && segment != figures_of(txn)->body_segment)
        become_empty(txn, segment);
    else
        put_use(txn, segment, &use);
}

uint64_t segments_count(struct store_txn *txn) {
    return lmdb_table_size(txn->lmdb, TABLE_BODY_SEGMENTS);
}

uint64_t segments_empty(struct store_txn *txn) {
    return lmdb_table_size(txn->lmdb, TABLE_BODY_EMPTY);
}

/* ---- the one that is written to ---- */

void segments_begin(struct store_txn *txn) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    writer->has_begun = false;
    writer->is_new = false;
    writer->has_no_room = false;
    writer->made = 0;
}

void segments_close(struct store *store) {
    struct body_writer *writer = store->own;
    if (writer->segments.bytes != NULL)
        secret_wipe(writer->segments.bytes, SEGMENT_SIZE);
    memory_free(writer->segments.bytes);
}

static bool find_value(struct store_txn *txn, uint64_t segment, struct slice *value) {
    struct number_key key = number_key(segment);
    return lmdb_find(txn->lmdb, TABLE_BODY_SEGMENTS, KEY_SLICE(key), value) && value->length == SEGMENT_VALUE;
}

/* Finds out where the segment is in the file. */
static bool place(struct store_txn *txn, uint64_t segment) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    struct slice value;
    if (writer->placed == segment)
        return true;
    uint64_t found = find_value(txn, segment, &value) ? lmdb_place(txn->lmdb, value) : 0;
    if (store_txn_status(txn) != SMQ_OK)
        return false;
    if (found == 0) {
        if (!writer->is_unusable)
            log_error("store: segment %llu is not where LMDB keeps it; bodies are stored in pages from now on",
                      (unsigned long long)segment);
        writer->is_unusable = true;
        return false;
    }
    writer->placed = segment;
    writer->place = found;
    return true;
}

/* A new segment is written by LMDB, with the first bodies in it. */
static void write_new(struct store_txn *txn) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    struct number_key key = number_key(figures_of(txn)->body_segment);
    uint8_t *room = lmdb_reserve(txn->lmdb, TABLE_BODY_SEGMENTS, KEY_SLICE(key), SEGMENT_VALUE);
    if (room != NULL) {
        size_t length = figures_of(txn)->body_end - LMDB_RUN_HEADER;
        memcpy(room, writer->bytes + LMDB_RUN_HEADER, length);
        memset(room + length, 0, SEGMENT_VALUE - length);
    }
    writer->is_new = false;
    writer->written = SEGMENT_SIZE;
}

/* Writes what is new in the segment. A page is written whole, so that none has to be read for it. */
static void flush(struct store_txn *txn) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    uint32_t end = (uint32_t)figures_of(txn)->body_end;
    if (!writer->has_begun || end <= writer->written)
        return;
    if (writer->is_new) {
        write_new(txn);
        return;
    }
    uint32_t page_end = round_up(end);
    memset(writer->bytes + (end - writer->base), 0, page_end - end);
    (void)lmdb_overwrite(txn->lmdb, writer->place + writer->written,
                         slice_of(writer->bytes + (writer->written - writer->base), page_end - writer->written));
    writer->written = page_end;
}

void segments_finish(struct store_txn *txn) {
    if (store_txn_status(txn) == SMQ_OK)
        flush(txn);
}

/* Nothing more goes into the segment that was written to. */
static void leave(struct store_txn *txn) {
    flush(txn);
    figures_of(txn)->body_end = SEGMENT_SIZE;
}

static void switch_to(struct store_txn *txn, uint64_t segment) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    struct segment_use use;
    uint64_t before = figures_of(txn)->body_segment;
    if (before != 0 && segment_use_get(txn, before, &use) && use.live == 0)
        become_empty(txn, before);
    use = (struct segment_use){.end = SEGMENT_FIRST};
    put_use(txn, segment, &use);
    figures_of(txn)->body_segment = segment;
    figures_of(txn)->body_end = SEGMENT_FIRST;
    writer->has_begun = true;
    writer->base = writer->written = SEGMENT_FIRST;
}

/* Commits before this one emptied what may be used again. */
static uint64_t reusable_before(const struct store *store) {
    struct lmdb_pages pages;
    struct lmdb_readers readers;
    lmdb_pages_get(store->lmdb, &pages);
    lmdb_readers_get(store->lmdb, &readers);
    return readers.oldest < pages.commit ? readers.oldest : pages.commit;
}

static bool take_empty(struct store_txn *txn) {
    uint64_t since;
    uint64_t segment;
    struct slice key;
    if (segments_empty(txn) == 0)
        return false;
    struct pair_key below = pair_key(reusable_before(txn->store), 0);
    if (!lmdb_before(txn->lmdb, TABLE_BODY_EMPTY, KEY_SLICE(below), &key))
        return false;
    if (!pair_key_parse(key, &since, &segment)) {
        (void)store_txn_damaged(txn, "empty segments");
        return false;
    }
    leave(txn);
    if (!place(txn, segment) || !lmdb_remove(txn->lmdb, TABLE_BODY_EMPTY))
        return false;
    switch_to(txn, segment);
    return true;
}

static uint64_t pages_of_segment(const struct store_txn *txn) {
    struct lmdb_pages pages;
    lmdb_pages_get(txn->store->lmdb, &pages);
    return SEGMENT_SIZE / pages.page_size;
}

void segment_mark(uint8_t bytes[SEGMENT_FIRST], uint64_t segment) {
    memset(bytes, 0, SEGMENT_FIRST);
    struct writer mark = writer_of(bytes + LMDB_RUN_HEADER, MARK_SIZE);
    write_text(&mark, "segment ");
    write_i64(&mark, (int64_t)segment);
    random_bytes(mark.position, writer_room(&mark));
}

static bool make_new(struct store_txn *txn) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    uint64_t pages = pages_of_segment(txn);
    if (txn->store->map_size < (uint64_t)SEGMENTS_LEAST * SEGMENT_SIZE ||
        !room_allows_run(txn->store, pages, writer->made * pages)) {
        writer->has_no_room = true;
        return false;
    }
    leave(txn);
    switch_to(txn, figures_of(txn)->next_segment++);
    segment_mark(writer->bytes, figures_of(txn)->body_segment);
    writer->is_new = true;
    writer->base = writer->written = 0;
    writer->made++;
    return true;
}

/* Whether the segment of the transactions before can be written to further. */
static bool resume(struct store_txn *txn) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    if (writer->has_begun)
        return true;
    if (figures_of(txn)->body_segment == 0 || !place(txn, figures_of(txn)->body_segment))
        return false;
    writer->has_begun = true;
    writer->base = writer->written = round_up((uint32_t)figures_of(txn)->body_end);
    figures_of(txn)->body_end = writer->base;
    return true;
}

uint8_t *segments_take(struct store_txn *txn, uint32_t size, uint64_t *segment, uint32_t *offset) {
    struct segment_writer *writer = &body_writer_of(txn)->segments;
    struct segment_use use;
    if (writer->is_unusable || size > SEGMENT_SIZE - SEGMENT_FIRST)
        return NULL;
    if (writer->bytes == NULL && (writer->bytes = memory_alloc(SEGMENT_SIZE)) == NULL)
        return NULL;
    bool fits = resume(txn) && figures_of(txn)->body_end + size <= SEGMENT_SIZE;
    if (!fits && (writer->is_unusable || writer->has_no_room || (!take_empty(txn) && !make_new(txn))))
        return NULL;
    if (!segment_use_get(txn, figures_of(txn)->body_segment, &use))
        return NULL;
    *segment = figures_of(txn)->body_segment;
    *offset = (uint32_t)figures_of(txn)->body_end;
    use.live += size;
    use.end = *offset + size;
    figures_of(txn)->body_end = use.end;
    figures_of(txn)->body_bytes += size;
    put_use(txn, *segment, &use);
    return store_txn_status(txn) == SMQ_OK ? writer->bytes + (*offset - writer->base) : NULL;
}

/* Whether the bytes are still to be written. */
static bool is_in_hand(struct store_txn *txn, uint64_t segment, uint32_t offset) {
    if (!lmdb_is_writable(txn->lmdb))
        return false;
    const struct segment_writer *writer = &body_writer_of(txn)->segments;
    return writer->has_begun && segment == figures_of(txn)->body_segment && offset >= writer->written;
}

bool segment_bytes(struct store_txn *txn, uint64_t segment, uint32_t offset, uint32_t size, const uint8_t **bytes) {
    struct slice value;
    if (offset < SEGMENT_FIRST || offset > SEGMENT_SIZE || size > SEGMENT_SIZE - offset)
        return false;
    if (is_in_hand(txn, segment, offset)) {
        const struct segment_writer *writer = &body_writer_of(txn)->segments;
        *bytes = writer->bytes + (offset - writer->base);
        return true;
    }
    if (!find_value(txn, segment, &value))
        return false;
    *bytes = value.bytes + (offset - LMDB_RUN_HEADER);
    return true;
}

/* ---- empty ones ---- */

bool segments_give_back(struct store_txn *txn) {
    uint64_t since;
    uint64_t segment;
    struct slice key;
    if (!lmdb_seek(txn->lmdb, TABLE_BODY_EMPTY, slice_of("", 1), &key, NULL))
        return false;
    if (!pair_key_parse(key, &since, &segment)) {
        (void)store_txn_damaged(txn, "empty segments");
        return false;
    }
    struct number_key number = number_key(segment);
    if (!lmdb_remove(txn->lmdb, TABLE_BODY_EMPTY) ||
        !lmdb_remove_key(txn->lmdb, TABLE_BODY_SEGMENTS, KEY_SLICE(number)))
        return false;
    txn->removed_parts += pages_of_segment(txn);
    return true;
}

bool segments_are_pinned(struct store_txn *txn) {
    uint64_t since = 0;
    uint64_t segment;
    struct slice key;
    return segments_empty(txn) > PINNED_MAX && lmdb_seek(txn->lmdb, TABLE_BODY_EMPTY, slice_of("", 1), &key, NULL) &&
           pair_key_parse(key, &since, &segment) && since >= reusable_before(txn->store);
}

/* ---- sparse ones ---- */

static uint64_t slack_of(const struct store *store) {
    uint64_t share = store->map_size / SEGMENT_SIZE / SLACK_SHARE;
    return (share < SLACK_MAX ? share : SLACK_MAX) * SEGMENT_SIZE;
}

/* When room is short every segment that is worth moving is. */
bool segments_are_sparse(struct store_txn *txn) {
    const struct store *store = txn->store;
    uint64_t live = figures_of(txn)->body_bytes;
    uint64_t used = lmdb_table_size(txn->lmdb, TABLE_BODY_USE) * SEGMENT_SIZE;
    if (body_writer_of(txn)->hand.has_failed)
        return false;
    return store->is_short ? used > live + SEGMENT_SIZE / 4 : used > 2 * live + slack_of(store);
}
