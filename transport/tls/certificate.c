/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Classification and validation of certificate chains. The path rules are those of the reference's library, not of RFC
 * 5280: the anchor is trusted whatever its dates and extensions are, and one that is not self-signed will do. They are
 * stricter in one thing: the identity certificate must have issued the leaf. X509_verify_cert cannot be told so, hence
 * the walk below; every single test in it is OpenSSL's. */
#include "transport/tls/certificate.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct certificate_chain_class certificate_chain_classify(size_t count) {
    struct certificate_chain_class class = {.kind = CHAIN_VALID, .identity = 1, .anchor = count - 1};
    if (count < 2) {
        class.kind = count == 0 ? CHAIN_EMPTY : CHAIN_SELF;
        class.identity = 0;
        class.anchor = 0;
    } else if (count > CERTIFICATE_CHAIN_MAX) {
        class = (struct certificate_chain_class){.kind = CHAIN_TOO_LONG};
    }
    return class;
}

bool certificate_chain_equal(const struct slice *told, size_t told_count, const struct slice *shown,
                             size_t shown_count) {
    if (told_count != shown_count || told_count < 1 || told_count > CERTIFICATE_CHAIN_MAX)
        return false;
    size_t i = 0;
    while (i < told_count && slice_equal(told[i], shown[i]))
        i++;
    return i == told_count;
}

enum smq_result certificate_fingerprint(struct slice der, uint8_t fingerprint[FINGERPRINT_SIZE]) {
    return EVP_Digest(der.bytes, der.length, fingerprint, NULL, EVP_sha256(), NULL) == 1 ? SMQ_OK : SMQ_ERR_CRYPTO;
}

/* NULL unless `der` is exactly one certificate. */
static X509 *parse(struct slice der) {
    if (der.length > LONG_MAX)
        return NULL;
    const uint8_t *position = der.bytes;
    X509 *certificate = d2i_X509(NULL, &position, (long)der.length);
    if (certificate != NULL && position != der.bytes + der.length) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

static bool is_issued_by_name(const X509 *certificate, const X509 *issuer) {
    return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0;
}

/* Larger keys are refused: a peer chooses them, and verifying with them costs whoever is asked to. */
enum { ISSUER_KEY_BITS_MAX = 4096, ISSUER_EXPONENT_BITS_MAX = 64 };

/* An RSA exponent as long as its modulus makes a hundred times the work of the usual one. */
static bool verifies_quickly(const EVP_PKEY *key) {
    BIGNUM *exponent = NULL;
    bool quick = EVP_PKEY_get_bits(key) <= ISSUER_KEY_BITS_MAX;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1)
        quick = quick && BN_num_bits(exponent) <= ISSUER_EXPONENT_BITS_MAX;
    BN_free(exponent);
    ERR_clear_error();
    return quick;
}

static bool is_signed_by(X509 *certificate, X509 *issuer) {
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    return key != NULL && verifies_quickly(key) && X509_verify(certificate, key) == 1;
}

