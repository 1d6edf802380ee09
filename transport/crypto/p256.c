/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys on the curve P-256. */
#include "transport/crypto/p256.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char group_name[] = "prime256v1";

struct p256_key {
    EVP_PKEY *pkey;
    uint8_t point[P256_POINT_SIZE];
};

/* ---- making keys ---- */

/* Takes `pkey` over, also when it fails. */
static enum smq_result key_of_pkey(EVP_PKEY *pkey, struct p256_key **key) {
    struct p256_key *made = calloc(1, sizeof *made);
    char group[32] = "";
    size_t length = 0;
    enum smq_result result = made != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK &&
        (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC || EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1 ||
         strcmp(group, group_name) != 0 ||
         EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") != 1 ||
         EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, made->point, sizeof made->point, &length) !=
             1 ||
         length != P256_POINT_SIZE))
        result = SMQ_ERR_CRYPTO;
    if (result != SMQ_OK) {
        free(made);
        EVP_PKEY_free(pkey);
        return result;
    }
    made->pkey = pkey;
    *key = made;
    return SMQ_OK;
}

enum smq_result p256_key_generate(struct p256_key **key) {
    EVP_PKEY *pkey = EVP_EC_gen(group_name);
    return pkey != NULL ? key_of_pkey(pkey, key) : SMQ_ERR_CRYPTO;
}

/* A pkey of a point, and of a secret when `secret` is not NULL; NULL when OpenSSL refuses them. */
static EVP_PKEY *pkey_of(const uint8_t point[P256_POINT_SIZE], const BIGNUM *secret) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *parameters = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    bool ready = builder != NULL && context != NULL &&
                 OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group_name, 0) == 1 &&
                 OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, P256_POINT_SIZE) == 1 &&
                 (secret == NULL || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1) &&
                 (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL && EVP_PKEY_fromdata_init(context) == 1;
    int selection = secret != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    if (ready && EVP_PKEY_fromdata(context, &pkey, selection, parameters) != 1)
        pkey = NULL;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return pkey;
}

/* The point of a secret in 1 .. order - 1. */
static bool point_of(const BIGNUM *secret, uint8_t bytes[P256_POINT_SIZE]) {
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    bool made = point != NULL && !BN_is_zero(secret) && BN_cmp(secret, EC_GROUP_get0_order(group)) < 0 &&
                EC_POINT_mul(group, point, secret, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, P256_POINT_SIZE, NULL) ==
                    P256_POINT_SIZE;
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return made;
}

enum smq_result p256_key_of_secret(const uint8_t secret[P256_SECRET_SIZE], struct p256_key **key) {
    uint8_t point[P256_POINT_SIZE];
    BIGNUM *number = BN_secure_new();
    EVP_PKEY *pkey = NULL;
    if (number != NULL && BN_bin2bn(secret, P256_SECRET_SIZE, number) != NULL) {
        BN_set_flags(number, BN_FLG_CONSTTIME);
        if (point_of(number, point))
            pkey = pkey_of(point, number);
    }
    BN_clear_free(number);
    return pkey != NULL ? key_of_pkey(pkey, key) : SMQ_ERR_CRYPTO;
}

