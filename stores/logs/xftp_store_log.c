/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of file-server-store.log. */
#include "stores/logs/xftp_store_log.h"

#include "queues/base/text.h"
#include "stores/logs/log_status.h"

static void read_sender(struct log_reader *reader, struct xftp_log_record *record) {
    read_literal(&reader->text, " ");
    record->file.sender_id = log_read_id(reader);
}

static void write_sender(struct writer *writer, const struct xftp_log_record *record) {
    write_u8(writer, ' ');
    log_write_bytes(writer, record->file.sender_id);
}

/* ---- FNEW ---- */

static void read_new(struct log_reader *reader, void *target) {
    struct xftp_log_record *record = target;
    struct file_record *file = &record->file;
    read_sender(reader, record);
    read_literal(&reader->text, " ");
    file->sender_key = log_read_id(reader);
    read_literal(&reader->text, " ");
    file->size = (uint32_t)read_decimal(&reader->text, UINT32_MAX);
    read_literal(&reader->text, " ");
    file->digest = log_read_id(reader);
    read_literal(&reader->text, " ");
    file->created = (int64_t)read_decimal(&reader->text, INT64_MAX);
    if (read_if(&reader->text, " "))
        file->status = (enum file_status)log_read_status(&reader->text, &file->status_info);
    if (file->size == 0)
        reader_fail(&reader->text);
}

static void write_new(struct writer *writer, const void *source) {
    const struct xftp_log_record *record = source;
    const struct file_record *file = &record->file;
    write_sender(writer, record);
    write_u8(writer, ' ');
    log_write_bytes(writer, file->sender_key);
    write_u8(writer, ' ');
    write_decimal(writer, file->size);
    write_u8(writer, ' ');
    log_write_bytes(writer, file->digest);
    write_u8(writer, ' ');
    write_decimal(writer, (uint64_t)file->created);
    write_u8(writer, ' ');
    log_write_status(writer, (enum log_status)file->status, file->status_info);
}

/* ---- FADD: id:key,id:key,... Decoded: each with its length before it ---- */

static void read_short_item(struct log_reader *reader) {
    uint8_t *length = write_reserve(&reader->decoded, 1);
    struct slice item = log_read_id(reader);
    if (length == NULL)
        reader_fail(&reader->text);
    else
        *length = (uint8_t)item.length;
}

static void read_recipients(struct log_reader *reader, void *target) {
    struct xftp_log_record *record = target;
    read_sender(reader, record);
    read_literal(&reader->text, " ");
    const uint8_t *start = reader->decoded.position;
    do {
        read_short_item(reader);
        read_literal(&reader->text, ":");
        read_short_item(reader);
    } while (read_if(&reader->text, ","));
    record->recipients = slice_of(start, (size_t)(reader->decoded.position - start));
}

bool xftp_log_next_recipient(struct slice *recipients, struct file_recipient *recipient) {
    struct reader reader = reader_of(*recipients);
    recipient->id = read_short(&reader);
    recipient->key = read_short(&reader);
    if (reader_status(&reader) != SMQ_OK)
        return false;
    *recipients = read_tail(&reader);
    return true;
}

static void write_recipients(struct writer *writer, const void *source) {
    const struct xftp_log_record *record = source;
    struct slice left = record->recipients;
    struct file_recipient recipient;
    write_sender(writer, record);
    for (char before = ' '; xftp_log_next_recipient(&left, &recipient); before = ',') {
        write_u8(writer, (uint8_t)before);
        log_write_bytes(writer, recipient.id);
        write_u8(writer, ':');
        log_write_bytes(writer, recipient.key);
    }
}

/* ---- the others ---- */

static void read_uploaded(struct log_reader *reader, void *target) {
    struct xftp_log_record *record = target;
    read_sender(reader, record);
    read_literal(&reader->text, " ");
    record->path = log_read_bytes(reader);
}

static void write_uploaded(struct writer *writer, const void *source) {
    const struct xftp_log_record *record = source;
    write_sender(writer, record);
    write_u8(writer, ' ');
    log_write_bytes(writer, record->path);
}

static void read_delete(struct log_reader *reader, void *target) {
    read_sender(reader, target);
}

static void write_delete(struct writer *writer, const void *source) {
    write_sender(writer, source);
}

static void read_block(struct log_reader *reader, void *target) {
    struct xftp_log_record *record = target;
    read_sender(reader, record);
    read_literal(&reader->text, " ");
    record->file.status = FILE_BLOCKED;
    record->file.status_info = log_read_blocking(&reader->text);
}

static void write_block(struct writer *writer, const void *source) {
    const struct xftp_log_record *record = source;
    write_sender(writer, record);
    write_u8(writer, ' ');
    write_slice(writer, record->file.status_info);
}

static void read_acknowledged(struct log_reader *reader, void *target) {
    read_literal(&reader->text, " ");
    ((struct xftp_log_record *)target)->recipient_id = log_read_id(reader);
}

static void write_acknowledged(struct writer *writer, const void *source) {
    write_u8(writer, ' ');
    log_write_bytes(writer, ((const struct xftp_log_record *)source)->recipient_id);
}

static const struct log_record_kind kinds[XFTP_LOG_KIND_COUNT] = {
    [XFTP_LOG_NEW] = {"FNEW", read_new, write_new},
    [XFTP_LOG_RECIPIENTS] = {"FADD", read_recipients, write_recipients},
    [XFTP_LOG_UPLOADED] = {"FPUT", read_uploaded, write_uploaded},
    [XFTP_LOG_DELETE] = {"FDEL", read_delete, write_delete},
    [XFTP_LOG_BLOCK] = {"FBLK", read_block, write_block},
    [XFTP_LOG_ACKNOWLEDGED] = {"FACK", read_acknowledged, write_acknowledged},
};

const struct log_record_table xftp_store_log = {kinds, XFTP_LOG_KIND_COUNT, sizeof(struct xftp_log_record)};
