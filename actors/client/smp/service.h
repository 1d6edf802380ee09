/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_service from the inside: the certificate that a client shows, and what the handshake does with it. */
#pragma once

#include "actors/client/smq/network.h"
#include "transport/block/certificate_chain.h"
#include "transport/smp/command.h"
#include "transport/tls/credentials.h"
#include "transport/tls/tls.h"

struct smq_service {
    uint32_t magic;
    _Atomic uint32_t references;
    /* constant */
    enum smp_service_role role;
    struct credentials *credentials;
    struct tls_context *tls;               /* of connections that show the certificate */
    uint8_t fingerprint[FINGERPRINT_SIZE]; /* of the identity certificate */
};

/* Takes the credentials over when it succeeds. SMQ_ERR_INVALID: no chain for a service; SMQ_ERR_CRYPTO. */
enum smq_result service_create(enum smp_service_role role, struct credentials *credentials,
                               struct smq_service **service);

/* Room for the service part of a hello. */
enum { SERVICE_CHAIN_MAX = 8192 };
struct service_hello {
    uint8_t chain[SERVICE_CHAIN_MAX];
    uint8_t signed_key[256];
};
/* Fills in `chain_key`, which points into `room`, for the session key `key`. SMQ_ERR_TOO_LARGE, SMQ_ERR_CRYPTO. */
enum smq_result service_sign_key(const struct smq_service *service, const struct public_key *key,
                                 struct service_hello *room, struct chain_key *chain_key);

bool service_is_valid(const struct smq_service *service); /* for pointers from outside; may be NULL */
