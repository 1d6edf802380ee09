/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The body of MSG: what the router encrypts for the recipient (reference: Server.hs, encryptMsg; Protocol.hs,
 * RcvMsgBody). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"

enum {
    MESSAGE_ID_SIZE = 24,
    MESSAGE_BODY_SENT_MAX = 16088, /* the longest body of any SEND */
    MESSAGE_BODY_PADDED = 16106,
    MESSAGE_BODY_SIZE = MESSAGE_BODY_PADDED + BOX_TAG_SIZE, /* 16,122: always, in every version */
};

/* Builds the whole encrypted body in `output` (MESSAGE_BODY_SIZE bytes); `body` is copied once, everything else happens
 * in place. `message_id` is the nonce, so the same message gives the same bytes each time. SMQ_ERR_TOO_LARGE. Any
 * thread. */
enum smq_result message_body_seal(const struct box_key *key, const uint8_t message_id[MESSAGE_ID_SIZE],
                                  int64_t timestamp, bool notification, struct slice body, uint8_t *output);
/* The same for a body that is in pieces: begin, write it with the writer, then finish. */
struct writer message_body_begin(int64_t timestamp, bool notification, uint8_t *output);
enum smq_result message_body_finish(const struct box_key *key, const uint8_t message_id[MESSAGE_ID_SIZE],
                                    const struct writer *body, uint8_t *output);
/* The marker that tells the recipient that the queue was full. */
void message_body_seal_quota(const struct box_key *key, const uint8_t message_id[MESSAGE_ID_SIZE], int64_t timestamp,
                             uint8_t *output);

struct message_body {
    bool quota;        /* the marker: only `timestamp` is set besides */
    bool notification; /* the sender asked for one */
    int64_t timestamp; /* seconds, when the router received it */
    struct slice body; /* borrowed from the buffer */
};

/* Decrypts in place and parses (clients). SMQ_ERR_CRYPTO when it does not decrypt, SMQ_ERR_SYNTAX when the plaintext
 * does not parse. */
enum smq_result message_body_open(const struct box_key *key, struct slice message_id, uint8_t *sealed, size_t length,
                                  struct message_body *message);
