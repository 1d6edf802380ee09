/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Web certificates stay OpenSSL's objects: their kinds are OpenSSL's business. */
#include "transport/tls/web_certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/tls/pem_file.h"
#include "transport/tls/tls_private.h"

struct web_certificate {
    EVP_PKEY *key;
    size_t count;
    X509 *chain[WEB_CHAIN_MAX]; /* leaf first */
    int64_t ends_s;
};

struct failure {
    char *text;
    size_t size;
};

static enum smq_result fail(const struct failure *failure, enum smq_result result, const char *path,
                            const char *reason) {
    if (failure->text != NULL)
        (void)snprintf(failure->text, failure->size, "%s: %s", path, reason);
    return result;
}

static enum smq_result open_pem(const char *path, uint8_t **pem, size_t *length, BIO **bio,
                                const struct failure *failure) {
    enum smq_result result = pem_file_read(path, pem, length);
    if (result != SMQ_OK)
        return fail(failure, result, path,
                    result == SMQ_ERR_SYSTEM    ? strerror(errno)
                    : result == SMQ_ERR_INVALID ? "a folder, FIFO or device, not a file"
                                                : smq_result_text(result));
    *bio = BIO_new_mem_buf(*pem, (int)*length);
    if (*bio != NULL)
        return SMQ_OK;
    memory_free(*pem);
    return fail(failure, SMQ_ERR_NO_MEMORY, path, smq_result_text(SMQ_ERR_NO_MEMORY));
}

static enum smq_result load_chain(struct web_certificate *loaded, const char *path, const struct failure *failure) {
    uint8_t *pem = NULL;
    size_t length = 0;
    BIO *bio = NULL;
    enum smq_result result = open_pem(path, &pem, &length, &bio, failure);
    if (result != SMQ_OK)
        return result;
    X509 *certificate;
    while (result == SMQ_OK && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (loaded->count < WEB_CHAIN_MAX) {
            loaded->chain[loaded->count++] = certificate;
        } else {
            X509_free(certificate);
            result = fail(failure, SMQ_ERR_INVALID, path, "too many certificates");
        }
    }
    ERR_clear_error(); /* the end of the file is an error to PEM */
    if (loaded->count == 0)
        result = fail(failure, SMQ_ERR_SYNTAX, path, "no certificate");
    BIO_free(bio);
    memory_free(pem);
    return result;
}

static enum smq_result load_key(struct web_certificate *loaded, const char *path, const struct failure *failure) {
    uint8_t *pem = NULL;
    size_t length = 0;
    BIO *bio = NULL;
    enum smq_result result = open_pem(path, &pem, &length, &bio, failure);
    if (result != SMQ_OK)
        return result;
    loaded->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "");
    if (loaded->key == NULL)
        result = fail(failure, SMQ_ERR_SYNTAX, path, "no private key, or one with a password");
    ERR_clear_error();
    BIO_free(bio);
    secret_wipe(pem, length);
    memory_free(pem);
    return result;
}

static enum smq_result check(struct web_certificate *loaded, const char *certificate_path, const char *key_path,
                             const struct failure *failure) {
    int kind = EVP_PKEY_get_base_id(loaded->key);
    struct tm ends;
    if (kind != EVP_PKEY_EC && kind != EVP_PKEY_RSA)
        return fail(failure, SMQ_ERR_INVALID, key_path, "the key is neither ECDSA nor RSA, which browsers need");
    if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(loaded->key) < WEB_RSA_BITS_MIN)
        return fail(failure, SMQ_ERR_INVALID, key_path, "an RSA key of fewer than 2048 bits");
    if (X509_check_private_key(loaded->chain[0], loaded->key) != 1) {
        char reason[PATH_MAX + 64];
        ERR_clear_error();
        (void)snprintf(reason, sizeof reason, "the key does not belong to the certificate %s", certificate_path);
        return fail(failure, SMQ_ERR_INVALID, key_path, reason);
    }
    if (ASN1_TIME_to_tm(X509_get0_notAfter(loaded->chain[0]), &ends) != 1)
        return fail(failure, SMQ_ERR_INVALID, certificate_path, "no end of validity");
    loaded->ends_s = timegm(&ends);
    return SMQ_OK;
}

enum smq_result web_certificate_load(const char *certificate_path, const char *key_path,
                                     struct web_certificate **certificate, char *error, size_t error_size) {
    const struct failure failure = {error, error_size};
    struct web_certificate *loaded = memory_zalloc(sizeof *loaded);
    if (loaded == NULL)
        return fail(&failure, SMQ_ERR_NO_MEMORY, certificate_path, smq_result_text(SMQ_ERR_NO_MEMORY));
    enum smq_result result = load_chain(loaded, certificate_path, &failure);
    if (result == SMQ_OK)
        result = load_key(loaded, key_path, &failure);
    if (result == SMQ_OK)
        result = check(loaded, certificate_path, key_path, &failure);
    if (result != SMQ_OK)
        web_certificate_destroy(&loaded);
    else
        *certificate = loaded;
    return result;
}

void web_certificate_destroy(struct web_certificate **certificate) {
    struct web_certificate *destroyed = *certificate;
    *certificate = NULL;
    if (destroyed == NULL)
        return;
    EVP_PKEY_free(destroyed->key);
    for (size_t i = 0; i < destroyed->count; i++)
        X509_free(destroyed->chain[i]);
    memory_free(destroyed);
}

int64_t web_certificate_ends_s(const struct web_certificate *certificate) {
    return certificate->ends_s;
}

bool web_certificate_use(const struct web_certificate *certificate, SSL_CTX *context) {
    bool is_used = SSL_CTX_use_certificate(context, certificate->chain[0]) == 1;
    for (size_t i = 1; i < certificate->count && is_used; i++)
        is_used = SSL_CTX_add1_chain_cert(context, certificate->chain[i]) == 1;
    return is_used && SSL_CTX_use_PrivateKey(context, certificate->key) == 1;
}
