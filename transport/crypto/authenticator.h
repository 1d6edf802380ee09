/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command authenticators of X25519 queue keys, and the dummy checks that hide which queues exist (reference: Crypto.hs,
 * cbAuthenticate; Server.hs, dummyVerifyCmd). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"

enum { AUTHENTICATOR_SIZE = 80 };

/* Authenticator = box of SHA-512 of the concatenated parts; `key` is the agreement of the queue key and the session
 * key, the nonce is the correlation id extended or cut to 24 bytes. SMQ_ERR_CRYPTO when hashing failed. */
enum smq_result authenticator_create(const struct box_key *key, struct slice corr_id, const struct slice *authorized,
                                     size_t count, uint8_t authenticator[AUTHENTICATOR_SIZE]);
/* SMQ_OK, or SMQ_ERR_CRYPTO when it is not the authenticator of these parts (compared in constant time). A caller that
 * caches `key` for a connection must do so only after a success: a failed check then always costs the same agreement as
 * the dummy one. */
enum smq_result authenticator_verify(const struct box_key *key, struct slice corr_id, const struct slice *authorized,
                                     size_t count, struct slice authenticator);

/* Does the work of checking `authorization` against one of three fixed public keys, and forgets the outcome: 64 bytes
 * as Ed25519, 114 as Ed448, 80 as X25519 including the agreement with `session_key` (no agreement when that is NULL).
 * Any other size does nothing. For unknown queues and for keys of another type. */
void authorization_verify_dummy(struct slice authorization, struct slice corr_id, struct slice authorized,
                                const struct private_key *session_key);
