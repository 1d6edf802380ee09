/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates as public authorities give them out, made here. */
#include "test/support/web_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "queues/base/check.h"

static EVP_PKEY *make_key(enum web_pki_kind kind) {
    if (kind == WEB_PKI_ECDSA)
        return EVP_EC_gen("P-256");
    if (kind == WEB_PKI_ED25519)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_RSA_gen(kind == WEB_PKI_RSA ? 2048 : 1024);
}

static void add_extension(X509 *certificate, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

void web_pki_make(struct web_pki *pki, enum web_pki_kind kind) {
    strcpy(pki->directory, "/tmp/smq-web-XXXXXX");
    CHECK(mkdtemp(pki->directory) != NULL);
    (void)snprintf(pki->certificate_path, sizeof pki->certificate_path, "%s/web.crt", pki->directory);
    (void)snprintf(pki->key_path, sizeof pki->key_path, "%s/web.key", pki->directory);
    EVP_PKEY *key = make_key(kind);
    X509 *certificate = X509_new();
    CHECK(key != NULL && certificate != NULL);
    CHECK(X509_set_version(certificate, 2) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400 * 30);
    X509_NAME *name = X509_get_subject_name(certificate);
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0) == 1);
    CHECK(X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    CHECK(X509_sign(certificate, key, kind == WEB_PKI_ED25519 ? NULL : EVP_sha256()) > 0);
    FILE *file = fopen(pki->certificate_path, "we");
    CHECK(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
    file = fopen(pki->key_path, "we");
    CHECK(file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void web_pki_remove(struct web_pki *pki) {
    CHECK(unlink(pki->certificate_path) == 0 && unlink(pki->key_path) == 0 && rmdir(pki->directory) == 0);
}

struct web_certificate *web_pki_load(const struct web_pki *pki) {
    struct web_certificate *loaded = NULL;
    CHECK(web_certificate_load(pki->certificate_path, pki->key_path, &loaded, NULL, 0) == SMQ_OK);
    return loaded;
}

struct tls_context *web_pki_client(const struct web_pki *pki) {
    struct tls_context *context = NULL;
    CHECK(tls_context_create_web_client(pki->certificate_path, &context) == SMQ_OK);
    return context;
}
