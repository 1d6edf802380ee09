/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An XFTP router in the test's own process. */
#include "test/support/xftp_fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues/base/log.h"
#include "queues/base/setup.h"
#include "stores/xftp/chunk_folder.h"
#include "test/support/require.h"
#include "transport/crypto/setup.h"
#include "transport/tls/credentials.h"

enum { PATH_CA, PATH_SERVER, PATH_KEY, PATH_STORE, PATH_FILES, PATH_WEB, PATH_WEB_KEY, PATH_COUNT };

void xftp_fixture_init(struct xftp_fixture *fixture) {
    static const char *const names[PATH_COUNT] = {"ca.crt", "server.crt", "server.key", "store",
                                                  "files",  "web.crt",    "web.key"};
    memset(fixture, 0, sizeof *fixture);
    require(base_setup() == SMQ_OK && crypto_setup() == SMQ_OK);
    log_set_level(LOG_LEVEL_ERROR);
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s", "/tmp/smq-xftp-XXXXXX");
    require(mkdtemp(fixture->directory) != NULL);
    require(credentials_create_files(fixture->directory, "localhost", KEY_ED448, fixture->fingerprint) == SMQ_OK);
    for (int i = 0; i < PATH_COUNT; i++) {
        struct writer writer = writer_of(fixture->paths[i], sizeof fixture->paths[i] - 1);
        write_text(&writer, fixture->directory);
        write_text(&writer, "/");
        write_text(&writer, names[i]);
    }
    xftp_router_config_default(&fixture->config);
    fixture->config.map_size = UINT64_C(256) << 20;
    fixture->config.ca_certificate_path = fixture->paths[PATH_CA];
    fixture->config.server_certificate_path = fixture->paths[PATH_SERVER];
    fixture->config.server_key_path = fixture->paths[PATH_KEY];
    fixture->config.store_directory = fixture->paths[PATH_STORE];
    fixture->config.files_path = fixture->paths[PATH_FILES];
    fixture->config.process_lanes = fixture->config.receive_lanes = fixture->config.disk_lanes = 2;
}

void xftp_fixture_start(struct xftp_fixture *fixture) {
    char error[256] = "";
    fixture->config.ports = &fixture->port;
    fixture->config.port_count = 1;
    enum smq_result result = xftp_router_create(&fixture->config, &fixture->router, error, sizeof error);
    if (result == SMQ_OK)
        result = xftp_router_listen(fixture->router, error, sizeof error);
    if (result != SMQ_OK)
        fail_msg("%s", error);
    fixture->port = xftp_router_port(fixture->router, 0);
}

void xftp_fixture_stop(struct xftp_fixture *fixture) {
    xftp_router_destroy(&fixture->router);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

void xftp_fixture_finish(struct xftp_fixture *fixture) {
    xftp_fixture_stop(fixture);
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void xftp_fixture_connect_raw(const struct xftp_fixture *fixture, const char *alpn, struct xftp_peer *peer) {
    const struct xftp_peer_options options = {.port = fixture->port, .alpn = alpn, .fingerprint = fixture->fingerprint};
    xftp_peer_open(peer, &options);
}

void xftp_fixture_connect(const struct xftp_fixture *fixture, struct xftp_peer *peer) {
    xftp_fixture_connect_raw(fixture, "xftp/1", peer);
    xftp_peer_handshake(peer, fixture->fingerprint);
}

struct xftp_statistics xftp_fixture_statistics(const struct xftp_fixture *fixture) {
    struct xftp_statistics statistics;
    xftp_router_statistics(fixture->router, &statistics);
    return statistics;
}

static unsigned count_files(const char *path) {
    unsigned count = 0;
    DIR *directory = opendir(path);
    require(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_type == DT_REG && strcmp(entry->d_name, "open") != 0;
    closedir(directory);
    return count;
}

unsigned xftp_fixture_chunk_files(const struct xftp_fixture *fixture) {
    return count_files(fixture->paths[PATH_FILES]);
}

unsigned xftp_fixture_incoming(const struct xftp_fixture *fixture) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/.incoming", fixture->paths[PATH_FILES]);
    return count_files(path);
}

void xftp_fixture_chunk_path(const struct xftp_fixture *fixture, const struct xftp_peer_file *file, char path[256]) {
    char name[CHUNK_NAME_SIZE];
    require(chunk_name_of(xftp_file_sender(file), name) == SMQ_OK);
    (void)snprintf(path, 256, "%s/%s", fixture->paths[PATH_FILES], name);
}
