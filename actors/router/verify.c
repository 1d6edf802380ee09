/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Verification of commands. The time it takes depends on the kind of the authorization given, not on what is stored:
 * where a key is missing or of another kind, a fixed key is checked instead and the outcome dropped (SMP authorization
 * rules, "key type against authorization type"). */
#include "actors/router/verify.h"

#include "queues/base/postpone.h"
#include "queues/base/secret.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

/* What a check costs, about, in microseconds of a core; the lane serves its sessions by that. Others are not kept
 * waiting for their wakes by a long one. */
static void charge(const struct verification *verification, enum smp_authorization_kind kind) {
    static const uint16_t costs[] = {
        [SMP_AUTHORIZATION_NONE] = 0,
        [SMP_AUTHORIZATION_ED25519] = 90,
        [SMP_AUTHORIZATION_ED448] = 260,
        [SMP_AUTHORIZATION_AUTHENTICATOR] = 45,
    };
    *verification->cost_us += costs[kind];
    if (kind == SMP_AUTHORIZATION_ED448)
        postponed_run();
}

static bool is_service_signed(const struct verification *verification) {
    return verification->service != NULL && smp_command_info(verification->command->tag)->service_signature;
}

void verification_prepare(struct verification *verification, const struct command_slot *slot,
                          const struct smp_transmission *transmission, const struct smp_command *command,
                          uint8_t *scratch, uint32_t *cost_us) {
    struct client_session *session = slot->batch->session;
    verification->session = session;
    verification->envelope = slot_envelope(slot);
    verification->service = session->service.present && slot->forwarded == NULL ? &session->service : NULL;
    verification->transmission = transmission;
    verification->command = command;
    verification->scratch = scratch;
    verification->cost_us = cost_us;
    struct slice fingerprint = slice_of(NULL, 0);
    if (is_service_signed(verification))
        fingerprint = slice_of(session->service.fingerprint, sizeof session->service.fingerprint);
    smp_authorized_parts(&verification->envelope, fingerprint, transmission, &verification->authorized);
}

static struct slice contiguous(const struct verification *verification) {
    return smp_authorized_contiguous(&verification->authorized, verification->scratch, SMP_AUTHORIZED_MAX);
}

void verify_nothing(const struct verification *verification) {
    const struct smp_transmission *transmission = verification->transmission;
    charge(verification, transmission->authorization_kind);
    authorization_verify_dummy(transmission->authorization, transmission->correlation_id, contiguous(verification),
                               &verification->session->handshake_key.private_key);
}

/* A secret is cached only once its key has proved itself, so that a failing check never becomes cheaper than the dummy
 * one. */
static bool verify_authenticator(const struct verification *verification, const struct public_key *key) {
    struct secret_cache *cache = &verification->session->secrets;
    const struct smp_transmission *transmission = verification->transmission;
    const struct box_key *cached = secret_cache_find(cache, key);
    struct box_key agreed;
    if (cached == NULL)
        charge(verification, SMP_AUTHORIZATION_AUTHENTICATOR);
    if (cached == NULL && box_key_agree(&verification->session->handshake_key.private_key, key, &agreed) != SMQ_OK)
        return false;
    bool verified = authenticator_verify(cached != NULL ? cached : &agreed, transmission->correlation_id,
                                         verification->authorized.parts, SMP_AUTHORIZED_PARTS,
                                         transmission->authorization) == SMQ_OK;
    if (cached == NULL) {
        if (verified)
            secret_cache_add(cache, key, &agreed);
        box_key_wipe(&agreed);
    }
    return verified;
}

static bool signature_verifies(const struct verification *verification, const struct public_key *key,
                               struct slice message, struct slice signature) {
    charge(verification, key->algorithm == KEY_ED448 ? SMP_AUTHORIZATION_ED448 : SMP_AUTHORIZATION_ED25519);
    return signature_verify(key, message, signature) == SMQ_OK;
}

