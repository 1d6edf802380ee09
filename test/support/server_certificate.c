/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Other server certificates for a router's folder. */
#include "test/support/server_certificate.h"

#include <stdio.h>

#include "queues/base/clock.h"
#include "test/support/require.h"
#include "transport/tls/credentials.h"

enum { PATH_ROOM = 192, FILE_ROOM = 8192 };

static const char *path_in(char path[PATH_ROOM], const char *directory, const char *name) {
    require(snprintf(path, PATH_ROOM, "%s/%s", directory, name) < PATH_ROOM);
    return path;
}

void server_certificate_write(const char *directory, int64_t from_s, int64_t until_s) {
    char certificate[PATH_ROOM], key[PATH_ROOM];
    struct credentials *ca = NULL, *server = NULL;
    require(credentials_load(path_in(certificate, directory, "ca.crt"), NULL, path_in(key, directory, "ca.key"), &ca,
                             NULL, 0) == SMQ_OK);
    const struct certificate_request request = {.kind = CERTIFICATE_SERVER,
                                                .algorithm = KEY_ED25519,
                                                .common_name = "localhost",
                                                .not_before_s = clock_realtime_s() + from_s,
                                                .days = (uint32_t)((until_s - from_s) / 86400)};
    require(credentials_issue(ca, &request, &server) == SMQ_OK);
    require(credentials_save_key(server, path_in(key, directory, "server.key")) == SMQ_OK);
    require(credentials_save_certificate(server, path_in(certificate, directory, "server.crt")) == SMQ_OK);
    credentials_destroy(&server);
    credentials_destroy(&ca);
}

void server_file_copy(const char *from_directory, const char *to_directory, const char *name) {
    char path[PATH_ROOM], bytes[FILE_ROOM];
    FILE *from = fopen(path_in(path, from_directory, name), "re");
    require(from != NULL);
    size_t length = fread(bytes, 1, sizeof bytes, from);
    require(length > 0 && length < sizeof bytes && fclose(from) == 0);
    FILE *to = fopen(path_in(path, to_directory, name), "we");
    require(to != NULL && fwrite(bytes, 1, length, to) == length && fclose(to) == 0);
}
