/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Verification of commands. The time it takes depends on the kind of the authorization given, not on what is stored:
 * where a key is missing or of another kind, a fixed key is checked instead and the outcome dropped ("key type against
 * authorization type" of the protocol's rules). */
#include "actors/router/verify.h"

#include "queues/base/postpone.h"
#include "transport/block/key_list.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

/* What a check costs, about, in microseconds of a core; the lane serves its sessions by that. Others are not kept
 * waiting for their wakes by a long one. */
static void charge(const struct verification *verification, enum authorization_kind kind) {
    static const uint16_t costs[] = {
        [AUTHORIZATION_NONE] = 0,
        [AUTHORIZATION_ED25519] = 90,
        [AUTHORIZATION_ED448] = 260,
        [AUTHORIZATION_AUTHENTICATOR] = 45,
    };
    *verification->cost_us += costs[kind];
    if (kind == AUTHORIZATION_ED448)
        postponed_run();
}

struct slice verification_bytes(const struct verification *verification) {
    return authorized_contiguous(&verification->authorized, verification->scratch, AUTHORIZED_MAX);
}

void verify_nothing(const struct verification *verification) {
    const struct transmission *transmission = verification->transmission;
    charge(verification, transmission->authorization_kind);
    authorization_verify_dummy(transmission->authorization, transmission->correlation_id,
                               verification_bytes(verification), &verification->session->handshake_key.private_key);
}

/* A secret is cached only once its key has proved itself, so that a failing check never becomes cheaper than the dummy
 * one. */
static bool verify_authenticator(const struct verification *verification, const struct public_key *key) {
    struct secret_cache *cache = &verification->session->secrets;
    const struct transmission *transmission = verification->transmission;
    const struct box_key *cached = secret_cache_find(cache, key);
    struct box_key agreed;
    if (cached == NULL)
        charge(verification, AUTHORIZATION_AUTHENTICATOR);
    if (cached == NULL && box_key_agree(&verification->session->handshake_key.private_key, key, &agreed) != SMQ_OK)
        return false;
    bool verified =
        authenticator_verify(cached != NULL ? cached : &agreed, transmission->correlation_id,
                             verification->authorized.parts, AUTHORIZED_PARTS, transmission->authorization) == SMQ_OK;
    if (cached == NULL) {
        if (verified)
            secret_cache_add(cache, key, &agreed);
        box_key_wipe(&agreed);
    }
    return verified;
}

bool verify_signature(const struct verification *verification, const struct public_key *key, struct slice message,
                      struct slice signature) {
    charge(verification, key->algorithm == KEY_ED448 ? AUTHORIZATION_ED448 : AUTHORIZATION_ED25519);
    return signature_verify(key, message, signature) == SMQ_OK;
}

bool verify_key(const struct verification *verification, const struct public_key *key) {
    const struct transmission *transmission = verification->transmission;
    switch (transmission->authorization_kind) {
    case AUTHORIZATION_NONE:
        return false;
    case AUTHORIZATION_ED25519:
        if (key->algorithm == KEY_ED25519)
            return verify_signature(verification, key, verification_bytes(verification), transmission->authorization);
        break;
    case AUTHORIZATION_ED448:
        if (key->algorithm == KEY_ED448)
            return verify_signature(verification, key, verification_bytes(verification), transmission->authorization);
        break;
    case AUTHORIZATION_AUTHENTICATOR:
        if (key->algorithm == KEY_X25519)
            return verify_authenticator(verification, key);
        break;
    }
    verify_nothing(verification);
    return false;
}

bool verify_stored_key(const struct verification *verification, struct slice der) {
    struct public_key key;
    if (public_key_parse(der, &key) != SMQ_OK) {
        verify_nothing(verification);
        return false;
    }
    return verify_key(verification, &key);
}

/* Any key of the list, in order. */
bool verify_key_list(const struct verification *verification, struct slice keys) {
    struct reader reader = reader_of(keys);
    struct public_key key;
    (void)read_u8(&reader);
    while (key_list_next(&reader, &key))
        if (verify_key(verification, &key))
            return true;
    return false;
}