static bool verify_key(const struct verification *verification, const struct public_key *key) {
    const struct smp_transmission *transmission = verification->transmission;
    switch (transmission->authorization_kind) {
    case SMP_AUTHORIZATION_NONE:
        return false;
    case SMP_AUTHORIZATION_ED25519:
        if (key->algorithm == KEY_ED25519)
            return signature_verifies(verification, key, contiguous(verification), transmission->authorization);
        break;
    case SMP_AUTHORIZATION_ED448:
        if (key->algorithm == KEY_ED448)
            return signature_verifies(verification, key, contiguous(verification), transmission->authorization);
        break;
    case SMP_AUTHORIZATION_AUTHENTICATOR:
        if (key->algorithm == KEY_X25519)
            return verify_authenticator(verification, key);
        break;
    }
    verify_nothing(verification);
    return false;
}

static bool verify_stored_key(const struct verification *verification, struct slice der) {
    struct public_key key;
    if (public_key_parse(der, &key) != SMQ_OK) {
        verify_nothing(verification);
        return false;
    }
    return verify_key(verification, &key);
}

/* Any key of the list, in order (reference: verifyQueue with several recipient keys). */
static bool verify_recipient_keys(const struct verification *verification, struct slice keys) {
    struct reader reader = reader_of(keys);
    struct public_key key;
    (void)read_u8(&reader);
    while (smp_key_list_next(&reader, &key))
        if (verify_key(verification, &key))
            return true;
    return false;
}

/* SEND: an unsecured queue takes unauthorised messages only. */
static bool verify_sender(const struct verification *verification, const struct queue_record *record) {
    if (record->sender_key.length == 0)
        return verification->transmission->authorization_kind == SMP_AUTHORIZATION_NONE;
    return verify_stored_key(verification, record->sender_key);
}

/* SKEY, LKEY: a messaging queue that is not secured, or secured with this very key. */
static bool verify_securing(const struct verification *verification, const struct queue_record *record) {
    const struct public_key *key = &verification->command->key;
    struct public_key stored;
    bool fits = record->mode == SMP_MODE_MESSAGING;
    if (fits && record->sender_key.length > 0)
        fits = public_key_parse(record->sender_key, &stored) == SMQ_OK && public_key_equal(&stored, key);
    if (!fits) {
        verify_nothing(verification);
        return false;
    }
    return verify_key(verification, key);
}

bool verify_command(const struct verification *verification, const struct queue_record *record) {
    const struct smp_command *command = verification->command;
    switch (smp_command_info(command->tag)->key) {
    case SMP_KEY_NONE:
        return true;
    case SMP_KEY_IN_COMMAND:
        return command->tag == SMP_NEW ? verify_key(verification, &command->create.recipient_key)
                                       : verify_securing(verification, record);
    case SMP_KEY_RECIPIENT:
        return verify_recipient_keys(verification, record->recipient_keys);
    case SMP_KEY_SENDER:
        return verify_sender(verification, record);
    case SMP_KEY_NOTIFIER:
        return verify_stored_key(verification, record->notifier.key);
    case SMP_KEY_SERVICE:
        return verify_service_command(verification);
    }
    return false;
}

bool verify_service(const struct verification *verification, struct smp_error *error) {
    const struct service_session *service = verification->service;
    const struct smp_command_info *info = smp_command_info(verification->command->tag);
    const struct smp_transmission *transmission = verification->transmission;
    if (service != NULL && info->role != SMP_ROLE_ANY && info->role != service->role) {
        *error = smp_error_command(SMP_COMMAND_PROHIBITED);
        return false;
    }
    *error = smp_error_of(SMP_ERROR_SERVICE);
    if (transmission->has_service_signature != is_service_signed(verification))
        return false;
    if (!transmission->has_service_signature)
        return true;
    /* The service signs the command without its fingerprint in front. */
    struct smp_authorized parts;
    smp_authorized_parts(&verification->envelope, slice_of(NULL, 0), transmission, &parts);
    struct slice signed_bytes = smp_authorized_contiguous(&parts, verification->scratch, SMP_AUTHORIZED_MAX);
    return signature_verifies(verification, &service->key, signed_bytes, transmission->service_signature);
}

bool verify_service_command(const struct verification *verification) {
    const struct service_session *service = verification->service;
    const struct smp_transmission *transmission = verification->transmission;
    return service != NULL && slice_equal(transmission->entity_id, slice_of(service->id, sizeof service->id)) &&
           transmission->authorization_kind == SMP_AUTHORIZATION_ED25519 &&
           signature_verifies(verification, &service->key, contiguous(verification), transmission->authorization);
}
