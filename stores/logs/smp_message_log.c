/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages and notifications as lines. */
#include "stores/logs/smp_message_log.h"

#include <string.h>

#include "queues/base/text.h"

/* ---- messages ---- */

/* Flags are one letter; later versions may add to them, up to the space. */
static bool read_flags(struct reader *reader) {
    if (!read_if(reader, "flags="))
        return false;
    bool notify = read_bool(reader);
    (void)read_until(reader, ' ');
    read_literal(reader, " ");
    return notify;
}

static void read_message(struct log_reader *reader, struct smp_log_message *message) {
    struct reader *text = &reader->text;
    message->id = log_read_id(reader);
    read_literal(text, " ");
    message->timestamp = read_signed_decimal(text);
    read_literal(text, " ");
    struct reader marker = *text;
    message->is_marker = read_if(&marker, "quota") && reader_left(&marker) == 0;
    if (message->is_marker) {
        *text = marker;
        return;
    }
    message->notify = read_flags(text);
    message->body = log_read_bytes_or_none(reader);
}

static void read_message_of_queue(struct log_reader *reader, void *target) {
    struct smp_log_message *message = target;
    read_literal(&reader->text, " ");
    message->recipient_id = log_read_id(reader);
    read_literal(&reader->text, " ");
    read_message(reader, message);
}

static void write_message_of_queue(struct writer *writer, const void *source) {
    const struct smp_log_message *message = source;
    write_u8(writer, ' ');
    log_write_bytes(writer, message->recipient_id);
    write_u8(writer, ' ');
    log_write_bytes(writer, message->id);
    write_u8(writer, ' ');
    write_signed_decimal(writer, message->timestamp);
    write_text(writer, message->is_marker ? " quota" : message->notify ? " flags=T " : " flags=F ");
    if (!message->is_marker)
        log_write_bytes(writer, message->body);
}

enum smq_result smp_journal_message_read(struct slice line, uint8_t *room, size_t room_size,
                                         struct smp_log_message *message) {
    struct log_reader reader = {.text = reader_of(line), .decoded = writer_of(room, room_size)};
    memset(message, 0, sizeof *message);
    read_message(&reader, message);
    return reader_finish(&reader.text);
}

static const struct log_record_kind message_kinds[] = {{"v3", read_message_of_queue, write_message_of_queue}};

const struct log_record_table smp_message_log = {message_kinds, 1, sizeof(struct smp_log_message)};

/* ---- notifications ---- */

static void read_notification(struct log_reader *reader, void *target) {
    struct smp_log_notification *notification = target;
    struct reader *text = &reader->text;
    read_literal(text, " ");
    notification->notifier_id = log_read_id(reader);
    read_literal(text, " ");
    notification->message_id = log_read_id(reader);
    read_literal(text, " ");
    notification->timestamp = read_signed_decimal(text);
    read_literal(text, " ");
    notification->nonce = log_read_bytes(reader);
    read_literal(text, " ");
    notification->meta = log_read_bytes(reader);
}

static void write_notification(struct writer *writer, const void *source) {
    const struct smp_log_notification *notification = source;
    write_u8(writer, ' ');
    log_write_bytes(writer, notification->notifier_id);
    write_u8(writer, ' ');
    log_write_bytes(writer, notification->message_id);
    write_u8(writer, ' ');
    write_signed_decimal(writer, notification->timestamp);
    write_u8(writer, ' ');
    log_write_bytes(writer, notification->nonce);
    write_u8(writer, ' ');
    log_write_bytes(writer, notification->meta);
}

static const struct log_record_kind notification_kinds[] = {{"v1", read_notification, write_notification}};

const struct log_record_table smp_notification_log = {notification_kinds, 1, sizeof(struct smp_log_notification)};
