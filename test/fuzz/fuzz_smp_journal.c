/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes what is in a journal: a state (first byte even), or a message. */
#include "stores/logs/smp_journal.h"
#include "stores/logs/smp_message_log.h"
#include "test/fuzz/fuzz.h"

static void check_state(struct slice line) {
    struct smp_journal_state state;
    if (smp_journal_state_read(line, &state) != SMQ_OK)
        return;
    const struct smp_journal_position *read = &state.read, *write = &state.write;
    PROMISE(read->byte <= read->bytes && write->byte == write->bytes && read->message <= read->messages);
    PROMISE(state.size <= read->messages + write->messages);
    PROMISE(memchr(read->journal.bytes, '/', read->journal.length) == NULL);
    PROMISE(memchr(write->journal.bytes, '.', write->journal.length) == NULL);
}

static void check_message(struct slice line) {
    struct smp_log_message message;
    uint8_t *room = malloc(line.length + 1);
    PROMISE(room != NULL);
    if (smp_journal_message_read(line, room, line.length, &message) == SMQ_OK)
        PROMISE(message.id.length > 0 && message.body.length <= line.length &&
                (!message.is_marker || message.body.length == 0));
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length == 0)
        return 0;
    struct slice line = slice_of(bytes + 1, length - 1);
    if (bytes[0] % 2 == 0)
        check_state(line);
    else
        check_message(line);
    return 0;
}
