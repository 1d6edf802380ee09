/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A PostgreSQL server of the test's own: data and socket in a temporary folder, no port, stopped with the test. It does
 * not run as root, so root gives it to the user nobody. Failures fail the test (cmocka); `make deps` installs it. */
#pragma once

#include "test/support/process.h"

struct postgres_server {
    char folder[64];
    char uri[128]; /* of its database, for libpq */
    struct process *process;
};

void postgres_server_start(struct postgres_server *server);
/* Runs SQL; the first error fails the test. */
void postgres_server_execute(const struct postgres_server *server, const char *sql);
void postgres_server_stop(struct postgres_server *server);
