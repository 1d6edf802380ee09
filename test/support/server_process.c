/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server as a child process. */
#include "test/support/server_process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"

static const char program[] = BUILD_DIR "/bin/smp-server";

/* A port below the range from which the kernel serves everybody else, so that it is still free after a restart. */
static uint16_t lasting_port(void) {
    enum { FIRST = 12000, COUNT = 18000 };
    for (;;) {
        uint16_t port = (uint16_t)(FIRST + random_below(COUNT));
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(descriptor >= 0);
        bool is_free = bind(descriptor, (const struct sockaddr *)&address, sizeof address) == 0;
        (void)close(descriptor);
        if (is_free)
            return port;
    }
}

static void launch(struct server_process *server, const char *const arguments[]) {
    (void)setenv("SMP_SERVER_CFG_PATH", server->configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", server->data, 1);
    process_destroy(&server->process);
    server->process = process_start(arguments, NULL);
    server->log_seen = 0;
}

static void write_ini(const struct server_process *server, const char *store_keys) {
    char path[96];
    (void)snprintf(path, sizeof path, "%s/smp-server.ini", server->configuration);
    FILE *file = fopen(path, "we");
    require(file != NULL);
    require(fprintf(file, "[TRANSPORT]\nhost = localhost\nport = %u\nbind = 127.0.0.1\n[STORE_LOG]\n%s\n",
                    (unsigned)server->port, store_keys) > 0);
    require(fclose(file) == 0);
}

void server_process_init(struct server_process *server, const char *store_keys) {
    static const char *const arguments[] = {program, "init", "-y", "--no-password", "-n", "localhost", NULL};
    char path[96];
    memset(server, 0, sizeof *server);
    temporary_folder_create(server->root);
    (void)snprintf(server->configuration, sizeof server->configuration, "%s/etc", server->root);
    (void)snprintf(server->data, sizeof server->data, "%s/var", server->root);
    launch(server, arguments);
    require(process_wait(server->process, SERVER_DEADLINE_MS) == 0);
    process_destroy(&server->process);
    server->port = lasting_port();
    write_ini(server, store_keys);
    (void)snprintf(path, sizeof path, "%s/fingerprint", server->configuration);
    require(credentials_read_fingerprint(path, server->fingerprint) == SMQ_OK);
    client_fixture_address(server->fingerprint, server->port, server->address, sizeof server->address);
}

static const char *const start_arguments[] = {program, "start", NULL};

void server_process_start_without_waiting(struct server_process *server) {
    launch(server, start_arguments);
}

static void await_serving(struct server_process *server) {
    if (!process_wait_output(server->process, "Serving SMP protocol", SERVER_DEADLINE_MS))
        fail_msg("the server does not start: %s", process_errors(server->process));
}

void server_process_start(struct server_process *server) {
    launch(server, start_arguments);
    await_serving(server);
}

void server_process_start_with_errors(struct server_process *server, const char *path) {
    const char *const arguments[] = {"/bin/sh", "-c", "exec \"$0\" start 2>\"$1\"", program, path, NULL};
    launch(server, arguments);
    await_serving(server);
}

int server_process_refusal(struct server_process *server, const char **errors) {
    launch(server, start_arguments);
    int code = process_wait(server->process, SERVER_DEADLINE_MS);
    *errors = process_errors(server->process);
    return code;
}

void server_process_kill(struct server_process *server) {
    process_signal(server->process, SIGKILL);
    require(process_wait(server->process, SERVER_DEADLINE_MS) == 128 + SIGKILL);
}

int server_process_stop(struct server_process *server, int signal, int timeout_ms) {
    process_signal(server->process, signal);
    return process_wait(server->process, timeout_ms);
}

void server_process_finish(struct server_process *server) {
    process_destroy(&server->process);
    temporary_folder_remove(server->root);
}

bool server_process_await_log(struct server_process *server, const char *text) {
    uint64_t deadline = clock_monotonic_ms() + SERVER_DEADLINE_MS;
    const char *found;
    while ((found = strstr(process_errors(server->process) + server->log_seen, text)) == NULL) {
        if (clock_monotonic_ms() >= deadline)
            return false;
        /* Comes back when something was printed, at the latest after a moment. */
        (void)process_wait_output(server->process, text, 20);
    }
    server->log_seen = (size_t)(found - process_errors(server->process)) + strlen(text);
    return true;
}

unsigned server_process_descriptors(const struct server_process *server) {
    char path[64];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", process_id(server->process));
    DIR *folder = opendir(path);
    require(folder != NULL);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

void server_process_limit(const struct server_process *server, int resource, uint64_t value) {
    struct rlimit limit;
    __rlimit_resource_t which = (__rlimit_resource_t)resource;
    require(prlimit(process_id(server->process), which, NULL, &limit) == 0);
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    require(prlimit(process_id(server->process), which, &limit, NULL) == 0);
}

struct peer_options server_process_peer_options(const struct server_process *server) {
    struct peer_options options = {.port = server->port};
    memcpy(options.fingerprint, server->fingerprint, FINGERPRINT_SIZE);
    return options;
}

void server_process_connect(const struct server_process *server, struct peer *peer) {
    struct peer_options options = server_process_peer_options(server);
    peer_connect(peer, &options);
}
