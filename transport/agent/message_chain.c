/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The chain of messages of one direction. */
#include "transport/agent/message_chain.h"

#include "transport/wire/encoding.h"
#include "transport/wire/text.h"

struct slice message_chain_hash(const struct message_chain *chain) {
    return slice_of(chain->hash, chain->hash_length);
}

struct message_integrity_result message_chain_check(const struct message_chain *chain, int64_t id,
                                                    struct slice previous_hash) {
    int64_t last = chain->last_id;
    if (id < last)
        return (struct message_integrity_result){.integrity = MESSAGE_BAD_ID, .id = id};
    if (id == last)
        return (struct message_integrity_result){.integrity = MESSAGE_DUPLICATE};
    if (id - 1 > last)
        return (struct message_integrity_result){.integrity = MESSAGE_SKIPPED, .from = last + 1, .to = id - 1};
    bool linked = slice_equal(previous_hash, message_chain_hash(chain));
    return (struct message_integrity_result){.integrity = linked ? MESSAGE_OK : MESSAGE_BAD_HASH};
}

enum smq_result message_chain_take(struct message_chain *chain, int64_t id, struct slice plaintext) {
    enum smq_result result = hash_slice(HASH_SHA256, plaintext, chain->hash);
    if (result != SMQ_OK)
        return result;
    chain->hash_length = HASH_SHA256_SIZE;
    chain->last_id = id;
    return SMQ_OK;
}

/* ---- text ---- */

void write_message_integrity(struct writer *writer, const struct message_integrity_result *result) {
    switch (result->integrity) {
    case MESSAGE_OK:
        write_text(writer, "OK");
        break;
    case MESSAGE_BAD_ID:
        write_text(writer, "ERR ID ");
        write_signed_decimal(writer, result->id);
        break;
    case MESSAGE_DUPLICATE:
        write_text(writer, "ERR DUPLICATE");
        break;
    case MESSAGE_SKIPPED:
        write_text(writer, "ERR NO_ID ");
        write_signed_decimal(writer, result->from);
        write_space(writer);
        write_signed_decimal(writer, result->to);
        break;
    case MESSAGE_BAD_HASH:
        write_text(writer, "ERR HASH");
        break;
    }
}

static void read_error(struct reader *reader, struct message_integrity_result *result) {
    if (read_if(reader, "ID ")) {
        result->integrity = MESSAGE_BAD_ID;
        result->id = read_signed_decimal(reader);
    } else if (read_if(reader, "NO_ID ")) {
        result->integrity = MESSAGE_SKIPPED;
        result->from = read_signed_decimal(reader);
        read_space(reader);
        result->to = read_signed_decimal(reader);
    } else if (read_if(reader, "HASH")) {
        result->integrity = MESSAGE_BAD_HASH;
    } else {
        read_literal(reader, "DUPLICATE");
        result->integrity = MESSAGE_DUPLICATE;
    }
}

enum smq_result message_integrity_parse(struct slice text, struct message_integrity_result *result) {
    struct message_integrity_result parsed = {.integrity = MESSAGE_OK};
    struct reader reader = reader_of(text);
    if (!read_if(&reader, "OK")) {
        read_literal(&reader, "ERR ");
        read_error(&reader, &parsed);
    }
    enum smq_result finished = reader_finish(&reader);
    if (finished == SMQ_OK)
        *result = parsed;
    return finished;
}

void write_message_integrity_json(struct writer *writer, const struct message_integrity_result *result) {
    static const char *const types[] = {[MESSAGE_BAD_ID] = "msgBadId\",\"msgId\":",
                                        [MESSAGE_DUPLICATE] = "msgDuplicate\"",
                                        [MESSAGE_SKIPPED] = "msgSkipped\",\"fromMsgId\":",
                                        [MESSAGE_BAD_HASH] = "msgBadHash\""};
    if (result->integrity == MESSAGE_OK) {
        write_text(writer, "{\"type\":\"msgOk\"}");
        return;
    }
    write_text(writer, "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"");
    write_text(writer, types[result->integrity]);
    if (result->integrity == MESSAGE_BAD_ID)
        write_signed_decimal(writer, result->id);
    if (result->integrity == MESSAGE_SKIPPED) {
        write_signed_decimal(writer, result->from);
        write_text(writer, ",\"toMsgId\":");
        write_signed_decimal(writer, result->to);
    }
    write_text(writer, "}}");
}
