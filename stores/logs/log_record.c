/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of logs. */
#include "stores/logs/log_record.h"

#include <string.h>

#include "queues/base/text.h"

enum { SECONDS_A_DAY = 86400, ID_MAX = 255 };

enum smq_result log_record_read(const struct log_record_table *table, struct slice line, uint8_t *room,
                                size_t room_size, unsigned *kind, void *record) {
    struct log_reader reader = {.text = reader_of(line), .decoded = writer_of(room, room_size)};
    struct slice tag = read_until(&reader.text, ' ');
    memset(record, 0, table->record_size);
    for (unsigned i = 0; i < table->count; i++) {
        if (!slice_equal(tag, slice_of_text(table->kinds[i].tag)))
            continue;
        table->kinds[i].read(&reader, record);
        *kind = i;
        return reader.decoded.failed ? SMQ_ERR_SYNTAX : reader_finish(&reader.text);
    }
    return SMQ_ERR_SYNTAX;
}

enum smq_result log_record_write(const struct log_record_table *table, struct writer *writer, unsigned kind,
                                 const void *record) {
    uint8_t *start = writer->position;
    write_text(writer, table->kinds[kind].tag);
    table->kinds[kind].write(writer, record);
    write_u8(writer, '\n');
    if (!writer->failed)
        return SMQ_OK;
    writer->position = start;
    writer->failed = false;
    return SMQ_ERR_TOO_LARGE;
}

/* ---- reading ---- */

struct slice log_read_bytes(struct log_reader *reader) {
    uint8_t *bytes = reader->decoded.position;
    size_t length = read_base64url(&reader->text, bytes, writer_room(&reader->decoded));
    if (reader->text.failed)
        return slice_of("", 0);
    reader->decoded.position += length;
    return slice_of(bytes, length);
}

struct slice log_read_bytes_or_none(struct log_reader *reader) {
    struct reader next = reader->text;
    return reader_left(&next) > 0 && is_base64url(read_u8(&next)) ? log_read_bytes(reader) : slice_of("", 0);
}

const uint8_t *log_read_fixed(struct log_reader *reader, size_t size) {
    struct slice bytes = log_read_bytes(reader);
    if (bytes.length != size)
        reader_fail(&reader->text);
    return reader->text.failed ? NULL : bytes.bytes;
}

struct slice log_read_id(struct log_reader *reader) {
    struct slice id = log_read_bytes(reader);
    if (id.length > ID_MAX)
        reader_fail(&reader->text);
    return id;
}

uint32_t log_read_day(struct log_reader *reader) {
    return (uint32_t)(read_decimal(&reader->text, (uint64_t)UINT32_MAX * SECONDS_A_DAY) / SECONDS_A_DAY);
}

/* Decodes behind the room for its length, which is then filled in. */
static void read_item(struct log_reader *reader, unsigned length_size) {
    uint8_t *length_at = write_reserve(&reader->decoded, length_size);
    size_t length = log_read_bytes(reader).length;
    if (length_at == NULL || length >> 8 * length_size != 0) {
        reader_fail(&reader->text);
        return;
    }
    for (unsigned i = 0; i < length_size; i++)
        length_at[i] = (uint8_t)(length >> 8 * (length_size - 1 - i));
}

struct slice log_read_list(struct log_reader *reader, unsigned length_size, bool count_first) {
    uint8_t *start = reader->decoded.position;
    uint8_t *count_at = count_first ? write_reserve(&reader->decoded, 1) : NULL;
    size_t count = 0;
    do {
        read_item(reader, length_size);
        count++;
    } while (read_if(&reader->text, ","));
    if (count > UINT8_MAX || (count_first && count_at == NULL))
        reader_fail(&reader->text);
    else if (count_first)
        *count_at = (uint8_t)count;
    return reader->text.failed ? slice_of("", 0) : slice_of(start, (size_t)(reader->decoded.position - start));
}

/* ---- writing ---- */

void log_write_bytes(struct writer *writer, struct slice value) {
    write_base64(writer, value, BASE64_URL);
}

void log_write_day(struct writer *writer, uint32_t day) {
    write_decimal(writer, (uint64_t)day * SECONDS_A_DAY);
}

void log_write_list(struct writer *writer, struct slice list, unsigned length_size, bool count_first) {
    struct reader reader = reader_of(list);
    if (count_first)
        (void)read_u8(&reader);
    do {
        log_write_bytes(writer, length_size == 1 ? read_short(&reader) : read_large(&reader));
        if (reader_left(&reader) > 0)
            write_u8(writer, ',');
    } while (reader_left(&reader) > 0);
    if (reader_status(&reader) != SMQ_OK)
        writer_fail(writer);
}
