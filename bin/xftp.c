/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp: files over XFTP routers. Commands, options and words are those of the reference (FileTransfer/Client/Main.hs),
 * and some of our own. */
#include <signal.h>
#include <stdio.h>

#include "bin/common/cli.h"
#include "bin/xftp/xftp_options.h"
#include "queues/base/descriptor.h"
#include "queues/base/setup.h"

#define OPTION(field) offsetof(struct xftp_options, field)
#define RETRY_OPTION                                                                                                   \
    {                                                                                                                  \
        .short_name = 'r', .long_name = "retry", .type = CLI_NUMBER, .offset = OPTION(retries),                        \
        .metavariable = "RETRY", .minimum = 1, .maximum = 100, .help = "Number of network retries (default: 3)"        \
    }
#define TMP_OPTION                                                                                                     \
    {                                                                                                                  \
        .long_name = "tmp", .type = CLI_TEXT, .offset = OPTION(tmp), .metavariable = "TMP",                            \
        .help = "Directory for what is under way, from which an interrupted transfer goes on (default: system temp "   \
                "directory)"                                                                                           \
    }
#define JOBS_OPTION                                                                                                    \
    {                                                                                                                  \
        .short_name = 'j', .long_name = "jobs", .type = CLI_NUMBER, .offset = OPTION(jobs), .metavariable = "N",       \
        .minimum = 1, .maximum = 16, .help = "Chunks that are on their way at a time (default: 4)"                     \
    }
#define VERBOSE_OPTION                                                                                                 \
    { .short_name = 'v', .long_name = "verbose", .type = CLI_FLAG, .offset = OPTION(verbose), .help = "Verbose output" }
#define YES_OPTION                                                                                                     \
    { .short_name = 'y', .long_name = "yes", .type = CLI_FLAG, .offset = OPTION(yes), .help = "Yes to questions" }

static const struct cli_option send_options[] = {
    {.short_name = 'n',
     .long_name = "recipients",
     .type = CLI_NUMBER,
     .offset = OPTION(recipients),
     .metavariable = "COUNT",
     .minimum = 1,
     .maximum = 1000,
     .help = "Number of recipients (default: 1)"},
    {.short_name = 's',
     .long_name = "servers",
     .type = CLI_TEXT,
     .offset = OPTION(servers),
     .metavariable = "SERVER",
     .help = "Semicolon-separated list of XFTP server(s) to use (each server can have more than one hostname)"},
    RETRY_OPTION,
    TMP_OPTION,
    JOBS_OPTION,
    VERBOSE_OPTION,
};
static const struct cli_option receive_options[] = {RETRY_OPTION, TMP_OPTION, JOBS_OPTION, VERBOSE_OPTION, YES_OPTION};
static const struct cli_option delete_options[] = {RETRY_OPTION, JOBS_OPTION, VERBOSE_OPTION, YES_OPTION};
static const struct cli_option link_options[] = {{.long_name = "app",
                                                  .type = CLI_FLAG,
                                                  .offset = OPTION(app_link),
                                                  .help = "The link for applications instead of that for browsers"}};

static const struct cli_option_list send_list = CLI_OPTIONS(send_options);
static const struct cli_option_list receive_list = CLI_OPTIONS(receive_options);
static const struct cli_option_list delete_list = CLI_OPTIONS(delete_options);
static const struct cli_option_list link_list = CLI_OPTIONS(link_options);

#define RUN(name, function)                                                                                            \
    static int name(void *target, int count, char **words) {                                                           \
        return function(target, count, words);                                                                         \
    }
RUN(run_send, xftp_send)
RUN(run_receive, xftp_receive)
RUN(run_delete, xftp_remove)
RUN(run_info, xftp_info)
RUN(run_link, xftp_link)
RUN(run_random, xftp_random)

static const struct cli_command commands[] = {
    {.name = "send",
     .summary = "Send file",
     .arguments = "FILE [DIR]",
     .arguments_min = 1,
     .arguments_max = 2,
     .options = &send_list,
     .run = run_send},
    {.name = "recv",
     .summary = "Receive file",
     .arguments = "FILE [DIR]",
     .arguments_min = 1,
     .arguments_max = 2,
     .options = &receive_list,
     .run = run_receive},
    {.name = "del",
     .summary = "Delete file from server(s)",
     .arguments = "FILE",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = &delete_list,
     .run = run_delete},
    {.name = "info",
     .summary = "Show file description",
     .arguments = "FILE",
     .arguments_min = 1,
     .arguments_max = 1,
     .run = run_info},
    {.name = "link",
     .summary = "Print the link of a file description",
     .arguments = "FILE",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = &link_list,
     .run = run_link},
    {.name = "rand",
     .summary = "Generate a random file of a given size",
     .arguments = "FILE SIZE",
     .arguments_min = 2,
     .arguments_max = 2,
     .run = run_random},
};

int main(int argc, char **argv) {
    struct xftp_options options = {.recipients = 1, .retries = 3, .jobs = 4};
    const struct cli_program program = {
        .name = "xftp",
        .version = "SimpleX XFTP client v" SMQ_VERSION,
        .summary = "Sends and receives files over routers of the SimpleX File Transfer Protocol.",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .target = &options,
    };
    (void)signal(SIGPIPE, SIG_IGN);
    if (descriptors_occupy_standard() != SMQ_OK || base_setup() != SMQ_OK)
        return 1;
    return cli_run(&program, argc, argv);
}
