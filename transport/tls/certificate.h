/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* X.509 chains as peers show them: classification, fingerprint and validation (reference: Transport/Shared.hs,
 * chainIdCaCerts and x509validate). Certificates are DER slices, leaf first. Pure: any thread, no I/O.
 *
 * A peer is named by the fingerprint of its identity certificate, the second one, which anybody can copy. So the leaf,
 * whose key the peer proves to have, counts only when the identity certificate signed it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"

enum {
    FINGERPRINT_SIZE = 32,
    CERTIFICATE_CHAIN_MAX = 4, /* longer chains are refused */
};

enum certificate_chain_kind {
    CHAIN_EMPTY,
    CHAIN_SELF,  /* one certificate: allowed for services only */
    CHAIN_VALID, /* two to four */
    CHAIN_TOO_LONG,
};

struct certificate_chain_class {
    enum certificate_chain_kind kind;
    size_t identity; /* index of the certificate whose fingerprint names the peer; 0 unless CHAIN_VALID */
    size_t anchor;   /* index of the only trust anchor: the last one */
};

struct certificate_chain_class certificate_chain_classify(size_t count);

/* Whether a chain told by other means is the one shown in TLS, byte for byte: what was verified there holds for it.
 * False for an empty one, and for one of more than CERTIFICATE_CHAIN_MAX certificates. */
bool certificate_chain_equal(const struct slice *told, size_t told_count, const struct slice *shown,
                             size_t shown_count);

/* SHA-256 over the whole DER of one certificate. SMQ_ERR_CRYPTO when the library fails. */
enum smq_result certificate_fingerprint(struct slice der, uint8_t fingerprint[FINGERPRINT_SIZE]);

/* Why a chain is refused; each has its TLS alert. */
enum certificate_fault {
    CERTIFICATE_FAULT_NONE,
    CERTIFICATE_FAULT_CHAIN,    /* empty, too long, or one certificate where that is not allowed */
    CERTIFICATE_FAULT_IDENTITY, /* the identity certificate is not the expected one: unknown CA */
    CERTIFICATE_FAULT_UNKNOWN,  /* no path from the leaf by the identity certificate to the anchor: unknown CA */
    CERTIFICATE_FAULT_EXPIRED,  /* the leaf or an intermediate is expired or not yet valid */
    CERTIFICATE_FAULT_FORM, /* does not parse, is no X.509 v3, or an intermediate is no CA or too far from the leaf */
    CERTIFICATE_FAULT_SIGNATURE, /* a signature does not verify, or its key has more than 4096 bits */
};

/* Validates a chain of 1 (a self-signed certificate) to 4 certificates with the last as the only trust anchor: the
 * identity certificate issued the leaf, and a path leads from it to the anchor, with or without what stands between;
 * names, signatures, validity of all but the anchor at `now_s` (UTC seconds), v3 leaf, CA flag, keyCertSign and path
 * length of intermediates. Host names and key usage of the leaf do not matter, and the anchor is trusted as it is.
 * CERTIFICATE_FAULT_NONE: valid. */
enum certificate_fault certificate_chain_validate(const struct slice *chain, size_t count, int64_t now_s);

/* What a client requires of a router: 2 to 4 certificates, the identity certificate has the fingerprint `key_hash`, the
 * chain is valid. */
enum certificate_fault certificate_check_server(const struct slice *chain, size_t count,
                                                const uint8_t key_hash[FINGERPRINT_SIZE], int64_t now_s);

/* From and until when a certificate is valid, in UTC seconds. SMQ_ERR_SYNTAX: no certificate, or no dates. */
enum smq_result certificate_validity(struct slice der, int64_t *from_s, int64_t *until_s);

/* The public key of a certificate. SMQ_ERR_SYNTAX: no certificate, or a key that is neither Ed25519 nor Ed448. */
enum smq_result certificate_public_key(struct slice der, struct public_key *key);
