/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Device tokens: which push provider wakes the device, and by what address (reference: Notifications/Protocol.hs).
 * Pure and re-entrant: any thread. Slices of parsed tokens point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/push/web_encryption.h"
#include "transport/wire/host.h"

enum push_provider {
    PUSH_APNS_DEV,  /* AD: Apple's sandbox */
    PUSH_APNS_PROD, /* AP */
    PUSH_APNS_TEST, /* AT: a mock on this host */
    PUSH_APNS_NULL, /* AN: pushes nothing, always with success */
    PUSH_WEB,       /* WP: an endpoint of RFC 8030 that the client names */
    PUSH_PROVIDER_COUNT
};

enum { DEVICE_TOKEN_TEXT_MAX = 1024 }; /* room for any token in text */

struct device_token {
    enum push_provider provider;
    struct slice token; /* APNS: ASCII hex, which goes into a URL; any bytes when it came in binary */
    struct {
        struct host host;
        uint16_t port;                     /* 0: not named, 443 */
        struct slice path;                 /* begins with `/`; printable ASCII without spaces */
        struct web_push_receiver receiver; /* its point, of the curve, is called p256dh */
    } web;                                 /* WebPush */
};

/* `apns_prod`, …; of PUSH_WEB `webpush`. */
const char *push_provider_text(enum push_provider provider);

/* Binary: two letters; then a short token, or for PUSH_WEB short host, short port, short path, short auth, short key.
 */
void read_device_token(struct reader *reader, struct device_token *token);
void write_device_token(struct writer *writer, const struct device_token *token);
/* Text: `apns_prod <hex>` (lower-case, of even length; `test_ntf_token` for apns_null), or
 * `webpush https://host[:port]<path> <base64url auth> <base64url key>`. SMQ_ERR_SYNTAX. */
enum smq_result device_token_parse(struct slice text, struct device_token *token);
/* Writes the binary's bytes as they are: what came in binary need not parse as text. */
void write_device_token_text(struct writer *writer, const struct device_token *token);

/* `{"pushProvider":"apns_prod","token":"…"}`, as apps have it; fails for what does not parse as an APNS token in
 * text. */
void write_device_token_json(struct writer *writer, const struct device_token *token);

/* Same provider and same address. */
bool device_token_equal(const struct device_token *a, const struct device_token *b);
/* Whether an APNS token can stand in a URL's path as it is: letters, digits, `-` and `_`, at least one. Pushing to any
 * other is refused, so that no client makes the router ask for another path. */
bool device_token_in_path(const struct device_token *token);
