/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies, their headers and checksums. */
#include "stores/smp/bodies.h"

#include <xxhash.h>

#include "stores/smp/body_segments.h"

enum { ALIGNMENT = 8 };

uint32_t bodies_size(uint32_t length) {
    return (BODY_HEADER + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t checksum_of(struct slice body, uint64_t sequence) {
    return XXH3_64bits_withSeed(body.bytes, body.length, sequence);
}

void bodies_write(uint8_t *to, const struct body_owner *owner, struct slice body, uint32_t length) {
    uint32_t size = bodies_size(length);
    struct writer writer = writer_of(to, size);
    write_i64(&writer, (int64_t)owner->number);
    write_i64(&writer, (int64_t)owner->sequence);
    write_u32(&writer, length);
    write_u32(&writer, 0);
    write_slice(&writer, body);
    memset(writer.position, 0, writer_room(&writer));
}

bool bodies_put(struct store_txn *txn, const struct body_owner *owner, struct slice body,
                struct body_location *location) {
    uint32_t size = bodies_size((uint32_t)body.length);
    uint8_t *room = segments_take(txn, size, &location->segment, &location->offset);
    if (room == NULL)
        return false;
    bodies_write(room, owner, body, (uint32_t)body.length);
    location->checksum = checksum_of(body, owner->sequence);
    return true;
}

bool bodies_look(struct store_txn *txn, uint64_t sequence, const struct body_location *location, uint32_t length,
                 struct slice *body) {
    const uint8_t *bytes;
    if (length > SEGMENT_SIZE || !segment_bytes(txn, location->segment, location->offset, bodies_size(length), &bytes))
        return false;
    *body = slice_of(bytes + BODY_HEADER, length);
    return checksum_of(*body, sequence) == location->checksum;
}

enum smq_result bodies_get(struct store_txn *txn, uint64_t sequence, const struct body_location *location,
                           uint32_t length, struct slice *body) {
    if (bodies_look(txn, sequence, location, length, body))
        return SMQ_OK;
    enum smq_result status = store_txn_status(txn);
    return status != SMQ_OK ? status : store_txn_damaged(txn, "the body of a message");
}

void bodies_forget(struct store_txn *txn, const struct body_location *location, uint32_t length) {
    segment_forget(txn, location->segment, bodies_size(length));
    if (segments_are_sparse(txn))
        txn->store->purge_pending = true;
}

bool bodies_walk(struct store_txn *txn, uint64_t segment, uint32_t end, uint32_t *offset, struct body_owner *owner,
                 uint32_t *length, bool *is_damaged) {
    const uint8_t *bytes;
    *is_damaged = false;
    while (*offset + BODY_HEADER <= end) {
        uint32_t page_end = (*offset / SEGMENT_PAGE + 1) * SEGMENT_PAGE;
        if (!segment_bytes(txn, segment, *offset, BODY_HEADER, &bytes)) {
            *is_damaged = true;
            return false;
        }
        struct reader reader = reader_of(slice_of(bytes, BODY_HEADER));
        owner->number = (uint64_t)read_i64(&reader);
        owner->sequence = (uint64_t)read_i64(&reader);
        *length = read_u32(&reader);
        if (owner->number == 0) { /* a transaction ended here; the next began on the next page */
            *offset = page_end;
            continue;
        }
        *is_damaged = *length > SEGMENT_SIZE || bodies_size(*length) > end - *offset;
        return !*is_damaged;
    }
    return false;
}
