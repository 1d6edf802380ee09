/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The signed tokens that routers show to push services: JSON Web Tokens with ES256 (RFC 7515, 7518), and those of
 * Apple and of WebPush (RFC 8292). Functions of key and time, but for the randomness in signatures. Any thread. */
#pragma once

#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/p256.h"

enum {
    JWT_APNS_LIFE = 1800,  /* seconds that routers go on using one; Apple takes them for an hour */
    JWT_VAPID_LIFE = 3600, /* seconds until one expires */
    JWT_PART_MAX = 512,    /* bytes of a header or of claims */
    JWT_TEXT_MAX = 1600,   /* room for any token, and for any value of a header that holds one */
};

/* `<header>.<claims>.<signature>`, each in base64url without padding; `header` and `claims` are JSON, written as they
 * are. SMQ_ERR_CRYPTO, SMQ_ERR_TOO_LARGE. */
enum smq_result jwt_write(struct writer *writer, const struct p256_key *key, struct slice header, struct slice claims);

/* Apple's: of this key's id, issued by this team at `now` (seconds). SMQ_ERR_INVALID when an id is empty or has other
 * characters than letters and digits. */
enum smq_result jwt_apns_write(struct writer *writer, const struct p256_key *key, struct slice key_id,
                               struct slice team_id, int64_t now);

/* The Authorization of WebPush, `vapid t=<token>,k=<point>`, good until `now` + JWT_VAPID_LIFE for the endpoints of
 * one origin. `audience` is `https://` and an authority, `subject` an https: or mailto: URI of the operator.
 * SMQ_ERR_INVALID when one of them has a character that JSON would have to escape. */
enum smq_result jwt_vapid_write(struct writer *writer, const struct p256_key *key, struct slice audience,
                                struct slice subject, int64_t now);
/* `k`, which routers tell their clients. */
void jwt_vapid_key_write(struct writer *writer, const struct p256_key *key);
