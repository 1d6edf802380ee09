/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server store` and a router of its own for each test, with one queue and STORE_CLI_MESSAGES messages. */
#pragma once

#include <stdint.h>

#include "test/support/require.h"
#include "test/support/server_process.h"

enum { STORE_CLI_END_MS = 20000, STORE_CLI_MESSAGES = 40 };

struct store_cli {
    struct server_process server;
    struct peer peer;
    struct peer_queue queue;
    char backup[96]; /* a folder that is not there yet */
    char data[112];  /* the router's data file */
    struct process *command;
};
extern struct store_cli store_cli;

/* The router runs, and the peer is connected to it. */
int store_cli_setup(void **state);
int store_cli_teardown(void **state);
#define WITH_ROUTER(test) cmocka_unit_test_setup_teardown(test, store_cli_setup, store_cli_teardown)

/* Runs `smp-server store ACTION [FOLDER]` and answers its exit code. `store_cli.command` has what it printed. */
int store_command(const char *action, const char *folder);
/* The same, killed some time after its start: where it is then is meant to differ. */
void kill_store_command(const char *action, const char *folder, unsigned delay_us);
/* Sends one message more. */
void store_cli_send(const char *text);
void store_cli_start_router(void);
void store_cli_stop_router(void);
/* The store is whole, and has so many. */
void expect_messages(unsigned count);
/* Of a file, in bytes. */
uint64_t size_of(const char *path);
