/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Renewal of the online certificate. */
#include "bin/common/server_cert.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "bin/common/server_init.h"
#include "bin/common/server_print.h"
#include "transport/tls/credentials.h"

enum { COMMON_NAME_SIZE = 256 };

/* Key algorithm and common name of the certificate in use, for those that the command line leaves as they are. */
static bool read_certificate(const char *path, enum key_algorithm *algorithm, char name[COMMON_NAME_SIZE]) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)server_fail("", path, strerror(errno));
        return false;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    if (certificate == NULL) {
        (void)fprintf(stderr, "No certificate found at %s\n", path);
        return false;
    }
    int key_type = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate));
    int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, COMMON_NAME_SIZE);
    X509_free(certificate);
    *algorithm = key_type == EVP_PKEY_ED448 ? KEY_ED448 : KEY_ED25519;
    if (length > 0)
        return true;
    (void)fprintf(stderr, "Certificate subject has no CN element (%s); give one with --cn\n", path);
    return false;
}

int server_cert(const struct server_files *files, const struct server_cert_options *options) {
    char name[COMMON_NAME_SIZE], error[512] = "";
    enum key_algorithm algorithm = KEY_ED25519;
    if (!server_files_initialized(files) || server_files_exposed(files))
        return 1;
    if ((options->algorithm < 0 || options->common_name == NULL) &&
        !read_certificate(files->server_certificate, &algorithm, name))
        return 1;
    if (options->algorithm >= 0)
        algorithm = server_algorithm(options->algorithm);
    enum smq_result result =
        credentials_renew_files(files->configuration, options->common_name != NULL ? options->common_name : name,
                                algorithm, error, sizeof error);
    if (result != SMQ_OK) {
        (void)fprintf(stderr, "Error: cannot make a certificate: %s\n", error);
        return 1;
    }
    printf("Generated new server credentials\n");
    server_print_ca_key_warning(files);
    return 0;
}
