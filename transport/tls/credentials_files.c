/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Credentials in PEM files, as the reference's init lays them out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/tls/credentials_private.h"
#include "transport/tls/pem_file.h"

enum {
    FINGERPRINT_TEXT_SIZE = 45, /* base64url of 32 bytes with padding, and the zero */
    BACKDATED_S = 86400,        /* so that clients whose clocks are behind accept a fresh certificate */
};

static enum smq_result describe(enum smq_result result, const char *path, const char *reason, char *error,
                                size_t error_size) {
    if (error != NULL && result != SMQ_OK)
        snprintf(error, error_size, "%s: %s", path, reason);
    return result;
}

/* Why a file was not read. */
static const char *reason_of(enum smq_result result) {
    return result == SMQ_ERR_SYSTEM      ? strerror(errno)
           : result == SMQ_ERR_INVALID   ? "a folder, FIFO or device, not a file"
           : result == SMQ_ERR_TOO_LARGE ? "too large"
                                         : smq_result_text(result);
}

static enum smq_result append_certificates(struct credentials *credentials, const char *path, char *error,
                                           size_t error_size) {
    uint8_t *pem = NULL;
    size_t length = 0;
    enum smq_result result = pem_file_read(path, &pem, &length);
    if (result != SMQ_OK)
        return describe(result, path, reason_of(result), error, error_size);
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    size_t found = 0;
    if (bio == NULL)
        result = SMQ_ERR_NO_MEMORY;
    while (result == SMQ_OK) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL)
            break;
        result = credentials_append(credentials, certificate);
        X509_free(certificate);
        found++;
    }
    ERR_clear_error(); /* the end of the file is an error to PEM */
    if (result == SMQ_OK && found == 0)
        result = SMQ_ERR_SYNTAX;
    BIO_free(bio);
    memory_free(pem);
    return describe(result, path,
                    result == SMQ_ERR_INVALID ? "more than 4 certificates in the chain" : "no certificate", error,
                    error_size);
}

static enum smq_result load_key(struct credentials *credentials, const char *path, char *error, size_t error_size) {
    uint8_t *pem = NULL;
    size_t length = 0;
    enum smq_result result = pem_file_read(path, &pem, &length);
    if (result != SMQ_OK)
        return describe(result, path, reason_of(result), error, error_size);
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "");
    const char *reason = "no private key";
    result = key == NULL ? SMQ_ERR_SYNTAX : credentials_take_key(credentials, key);
    if (result == SMQ_ERR_INVALID)
        reason = "the key is neither Ed25519 nor Ed448";
    ERR_clear_error();
    EVP_PKEY_free(key);
    BIO_free(bio);
    secret_wipe(pem, length);
    memory_free(pem);
    return describe(result, path, reason, error, error_size);
}

static bool key_is_the_leafs(const struct credentials *credentials) {
    struct public_key leaf = {.algorithm = KEY_NONE};
    return certificate_public_key(credentials->chain[0], &leaf) == SMQ_OK &&
           public_key_equal(&leaf, &credentials->key.public_key);
}

static enum smq_result load_pair(const char *certificate_path, const char *ca_path, const char *key_path,
                                 struct credentials **credentials, char *error, size_t error_size) {
    struct credentials *loaded = memory_zalloc(sizeof *loaded);
    if (loaded == NULL)
        return describe(SMQ_ERR_NO_MEMORY, certificate_path, smq_result_text(SMQ_ERR_NO_MEMORY), error, error_size);
    enum smq_result result = append_certificates(loaded, certificate_path, error, error_size);
    if (result == SMQ_OK && ca_path != NULL)
        result = append_certificates(loaded, ca_path, error, error_size);
    if (result == SMQ_OK)
        result = load_key(loaded, key_path, error, error_size);
    if (result == SMQ_OK && !key_is_the_leafs(loaded)) {
        char reason[PATH_MAX + 64];
        (void)snprintf(reason, sizeof reason, "the key does not belong to the certificate %s", certificate_path);
        result = describe(SMQ_ERR_INVALID, key_path, reason, error, error_size);
    }
    if (result == SMQ_OK) {
        *credentials = loaded;
        loaded = NULL;
    }
    int saved = errno;
    credentials_destroy(&loaded);
    errno = saved;
    return result;
}

/* The machine stopped in a renewal (pem_file_replace_pair): a key that lies ready is the certificate's, or both that
 * lie ready are whole. */
static bool load_what_lies_ready(const char *certificate_path, const char *ca_path, const char *key_path,
                                 struct credentials **credentials) {
    char certificate_ready[PATH_MAX], key_ready[PATH_MAX];
    return pem_file_ready(key_path, key_ready) == SMQ_OK &&
           pem_file_ready(certificate_path, certificate_ready) == SMQ_OK &&
           (load_pair(certificate_path, ca_path, key_ready, credentials, NULL, 0) == SMQ_OK ||
            load_pair(certificate_ready, ca_path, key_ready, credentials, NULL, 0) == SMQ_OK);
}

