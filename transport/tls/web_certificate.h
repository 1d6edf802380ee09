/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A certificate for web browsers, with its key: whatever a public authority gives out, ECDSA or RSA. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

enum {
    WEB_CHAIN_MAX = 8,       /* certificates in the file */
    WEB_RSA_BITS_MIN = 2048, /* browsers take no fewer */
};

/* Immutable, so any thread may read it; outlives the TLS contexts that use it. */
struct web_certificate;

/* Reads PEM files: the leaf first, then what leads to its authority, and the leaf's key without a password. Blocks on
 * files. SMQ_ERR_SYSTEM: a file cannot be read (errno); SMQ_ERR_SYNTAX: a file holds no such PEM object;
 * SMQ_ERR_INVALID: it is no file, the key is not the certificate's or of a kind that browsers do not take, or there are
 * more than WEB_CHAIN_MAX certificates; SMQ_ERR_TOO_LARGE; SMQ_ERR_NO_MEMORY. `error` (may be NULL) gets one line that
 * names the file. */
enum smq_result web_certificate_load(const char *certificate_path, const char *key_path,
                                     struct web_certificate **certificate, char *error, size_t error_size);
void web_certificate_destroy(struct web_certificate **certificate);

/* The end of the leaf's validity, UTC seconds. */
int64_t web_certificate_ends_s(const struct web_certificate *certificate);
