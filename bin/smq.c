/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq: message queues of SMP routers from the command line, for people and scripts. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "bin/common/cli.h"
#include "bin/smq/smq_options.h"
#include "queues/base/descriptor.h"
#include "queues/base/log.h"
#include "queues/base/setup.h"
#include "transport/crypto/setup.h"

static const char *const modes[] = {"messaging", "contact", NULL};
static const char *const host_modes[] = {"auto", "onion", "public", NULL};
static const char *const key_algorithms[] = {"ed25519", "ed448", "x25519", NULL};

#define OFFSET(field) offsetof(struct smq_options, field)
#define ANSWERS                                                                                                        \
    {.long_name = "timeout",                                                                                           \
     .type = CLI_NUMBER,                                                                                               \
     .offset = OFFSET(timeout_s),                                                                                      \
     .metavariable = "SECONDS",                                                                                        \
     .minimum = 1,                                                                                                     \
     .maximum = 3600,                                                                                                  \
     .help = "For connecting, and for each answer of the router (default: 15)"},                                       \
        {.long_name = "socks",                                                                                         \
         .type = CLI_TEXT,                                                                                             \
         .offset = OFFSET(socks),                                                                                      \
         .metavariable = "PROXY",                                                                                      \
         .help = "Connect through a SOCKS5 proxy: [user:password@ or @]host[:port]"},                                  \
        {.long_name = "host-mode",                                                                                     \
         .type = CLI_CHOICE,                                                                                           \
         .offset = OFFSET(host_mode),                                                                                  \
         .metavariable = "MODE",                                                                                       \
         .choices = host_modes,                                                                                        \
         .help = "Hosts of an address to prefer: auto (default: onion with --socks), onion, public"},                  \
    {                                                                                                                  \
        .long_name = "json", .type = CLI_FLAG, .offset = OFFSET(json), .help = "Print JSON, one object a line"         \
    }

#define COMMON(file_help)                                                                                              \
    {.short_name = 'q',                                                                                                \
     .long_name = "queue",                                                                                             \
     .type = CLI_TEXT,                                                                                                 \
     .offset = OFFSET(file),                                                                                           \
     .metavariable = "FILE",                                                                                           \
     .help = file_help},                                                                                               \
        ANSWERS

#define KEY_ALGORITHM(help_)                                                                                           \
    {                                                                                                                  \
        .long_name = "key-algorithm", .type = CLI_CHOICE, .offset = OFFSET(key_algorithm), .metavariable = "ALG",      \
        .choices = key_algorithms, .help = help_                                                                       \
    }

#define COUNT                                                                                                          \
    {                                                                                                                  \
        .short_name = 'n', .long_name = "count", .type = CLI_NUMBER, .offset = OFFSET(count), .metavariable = "N",     \
        .minimum = 1, .maximum = INT64_MAX, .help = "Stop after N messages"                                            \
    }

#define LINE_ENDS                                                                                                      \
    { .long_name = "lines", .type = CLI_FLAG, .offset = OFFSET(lines), .help = "A line end after each message" }

#define THROUGH_PROXY                                                                                                  \
    {                                                                                                                  \
        .long_name = "proxy", .type = CLI_TEXT, .offset = OFFSET(proxy), .metavariable = "ADDRESS",                    \
        .help = "Sender: through this router, which hides the sender from the queue's router"                          \
    }

static const struct cli_option create_options[] = {
    COMMON("The recipient's new file: its keys"),
    {.long_name = "mode",
     .type = CLI_CHOICE,
     .offset = OFFSET(mode),
     .metavariable = "MODE",
     .choices = modes,
     .help = "messaging: for one sender, who may secure it (default); contact: for anybody"},
    KEY_ALGORITHM("Of the recipient's key: ed25519 (default), ed448, x25519"),
};

static const struct cli_option join_options[] = {
    COMMON("The sender's new file: its keys"),
    KEY_ALGORITHM("Of the sender's key: x25519 (default), ed25519, ed448"),
};

static const struct cli_option secure_options[] = {
    COMMON("The sender's or the recipient's file"),
    THROUGH_PROXY,
    {.long_name = "key",
     .type = CLI_TEXT,
     .offset = OFFSET(key),
     .metavariable = "KEY",
     .help = "Recipient: the sender's key, as `smq join` printed it"},
    {.long_name = "already",
     .type = CLI_FLAG,
     .offset = OFFSET(already),
     .help = "Sender: the recipient has secured the queue with this key; only note it"},
};

static const struct cli_option send_options[] = {
    COMMON("The sender's file"),
    THROUGH_PROXY,
    {.long_name = "uri",
     .type = CLI_TEXT,
     .offset = OFFSET(uri),
     .metavariable = "URI",
     .help = "Instead of a file: a queue that is not secured"},
    {.long_name = "lines", .type = CLI_FLAG, .offset = OFFSET(lines), .help = "Each line is a message"},
    {.long_name = "notify",
     .type = CLI_FLAG,
     .offset = OFFSET(notify),
     .help = "Let the recipient's notification server know"},
};