enum smq_result credentials_load(const char *certificate_path, const char *ca_path, const char *key_path,
                                 struct credentials **credentials, char *error, size_t error_size) {
    enum smq_result result = load_pair(certificate_path, ca_path, key_path, credentials, error, error_size);
    int saved = errno;
    bool torn = result == SMQ_ERR_INVALID || result == SMQ_ERR_SYNTAX;
    if (torn && load_what_lies_ready(certificate_path, ca_path, key_path, credentials))
        return SMQ_OK;
    errno = saved;
    return result;
}

/* What the file holds, in memory that `bio` owns. */
static enum smq_result take_text(BIO *bio, struct pem_file *file) {
    char *text = NULL;
    long length = BIO_get_mem_data(bio, &text);
    file->bytes = text;
    file->length = length > 0 ? (size_t)length : 0;
    return length > 0 ? SMQ_OK : SMQ_ERR_CRYPTO;
}

/* `bio` is to be freed in any case, as in the next function. */
static enum smq_result write_certificate(const struct credentials *credentials, BIO **bio, struct pem_file *file) {
    X509 *certificate = credentials_x509(credentials, 0);
    enum smq_result result = SMQ_ERR_CRYPTO;
    *bio = BIO_new(BIO_s_mem());
    file->mode = 0644;
    if (certificate != NULL && *bio != NULL && PEM_write_bio_X509(*bio, certificate) == 1)
        result = take_text(*bio, file);
    X509_free(certificate);
    return result;
}

