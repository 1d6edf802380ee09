/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server: an SMP router. Commands, options and words are those of the reference (Main.hs, CLI.hs). */
#include <signal.h>
#include <stdio.h>

#include "bin/common/cli.h"
#include "bin/common/server_cert.h"
#include "bin/common/server_delete.h"
#include "bin/smp-server/smp_address.h"
#include "bin/smp-server/smp_check.h"
#include "bin/smp-server/smp_kind.h"
#include "bin/smp-server/smp_options.h"
#include "bin/smp-server/smp_reference.h"
#include "queues/base/descriptor.h"
#include "queues/base/setup.h"

static bool set_up(void) {
    if (base_setup() == SMQ_OK)
        return true;
    (void)fprintf(stderr, "Error: libsodium or RCU cannot be set up\n");
    return false;
}

static int run_init(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    (void)count;
    (void)words;
    return set_up() ? smp_init(&arguments->files, &arguments->init) : 1;
}

static int run_cert(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    (void)count;
    (void)words;
    return set_up() ? server_cert(&arguments->files, &arguments->cert) : 1;
}

static int run_start(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    (void)count;
    (void)words;
    if (smp_import_at_start(&arguments->files, arguments->start.yes) != 0)
        return 1;
    return smp_start(&arguments->files, &arguments->start);
}

static int run_address(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    (void)count;
    (void)words;
    return smp_address(&arguments->files);
}

static int run_check(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    (void)count;
    (void)words;
    return set_up() ? smp_check(&arguments->files) : 1;
}

static int run_store(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    return smp_store(&arguments->files, &arguments->store, count, words);
}

static int run_ctl(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    return smp_ctl(&arguments->files, &arguments->ctl, count, words);
}

static int run_delete(void *target, int count, char **words) {
    const struct smp_arguments *arguments = target;
    (void)count;
    (void)words;
    return server_delete(&arguments->files);
}

static int run_journal(void *target, int count, char **words) {
    (void)count;
    return smp_journal(&((const struct smp_arguments *)target)->files, words[0]);
}

static int run_database(void *target, int count, char **words) {
    (void)count;
    return smp_database(&((const struct smp_arguments *)target)->files, words[0]);
}

/* Their options are in smp_options.c. */
static const struct cli_command commands[] = {
    {.name = "init",
     .summary = "Initialize server - creates configuration and data folders, certificates, smp-server.ini",
     .options = &smp_init_option_list,
     .run = run_init},
    {.name = "cert",
     .summary = "Generate new online TLS server credentials",
     .options = &smp_cert_option_list,
     .run = run_cert},
    {.name = "start", .summary = "Start server", .options = &smp_start_option_list, .run = run_start},
    {.name = "address", .summary = "Print the server address, with the password for new queues", .run = run_address},
    {.name = "check",
     .summary = "Check INI file, certificates and store, also beside a running server",
     .run = run_check},
    {.name = "store",
     .summary = "Look after the store: backup FOLDER, check [FOLDER], compact, restore FOLDER, stats [FOLDER], import, "
                "export",
     .options = &smp_store_option_list,
     .arguments = "backup|check|compact|restore|stats|import|export [FOLDER]",
     .arguments_min = 1,
     .arguments_max = 2,
     .run = run_store},
    {.name = "ctl",
     .summary = "Send a command to the control port of the running server; `ctl help` lists them",
     .options = &smp_ctl_option_list,
     .arguments = "COMMAND [ARGUMENT]...",
     .arguments_min = 1,
     .arguments_max = 8,
     .run = run_ctl},
    {.name = "delete", .summary = "Delete configuration and log files", .run = run_delete},
    {.name = "journal",
     .summary = "Import/export messages to/from journal storage (of the reference server, not here)",
     .arguments = "import|export|delete",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = run_journal},
    {.name = "database",
     .summary = "Import/export queues to/from PostgreSQL database storage (of the reference server, not here)",
     .options = &smp_database_option_list,
     .arguments = "import|export|delete",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = run_database},
};

int main(int argc, char **argv) {
    struct smp_arguments arguments = {
        .init = {.ip = "127.0.0.1"},
        .cert = {.algorithm = -1},
        .start = {.log_level = -1},
        .store = {.import = {.messages = -1}},
    };
    struct cli_program program = {
        .name = "smp-server",
        .version = smp_server_kind.version,
        .summary = "A router of the SimpleX Messaging Protocol.",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .target = &arguments,
        .notes = "Environment:\n"
                 "  SMP_SERVER_CFG_PATH         Folder of the configuration (default: /etc/opt/simplex)\n"
                 "  SMP_SERVER_LOG_PATH         Folder of the data (default: /var/opt/simplex)\n",
        .skips_runtime_options = true,
    };
    (void)signal(SIGPIPE, SIG_IGN); /* a stdout that nobody reads is told like any other failure */
    if (descriptors_occupy_standard() != SMQ_OK)
        return 1;
    if (server_files_locate(&smp_server_kind, &arguments.files) != SMQ_OK) {
        (void)fprintf(stderr, "Error: SMP_SERVER_CFG_PATH or SMP_SERVER_LOG_PATH is too long\n");
        return 1;
    }
    return cli_run(&program, argc, argv);
}
