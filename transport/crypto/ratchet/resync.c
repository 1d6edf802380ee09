/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Re-synchronisation: states, roles and the new ratchet. */
#include "transport/crypto/ratchet/resync.h"

#include <string.h>

#include "transport/crypto/hash.h"

static const char *const texts[RATCHET_SYNC_COUNT] = {
    [RATCHET_SYNC_OK] = "ok",           [RATCHET_SYNC_ALLOWED] = "allowed", [RATCHET_SYNC_REQUIRED] = "required",
    [RATCHET_SYNC_STARTED] = "started", [RATCHET_SYNC_AGREED] = "agreed",
};

const char *ratchet_sync_text(enum ratchet_sync sync) {
    return texts[sync];
}

enum smq_result ratchet_sync_parse(struct slice text, enum ratchet_sync *sync) {
    for (enum ratchet_sync each = RATCHET_SYNC_OK; each < RATCHET_SYNC_COUNT; each++) {
        if (slice_equal(text, slice_of_text(texts[each]))) {
            *sync = each;
            return SMQ_OK;
        }
    }
    return SMQ_ERR_SYNTAX;
}

enum ratchet_sync ratchet_sync_after(enum ratchet_sync before, enum ratchet_verdict verdict) {
    if (verdict == RATCHET_RECEIVED)
        return before == RATCHET_SYNC_STARTED ? before : RATCHET_SYNC_OK;
    if (before >= RATCHET_SYNC_STARTED)
        return before;
    switch (verdict) {
    case RATCHET_WRONG_BODY:
    case RATCHET_EARLIER:
        return RATCHET_SYNC_ALLOWED;
    case RATCHET_UNKNOWN_HEADER:
    case RATCHET_TOO_MANY:
        return RATCHET_SYNC_REQUIRED;
    default:
        return before;
    }
}

enum smq_result ratchet_key_hash(const struct public_key *first, const struct public_key *second,
                                 uint8_t hash[RATCHET_KEY_HASH_SIZE]) {
    struct slice parts[] = {slice_of(first->bytes, first->length), slice_of(second->bytes, second->length)};
    return hash_parts(HASH_SHA256, parts, 2, hash);
}

enum smq_result ratchet_resync(const struct random_source *random, const struct x3dh_keys *own,
                               const struct e2e_parameters *peer, uint16_t version_max, bool pq, bool *joined,
                               struct ratchet *ratchet) {
    uint8_t own_hash[RATCHET_KEY_HASH_SIZE], peer_hash[RATCHET_KEY_HASH_SIZE];
    if (own->kem.offer == KEM_ACCEPTED || peer->kem.offer == KEM_ACCEPTED)
        return SMQ_ERR_PROTOCOL;
    enum smq_result result = ratchet_key_hash(&own->first.public_key, &own->second.public_key, own_hash);
    if (result == SMQ_OK)
        result = ratchet_key_hash(&peer->first, &peer->second, peer_hash);
    if (result != SMQ_OK)
        return result;
    bool joins = memcmp(own_hash, peer_hash, sizeof own_hash) > 0;
    result = joins ? ratchet_join(random, own, peer, version_max, ratchet)
                   : ratchet_initiate(own, peer, version_max, pq, ratchet);
    if (result == SMQ_OK)
        *joined = joins;
    return result;
}
