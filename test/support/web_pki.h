/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A web certificate for "localhost" and 127.0.0.1 in a temporary folder, signed by itself. Failures abort the test. */
#pragma once

#include <stdbool.h>

#include "transport/tls/tls.h"

enum web_pki_kind { WEB_PKI_ECDSA, WEB_PKI_RSA, WEB_PKI_RSA_1024, WEB_PKI_ED25519 };

struct web_pki {
    char directory[64];
    char certificate_path[96], key_path[96];
};

void web_pki_make(struct web_pki *pki, enum web_pki_kind kind);
void web_pki_remove(struct web_pki *pki);
/* Loads it; what must succeed. */
struct web_certificate *web_pki_load(const struct web_pki *pki);
/* A client that trusts it. */
struct tls_context *web_pki_client(const struct web_pki *pki);
