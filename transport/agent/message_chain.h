/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The chain of messages of one direction of a connection: numbers without gaps, each with the hash of the message
 * before (reference: Agent.hs, checkMsgIntegrity). Confirmations are number 1 without carrying it. Pure: any thread.
 */
#pragma once

#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/hash.h"

struct message_chain {
    int64_t last_id;     /* 0: none yet */
    uint8_t hash_length; /* 0 or HASH_SHA256_SIZE */
    uint8_t hash[HASH_SHA256_SIZE];
};

enum message_integrity {
    MESSAGE_OK,
    MESSAGE_BAD_ID,    /* of a message before the last; `id` */
    MESSAGE_DUPLICATE, /* of the last */
    MESSAGE_SKIPPED,   /* messages `from` to `to` did not come */
    MESSAGE_BAD_HASH,
};

struct message_integrity_result {
    enum message_integrity integrity;
    int64_t id;
    int64_t from, to;
};

/* What the message of this number and previous hash is to `chain`. */
struct message_integrity_result message_chain_check(const struct message_chain *chain, int64_t id,
                                                    struct slice previous_hash);
/* Takes a message into the chain, however the check came out: `plaintext` is the whole encoding of the agent message,
 * without padding. SMQ_ERR_CRYPTO. */
enum smq_result message_chain_take(struct message_chain *chain, int64_t id, struct slice plaintext);

/* The hash of the last message, for the next: empty when there was none. Borrowed. */
struct slice message_chain_hash(const struct message_chain *chain);

/* `OK`, `ERR NO_ID 3 5`, `ERR ID 2`, `ERR HASH`, `ERR DUPLICATE`. */
void write_message_integrity(struct writer *writer, const struct message_integrity_result *result);
enum smq_result message_integrity_parse(struct slice text, struct message_integrity_result *result);
/* As JSON: `{"type":"msgOk"}`, `{"type":"msgError","errorInfo":{"type":"msgSkipped","fromMsgId":3,"toMsgId":5}}`. */
void write_message_integrity_json(struct writer *writer, const struct message_integrity_result *result);