/* Called when the key is encrypted: there is no passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

enum smq_result p256_key_of_pem(struct slice pem, struct p256_key **key) {
    if (pem.length == 0 || pem.length > INT_MAX)
        return SMQ_ERR_SYNTAX;
    BIO *bio = BIO_new_mem_buf(pem.bytes, (int)pem.length);
    if (bio == NULL)
        return SMQ_ERR_NO_MEMORY;
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    EVP_PKEY *another = pkey != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (pkey == NULL || another != NULL) {
        EVP_PKEY_free(another);
        EVP_PKEY_free(pkey);
        return SMQ_ERR_SYNTAX;
    }
    return key_of_pkey(pkey, key);
}

void p256_key_free(struct p256_key **key) {
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->pkey);
    free(*key);
    *key = NULL;
}

void p256_key_point(const struct p256_key *key, uint8_t point[P256_POINT_SIZE]) {
    memcpy(point, key->point, P256_POINT_SIZE);
}

bool p256_point_valid(const uint8_t point[P256_POINT_SIZE]) {
    enum { UNCOMPRESSED = 4 };
    if (point[0] != UNCOMPRESSED)
        return false;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *decoded = group != NULL ? EC_POINT_new(group) : NULL;
    bool valid = decoded != NULL && EC_POINT_oct2point(group, decoded, point, P256_POINT_SIZE, NULL) == 1;
    EC_POINT_free(decoded);
    EC_GROUP_free(group);
    return valid;
}

/* ---- using them ---- */

enum smq_result p256_agree(const struct p256_key *key, const uint8_t peer[P256_POINT_SIZE],
                           uint8_t shared[P256_SHARED_SIZE]) {
    EVP_PKEY *peer_key = p256_point_valid(peer) ? pkey_of(peer, NULL) : NULL;
    EVP_PKEY_CTX *context = peer_key != NULL ? EVP_PKEY_CTX_new(key->pkey, NULL) : NULL;
    size_t length = P256_SHARED_SIZE;
    bool agreed = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                  EVP_PKEY_derive_set_peer(context, peer_key) == 1 && EVP_PKEY_derive(context, shared, &length) == 1 &&
                  length == P256_SHARED_SIZE;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer_key);
    return agreed ? SMQ_OK : SMQ_ERR_CRYPTO;
}

/* ---- signatures: OpenSSL has them as SEQUENCE { r, s } ---- */

enum { SIGNATURE_DER_MAX = 72, HALF = P256_SIGNATURE_SIZE / 2 };

static enum smq_result sign_der(const struct p256_key *key, struct slice message, uint8_t signature[SIGNATURE_DER_MAX],
                                size_t *length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *length = SIGNATURE_DER_MAX;
    bool made = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
                EVP_DigestSign(context, signature, length, message.bytes, message.length) == 1;
    EVP_MD_CTX_free(context);
    return made ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result p256_sign(const struct p256_key *key, struct slice message, uint8_t signature[P256_SIGNATURE_SIZE]) {
    uint8_t der[SIGNATURE_DER_MAX];
    size_t length;
    enum smq_result result = sign_der(key, message, der, &length);
    if (result != SMQ_OK)
        return result;
    const unsigned char *position = der;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &position, (long)length);
    bool made = parsed != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, HALF) == HALF &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + HALF, HALF) == HALF;
    ECDSA_SIG_free(parsed);
    return made ? SMQ_OK : SMQ_ERR_CRYPTO;
}

static enum smq_result verify_der(const uint8_t point[P256_POINT_SIZE], struct slice message, struct slice signature) {
    EVP_PKEY *pkey = p256_point_valid(point) ? pkey_of(point, NULL) : NULL;
    EVP_MD_CTX *context = pkey != NULL ? EVP_MD_CTX_new() : NULL;
    bool good = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
                EVP_DigestVerify(context, signature.bytes, signature.length, message.bytes, message.length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return good ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result p256_verify(const uint8_t point[P256_POINT_SIZE], struct slice message,
                            const uint8_t signature[P256_SIGNATURE_SIZE]) {
    uint8_t der[SIGNATURE_DER_MAX];
    unsigned char *position = der;
    ECDSA_SIG *made = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, HALF, NULL);
    BIGNUM *s = BN_bin2bn(signature + HALF, HALF, NULL);
    int length = 0;
    if (made != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(made, r, s) == 1) {
        r = s = NULL; /* the signature has them */
        length = i2d_ECDSA_SIG(made, &position);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(made);
    return length > 0 ? verify_der(point, message, slice_of(der, (size_t)length)) : SMQ_ERR_CRYPTO;
}