static const struct cli_option receive_options[] = {
    COMMON("The recipient's file"),
    COUNT,
    {.long_name = "wait",
     .type = CLI_NUMBER,
     .offset = OFFSET(wait_s),
     .metavariable = "SECONDS",
     .minimum = 0,
     .maximum = 31536000,
     .help = "For each message (default: without end when there is a --count, else 0: what is there now)"},
    LINE_ENDS,
    {.long_name = "keep",
     .type = CLI_FLAG,
     .offset = OFFSET(keep),
     .help = "Leave the message in the queue: print the first one without acknowledging it"},
};

static const struct cli_option subscribe_options[] = {COMMON("The recipient's file"), COUNT, LINE_ENDS};
static const struct cli_option watch_options[] = {ANSWERS, COUNT, LINE_ENDS};
static const struct cli_option ping_options[] = {ANSWERS};

static const struct cli_option acknowledge_options[] = {
    COMMON("The recipient's file"),
    {.long_name = "message",
     .type = CLI_TEXT,
     .offset = OFFSET(message),
     .metavariable = "ID",
     .help = "Only if the first message is this one (message_id of `smq receive --keep --json`)"},
};

static const struct cli_option info_options[] = {COMMON("The sender's or the recipient's file")};
static const struct cli_option delete_options[] = {COMMON("The recipient's file; deleted, too")};

/* A row for each command whose function is smq_command_<name>. */
#define RUN(name_)                                                                                                     \
    static int run_##name_(void *target, int count, char **words) {                                                    \
        struct smq_options *options = target;                                                                          \
        options->command = #name_;                                                                                     \
        return smq_command_##name_(options, count, words);                                                             \
    }
RUN(create)
RUN(join)
RUN(secure)
RUN(send)
RUN(receive)
RUN(subscribe)
RUN(watch)
RUN(acknowledge)
RUN(info)
RUN(delete)
RUN(ping)

#define OPTIONS(table) .options = &(const struct cli_option_list)CLI_OPTIONS(table)

static const struct cli_command commands[] = {
    {.name = "create",
     .summary = "Create a queue on the router at ADDRESS and print its URI, for the sender",
     .arguments = "ADDRESS",
     .arguments_min = 1,
     .arguments_max = 1,
     OPTIONS(create_options),
     .run = run_create},
    {.name = "join",
     .summary = "Become the sender to the queue of URI and print the sender's key",
     .arguments = "URI",
     .arguments_min = 1,
     .arguments_max = 1,
     OPTIONS(join_options),
     .run = run_join},
    {.name = "secure",
     .summary = "Close the queue to everybody but the sender with the key",
     OPTIONS(secure_options),
     .run = run_secure},
    {.name = "send",
     .summary = "Send FILE, or what comes on the standard input, as a message",
     .arguments = "[FILE]",
     .arguments_max = 1,
     OPTIONS(send_options),
     .run = run_send},
    {.name = "receive", .summary = "Print messages and acknowledge them", OPTIONS(receive_options), .run = run_receive},
    {.name = "subscribe",
     .summary = "Print and acknowledge messages as they come, while the connection lasts",
     OPTIONS(subscribe_options),
     .run = run_subscribe},
    {.name = "watch",
     .summary = "Print and acknowledge messages of all recipients' FILEs as they come, and connect again when needed",
     .arguments = "FILE...",
     .arguments_min = 1,
     .arguments_max = 1000,
     OPTIONS(watch_options),
     .run = run_watch},
    {.name = "acknowledge",
     .summary = "Remove the first message without printing it",
     OPTIONS(acknowledge_options),
     .run = run_acknowledge},
    {.name = "info", .summary = "Tell what file and router know of the queue", OPTIONS(info_options), .run = run_info},
    {.name = "delete",
     .summary = "Delete the queue with its messages, and the file",
     OPTIONS(delete_options),
     .run = run_delete},
    {.name = "ping",
     .summary = "Connect to the router at ADDRESS and ask whether it answers, for health checks",
     .arguments = "ADDRESS",
     .arguments_min = 1,
     .arguments_max = 1,
     OPTIONS(ping_options),
     .run = run_ping},
};

int main(int argc, char **argv) {
    struct smq_options options = {.timeout_s = 15, .key_algorithm = -1, .wait_s = -1};
    struct cli_program program = {
        .name = "smq",
        .version = "smq v" SMQ_VERSION,
        .summary = "Message queues of SMP routers from the command line.",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .target = &options,
        .notes = "Example:\n"
                 "  smq create --queue in.queue smp://...   prints URI\n"
                 "  smq join --queue out.queue URI          on the sender's side\n"
                 "  smq secure --queue out.queue\n"
                 "  echo hello | smq send --queue out.queue\n"
                 "  smq receive --queue in.queue\n"
                 "\nExit codes: 0 done; 1 bad usage, file or input; 2 no connection to that router, or lost;\n"
                 "3 the router refused; 4 fewer messages than asked for.\n",
    };
    if (descriptors_occupy_standard() != SMQ_OK)
        return 1;
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_WARN);
    if (base_setup() != SMQ_OK || crypto_setup() != SMQ_OK) {
        (void)fprintf(stderr, "smq: libsodium or RCU cannot be set up\n");
        return SMQ_EXIT_LOCAL;
    }
    return cli_run(&program, argc, argv);
}
