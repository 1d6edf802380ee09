/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Inside of credentials, for the files of this folder: the OpenSSL objects that they stand for. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "transport/tls/credentials.h"

struct credentials {
    struct key_pair key;
    size_t count;
    struct slice chain[CERTIFICATE_CHAIN_MAX]; /* the bytes are owned */
};

/* EVP_PKEY_ED25519, EVP_PKEY_ED448, or EVP_PKEY_NONE. */
int key_algorithm_nid(enum key_algorithm algorithm);
/* New objects, owned by the caller; NULL on failure. */
EVP_PKEY *credentials_evp_key(const struct credentials *credentials);
X509 *credentials_x509(const struct credentials *credentials, size_t index);

/* Copies the raw keys. SMQ_ERR_INVALID: another algorithm. */
enum smq_result credentials_take_key(struct credentials *credentials, EVP_PKEY *pkey);
/* Adds a copy at the end of the chain. SMQ_ERR_INVALID: the chain is full. */
enum smq_result credentials_append_der(struct credentials *credentials, struct slice der);
enum smq_result credentials_append(struct credentials *credentials, X509 *certificate);
