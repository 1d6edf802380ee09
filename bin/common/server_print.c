/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines of routers. */
#include "bin/common/server_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bin/common/settings_checks.h"
#include "queues/base/secret.h"
#include "transport/tls/credentials.h"
#include "transport/wire/text.h"

void server_address_text(const struct server_identity *identity, char *text) {
    char hosts[SETTINGS_HOST_TEXT_MAX];
    struct writer writer = writer_of(text, ADDRESS_TEXT_MAX);
    if (identity->hosts == NULL || !settings_hosts_text(identity->hosts, hosts))
        (void)snprintf(hosts, sizeof hosts, "<hostnames>");
    write_text(&writer, address_scheme_text(identity->scheme));
    write_text(&writer, "://");
    write_base64(&writer, slice_of(identity->fingerprint, FINGERPRINT_SIZE), BASE64_URL);
    if (identity->password != NULL) {
        write_text(&writer, ":");
        write_text(&writer, identity->password);
    }
    write_text(&writer, "@");
    write_text(&writer, hosts);
    if (identity->port != 0) {
        write_text(&writer, ":");
        write_decimal(&writer, identity->port);
    }
    text[writer_length(&writer)] = '\0';
}

void server_print_identity(const struct server_identity *identity) {
    char text[ADDRESS_TEXT_MAX + 1];
    char fingerprint[64];
    struct writer writer = writer_of(fingerprint, sizeof fingerprint - 1);
    write_base64(&writer, slice_of(identity->fingerprint, FINGERPRINT_SIZE), BASE64_URL);
    fingerprint[writer_length(&writer)] = '\0';
    server_address_text(identity, text);
    printf("Fingerprint: %s\nServer address: %s\n", fingerprint, text);
    secret_wipe(text, sizeof text);
}

void server_print_source_code(const char *source_code) {
    if (source_code != NULL) {
        printf("Server source code: %s\n", source_code);
        return;
    }
    printf("Warning: server source code is not specified.\n");
    printf("Add 'source_code' property to [INFORMATION] section of INI file.\n");
}

void server_print_ca_key_warning(const struct server_files *files) {
    printf("----------\n"
           "You should store CA private key securely and delete it from the server.\n"
           "If server TLS credential is compromised this key can be used to sign a new one, keeping the same server "
           "identity and established connections.\n"
           "CA private key location:\n%s\n----------\n",
           files->ca_key);
}

int server_fail(const char *what, const char *path, const char *reason) {
    (void)fprintf(stderr, "Error: %s%s%s: %s\n", what, what[0] == '\0' ? "" : " ", path, reason);
    return 1;
}

bool server_read_fingerprint(const struct server_files *files, uint8_t fingerprint[FINGERPRINT_SIZE]) {
    uint8_t saved[FINGERPRINT_SIZE];
    enum smq_result result = credentials_ca_fingerprint(files->ca_certificate, fingerprint);
    const char *path = files->ca_certificate;
    if (result == SMQ_OK) {
        path = files->fingerprint;
        result = credentials_read_fingerprint(path, saved);
    }
    if (result != SMQ_OK) {
        (void)server_fail("", path, result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
        return false;
    }
    if (memcmp(saved, fingerprint, sizeof saved) == 0)
        return true;
    (void)fprintf(stderr, "Stored fingerprint is invalid. (%s is not that of %s)\n", files->fingerprint,
                  files->ca_certificate);
    return false;
}
