/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proofs of one command, with the same work whether or not what it is about exists (reference: Server.hs,
 * verifyTransmission). The router says which key; here is what it takes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/router/session.h"
#include "transport/block/transmission.h"

/* What is verified. Process lane only. */
struct verification {
    struct session *session;
    const struct transmission *transmission;
    struct authorized authorized; /* what the entity's key signs */
    uint8_t *scratch;             /* AUTHORIZED_MAX bytes of the lane */
    uint32_t *cost_us;            /* what the checks cost, about, is added there */
};

/* Whether the command is authorised by `key`. The time does not depend on whether the key is of the right kind. */
bool verify_key(const struct verification *verification, const struct public_key *key);
/* The same with a key in DER, as it is stored. */
bool verify_stored_key(const struct verification *verification, struct slice der);
/* Any key of the encoded list (key_list.h, with its count), in order. */
bool verify_key_list(const struct verification *verification, struct slice keys);
/* The work of a failing check, for what does not exist. */
void verify_nothing(const struct verification *verification);
/* A signature over other bytes, charged for like the command's own. */
bool verify_signature(const struct verification *verification, const struct public_key *key, struct slice message,
                      struct slice signature);
/* The bytes that the entity's key signs, in one piece. */
struct slice verification_bytes(const struct verification *verification);
