/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue key: a key pair that authorizes commands, and its agreement with the session that it was last used in. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/block/transmission.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"

/* The pair is constant after init; the agreement is guarded by the lock, so that one key may serve several sessions. */
struct queue_key {
    struct key_pair pair; /* algorithm KEY_NONE: no key */
    pthread_mutex_t lock;
    uint64_t session; /* number of the session that `agreed` is for; 0: none */
    struct box_key agreed;
};

/* No key. Not yet shared. */
void queue_key_init(struct queue_key *key);
/* A fresh pair. SMQ_ERR_INVALID for X448 and KEY_NONE, SMQ_ERR_CRYPTO. */
enum smq_result queue_key_generate(struct queue_key *key, enum key_algorithm algorithm);
/* From a private key in PKCS#8 DER. SMQ_ERR_SYNTAX; SMQ_ERR_INVALID for X448. */
enum smq_result queue_key_set_der(struct queue_key *key, struct slice der);
/* From a private key. SMQ_ERR_INVALID, SMQ_ERR_CRYPTO. */
enum smq_result queue_key_set(struct queue_key *key, const struct private_key *private_key);
/* Wipes it. Nobody else uses it any more. */
void queue_key_destroy(struct queue_key *key);

/* Bytes of an authorization by this key: 64, 80, 114, or 0 without a key. */
size_t queue_key_authorization_length(const struct queue_key *key);

/* Where a command is authorized. `scratch` has AUTHORIZED_MAX bytes. */
struct authorization_context {
    uint64_t session;                    /* a number that no other session of the process has */
    const struct public_key *server_key; /* the session's; algorithm KEY_NONE: the router showed none */
    struct slice correlation_id;
    uint8_t *scratch;
};

/* Writes queue_key_authorization_length bytes. An X25519 key agrees with the server's once a session. SMQ_ERR_AUTH:
 * it needs a server key and there is none; SMQ_ERR_CRYPTO. Any thread; holds the key's lock for microseconds. */
enum smq_result queue_key_authorize(struct queue_key *key, const struct authorization_context *context,
                                    const struct authorized *authorized, uint8_t *authorization);
