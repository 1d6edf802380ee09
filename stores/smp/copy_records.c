/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Copies of all records. LMDB's own copy would keep segments as they are: empty, or with bodies that were deleted. */
#include "stores/smp/copy_records.h"

#include <stdio.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "stores/smp/bodies.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/queue_list.h"

enum {
    COMMIT_BYTES = 16 << 20, /* so much waits in memory for a commit of the copy */
    ENTRY_BYTES = 64,        /* what an entry takes beside its value */
    ENTRY_MAX = 2048,        /* a record whose body is in a segment */
};

struct copy {
    struct store_txn from;
    struct lmdb *lmdb;
    struct lmdb_txn *to;
    size_t uncommitted;
    uint64_t damaged; /* bodies */
    uint8_t *bytes;   /* the segment that is being filled */
    uint64_t segment; /* 0: none yet */
    struct segment_use use;
    uint64_t body_bytes;
};

static void append(struct copy *copy, enum store_table table, struct slice key, struct slice value) {
    lmdb_append(copy->to, table, key, value);
    copy->uncommitted += key.length + value.length + ENTRY_BYTES;
    if (copy->uncommitted < COMMIT_BYTES || lmdb_commit(copy->to) != SMQ_OK)
        return;
    copy->uncommitted = 0;
    (void)lmdb_begin(copy->to);
}

/* ---- bodies ---- */

static void finish_segment(struct copy *copy) {
    uint8_t bytes[2 * sizeof(uint32_t)];
    struct number_key key = number_key(copy->segment);
    struct writer writer = writer_of(bytes, sizeof bytes);
    if (copy->segment == 0)
        return;
    write_u32(&writer, copy->use.live);
    write_u32(&writer, copy->use.end);
    segment_mark(copy->bytes, copy->segment);
    append(copy, TABLE_BODY_SEGMENTS, KEY_SLICE(key), slice_of(copy->bytes + LMDB_RUN_HEADER, SEGMENT_VALUE));
    append(copy, TABLE_BODY_USE, KEY_SLICE(key), slice_of(bytes, sizeof bytes));
}

static void begin_segment(struct copy *copy) {
    finish_segment(copy);
    memset(copy->bytes, 0, SEGMENT_SIZE);
    copy->segment++;
    copy->use = (struct segment_use){.end = SEGMENT_FIRST};
}

/* Writes the body of the record at `key` to the copy's segment. What is damaged stays so: the checksum tells. */
static void copy_body(struct copy *copy, struct slice key, struct body_location *location, uint32_t length) {
    struct body_owner owner;
    struct slice body;
    uint32_t size = bodies_size(length);
    (void)pair_key_parse(key, &owner.number, &owner.sequence);
    bool is_whole = bodies_look(&copy->from, owner.sequence, location, length, &body);
    const uint8_t *bytes = NULL;
    if (!is_whole)
        copy->damaged++;
    if (!is_whole && segment_bytes(&copy->from, location->segment, location->offset, size, &bytes))
        body = slice_of(bytes + BODY_HEADER, length);
    if (copy->segment == 0 || copy->use.end + size > SEGMENT_SIZE)
        begin_segment(copy);
    bodies_write(copy->bytes + copy->use.end, &owner, is_whole || bytes != NULL ? body : slice_of("", 0), length);
    location->segment = copy->segment;
    location->offset = copy->use.end;
    copy->use.end += size;
    copy->use.live += size;
    copy->body_bytes += size;
}

static void copy_message(struct copy *copy, struct slice key, struct slice value) {
    uint8_t changed[ENTRY_MAX];
    struct body_location location;
    uint32_t length;
    if (value.length > sizeof changed || !list_body_of(key, value, &location, &length)) {
        append(copy, TABLE_MESSAGES, key, value);
        return;
    }
    copy_body(copy, key, &location, length);
    memcpy(changed, value.bytes, value.length);
    list_set_body(changed, &location);
    append(copy, TABLE_MESSAGES, key, slice_of(changed, value.length));
}

/* Bodies are written to further where the copy ends. */
static void copy_figures(struct copy *copy) {
    struct store_figures figures;
    store_txn_figures(&copy->from, (uint64_t *)(void *)&figures);
    figures.next_segment = copy->segment + 1;
    figures.body_segment = copy->segment;
    figures.body_end = copy->segment != 0 ? copy->use.end : 0;
    figures.body_bytes = copy->body_bytes;
    store_figures_put(copy->to, copy->from.store->layout, (const uint64_t *)(const void *)&figures);
}

/* ---- everything ---- */

static void copy_table(struct copy *copy, enum store_table table) {
    struct slice key;
    struct slice value;
    bool found = lmdb_seek(copy->from.lmdb, table, slice_of("\0", 1), &key, &value);
    for (; found && lmdb_status(copy->to) == SMQ_OK; found = lmdb_next(copy->from.lmdb, table, &key, &value))
        if (table == TABLE_MESSAGES)
            copy_message(copy, key, value);
        else
            append(copy, table, key, value);
}

static enum smq_result copy_all(struct copy *copy) {
    bool has_segments = segments_count(&copy->from) > 0;
    for (enum store_table table = 0; table < TABLE_BODY_SEGMENTS; table++)
        copy_table(copy, table);
    finish_segment(copy);
    if (has_segments) /* else there is an older schema's entry, maybe, which is copied */
        copy_figures(copy);
    enum smq_result result = store_txn_status(&copy->from);
    if (result == SMQ_OK)
        result = lmdb_is_open(copy->to) ? lmdb_commit(copy->to) : lmdb_status(copy->to);
    return result;
}

static enum smq_result open_target(struct copy *copy, int file) {
    const struct store_layout *layout = copy->from.store->layout;
    char path[64];
    struct lmdb_pages pages;
    lmdb_pages_get(copy->from.store->lmdb, &pages);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file); /* the file itself, whatever its name leads to now */
    const struct lmdb_options options = {.directory = path,
                                         .is_file = true,
                                         .map_size = (pages.end * pages.page_size + STORE_RECORD_MAX) * 2,
                                         .map_reserve = STORE_RESERVE_ADDRESSES,
                                         .max_readers = 1};
    enum smq_result result = lmdb_open(&options, &copy->lmdb);
    if (result == SMQ_OK)
        result = lmdb_open_tables(copy->lmdb, layout->tables, layout->table_count);
    if (result == SMQ_OK)
        result = lmdb_txn_create(copy->lmdb, true, &copy->to);
    return result == SMQ_OK ? lmdb_begin(copy->to) : result;
}

enum smq_result copy_records(struct store *store, int file) {
    struct copy copy = {.from = {.lmdb = store->writer_view, .store = store}, .bytes = memory_alloc(SEGMENT_SIZE)};
    enum smq_result result = copy.bytes != NULL ? open_target(&copy, file) : SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        result = lmdb_begin(copy.from.lmdb);
    if (result == SMQ_OK) {
        result = copy_all(&copy);
        lmdb_abort(copy.from.lmdb);
    }
    if (copy.damaged > 0)
        log_warn("store: %llu bodies are damaged, and so they are in the copy", (unsigned long long)copy.damaged);
    if (result != SMQ_OK)
        log_error("store: cannot copy: %s", copy.to != NULL ? lmdb_error_text(copy.to) : smq_result_text(result));
    lmdb_txn_destroy(&copy.to);
    lmdb_close(&copy.lmdb);
    if (copy.bytes != NULL)
        secret_wipe(copy.bytes, SEGMENT_SIZE);
    memory_free(copy.bytes);
    return result;
}
