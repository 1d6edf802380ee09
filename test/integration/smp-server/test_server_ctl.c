/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server ctl` beside a running router, and without one; the files that a router with log_stats leaves. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/support/server_process.h"

enum { COMMAND_MS = 20000 };

static struct server_process server;
static struct process *command;
static uint16_t control_port;

static void write_ini(const char *control_keys) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/smp-server.ini", server.configuration);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "[TRANSPORT]\nhost = localhost\nport = %u\nbind = 127.0.0.1\n%s\n[STORE_LOG]\nlog_stats = "
                        "on\nprometheus_interval = 1\n[AUTH]\ncontrol_port_admin_password = "
                        "adminpw\ncontrol_port_user_password = userpw\n",
                        (unsigned)server.port, control_keys) > 0);
    assert_int_equal(0, fclose(file));
}

static int set_up(void **state) {
    char keys[64];
    (void)state;
    server_process_init(&server, "");
    control_port = free_port();
    (void)snprintf(keys, sizeof keys, "control_port = %u\n", (unsigned)control_port);
    write_ini(keys);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    process_destroy(&command);
    server_process_finish(&server);
    return 0;
}

/* Runs `smp-server ctl` with the words, which end with NULL; the exit code. */
static int ctl(const char *first, ...) {
    const char *words[12] = {BUILD_DIR "/bin/smp-server", "ctl", first};
    va_list more;
    va_start(more, first);
    for (size_t i = 3; i < 11 && words[i - 1] != NULL; i++)
        words[i] = va_arg(more, const char *);
    va_end(more);
    process_destroy(&command);
    command = process_start(words, NULL);
    return process_wait(command, COMMAND_MS);
}

static void commands_are_answered_with_the_right_exit_code(void **state) {
    (void)state;
    server_process_start(&server);
    assert_int_equal(0, ctl("stats", NULL));
    assert_int_equal(0, strncmp(process_output(command), "fromTime: 20", 12));
    assert_non_null(strstr(process_output(command), "\nqCount 2: 0\n"));
    assert_non_null(strstr(process_output(command), "\nntfCount 2: 0\n")); /* as an admin */
    assert_int_equal(0, ctl("--json", "sockets", NULL));
    assert_int_equal('[', process_output(command)[0]);
    assert_int_equal(1, ctl("status", "AAAA", NULL));
    assert_string_equal("error: AUTH\n", process_output(command));
    assert_int_equal(1, ctl("block", "AAAA", "reason=spam", NULL));
    assert_int_equal(1, ctl("nonsense", NULL));
    assert_int_equal(1, ctl("--user", "delete", "AAAA", NULL));
    assert_string_equal("AUTH\n", process_output(command));
    assert_int_equal(1, ctl("stats\nsave", NULL));
    assert_int_equal(0, ctl("save", NULL));
    assert_string_equal("saving server state...\nserver state saved!\n", process_output(command));
    char path[128];
    (void)snprintf(path, sizeof path, "%s/smp-server-stats.log", server.data);
    assert_int_equal(0, access(path, F_OK));
    assert_int_equal(0, server_process_stop(&server, SIGTERM, SERVER_DEADLINE_MS));
}

static void what_is_wrong_is_said_in_a_line(void **state) {
    (void)state;
    assert_int_equal(1, ctl("stats", NULL));
    assert_non_null(strstr(process_errors(command), "the router does not run, or was started without it\n"));
    server_process_start(&server);
    write_ini("");
    assert_int_equal(1, ctl("stats", NULL));
    assert_non_null(strstr(process_errors(command), "control_port is not set"));
    char path[128];
    (void)snprintf(path, sizeof path, "%s/smp-server.ini", server.configuration);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "[TRANSPORT]\nhost = localhost\nport = %u\ncontrol_port = %u\n[AUTH]\n"
                        "control_port_admin_password = another\n",
                        (unsigned)server.port, (unsigned)control_port) > 0);
    assert_int_equal(0, fclose(file));
    assert_int_equal(1, ctl("stats", NULL));
    assert_non_null(strstr(process_errors(command), "refuses the password of the INI file"));
    assert_int_equal(1, ctl("--user", "stats", NULL));
    assert_non_null(strstr(process_errors(command), "control_port_user_password is not set"));
}

/* A port that somebody else has is a mistake at the start. */
static void a_control_port_in_use_is_told_at_the_start(void **state) {
    const char *errors;
    char line[128];
    (void)state;
    (void)snprintf(line, sizeof line, "control_port = %u\n", (unsigned)server.port);
    write_ini(line);
    /* The router's own port, which it binds after the control port. */
    assert_int_equal(1, server_process_refusal(&server, &errors));
    assert_non_null(strstr(errors, "cannot listen on"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_are_answered_with_the_right_exit_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_in_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_control_port_in_use_is_told_at_the_start, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