static enum smq_result write_key(const struct credentials *credentials, BIO **bio, struct pem_file *file) {
    EVP_PKEY *key = credentials_evp_key(credentials);
    enum smq_result result = SMQ_ERR_CRYPTO;
    *bio = BIO_new(BIO_s_secmem());
    file->mode = 0600;
    if (key != NULL && *bio != NULL && PEM_write_bio_PKCS8PrivateKey(*bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        result = take_text(*bio, file);
    EVP_PKEY_free(key);
    return result;
}

static enum smq_result save(const struct credentials *credentials, const char *path,
                            enum smq_result (*form)(const struct credentials *, BIO **, struct pem_file *)) {
    struct pem_file file = {.path = path};
    BIO *bio = NULL;
    enum smq_result result = form(credentials, &bio, &file);
    if (result == SMQ_OK)
        result = pem_file_replace(&file);
    int saved = errno;
    BIO_free(bio);
    errno = saved;
    return result;
}

enum smq_result credentials_save_certificate(const struct credentials *credentials, const char *path) {
    return save(credentials, path, write_certificate);
}

enum smq_result credentials_save_key(const struct credentials *credentials, const char *path) {
    return save(credentials, path, write_key);
}

/* Makes "directory/name"; SMQ_ERR_SYSTEM when it is too long. */
static enum smq_result path_in(char path[PATH_MAX], const char *directory, const char *name) {
    int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    if (length >= 0 && length < PATH_MAX)
        return SMQ_OK;
    errno = ENAMETOOLONG;
    return SMQ_ERR_SYSTEM;
}

static enum smq_result save_pair(const struct credentials *credentials, const char *directory,
                                 const char *certificate_name, const char *key_name) {
    char certificate_path[PATH_MAX], key_path[PATH_MAX];
    struct pem_file certificate = {.path = certificate_path}, key = {.path = key_path};
    BIO *certificate_bio = NULL, *key_bio = NULL;
    enum smq_result result = path_in(certificate_path, directory, certificate_name);
    if (result == SMQ_OK)
        result = path_in(key_path, directory, key_name);
    if (result == SMQ_OK)
        result = write_certificate(credentials, &certificate_bio, &certificate);
    if (result == SMQ_OK)
        result = write_key(credentials, &key_bio, &key);
    if (result == SMQ_OK)
        result = pem_file_replace_pair(&certificate, &key);
    int saved = errno;
    BIO_free(certificate_bio);
    BIO_free(key_bio);
    errno = saved;
    return result;
}

static enum smq_result save_fingerprint(const char *directory, const uint8_t fingerprint[FINGERPRINT_SIZE]) {
    char text[FINGERPRINT_TEXT_SIZE + 1];
    char path[PATH_MAX];
    sodium_bin2base64(text, FINGERPRINT_TEXT_SIZE, fingerprint, FINGERPRINT_SIZE, sodium_base64_VARIANT_URLSAFE);
    size_t length = strlen(text);
    text[length++] = '\n';
    enum smq_result result = path_in(path, directory, "fingerprint");
    const struct pem_file file = {.path = path, .mode = 0644, .bytes = text, .length = length};
    return result == SMQ_OK ? pem_file_replace(&file) : result;
}

static enum smq_result issue_server(const struct credentials *ca, const char *directory, const char *common_name,
                                    enum key_algorithm algorithm) {
    struct credentials *server = NULL;
    struct certificate_request request = {
        .kind = CERTIFICATE_SERVER,
        .algorithm = algorithm,
        .common_name = common_name,
        .not_before_s = clock_realtime_s() - BACKDATED_S,
        .days = CERTIFICATE_DAYS,
    };
    enum smq_result result = credentials_issue(ca, &request, &server);
    if (result == SMQ_OK)
        result = save_pair(server, directory, "server.crt", "server.key");
    credentials_destroy(&server);
    return result;
}

enum smq_result credentials_create_files(const char *directory, const char *common_name, enum key_algorithm algorithm,
                                         uint8_t fingerprint[FINGERPRINT_SIZE]) {
    static const char *const names[] = {"ca.key", "ca.crt", "server.key", "server.crt", "fingerprint"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        enum smq_result result = path_in(path, directory, names[i]);
        if (result != SMQ_OK)
            return result;
        if (access(path, F_OK) == 0)
            return SMQ_ERR_EXISTS;
    }
    struct credentials *ca = NULL;
    struct certificate_request request = {
        .kind = CERTIFICATE_CA,
        .algorithm = algorithm,
        .common_name = "SMP server CA",
        .organization = "SimpleX",
        .not_before_s = clock_realtime_s() - BACKDATED_S,
        .days = CERTIFICATE_DAYS,
    };
    enum smq_result result = credentials_issue(NULL, &request, &ca);
    if (result == SMQ_OK)
        result = save_pair(ca, directory, "ca.crt", "ca.key");
    if (result == SMQ_OK)
        result = issue_server(ca, directory, common_name, algorithm);
    if (result == SMQ_OK)
        result = certificate_fingerprint(ca->chain[0], fingerprint);
    if (result == SMQ_OK)
        result = save_fingerprint(directory, fingerprint);
    credentials_destroy(&ca);
    return result;
}

/* Held until it is closed: two renewals at once would mix their files. */
static int lock_folder(const char *directory) {
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (folder >= 0 && flock(folder, LOCK_EX) != 0) {
        int saved = errno;
        if (saved == EINTR)
            continue;
        (void)close(folder);
        errno = saved;
        return -1;
    }
    return folder;
}

enum smq_result credentials_renew_files(const char *directory, const char *common_name, enum key_algorithm algorithm,
                                        char *error, size_t error_size) {
    char certificate_path[PATH_MAX], key_path[PATH_MAX];
    struct credentials *ca = NULL;
    enum smq_result result = path_in(certificate_path, directory, "ca.crt");
    if (result == SMQ_OK)
        result = path_in(key_path, directory, "ca.key");
    int folder = result == SMQ_OK ? lock_folder(directory) : -1;
    if (folder < 0)
        return describe(SMQ_ERR_SYSTEM, directory, strerror(errno), error, error_size);
    result = credentials_load(certificate_path, NULL, key_path, &ca, error, error_size);
    if (result == SMQ_OK) {
        result = issue_server(ca, directory, common_name, algorithm);
        (void)describe(result, directory,
                       result == SMQ_ERR_SYSTEM    ? strerror(errno)
                       : result == SMQ_ERR_INVALID ? "the name is empty or longer than 64 bytes"
                                                   : smq_result_text(result),
                       error, error_size);
    }
    credentials_destroy(&ca);
    (void)close(folder);
    return result;
}

enum smq_result credentials_ca_fingerprint(const char *ca_path, uint8_t fingerprint[FINGERPRINT_SIZE]) {
    struct credentials found = {.count = 0};
    enum smq_result result = append_certificates(&found, ca_path, NULL, 0);
    if (result == SMQ_OK)
        result = certificate_fingerprint(found.chain[0], fingerprint);
    for (size_t i = 0; i < found.count; i++)
        memory_free((void *)(uintptr_t)found.chain[i].bytes);
    return result;
}

enum smq_result credentials_read_fingerprint(const char *path, uint8_t fingerprint[FINGERPRINT_SIZE]) {
    uint8_t *text = NULL;
    size_t length = 0;
    enum smq_result result = pem_file_read(path, &text, &length);
    if (result != SMQ_OK)
        return result;
    while (length > 0 && strchr("\r\n =", text[length - 1]) != NULL)
        length--;
    size_t decoded = 0;
    const char *end = NULL;
    result = SMQ_ERR_SYNTAX;
    if (sodium_base642bin(fingerprint, FINGERPRINT_SIZE, (const char *)text, length, NULL, &decoded, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
        decoded == FINGERPRINT_SIZE && end == (const char *)text + length)
        result = SMQ_OK;
    memory_free(text);
    return result;
}
