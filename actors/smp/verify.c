/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which key authorises which command. */
#include "actors/smp/verify.h"

static bool is_service_signed(const struct smp_verification *verification) {
    return verification->service != NULL && smp_command_info(verification->command->tag)->service_signature;
}

void verification_prepare(struct smp_verification *verification, const struct command_slot *slot,
                          const struct transmission *transmission, const struct smp_command *command, uint8_t *scratch,
                          uint32_t *cost_us) {
    struct client_session *session = slot_session(slot);
    verification->base.session = &session->base;
    verification->base.transmission = transmission;
    verification->base.scratch = scratch;
    verification->base.cost_us = cost_us;
    verification->form = slot_form(slot);
    verification->service = session->service.present && slot->forwarded == NULL ? &session->service : NULL;
    verification->command = command;
    struct slice fingerprint = slice_of(NULL, 0);
    if (is_service_signed(verification))
        fingerprint = slice_of(session->service.fingerprint, sizeof session->service.fingerprint);
    authorized_parts(&verification->form, fingerprint, transmission, &verification->base.authorized);
}

/* SEND: an unsecured queue takes unauthorised messages only. */
static bool verify_sender(const struct smp_verification *verification, const struct queue_record *record) {
    if (record->sender_key.length == 0)
        return verification->base.transmission->authorization_kind == AUTHORIZATION_NONE;
    return verify_stored_key(&verification->base, record->sender_key);
}

/* SKEY, LKEY: a messaging queue that is not secured, or secured with this very key. */
static bool verify_securing(const struct smp_verification *verification, const struct queue_record *record) {
    const struct public_key *key = &verification->command->key;
    struct public_key stored;
    bool fits = record->mode == SMP_MODE_MESSAGING;
    if (fits && record->sender_key.length > 0)
        fits = public_key_parse(record->sender_key, &stored) == SMQ_OK && public_key_equal(&stored, key);
    if (!fits) {
        verify_nothing(&verification->base);
        return false;
    }
    return verify_key(&verification->base, key);
}

/* NSUBS, SUBS: the service session key over the command itself. */
static bool verify_service_command(const struct smp_verification *verification) {
    const struct service_session *service = verification->service;
    const struct transmission *transmission = verification->base.transmission;
    return service != NULL && slice_equal(transmission->entity_id, slice_of(service->id, sizeof service->id)) &&
           transmission->authorization_kind == AUTHORIZATION_ED25519 &&
           verify_signature(&verification->base, &service->key, verification_bytes(&verification->base),
                            transmission->authorization);
}

bool verify_command(const struct smp_verification *verification, const struct queue_record *record) {
    const struct smp_command *command = verification->command;
    switch (smp_command_info(command->tag)->key) {
    case SMP_KEY_NONE:
        return true;
    case SMP_KEY_IN_COMMAND:
        return command->tag == SMP_NEW ? verify_key(&verification->base, &command->create.recipient_key)
                                       : verify_securing(verification, record);
    case SMP_KEY_RECIPIENT:
        return verify_key_list(&verification->base, record->recipient_keys);
    case SMP_KEY_SENDER:
        return verify_sender(verification, record);
    case SMP_KEY_NOTIFIER:
        return verify_stored_key(&verification->base, record->notifier.key);
    case SMP_KEY_SERVICE:
        return verify_service_command(verification);
    }
    return false;
}

bool verify_service(const struct smp_verification *verification, struct smp_error *error) {
    const struct service_session *service = verification->service;
    const struct smp_command_info *info = smp_command_info(verification->command->tag);
    const struct transmission *transmission = verification->base.transmission;
    if (service != NULL && info->role != SMP_ROLE_ANY && info->role != service->role) {
        *error = smp_error_command(COMMAND_PROHIBITED);
        return false;
    }
    *error = smp_error_of(SMP_ERROR_SERVICE);
    if (transmission->has_service_signature != is_service_signed(verification))
        return false;
    if (!transmission->has_service_signature)
        return true;
    /* The service signs the command without its fingerprint in front. */
    struct authorized parts;
    authorized_parts(&verification->form, slice_of(NULL, 0), transmission, &parts);
    struct slice signed_bytes = authorized_contiguous(&parts, verification->base.scratch, AUTHORIZED_MAX);
    return verify_signature(&verification->base, &service->key, signed_bytes, transmission->service_signature);
}
