/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What NMSG tells the recipient through the notifier: which message arrived, and when (reference: Protocol.hs,
 * NMsgMeta). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"

enum {
    NOTIFICATION_META_PADDED = 128,
    NOTIFICATION_META_SIZE = NOTIFICATION_META_PADDED + BOX_TAG_SIZE, /* 144 */
};

struct notification_meta {
    struct slice message_id; /* borrowed */
    int64_t timestamp;       /* seconds */
};

/* Fills `output` (NOTIFICATION_META_SIZE bytes). SMQ_ERR_TOO_LARGE when the id is longer than the padding allows. */
enum smq_result notification_meta_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE],
                                       const struct notification_meta *meta, uint8_t *output);
/* Decrypts in place; unknown bytes after the known fields are ignored. SMQ_ERR_CRYPTO, SMQ_ERR_SYNTAX. */
enum smq_result notification_meta_open(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *sealed,
                                       size_t length, struct notification_meta *meta);
