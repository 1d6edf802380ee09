/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A PostgreSQL server for tests. */
#include "test/support/postgres_server.h"

#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test/support/require.h"

enum { END_MS = 120000 };

/* The folder of Debian's programs, of whatever version. */
static void find_programs(char path[128]) {
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        fail_msg("PostgreSQL is not installed: run `make deps`");
    (void)snprintf(path, 128, "%s", found.gl_pathv[0]);
    path[strlen(path) - strlen("/initdb")] = '\0';
    globfree(&found);
}

/* A shell's command under the user that may run the server. $0 is the folder of the programs, $1 that of the data. */
static struct process *start(const struct postgres_server *server, const char *command) {
    char programs[128];
    find_programs(programs);
    const char *const plain[] = {"/bin/sh", "-c", command, programs, server->folder, NULL};
    const char *const dropped[] = {"/usr/bin/setpriv",
                                   "--reuid=nobody",
                                   "--regid=nogroup",
                                   "--clear-groups",
                                   "/bin/sh",
                                   "-c",
                                   command,
                                   programs,
                                   server->folder,
                                   NULL};
    return process_start(geteuid() == 0 ? dropped : plain, NULL);
}

static void give_folder(const char *folder) {
    const struct passwd *nobody = getpwnam("nobody");
    require(nobody != NULL);
    require(geteuid() != 0 || chown(folder, nobody->pw_uid, nobody->pw_gid) == 0);
}

void postgres_server_start(struct postgres_server *server) {
    temporary_folder_create(server->folder);
    give_folder(server->folder);
    (void)snprintf(server->uri, sizeof server->uri, "postgresql:///postgres?host=%s&user=postgres", server->folder);
    struct process *made =
        start(server,
              "exec \"$0\"/initdb -D \"$1\"/data -U postgres -A trust -E UTF8 --no-locale --no-sync --no-instructions");
    if (process_wait(made, END_MS) != 0)
        fail_msg("initdb: %s", process_errors(made));
    process_destroy(&made);
    server->process = start(server, "exec \"$0\"/postgres -D \"$1\"/data -k \"$1\" -F -c listen_addresses= 2>&1");
    if (!process_wait_output(server->process, "ready to accept connections", END_MS))
        fail_msg("postgres: %s", process_output(server->process));
}

void postgres_server_execute(const struct postgres_server *server, const char *sql) {
    const char *const words[] = {"/usr/bin/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                 server->uri,     "-f", "-",  NULL};
    struct process *psql = process_start(words, sql);
    if (process_wait(psql, END_MS) != 0)
        fail_msg("psql: %s", process_errors(psql));
    process_destroy(&psql);
}

void postgres_server_stop(struct postgres_server *server) {
    if (server->process != NULL) {
        process_signal(server->process, SIGINT);
        (void)process_wait(server->process, END_MS);
    }
    process_destroy(&server->process);
    temporary_folder_remove(server->folder);
}
