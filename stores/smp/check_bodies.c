/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every segment is either in use or empty. In one that is used the bodies that records name are counted, and no record
 * names anything else: as many records have a body in a segment as such bodies are found. */
#include "stores/smp/check_bodies.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "stores/smp/bodies.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/queue_list.h"

struct check {
    struct store_txn *txn;
    struct store_figures figures;
    void (*tell)(void *context, const char *line);
    void *context;
    uint64_t bodies; /* that records name */
    uint64_t bytes;
};

__attribute__((format(printf, 2, 3))) static void fault(struct check *check, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    check->tell(check->context, line);
}

/* Whether the record of `owner` says that its body is there. */
static bool is_named(struct check *check, const struct body_owner *owner, uint64_t segment, uint32_t offset,
                     uint32_t length) {
    struct pair_key key = pair_key(owner->number, owner->sequence);
    struct body_location body;
    struct slice value;
    uint32_t named_length;
    return lmdb_find(check->txn->lmdb, TABLE_MESSAGES, KEY_SLICE(key), &value) &&
           list_body_of(KEY_SLICE(key), value, &body, &named_length) && body.segment == segment &&
           body.offset == offset && named_length == length;
}

static void check_used(struct check *check, uint64_t segment, const struct segment_use *use) {
    struct body_owner owner;
    uint32_t offset = SEGMENT_FIRST;
    uint32_t length;
    uint32_t live = 0;
    bool is_damaged;
    for (; bodies_walk(check->txn, segment, use->end, &offset, &owner, &length, &is_damaged);
         offset += bodies_size(length)) {
        if (!is_named(check, &owner, segment, offset, length))
            continue;
        live += bodies_size(length);
        check->bodies++;
    }
    check->bytes += live;
    if (is_damaged)
        fault(check, "segment %" PRIu64 ": there is no body at %" PRIu32, segment, offset);
    else if (live != use->live)
        fault(check, "segment %" PRIu64 ": %" PRIu32 " bytes are counted, %" PRIu32 " are there", segment, use->live,
              live);
    if (live == 0 && segment != check->figures.body_segment)
        fault(check, "segment %" PRIu64 " is empty, but is not among those", segment);
}

static bool segment_exists(struct check *check, uint64_t segment) {
    const uint8_t *bytes;
    return segment < check->figures.next_segment && segment_bytes(check->txn, segment, SEGMENT_FIRST, 0, &bytes);
}

static void check_all_used(struct check *check) {
    struct slice key;
    struct slice value;
    bool found = lmdb_seek(check->txn->lmdb, TABLE_BODY_USE, slice_of("\0", 1), &key, &value);
    for (; found; found = lmdb_next(check->txn->lmdb, TABLE_BODY_USE, &key, &value)) {
        struct segment_use use;
        struct reader reader = reader_of(key);
        uint64_t segment = (uint64_t)read_i64(&reader);
        if (reader_finish(&reader) != SMQ_OK || !segment_exists(check, segment))
            fault(check, "a segment that is in use is not there");
        else if (segment_use_parse(check->txn, value, &use))
            check_used(check, segment, &use);
    }
}

static void check_empty(struct check *check) {
    struct slice key;
    bool found = lmdb_seek(check->txn->lmdb, TABLE_BODY_EMPTY, slice_of("\0", 1), &key, NULL);
    for (; found; found = lmdb_next(check->txn->lmdb, TABLE_BODY_EMPTY, &key, NULL)) {
        uint64_t since;
        uint64_t segment;
        if (!pair_key_parse(key, &since, &segment) || !segment_exists(check, segment)) {
            fault(check, "a segment that is empty is not there");
            continue;
        }
        struct number_key number = number_key(segment);
        if (lmdb_find(check->txn->lmdb, TABLE_BODY_USE, KEY_SLICE(number), NULL))
            fault(check, "segment %" PRIu64 " is in use, and among those that are empty", segment);
    }
}

static uint64_t records_with_bodies(struct check *check) {
    struct slice key;
    struct slice value;
    uint64_t records = 0;
    bool found = lmdb_seek(check->txn->lmdb, TABLE_MESSAGES, slice_of("\0", 1), &key, &value);
    for (; found; found = lmdb_next(check->txn->lmdb, TABLE_MESSAGES, &key, &value)) {
        struct body_location body;
        uint32_t length;
        records += list_body_of(key, value, &body, &length);
    }
    return records;
}

void check_bodies(struct store_txn *txn, void (*tell)(void *context, const char *line), void *context) {
    struct check check = {.txn = txn, .tell = tell, .context = context};
    store_txn_figures(txn, (uint64_t *)(void *)&check.figures);
    check_all_used(&check);
    check_empty(&check);
    uint64_t records = records_with_bodies(&check);
    uint64_t listed = lmdb_table_size(txn->lmdb, TABLE_BODY_USE) + segments_empty(txn);
    if (store_txn_status(txn) != SMQ_OK) {
        fault(&check, "segments cannot be read");
        return;
    }
    if (records != check.bodies)
        fault(&check, "bodies in segments: %" PRIu64 " are named by messages, %" PRIu64 " are there", records,
              check.bodies);
    if (check.figures.body_bytes != check.bytes)
        fault(&check, "bytes of bodies: %" PRIu64 " are counted, %" PRIu64 " are there", check.figures.body_bytes,
              check.bytes);
    if (segments_count(txn) != listed)
        fault(&check, "segments: %" PRIu64 " are there, %" PRIu64 " are in use or empty", segments_count(txn), listed);
}
