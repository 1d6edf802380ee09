/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Authorization of a command: the same work whether or not what it is about exists. */
#include "actors/xftp/metrics.h"
#include "actors/xftp/process_lane.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

static const struct private_key *session_key_of(const struct request *request) {
    return request->session->has_key ? &request->session->key.private_key : NULL;
}

void verify_nothing_there(struct xftp_command_context *context) {
    const struct transmission *transmission = &context->transmission;
    counters_add(context->lane->router->counters, COUNT_VERIFICATIONS, 1);
    authorization_verify_dummy(transmission->authorization, transmission->correlation_id, transmission->authorized,
                               session_key_of(context->request));
}

static bool verify_signature(struct xftp_command_context *context, const struct public_key *key) {
    counters_add(context->lane->router->counters, COUNT_VERIFICATIONS, 1);
    return signature_verify(key, context->transmission.authorized, context->transmission.authorization) == SMQ_OK;
}

static bool verify_authenticator(struct xftp_command_context *context, const struct public_key *key) {
    const struct transmission *transmission = &context->transmission;
    struct box_key agreed;
    counters_add(context->lane->router->counters, COUNT_VERIFICATIONS, 1);
    if (box_key_agree(session_key_of(context->request), key, &agreed) != SMQ_OK)
        return false;
    bool is_good = authenticator_verify(&agreed, transmission->correlation_id, &transmission->authorized, 1,
                                        transmission->authorization) == SMQ_OK;
    box_key_wipe(&agreed);
    return is_good;
}

bool verify_with(struct xftp_command_context *context, const struct public_key *key) {
    switch (context->transmission.authorization_kind) {
    case AUTHORIZATION_NONE:
        return false;
    case AUTHORIZATION_ED25519:
        if (key->algorithm == KEY_ED25519)
            return verify_signature(context, key);
        break;
    case AUTHORIZATION_ED448:
        if (key->algorithm == KEY_ED448)
            return verify_signature(context, key);
        break;
    case AUTHORIZATION_AUTHENTICATOR:
        if (key->algorithm == KEY_X25519 && context->request->session->has_key)
            return verify_authenticator(context, key);
        break;
    }
    verify_nothing_there(context);
    return false;
}

bool verify_with_stored(struct xftp_command_context *context, struct slice record_key) {
    struct public_key key;
    if (public_key_parse(record_key, &key) != SMQ_OK) {
        verify_nothing_there(context);
        return false;
    }
    return verify_with(context, &key);
}
