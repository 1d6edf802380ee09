/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages between agents: the table of their kinds. */
#include "transport/agent/message.h"

#include <string.h>

#include "transport/wire/encoding.h"

enum { NUMBERED = 'M' };

typedef void read_content(struct reader *reader, struct agent_message *message);
typedef void write_content(struct writer *writer, const struct agent_message *message);
typedef void read_item(struct reader *reader);

/* ---- contents ---- */

static void read_nothing(struct reader *reader, struct agent_message *message) {
    (void)reader;
    (void)message;
}

static void write_nothing(struct writer *writer, const struct agent_message *message) {
    (void)writer;
    (void)message;
}

static void read_rest(struct reader *reader, struct agent_message *message) {
    message->content = read_tail(reader);
}

static void write_rest(struct writer *writer, const struct agent_message *message) {
    write_slice(writer, message->content);
}

static void read_list(struct reader *reader, read_item *item, struct agent_list *list) {
    list->count = read_count_nonempty(reader);
    const uint8_t *first = reader->position;
    for (uint8_t i = 0; i < list->count && !reader->failed; i++)
        item(reader);
    list->items = slice_of(first, reader->failed ? 0 : (size_t)(reader->position - first));
}

static void write_list(struct writer *writer, const struct agent_list *list) {
    if (list->count == 0)
        writer_fail(writer);
    write_u8(writer, list->count);
    write_slice(writer, list->items);
}

static void check_queue_info(struct reader *reader) {
    struct queue_uri queue;
    read_queue_info(reader, &queue);
}

static void check_receipt(struct reader *reader) {
    struct agent_receipt receipt;
    read_agent_receipt(reader, &receipt);
}

static void check_queue_add(struct reader *reader) {
    struct agent_queue_add add;
    read_agent_queue_add(reader, &add);
}

static void check_queue_key(struct reader *reader) {
    struct agent_queue_key key;
    read_agent_queue_key(reader, &key);
}

static void check_queue_use(struct reader *reader) {
    struct agent_queue_use use;
    read_agent_queue_use(reader, &use);
}

static void check_address(struct reader *reader) {
    struct queue_address address;
    read_queue_address(reader, &address);
}

static void read_reply(struct reader *reader, struct agent_message *message) {
    read_list(reader, check_queue_info, &message->reply_queues);
    message->content = read_tail(reader);
}

static void write_reply(struct writer *writer, const struct agent_message *message) {
    write_list(writer, &message->reply_queues);
    write_slice(writer, message->content);
}

static void read_receipts(struct reader *reader, struct agent_message *message) {
    read_list(reader, check_receipt, &message->list);
}

static void read_queue_adds(struct reader *reader, struct agent_message *message) {
    read_list(reader, check_queue_add, &message->list);
}

static void read_queue_keys(struct reader *reader, struct agent_message *message) {
    read_list(reader, check_queue_key, &message->list);
}

static void read_queue_uses(struct reader *reader, struct agent_message *message) {
    read_list(reader, check_queue_use, &message->list);
}

static void read_queue_tests(struct reader *reader, struct agent_message *message) {
    read_list(reader, check_address, &message->list);
}

static void write_items(struct writer *writer, const struct agent_message *message) {
    write_list(writer, &message->list);
}

static void read_continue(struct reader *reader, struct agent_message *message) {
    read_queue_address(reader, &message->address);
}

static void write_continue(struct writer *writer, const struct agent_message *message) {
    write_queue_address(writer, &message->address);
}

static void read_ready(struct reader *reader, struct agent_message *message) {
    message->last_id = read_i64(reader);
}

static void write_ready(struct writer *writer, const struct agent_message *message) {
    write_i64(writer, message->last_id);
}

/* ---- the table ---- */

static const struct kind_row {
    const char *tag;  /* of the message, or, when numbered, behind number and hash */
    const char *text; /* in stores */
    bool numbered;
    bool notifies;
    read_content *read;
    write_content *write;
} rows[AGENT_MESSAGE_KIND_COUNT] = {
    [AGENT_CONNECTION_INFO] = {"I", "C", false, true, read_rest, write_rest},
    [AGENT_CONNECTION_INFO_REPLY] = {"D", "D", false, true, read_reply, write_reply},
    [AGENT_RATCHET_INFO] = {"R", "S", false, true, read_rest, write_rest},
    [AGENT_HELLO] = {"H", "H", true, true, read_nothing, write_nothing},
    [AGENT_BODY] = {"M", "M", true, true, read_rest, write_rest},
    [AGENT_RECEIPTS] = {"V", "V", true, false, read_receipts, write_items},
    [AGENT_CONTINUE] = {"QC", "QC", true, false, read_continue, write_continue},
    [AGENT_QUEUE_ADD] = {"QA", "QA", true, false, read_queue_adds, write_items},
    [AGENT_QUEUE_KEY] = {"QK", "QK", true, false, read_queue_keys, write_items},
    [AGENT_QUEUE_USE] = {"QU", "QU", true, false, read_queue_uses, write_items},
    [AGENT_QUEUE_TEST] = {"QT", "QT", true, false, read_queue_tests, write_items},
    [AGENT_RATCHET_READY] = {"E", "E", true, true, read_ready, write_ready},
};

/* No tag is the beginning of another of its group. */
static enum agent_message_kind read_kind(struct reader *reader, bool numbered) {
    for (int kind = 0; kind < AGENT_MESSAGE_KIND_COUNT; kind++)
        if (rows[kind].numbered == numbered && read_if(reader, rows[kind].tag))
            return (enum agent_message_kind)kind;
    reader_fail(reader);
    return AGENT_CONNECTION_INFO;
}

enum smq_result agent_message_parse(struct slice bytes, struct agent_message *message) {
    struct reader reader = reader_of(bytes);
    memset(message, 0, sizeof *message);
    bool numbered = reader_peek(&reader) == NUMBERED;
    if (numbered) {
        (void)read_u8(&reader);
        message->id = read_i64(&reader);
        message->previous_hash = read_short(&reader);
    }
    message->kind = read_kind(&reader, numbered);
    rows[message->kind].read(&reader, message);
    return reader_finish(&reader);
}

void write_agent_message(struct writer *writer, const struct agent_message *message) {
    if (message->kind >= AGENT_MESSAGE_KIND_COUNT) {
        writer_fail(writer);
        return;
    }
    const struct kind_row *row = &rows[message->kind];
    if (row->numbered) {
        write_u8(writer, NUMBERED);
        write_i64(writer, message->id);
        write_short(writer, message->previous_hash);
    }
    write_text(writer, row->tag);
    row->write(writer, message);
}

const char *agent_message_kind_text(enum agent_message_kind kind) {
    return rows[kind].text;
}

bool agent_message_notifies(enum agent_message_kind kind) {
    return rows[kind].notifies;
}
