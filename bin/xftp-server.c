/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp-server: an XFTP router. Commands, options and words are those of the reference (FileTransfer/Server/Main.hs). */
#include <signal.h>
#include <stdio.h>

#include "bin/common/cli.h"
#include "bin/common/server_cert.h"
#include "bin/common/server_delete.h"
#include "bin/xftp-server/xftp_ctl.h"
#include "bin/xftp-server/xftp_kind.h"
#include "bin/xftp-server/xftp_options.h"
#include "queues/base/descriptor.h"
#include "queues/base/setup.h"

static bool set_up(void) {
    if (base_setup() == SMQ_OK)
        return true;
    (void)fprintf(stderr, "Error: libsodium or RCU cannot be set up\n");
    return false;
}

static int run_init(void *target, int count, char **words) {
    const struct xftp_arguments *arguments = target;
    (void)count;
    (void)words;
    return set_up() ? xftp_init(&arguments->files, &arguments->init) : 1;
}

static int run_cert(void *target, int count, char **words) {
    const struct xftp_arguments *arguments = target;
    (void)count;
    (void)words;
    return set_up() ? server_cert(&arguments->files, &arguments->cert) : 1;
}

static int run_start(void *target, int count, char **words) {
    const struct xftp_arguments *arguments = target;
    (void)count;
    (void)words;
    return xftp_start(&arguments->files, &arguments->start);
}

static int run_ctl(void *target, int count, char **words) {
    const struct xftp_arguments *arguments = target;
    return xftp_ctl(&arguments->files, &arguments->ctl, count, words);
}

static int run_delete(void *target, int count, char **words) {
    const struct xftp_arguments *arguments = target;
    (void)count;
    (void)words;
    return server_delete(&arguments->files);
}

/* Their options are in xftp_options.c. */
static const struct cli_command commands[] = {
    {.name = "init",
     .summary = "Initialize server - creates configuration and data folders, certificates, file-server.ini",
     .options = &xftp_init_option_list,
     .run = run_init},
    {.name = "cert",
     .summary = "Generate new online TLS server credentials",
     .options = &xftp_cert_option_list,
     .run = run_cert},
    {.name = "start", .summary = "Start server", .options = &xftp_start_option_list, .run = run_start},
    {.name = "ctl",
     .summary = "Send a command to the control port of the running server; `ctl help` lists them",
     .options = &xftp_ctl_option_list,
     .arguments = "COMMAND [ARGUMENT]...",
     .arguments_min = 1,
     .arguments_max = 8,
     .run = run_ctl},
    {.name = "delete", .summary = "Delete configuration and log files", .run = run_delete},
};

int main(int argc, char **argv) {
    enum { ED448 = 1 };
    struct xftp_arguments arguments = {.init = {.ip = "127.0.0.1", .algorithm = ED448},
                                       .cert = {.algorithm = -1},
                                       .start = {.log_level = -1, .confirm_migrations = -1}};
    struct cli_program program = {
        .name = "xftp-server",
        .version = xftp_server_kind.version,
        .summary = "A router of the SimpleX File Transfer Protocol.",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .target = &arguments,
        .notes = "Environment:\n"
                 "  XFTP_SERVER_CFG_PATH        Folder of the configuration (default: /etc/opt/simplex-xftp)\n"
                 "  XFTP_SERVER_LOG_PATH        Folder of the data (default: /var/opt/simplex-xftp)\n",
        .skips_runtime_options = true,
    };
    (void)signal(SIGPIPE, SIG_IGN); /* a stdout that nobody reads is told like any other failure */
    if (descriptors_occupy_standard() != SMQ_OK)
        return 1;
    if (server_files_locate(&xftp_server_kind, &arguments.files) != SMQ_OK) {
        (void)fprintf(stderr, "Error: XFTP_SERVER_CFG_PATH or XFTP_SERVER_LOG_PATH is too long\n");
        return 1;
    }
    return cli_run(&program, argc, argv);
}
