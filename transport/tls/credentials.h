/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Own certificates and their private key: made, loaded, saved (reference: Server/CLI.hs, createServerX509). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/crypto/keys.h"
#include "transport/tls/certificate.h"

/* A private key and the certificate chain that ends it, leaf first. Immutable, so any thread may read it; whoever made
 * it destroys it when no TLS context uses it any more. */
struct credentials;

/* What kind of certificate to make. */
enum certificate_kind {
    CERTIFICATE_CA,     /* critical CA:true, subject and authority key identifiers: offline identity of a router */
    CERTIFICATE_SERVER, /* CA:false, digitalSignature + nonRepudiation + keyAgreement, serverAuth: online certificate */
    CERTIFICATE_CLIENT, /* v3 without key usage: what a service shows */
};

enum { CERTIFICATE_DAYS = 999999 }; /* validity that the reference gives */

struct certificate_request {
    enum certificate_kind kind;
    enum key_algorithm algorithm; /* KEY_ED25519 or KEY_ED448 */
    const char *common_name;      /* 1 to 64 bytes */
    const char *organization;     /* NULL: none */
    int64_t not_before_s;         /* UTC seconds */
    uint32_t days;
};

/* Makes a fresh key and a certificate for it, signed by `issuer`'s leaf key, or by itself when `issuer` is NULL. The
 * chain is the new certificate followed by `issuer`'s chain, which is copied. SMQ_ERR_INVALID, SMQ_ERR_CRYPTO,
 * SMQ_ERR_NO_MEMORY. */
enum smq_result credentials_issue(const struct credentials *issuer, const struct certificate_request *request,
                                  struct credentials **credentials);

/* Reads PEM files: the leaf certificate first in `certificate_path` (further ones follow it in the chain), then all
 * certificates of `ca_path` (NULL: none), and the private key of the leaf. Blocks on files. SMQ_ERR_SYSTEM: a file
 * cannot be read (errno); SMQ_ERR_SYNTAX: a file holds no such PEM object; SMQ_ERR_INVALID: it is no file, the key is
 * not the certificate's, is neither Ed25519 nor Ed448, or there are more than 4 certificates; SMQ_ERR_TOO_LARGE. When
 * the two do not belong together or one is torn, `key_path`.new, or that and `certificate_path`.new, take their place
 * if they fit: a renewal was cut off. `error`
 * (may be NULL) gets one line that names the file. */
enum smq_result credentials_load(const char *certificate_path, const char *ca_path, const char *key_path,
                                 struct credentials **credentials, char *error, size_t error_size);

/* Writes the leaf certificate, and the private key (mode 0600 unless the file is there), as PEM; replaces the file in
 * one step. Blocks. SMQ_ERR_SYSTEM (errno). */
enum smq_result credentials_save_certificate(const struct credentials *credentials, const char *path);
enum smq_result credentials_save_key(const struct credentials *credentials, const char *path);

/* Wipes the key. */
void credentials_destroy(struct credentials **credentials);

/* The chain, leaf first; valid while the credentials live. */
const struct slice *credentials_chain(const struct credentials *credentials, size_t *count);
/* The leaf's key pair, with which a router signs its session keys. A secret. */
const struct key_pair *credentials_key(const struct credentials *credentials);

/* The files of a router in `directory`: ca.key, ca.crt, server.key, server.crt, and fingerprint (base64url with padding
 * of the CA certificate's SHA-256, one line). Makes new ones: CN `SMP server CA`, O `SimpleX` and CN `common_name`,
 * both of 999,999 days from a day ago. Refuses to overwrite: SMQ_ERR_EXISTS. Otherwise the errors of issue and save;
 * what was written is left for the caller to remove. */
enum smq_result credentials_create_files(const char *directory, const char *common_name, enum key_algorithm algorithm,
                                         uint8_t fingerprint[FINGERPRINT_SIZE]);
/* Makes a new server.key and server.crt in `directory`, signed by its ca.key and ca.crt. Both are replaced or none,
 * also when the machine stops meanwhile; they keep owner, group and mode. One process at a time; others wait. Errors of
 * load, issue and save; `error` (may be NULL) gets one line that names the file. */
enum smq_result credentials_renew_files(const char *directory, const char *common_name, enum key_algorithm algorithm,
                                        char *error, size_t error_size);

/* Identity of a router: the fingerprint of the first certificate in the PEM file `ca_path`. SMQ_ERR_SYSTEM,
 * SMQ_ERR_INVALID (no file), SMQ_ERR_TOO_LARGE, SMQ_ERR_SYNTAX. Blocks. */
enum smq_result credentials_ca_fingerprint(const char *ca_path, uint8_t fingerprint[FINGERPRINT_SIZE]);
/* Reads a `fingerprint` file. Errors of the one above. */
enum smq_result credentials_read_fingerprint(const char *path, uint8_t fingerprint[FINGERPRINT_SIZE]);
