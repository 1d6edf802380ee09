/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The real xftp-server as a child process, with folders of its own and a port that stays the same over restarts.
 * Failures fail the test (cmocka). One thread. */
#pragma once

#include "test/support/process.h"
#include "test/support/xftp_peer.h"

enum { XFTP_DEADLINE_MS = 30000 };

struct xftp_process {
    char root[64];
    char configuration[80]; /* XFTP_SERVER_CFG_PATH */
    char data[80];          /* XFTP_SERVER_LOG_PATH */
    char files[80];         /* chunks */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint16_t port, control_port;
    struct process *process; /* NULL: not started */
};

/* Runs `xftp-server init` and writes an INI file, with statistics and a control port (passwords "adminpw" and
 * "userpw"); `files_keys` are lines for its section [FILES]. */
void xftp_process_init(struct xftp_process *server, const char *files_keys);
/* Replaces the INI file. */
void xftp_process_write_ini(struct xftp_process *server, const char *text);
/* Starts it and waits until it listens. */
void xftp_process_start(struct xftp_process *server);
/* Starts it with SMQ_FAULT set to `fault`. */
void xftp_process_start_with_fault(struct xftp_process *server, const char *fault);
/* Sends a signal and waits for the end: the exit code, 128 + signal, or -1 when XFTP_DEADLINE_MS passed. */
int xftp_process_stop(struct xftp_process *server, int signal);
/* Waits for its end by itself; as above. */
int xftp_process_await_end(struct xftp_process *server);
void xftp_process_finish(struct xftp_process *server);

void xftp_process_connect(const struct xftp_process *server, struct xftp_peer *peer);
