/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stored form of link data. */
#include "stores/smp/link_data.h"

#include "stores/smp/parts.h"
#include "stores/smp/queue_record.h"

/* Link data: a mark, two lengths, two blobs. Without the mark, as of schema 1, each blob follows its own length of two
 * bytes; none of those could be that long. */
enum { LINK_MARK = UINT16_MAX, LINK_HEADER = 10 };

/* How long the stored link data is as a whole. */
static size_t link_length(struct slice start) {
    struct reader reader = reader_of(start);
    if (read_u16(&reader) != LINK_MARK)
        return start.length;
    size_t fixed = read_u32(&reader);
    size_t user = read_u32(&reader);
    return reader_status(&reader) == SMQ_OK ? LINK_HEADER + fixed + user : start.length;
}

static void link_parse(struct reader *reader, struct queue_link_data *data) {
    struct reader old = *reader;
    if (read_u16(reader) != LINK_MARK) {
        *reader = old;
        data->fixed = read_large(reader);
        data->user = read_large(reader);
        return;
    }
    size_t fixed = read_u32(reader);
    size_t user = read_u32(reader);
    data->fixed = read_bytes(reader, fixed);
    data->user = read_bytes(reader, user);
}

enum smq_result queue_store_link_get(struct store_txn *txn, uint64_t number, struct queue_link_data *data) {
    struct number_key key = number_key(number);
    struct queue_summary summary;
    struct slice stored;
    enum smq_result result = queue_record_summary(txn, number, &summary);
    if (result != SMQ_OK)
        return result;
    if (!summary.has_link || !lmdb_find(txn->lmdb, TABLE_LINK_DATA, KEY_SLICE(key), &stored))
        return store_txn_missing(txn, SMQ_ERR_NOT_FOUND);
    result = parts_gather(txn, TABLE_LINK_DATA, stored, link_length(stored), &stored);
    if (result != SMQ_OK)
        return result;
    struct reader reader = reader_of(stored);
    link_parse(&reader, data);
    return reader_finish(&reader) == SMQ_OK ? SMQ_OK : store_txn_damaged(txn, "link data");
}

bool link_data_fits(const struct queue_link_data *data) {
    return data->fixed.length <= UINT16_MAX && data->user.length <= UINT16_MAX;
}

void link_data_remove(struct store_txn *txn, uint64_t number) {
    struct number_key key = number_key(number);
    struct slice stored;
    if (lmdb_find(txn->lmdb, TABLE_LINK_DATA, KEY_SLICE(key), &stored))
        (void)parts_remove(txn, TABLE_LINK_DATA, link_length(stored) - stored.length);
}

void link_data_put(struct store_txn *txn, uint64_t number, const struct queue_link_data *data) {
    struct number_key key = number_key(number);
    uint8_t header[LINK_HEADER];
    struct writer writer = writer_of(header, sizeof header);
    write_u16(&writer, LINK_MARK);
    write_u32(&writer, (uint32_t)data->fixed.length);
    write_u32(&writer, (uint32_t)data->user.length);
    link_data_remove(txn, number);
    const struct slice pieces[PARTS_PIECES_MAX] = {slice_of(header, sizeof header), data->fixed, data->user};
    parts_put(txn, TABLE_LINK_DATA, KEY_SLICE(key), pieces);
}
