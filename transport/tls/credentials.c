/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Own certificates and keys: kept as DER and raw keys, so that nothing of OpenSSL's is shared between threads. */
#include "transport/tls/credentials.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/tls/credentials_private.h"

int key_algorithm_nid(enum key_algorithm algorithm) {
    switch (algorithm) {
    case KEY_ED25519:
        return EVP_PKEY_ED25519;
    case KEY_ED448:
        return EVP_PKEY_ED448;
    default:
        return EVP_PKEY_NONE;
    }
}

EVP_PKEY *credentials_evp_key(const struct credentials *credentials) {
    const struct private_key *key = &credentials->key.private_key;
    return EVP_PKEY_new_raw_private_key(key_algorithm_nid(key->algorithm), NULL, key->bytes, key->length);
}

X509 *credentials_x509(const struct credentials *credentials, size_t index) {
    const uint8_t *position = credentials->chain[index].bytes;
    return d2i_X509(NULL, &position, (long)credentials->chain[index].length);
}

enum smq_result credentials_take_key(struct credentials *credentials, EVP_PKEY *pkey) {
    struct key_pair *pair = &credentials->key;
    enum key_algorithm algorithm = KEY_NONE;
    if (EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519)
        algorithm = KEY_ED25519;
    else if (EVP_PKEY_get_id(pkey) == EVP_PKEY_ED448)
        algorithm = KEY_ED448;
    else
        return SMQ_ERR_INVALID;
    size_t private_length = sizeof pair->private_key.bytes;
    size_t public_length = sizeof pair->public_key.bytes;
    if (EVP_PKEY_get_raw_private_key(pkey, pair->private_key.bytes, &private_length) != 1 ||
        EVP_PKEY_get_raw_public_key(pkey, pair->public_key.bytes, &public_length) != 1)
        return SMQ_ERR_CRYPTO;
    pair->private_key.algorithm = algorithm;
    pair->private_key.length = (uint8_t)private_length;
    pair->public_key.algorithm = algorithm;
    pair->public_key.length = (uint8_t)public_length;
    return SMQ_OK;
}

enum smq_result credentials_append_der(struct credentials *credentials, struct slice der) {
    if (credentials->count == CERTIFICATE_CHAIN_MAX)
        return SMQ_ERR_INVALID;
    uint8_t *copy = memory_copy_of(der.bytes, der.length);
    if (copy == NULL)
        return SMQ_ERR_NO_MEMORY;
    credentials->chain[credentials->count++] = slice_of(copy, der.length);
    return SMQ_OK;
}

enum smq_result credentials_append(struct credentials *credentials, X509 *certificate) {
    uint8_t *der = NULL;
    int length = i2d_X509(certificate, &der);
    if (length <= 0)
        return SMQ_ERR_CRYPTO;
    enum smq_result result = credentials_append_der(credentials, slice_of(der, (size_t)length));
    OPENSSL_free(der);
    return result;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static const struct extension_row {
    enum certificate_kind kind;
    int nid;
    const char *value;
} extension_rows[] = {
    {CERTIFICATE_CA, NID_subject_key_identifier, "hash"},
    {CERTIFICATE_CA, NID_authority_key_identifier, "keyid:always"},
    {CERTIFICATE_CA, NID_basic_constraints, "critical,CA:true"},
    {CERTIFICATE_SERVER, NID_basic_constraints, "CA:FALSE"},
    {CERTIFICATE_SERVER, NID_key_usage, "digitalSignature,nonRepudiation,keyAgreement"},
    {CERTIFICATE_SERVER, NID_ext_key_usage, "serverAuth"},
};

static bool add_extensions(X509 *certificate, X509 *issuer, enum certificate_kind kind) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof extension_rows / sizeof extension_rows[0]; i++) {
        const struct extension_row *row = &extension_rows[i];
        if (row->kind == kind && !add_extension(certificate, &context, row->nid, row->value))
            return false;
    }
    return true;
}

