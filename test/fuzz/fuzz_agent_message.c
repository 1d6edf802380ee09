/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes what agents send each other, and their stored commands: what parses is written in a form that parses to the
 * same. The first byte says whether the rest is an envelope, a message, or a command. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/agent/command.h"
#include "transport/agent/envelope.h"
#include "transport/agent/message.h"
#include "transport/crypto/setup.h"

enum { ROOM = 1 << 17 };

static uint8_t first[ROOM], second[ROOM];

static struct slice rewrite_envelope(const struct agent_envelope *envelope, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, ROOM);
    write_agent_envelope(&writer, envelope);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_envelope(struct slice input) {
    struct agent_envelope envelope;
    if (agent_envelope_parse(input, &envelope) != SMQ_OK)
        return;
    struct slice written = rewrite_envelope(&envelope, first);
    PROMISE(fuzz_equal(written, input));
    PROMISE(agent_envelope_parse(written, &envelope) == SMQ_OK);
}

/* Goes through the items of a list, whose kind's reader cannot fail any more. */
static void walk_list(enum agent_message_kind kind, const struct agent_list *list) {
    struct reader reader = reader_of(list->items);
    for (unsigned i = 0; i < list->count; i++) {
        union {
            struct agent_receipt receipt;
            struct agent_queue_add add;
            struct agent_queue_key key;
            struct agent_queue_use use;
            struct queue_address address;
            struct queue_uri queue;
        } item;
        switch (kind) {
        case AGENT_RECEIPTS:
            read_agent_receipt(&reader, &item.receipt);
            break;
        case AGENT_QUEUE_ADD:
            read_agent_queue_add(&reader, &item.add);
            break;
        case AGENT_QUEUE_KEY:
            read_agent_queue_key(&reader, &item.key);
            break;
        case AGENT_QUEUE_USE:
            read_agent_queue_use(&reader, &item.use);
            break;
        case AGENT_QUEUE_TEST:
            read_queue_address(&reader, &item.address);
            break;
        default:
            read_queue_info(&reader, &item.queue);
            break;
        }
    }
    PROMISE(reader_finish(&reader) == SMQ_OK);
}

static struct slice rewrite_message(const struct agent_message *message, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, ROOM);
    write_agent_message(&writer, message);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_message(struct slice input) {
    struct agent_message message;
    if (agent_message_parse(input, &message) != SMQ_OK)
        return;
    if (message.kind == AGENT_CONNECTION_INFO_REPLY)
        walk_list(message.kind, &message.reply_queues);
    if (message.kind == AGENT_RECEIPTS || (message.kind >= AGENT_QUEUE_ADD && message.kind <= AGENT_QUEUE_TEST))
        walk_list(message.kind, &message.list);
    struct slice written = rewrite_message(&message, first);
    /* The one address that is not kept as it came may have had zeroes before its port, or a host in another form. */
    PROMISE(message.kind == AGENT_CONTINUE || fuzz_equal(written, input));
    PROMISE(agent_message_parse(written, &message) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite_message(&message, second), written));
}

static struct slice rewrite_command(const struct agent_command *command, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, ROOM);
    write_agent_command(&writer, command);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_command(struct slice input) {
    struct agent_command command;
    if (agent_command_parse(input, &command) != SMQ_OK)
        return;
    struct slice written = rewrite_command(&command, first);
    PROMISE(agent_command_parse(written, &command) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite_command(&command, second), written));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length < 1 || length > 1 << 16)
        return 0;
    PROMISE(crypto_setup() == SMQ_OK);
    struct slice input = slice_of(bytes + 1, length - 1);
    switch (bytes[0] % 3) {
    case 0:
        fuzz_envelope(input);
        break;
    case 1:
        fuzz_message(input);
        break;
    default:
        fuzz_command(input);
        break;
    }
    return 0;
}
