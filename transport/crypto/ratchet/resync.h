/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Agreeing on a new ratchet when the old one is of no use, as after a restored backup (reference: Agent.hs,
 * synchronizeRatchet and newRatchetKey). Both parties send fresh parameters; who joins follows from them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/crypto/ratchet/ratchet.h"

enum { RATCHET_KEY_HASH_SIZE = 32 };

/* What a connection's ratchet is in. In all but the first two, nothing of the user's is sent. */
enum ratchet_sync {
    RATCHET_SYNC_OK,
    RATCHET_SYNC_ALLOWED,  /* a message was lost: the user may ask for a new ratchet */
    RATCHET_SYNC_REQUIRED, /* no message can be read */
    RATCHET_SYNC_STARTED,  /* this party sent its parameters */
    RATCHET_SYNC_AGREED,   /* the new ratchet is there, and nothing has come through it yet */
    RATCHET_SYNC_COUNT,
};

/* "ok", "allowed", … as the reference writes them. */
const char *ratchet_sync_text(enum ratchet_sync sync);
/* SMQ_ERR_SYNTAX. */
enum smq_result ratchet_sync_parse(struct slice text, enum ratchet_sync *sync);
/* The state after a message with this verdict: `before` unless the ratchet is to blame, and always `before` from
 * RATCHET_SYNC_STARTED on. RATCHET_RECEIVED leads back to RATCHET_SYNC_OK, but not from RATCHET_SYNC_STARTED. */
enum ratchet_sync ratchet_sync_after(enum ratchet_sync before, enum ratchet_verdict verdict);

/* SHA-256 of both raw keys: by it a repeated message is known, and the roles are decided. SMQ_ERR_CRYPTO. */
enum smq_result ratchet_key_hash(const struct public_key *first, const struct public_key *second,
                                 uint8_t hash[RATCHET_KEY_HASH_SIZE]);
/* The new ratchet of both parties' parameters. `*joined`: this party has the joiner's role, and sends first. `own`
 * accepts no KEM. SMQ_ERR_PROTOCOL when `peer` does, SMQ_ERR_CRYPTO, SMQ_ERR_NO_MEMORY. */
enum smq_result ratchet_resync(const struct random_source *random, const struct x3dh_keys *own,
                               const struct e2e_parameters *peer, uint16_t version_max, bool pq, bool *joined,
                               struct ratchet *ratchet);
