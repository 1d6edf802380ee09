/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store as an operator handles it, in real processes. */
#include "test/support/store_cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char program[] = BUILD_DIR "/bin/smp-server";
struct store_cli store_cli;

int store_cli_setup(void **state) {
    (void)state;
    server_process_init(&store_cli.server, "map_size = 256M");
    (void)snprintf(store_cli.backup, sizeof store_cli.backup, "%s/backup", store_cli.server.root);
    (void)snprintf(store_cli.data, sizeof store_cli.data, "%s/store/data.mdb", store_cli.server.data);
    store_cli_start_router();
    peer_create_queue(&store_cli.peer, PEER_SECURED, &store_cli.queue);
    for (unsigned i = 0; i < STORE_CLI_MESSAGES; i++)
        store_cli_send("kept");
    return 0;
}

int store_cli_teardown(void **state) {
    (void)state;
    process_destroy(&store_cli.command);
    server_process_finish(&store_cli.server);
    return 0;
}

void store_cli_send(const char *text) {
    peer_send_message(&store_cli.peer, &store_cli.queue, &store_cli.queue.sender_key, text);
}

void store_cli_start_router(void) {
    server_process_start(&store_cli.server);
    server_process_connect(&store_cli.server, &store_cli.peer);
}

void store_cli_stop_router(void) {
    peer_close(&store_cli.peer);
    assert_int_equal(0, server_process_stop(&store_cli.server, SIGTERM, STORE_CLI_END_MS));
}

static void start_command(const char *action, const char *folder) {
    const char *const arguments[] = {program, "store", action, folder, NULL};
    process_destroy(&store_cli.command);
    store_cli.command = process_start(arguments, NULL);
}

int store_command(const char *action, const char *folder) {
    start_command(action, folder);
    return process_wait(store_cli.command, STORE_CLI_END_MS);
}

void kill_store_command(const char *action, const char *folder, unsigned delay_us) {
    start_command(action, folder);
    usleep(delay_us);
    process_signal(store_cli.command, SIGKILL);
    (void)process_wait(store_cli.command, STORE_CLI_END_MS);
}

void expect_messages(unsigned count) {
    char text[64];
    assert_int_equal(0, store_command("stats", NULL));
    (void)snprintf(text, sizeof text, "messages                 %u\n", count);
    assert_non_null(strstr(process_output(store_cli.command), text));
    assert_int_equal(0, store_command("check", NULL));
    (void)snprintf(text, sizeof text, "whole; 1 queues, %u messages", count);
    assert_non_null(strstr(process_output(store_cli.command), text));
}

uint64_t size_of(const char *path) {
    struct stat status;
    assert_int_equal(0, stat(path, &status));
    return (uint64_t)status.st_size;
}
