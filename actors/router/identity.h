/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a router shows to prove who it is: its certificates and the key of the leaf, with the TLS context that uses
 * them. One is in service; a reload puts another in its place. Connections keep the one that they began with, for TLS
 * and for the hello. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/router/router.h"
#include "transport/tls/credentials.h"
#include "transport/tls/tls.h"
#include "transport/tls/web_certificate.h"

/* Immutable but for the count. */
struct router_identity {
    _Atomic uint32_t references;
    struct credentials *credentials;
    struct tls_context *tls;
    struct web_certificate *web; /* shown to browsers; NULL: none */
    struct tls_context *web_tls; /* on ports where it is shown to all; NULL: none */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    int64_t valid_until_s; /* of what ends first: the leaf, or a certificate between it and the last one */
    char *ends_first;      /* path of the file that holds it */
    const char *renew;     /* the command that makes a new one */
};

/* Loads and checks the files that `config` names, as of `now_s` (UTC seconds). `renew`, a constant text, is what the
 * operator runs for a new certificate. Blocks on files. Errors of
 * credentials_load, and SMQ_ERR_INVALID: no chain of 2 to 4 certificates, a leaf that the identity certificate (the
 * first one of the CA file) did not sign, or one that is not valid now. `error` gets one line that names the file and
 * says what to do. Files of the web certificate that are not there are warned of in the log; errors of
 * web_certificate_load otherwise. */
enum smq_result identity_load(const struct router_config *config, const char *renew, int64_t now_s,
                              struct router_identity **identity, char *error, size_t error_size);
void identity_release(struct router_identity **identity); /* any thread; the last one wipes and frees */

/* Where the identity in service stands. The current one, with a reference for the caller: any attached thread. */
struct router_identity *identity_current(struct router_identity *_Atomic *place);
/* Puts `identity`, whose reference it takes, into service; NULL: nothing. Waits for a grace period. One thread at a
 * time, no role's. */
void identity_replace(struct router_identity *_Atomic *place, struct router_identity *identity);

/* Warns in the log when it ends within 30 days, or has ended. */
void identity_warn(const struct router_identity *identity, int64_t now_s);
