/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Encryption of WebPush bodies for the subscriber (RFC 8291: aes128gcm of RFC 8188, in one record). Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/p256.h"

enum {
    WEB_PUSH_SALT_SIZE = 16,
    WEB_PUSH_AUTH_SIZE = 16,
    WEB_PUSH_HEADER_SIZE = WEB_PUSH_SALT_SIZE + 4 + 1 + P256_POINT_SIZE,
    WEB_PUSH_TAG_SIZE = 16,
    WEB_PUSH_BODY_MAX = 4096, /* what services have to take; the record's size */
    WEB_PUSH_PLAINTEXT_MAX = WEB_PUSH_BODY_MAX - WEB_PUSH_HEADER_SIZE - 1 - WEB_PUSH_TAG_SIZE,
};

/* Whom a body is for: what the client gave with its endpoint. */
struct web_push_receiver {
    uint8_t point[P256_POINT_SIZE];
    uint8_t auth[WEB_PUSH_AUTH_SIZE];
};

/* Appends the encrypted body, plaintext.length + WEB_PUSH_BODY_MAX - WEB_PUSH_PLAINTEXT_MAX bytes. `key` and `salt`
 * are fresh for each body. SMQ_ERR_TOO_LARGE when the plaintext exceeds WEB_PUSH_PLAINTEXT_MAX or does not fit,
 * SMQ_ERR_CRYPTO. */
enum smq_result web_push_encrypt(struct writer *writer, const struct web_push_receiver *receiver,
                                 const struct p256_key *key, const uint8_t salt[WEB_PUSH_SALT_SIZE],
                                 struct slice plaintext);
/* The receiver's side: decrypts `body` into `plaintext`, which has WEB_PUSH_PLAINTEXT_MAX bytes. SMQ_ERR_SYNTAX for
 * what is no body of one record, SMQ_ERR_CRYPTO. */
enum smq_result web_push_decrypt(struct slice body, const struct p256_key *key, const uint8_t auth[WEB_PUSH_AUTH_SIZE],
                                 uint8_t *plaintext, size_t *length);
