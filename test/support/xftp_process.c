/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The real xftp-server as a child process. */
#include "test/support/xftp_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "queues/base/setup.h"
#include "test/support/require.h"
#include "transport/crypto/setup.h"
#include "transport/tls/credentials.h"

static const char program[] = BUILD_DIR "/bin/xftp-server";

void xftp_process_write_ini(struct xftp_process *server, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file-server.ini", server->configuration);
    FILE *file = fopen(path, "w");
    require(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    require(chmod(path, 0600) == 0);
}

void xftp_process_init(struct xftp_process *server, const char *files_keys) {
    char ini[1024], path[128];
    *server = (struct xftp_process){.port = free_port(), .control_port = free_port()};
    require(base_setup() == SMQ_OK && crypto_setup() == SMQ_OK);
    temporary_folder_create(server->root);
    (void)snprintf(server->configuration, sizeof server->configuration, "%s/etc", server->root);
    (void)snprintf(server->data, sizeof server->data, "%s/var", server->root);
    (void)snprintf(server->files, sizeof server->files, "%s/files", server->root);
    require(setenv("XFTP_SERVER_CFG_PATH", server->configuration, 1) == 0);
    require(setenv("XFTP_SERVER_LOG_PATH", server->data, 1) == 0);
    const char *const argv[] = {program, "init", "-p", server->files, "-q", "1gb", "-n", "localhost", NULL};
    struct process *init = process_start(argv, NULL);
    require(process_wait(init, XFTP_DEADLINE_MS) == 0);
    process_destroy(&init);
    (void)snprintf(path, sizeof path, "%s/ca.crt", server->configuration);
    require(credentials_ca_fingerprint(path, server->fingerprint) == SMQ_OK);
    (void)snprintf(ini, sizeof ini,
                   "[STORE_LOG]\nenable: on\nlog_stats: on\nprometheus_interval: 1\n"
                   "[AUTH]\ncontrol_port_admin_password: adminpw\ncontrol_port_user_password: userpw\n"
                   "[TRANSPORT]\nhost: localhost\nport: %u\ncontrol_port: %u\n"
                   "[FILES]\npath: %s\n%s\n",
                   server->port, server->control_port, server->files, files_keys);
    xftp_process_write_ini(server, ini);
}

static void start(struct xftp_process *server) {
    const char *const argv[] = {program, "start", NULL};
    server->process = process_start(argv, NULL);
    if (!process_wait_output(server->process, "Listening on port", XFTP_DEADLINE_MS))
        fail_msg("it does not start: %s", process_errors(server->process));
}

void xftp_process_start(struct xftp_process *server) {
    start(server);
}

void xftp_process_start_with_fault(struct xftp_process *server, const char *fault) {
    require(setenv("SMQ_FAULT", fault, 1) == 0);
    start(server);
    require(unsetenv("SMQ_FAULT") == 0);
}

int xftp_process_await_end(struct xftp_process *server) {
    int status = process_wait(server->process, XFTP_DEADLINE_MS);
    process_destroy(&server->process);
    return status;
}

int xftp_process_stop(struct xftp_process *server, int signal) {
    process_signal(server->process, signal);
    return xftp_process_await_end(server);
}

void xftp_process_finish(struct xftp_process *server) {
    process_destroy(&server->process);
    temporary_folder_remove(server->root);
}

void xftp_process_connect(const struct xftp_process *server, struct xftp_peer *peer) {
    const struct xftp_peer_options options = {
        .port = server->port, .alpn = "xftp/1", .fingerprint = server->fingerprint};
    xftp_peer_open(peer, &options);
    xftp_peer_handshake(peer, server->fingerprint);
}
