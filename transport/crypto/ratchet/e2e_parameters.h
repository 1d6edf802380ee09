/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What two parties tell each other to agree on a ratchet: versions, two X448 keys, and what each does about the KEM
 * (reference: Ratchet.hs, E2ERatchetParams). They stand in links, confirmations and re-synchronisation messages. */
#pragma once

#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"
#include "transport/crypto/sntrup761/sntrup761.h"
#include "transport/wire/version.h"

enum e2e_version {
    E2E_VERSION_MIN = 2,
    E2E_VERSION_KEM = 3, /* KEM keys in parameters and headers; lengths of two bytes */
    E2E_VERSION_MAX = 3,
};

enum {
    E2E_PARAMETERS_MAX = 2343, /* bytes of the largest ones, in a confirmation */
    E2E_LINK_PARAMETERS_MAX = 2345,
};

enum kem_offer {
    KEM_NONE,
    KEM_PROPOSED, /* a public key to encapsulate to */
    KEM_ACCEPTED, /* a ciphertext for the peer's key, and a public key to go on with */
};

/* Public values, also of every header while the KEM is on. What `offer` does not have is undefined. */
struct kem_parameters {
    enum kem_offer offer;
    uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE];
    uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE];
};

struct e2e_parameters {
    struct version_range versions; /* one version, which both ends are, but in links */
    struct public_key first;       /* X448 */
    struct public_key second;      /* X448 */
    struct kem_parameters kem;
};

/* In confirmations and re-synchronisation messages (which allow no KEM_ACCEPTED; the caller sees to it). Fails for keys
 * of other algorithms or lengths. Versions are the caller's to refuse. Before E2E_VERSION_KEM there is no KEM, and none
 * is written. */
void read_e2e_parameters(struct reader *reader, struct e2e_parameters *parameters);
void write_e2e_parameters(struct writer *writer, const struct e2e_parameters *parameters);

/* In binary links: a version range, and the KEM whatever the versions are. KEM_ACCEPTED fails. */
void read_e2e_link_parameters(struct reader *reader, struct e2e_parameters *parameters);
void write_e2e_link_parameters(struct writer *writer, const struct e2e_parameters *parameters);

/* In links as text: the value of `e2e`, a query string by itself, with its own escapes removed by the reader and none
 * written: whoever puts it into a link escapes all of it. Below E2E_VERSION_KEM there is no KEM. SMQ_ERR_SYNTAX. */
enum smq_result e2e_link_text_parse(struct slice query, struct e2e_parameters *parameters);
void write_e2e_link_text(struct writer *writer, const struct e2e_parameters *parameters);

/* '0', or '1' and the offer; fails for lengths that are not the KEM's. */
void read_kem_parameters(struct reader *reader, struct kem_parameters *kem);
void write_kem_parameters(struct writer *writer, const struct kem_parameters *kem);
