/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a push tells an app: the plaintext of `message` in a notification, and the box around it and around the
 * registration code (reference: PNMessageData, Notifications/Server/Push). Pure and re-entrant: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/box.h"
#include "transport/crypto/notification_meta.h"
#include "transport/ntf/queue.h"

enum {
    NTF_MESSAGES_MAX = 6,          /* items that a router puts into one push */
    NTF_PADDED_DEFAULT = 3072,     /* what a push's plaintext is padded to; readers take any size */
    NTF_PADDED_WEB_DEFAULT = 2816, /* for WebPush, whose services need not take more than 4,096 bytes in all */
    NTF_PADDED_MIN = 1024,         /* the least and the most that routers may be told to use */
    NTF_PADDED_MAX = 4096,
    NTF_SEALED_MAX = NTF_PADDED_MAX + BOX_TAG_SIZE,
};

/* "There is something in this queue." */
struct ntf_message {
    struct ntf_queue queue;
    int64_t timestamp; /* seconds; when the NTF router learned of it */
    uint8_t nonce[BOX_NONCE_SIZE];
    uint8_t meta[NOTIFICATION_META_SIZE]; /* encrypted for the app by the SMP router (notification_meta.h) */
};

/* `<queue> <seconds> <base64url nonce> <base64url meta>`. The reader leaves what follows; it fails on a nonce or meta
 * of another size. */
void read_ntf_message(struct reader *reader, struct ntf_message *message);
void write_ntf_message(struct writer *writer, const struct ntf_message *message);

/* The next of the items of a plaintext, which are separated by `;`, oldest first. True when there was one; false at
 * the end, and with the reader failed when the bytes are none. At most NTF_MESSAGES_MAX come from a router that keeps
 * to the protocol; the caller bounds what it takes. */
bool ntf_messages_next(struct reader *reader, struct ntf_message *message);
/* Appends one, with `;` in front unless it is the first thing written. */
void write_ntf_messages_item(struct writer *writer, const struct ntf_message *message);

/* Seals `plaintext` (a list of items, or a registration code) with the token's key into `sealed`, of `padded_size` +
 * BOX_TAG_SIZE bytes. SMQ_ERR_TOO_LARGE when it is longer than `padded_size` - 2 or `padded_size` is not within
 * NTF_PADDED_MIN and NTF_PADDED_MAX. */
enum smq_result ntf_push_seal(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], struct slice plaintext,
                              size_t padded_size, uint8_t *sealed);
/* App side: decrypts in place. `plaintext` points into `sealed`. SMQ_ERR_CRYPTO. */
enum smq_result ntf_push_open(const struct box_key *key, const uint8_t nonce[BOX_NONCE_SIZE], uint8_t *sealed,
                              size_t length, struct slice *plaintext);