static bool add_name(X509_NAME *name, const char *field, const char *value) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

/* A positive random serial number of 159 bits, as the openssl program gives. */
static bool set_serial(X509 *certificate) {
    BIGNUM *serial = BN_new();
    bool set = serial != NULL && BN_rand(serial, 159, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
    BN_free(serial);
    return set;
}

/* Fills and signs `certificate` for `subject_key`; `issuer` NULL: self-signed. */
static enum smq_result build(X509 *certificate, const struct certificate_request *request, EVP_PKEY *subject_key,
                             X509 *issuer, EVP_PKEY *issuer_key) {
    X509_NAME *name = X509_get_subject_name(certificate);
    bool built =
        X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
        add_name(name, "CN", request->common_name) &&
        (request->organization == NULL || add_name(name, "O", request->organization)) &&
        X509_set_issuer_name(certificate, issuer == NULL ? name : X509_get_subject_name(issuer)) == 1 &&
        ASN1_TIME_adj(X509_getm_notBefore(certificate), (time_t)request->not_before_s, 0, 0) != NULL &&
        ASN1_TIME_adj(X509_getm_notAfter(certificate), (time_t)request->not_before_s, (int)request->days, 0) != NULL &&
        X509_set_pubkey(certificate, subject_key) == 1 &&
        add_extensions(certificate, issuer == NULL ? certificate : issuer, request->kind) &&
        X509_sign(certificate, issuer_key, NULL) > 0;
    return built ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result credentials_issue(const struct credentials *issuer, const struct certificate_request *request,
                                  struct credentials **credentials) {
    int nid = key_algorithm_nid(request->algorithm);
    size_t name_length = request->common_name == NULL ? 0 : strlen(request->common_name);
    if (nid == EVP_PKEY_NONE || name_length < 1 || name_length > 64 || request->days > CERTIFICATE_DAYS)
        return SMQ_ERR_INVALID;
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    X509 *certificate = NULL;
    X509 *issuer_certificate = NULL;
    EVP_PKEY *issuer_key = NULL;
    EVP_PKEY *key = NULL;
    struct credentials *made = memory_zalloc(sizeof *made);
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    result = SMQ_ERR_CRYPTO;
    certificate = X509_new();
    key = EVP_PKEY_Q_keygen(NULL, NULL, OBJ_nid2sn(nid));
    if (certificate == NULL || key == NULL)
        goto out;
    if (issuer != NULL) {
        issuer_certificate = credentials_x509(issuer, 0);
        issuer_key = credentials_evp_key(issuer);
        if (issuer_certificate == NULL || issuer_key == NULL)
            goto out;
    }
    result = build(certificate, request, key, issuer_certificate, issuer_key == NULL ? key : issuer_key);
    if (result == SMQ_OK)
        result = credentials_take_key(made, key);
    if (result == SMQ_OK)
        result = credentials_append(made, certificate);
    for (size_t i = 0; result == SMQ_OK && issuer != NULL && i < issuer->count; i++)
        result = credentials_append_der(made, issuer->chain[i]);
    if (result == SMQ_OK) {
        *credentials = made;
        made = NULL;
    }
out:
    credentials_destroy(&made);
    X509_free(certificate);
    X509_free(issuer_certificate);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(key);
    return result;
}

void credentials_destroy(struct credentials **credentials) {
    struct credentials *destroyed = *credentials;
    *credentials = NULL;
    if (destroyed == NULL)
        return;
    for (size_t i = 0; i < destroyed->count; i++)
        memory_free((void *)(uintptr_t)destroyed->chain[i].bytes);
    secret_wipe(&destroyed->key, sizeof destroyed->key);
    memory_free(destroyed);
}

const struct slice *credentials_chain(const struct credentials *credentials, size_t *count) {
    *count = credentials->count;
    return credentials->chain;
}

const struct key_pair *credentials_key(const struct credentials *credentials) {
    return &credentials->key;
}
