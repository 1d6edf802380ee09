/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ratchets of the reference (test/vectors/agent/ratchet-*.txt, see the README there). */
#pragma once

#include "test/support/capture.h"
#include "transport/crypto/ratchet/ratchet.h"

enum captured_party { CAPTURED_ALICE, CAPTURED_BOB };

/* The party whose line it is; `*kind` is what stands after its name and the hyphen. False for comments. */
bool captured_party_of(const struct capture_line *line, enum captured_party *party, struct slice *kind);

/* A state as printed. */
struct captured_state {
    struct ratchet ratchet;
    struct public_key peer; /* of the last root step, when there is a sending chain */
    uint8_t kem_secret[SNTRUP761_SHARED_SECRET_SIZE];
    bool has_kem_secret;
};
void captured_state(const struct capture_line *line, struct captured_state *state);

/* The pair of a line `name PKCS#8`. */
struct key_pair captured_pair(const struct capture *capture, const char *name);
/* The parameters of a line `name bytes`, which are written again and compared. */
void captured_parameters(const struct capture *capture, const char *name, struct e2e_parameters *parameters);
