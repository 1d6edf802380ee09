/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The real smp-server as a child process, with folders of its own and a port that stays the same over restarts.
 * Failures fail the test (cmocka). One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/support/process.h"
#include "test/support/smp_peer.h"

enum { SERVER_DEADLINE_MS = 20000 };

struct server_process {
    char root[64];
    char configuration[80]; /* SMP_SERVER_CFG_PATH */
    char data[80];          /* SMP_SERVER_LOG_PATH; the store is in it */
    char address[256];      /* smp://..., for the client library */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint16_t port;
    struct process *process; /* NULL: not started */
    size_t log_seen;         /* bytes of its stderr that server_process_await_log went past */
};

/* Runs `smp-server init` and writes an INI file; `store_keys` are lines for its section [STORE_LOG]. */
void server_process_init(struct server_process *server, const char *store_keys);
/* Starts it and waits until it serves. */
void server_process_start(struct server_process *server);
/* The same with its stderr going to the file or pipe at `path`. */
void server_process_start_with_errors(struct server_process *server, const char *path);
void server_process_start_without_waiting(struct server_process *server);
/* Starts it where it is expected to refuse: the exit code, and what it wrote to stderr (valid until the next call). */
int server_process_refusal(struct server_process *server, const char **errors);
/* SIGKILL, and waits for the end. */
void server_process_kill(struct server_process *server);
/* Sends a signal and waits for the end: the exit code, or -1 when `timeout_ms` passed. */
int server_process_stop(struct server_process *server, int signal, int timeout_ms);
/* Kills it if it runs, and removes the folders. */
void server_process_finish(struct server_process *server);

/* Waits until it has written `text` to stderr, after what the call before found; false after SERVER_DEADLINE_MS. */
bool server_process_await_log(struct server_process *server, const char *text);
/* How many descriptors it has open now. */
unsigned server_process_descriptors(const struct server_process *server);
/* Sets the soft limit `resource` (RLIMIT_...) of the running process. */
void server_process_limit(const struct server_process *server, int resource, uint64_t value);

struct peer_options server_process_peer_options(const struct server_process *server);
void server_process_connect(const struct server_process *server, struct peer *peer);
