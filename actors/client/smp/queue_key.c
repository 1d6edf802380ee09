/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue key: making keys, and authorizing transmissions with them. */
#include "actors/client/smp/queue_key.h"

#include "queues/base/check.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

void queue_key_init(struct queue_key *key) {
    *key = (struct queue_key){.session = 0};
    CHECK(pthread_mutex_init(&key->lock, NULL) == 0);
}

enum smq_result queue_key_generate(struct queue_key *key, enum key_algorithm algorithm) {
    if (!key_authorizes_queues(algorithm))
        return SMQ_ERR_INVALID;
    return key_pair_generate(algorithm, &key->pair);
}

enum smq_result queue_key_set(struct queue_key *key, const struct private_key *private_key) {
    if (!key_authorizes_queues(private_key->algorithm))
        return SMQ_ERR_INVALID;
    return key_pair_of_private(private_key, &key->pair);
}

enum smq_result queue_key_set_der(struct queue_key *key, struct slice der) {
    struct private_key private_key;
    enum smq_result result = private_key_parse(der, &private_key);
    if (result != SMQ_OK)
        return result;
    result = queue_key_set(key, &private_key);
    private_key_wipe(&private_key);
    return result;
}

void queue_key_destroy(struct queue_key *key) {
    key_pair_wipe(&key->pair);
    box_key_wipe(&key->agreed);
    CHECK(pthread_mutex_destroy(&key->lock) == 0);
}

size_t queue_key_authorization_length(const struct queue_key *key) {
    enum key_algorithm algorithm = key->pair.private_key.algorithm;
    return algorithm == KEY_X25519 ? AUTHENTICATOR_SIZE : signature_size(algorithm);
}

/* The agreement with the session's key: the cached one, or a new one that takes its place. */
static enum smq_result agreement(struct queue_key *key, const struct authorization_context *context,
                                 struct box_key *agreed) {
    if (context->server_key->algorithm == KEY_NONE)
        return SMQ_ERR_AUTH;
    CHECK(pthread_mutex_lock(&key->lock) == 0);
    bool cached = key->session == context->session;
    *agreed = key->agreed;
    CHECK(pthread_mutex_unlock(&key->lock) == 0);
    if (cached)
        return SMQ_OK;
    enum smq_result result = box_key_agree(&key->pair.private_key, context->server_key, agreed);
    if (result != SMQ_OK)
        return result;
    CHECK(pthread_mutex_lock(&key->lock) == 0);
    key->session = context->session;
    key->agreed = *agreed;
    CHECK(pthread_mutex_unlock(&key->lock) == 0);
    return SMQ_OK;
}

enum smq_result queue_key_authorize(struct queue_key *key, const struct authorization_context *context,
                                    const struct authorized *authorized, uint8_t *authorization) {
    if (key->pair.private_key.algorithm != KEY_X25519) {
        struct slice message = authorized_contiguous(authorized, context->scratch, AUTHORIZED_MAX);
        return sign(&key->pair, message, authorization);
    }
    struct box_key agreed = {{0}};
    enum smq_result result = agreement(key, context, &agreed);
    if (result == SMQ_OK) {
        result =
            authenticator_create(&agreed, context->correlation_id, authorized->parts, AUTHORIZED_PARTS, authorization);
    }
    box_key_wipe(&agreed);
    return result;
}