static bool is_valid_at(const X509 *certificate, int64_t now_s) {
    time_t now = (time_t)now_s;
    return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

/* May `certificate` issue one that has `below` further issuers between itself and the leaf? */
static bool is_intermediate_ca(X509 *certificate, long below) {
    uint32_t flags = X509_get_extension_flags(certificate);
    long path_length = X509_get_pathlen(certificate); /* -1: not limited */
    return X509_get_version(certificate) == X509_VERSION_3 && (flags & EXFLAG_INVALID) == 0 &&
           (flags & EXFLAG_CA) != 0 && (X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) != 0 &&
           (path_length < 0 || path_length >= below);
}

/* The step from `certificate` to `issuer`, which has `below` further issuers between itself and the leaf. */
static enum certificate_fault check_issuer(X509 *certificate, X509 *issuer, bool is_anchor, long below) {
    if (!is_issued_by_name(certificate, issuer))
        return CERTIFICATE_FAULT_UNKNOWN;
    if (!is_anchor && !is_intermediate_ca(issuer, below))
        return CERTIFICATE_FAULT_FORM;
    return is_signed_by(certificate, issuer) ? CERTIFICATE_FAULT_NONE : CERTIFICATE_FAULT_SIGNATURE;
}

/* Goes up from the leaf to the anchor. The first step is always to the identity certificate: it is what names the peer,
 * so it must be what vouches for the leaf. Above it, a certificate that the anchor itself issued needs none between. */
static enum certificate_fault walk(X509 *const *certificates, struct certificate_chain_class class, int64_t now_s) {
    X509 *anchor = certificates[class.anchor];
    if (X509_get_version(certificates[0]) != X509_VERSION_3)
        return CERTIFICATE_FAULT_FORM;
    size_t current = 0;
    enum certificate_fault fault = CERTIFICATE_FAULT_NONE;
    for (long level = 0; fault == CERTIFICATE_FAULT_NONE && (level == 0 || current != class.anchor); level++) {
        if (!is_valid_at(certificates[current], now_s))
            return CERTIFICATE_FAULT_EXPIRED;
        size_t issuer = level == 0 ? class.identity : current + 1;
        if (level > 0 && check_issuer(certificates[current], anchor, true, level) == CERTIFICATE_FAULT_NONE)
            issuer = class.anchor;
        fault = check_issuer(certificates[current], certificates[issuer], issuer == class.anchor, level);
        current = issuer;
    }
    return fault;
}

enum certificate_fault certificate_chain_validate(const struct slice *chain, size_t count, int64_t now_s) {
    struct certificate_chain_class class = certificate_chain_classify(count);
    if (class.kind != CHAIN_SELF && class.kind != CHAIN_VALID)
        return CERTIFICATE_FAULT_CHAIN;
    X509 *certificates[CERTIFICATE_CHAIN_MAX] = {NULL};
    enum certificate_fault fault = CERTIFICATE_FAULT_NONE;
    for (size_t i = 0; i < count && fault == CERTIFICATE_FAULT_NONE; i++) {
        certificates[i] = parse(chain[i]);
        if (certificates[i] == NULL)
            fault = CERTIFICATE_FAULT_FORM;
    }
    if (fault == CERTIFICATE_FAULT_NONE)
        fault = walk(certificates, class, now_s);
    for (size_t i = 0; i < count; i++)
        X509_free(certificates[i]);
    return fault;
}

enum certificate_fault certificate_check_server(const struct slice *chain, size_t count,
                                                const uint8_t key_hash[FINGERPRINT_SIZE], int64_t now_s) {
    struct certificate_chain_class class = certificate_chain_classify(count);
    if (class.kind != CHAIN_VALID)
        return CERTIFICATE_FAULT_CHAIN;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    if (certificate_fingerprint(chain[class.identity], fingerprint) != SMQ_OK ||
        memcmp(fingerprint, key_hash, FINGERPRINT_SIZE) != 0)
        return CERTIFICATE_FAULT_IDENTITY;
    return certificate_chain_validate(chain, count, now_s);
}

static bool read_time(const ASN1_TIME *time, int64_t *seconds) {
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *seconds = (int64_t)timegm(&parts);
    return true;
}

enum smq_result certificate_validity(struct slice der, int64_t *from_s, int64_t *until_s) {
    X509 *certificate = parse(der);
    bool read = certificate != NULL && read_time(X509_get0_notBefore(certificate), from_s) &&
                read_time(X509_get0_notAfter(certificate), until_s);
    X509_free(certificate);
    return read ? SMQ_OK : SMQ_ERR_SYNTAX;
}

enum smq_result certificate_public_key(struct slice der, struct public_key *key) {
    enum smq_result result = SMQ_ERR_SYNTAX;
    X509 *certificate = parse(der);
    EVP_PKEY *pkey = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    if (pkey == NULL)
        goto out;
    struct public_key found = {.algorithm = KEY_NONE};
    if (EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519)
        found.algorithm = KEY_ED25519;
    else if (EVP_PKEY_get_id(pkey) == EVP_PKEY_ED448)
        found.algorithm = KEY_ED448;
    size_t length = sizeof found.bytes;
    if (found.algorithm == KEY_NONE || EVP_PKEY_get_raw_public_key(pkey, found.bytes, &length) != 1)
        goto out;
    found.length = (uint8_t)length;
    *key = found;
    result = SMQ_OK;
out:
    X509_free(certificate);
    return result;
}
