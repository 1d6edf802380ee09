/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq-bench: what an SMP router takes and costs, ours or the reference's. */
#include <stdio.h>

#include "bin/common/cli.h"
#include "bin/smq-bench/bench_report.h"
#include "queues/base/descriptor.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"
#include "transport/crypto/setup.h"

enum { EXIT_WITH_ERRORS = 2 };

#define OFFSET(field) offsetof(struct bench_options, field)
#define NUMBER(name_, field_, metavariable_, minimum_, maximum_, help_)                                                \
    {                                                                                                                  \
        .long_name = name_, .type = CLI_NUMBER, .offset = OFFSET(field_), .metavariable = metavariable_,               \
        .minimum = minimum_, .maximum = maximum_, .help = help_                                                        \
    }

static const struct cli_option options[] = {
    {.short_name = 's',
     .long_name = "server",
     .type = CLI_TEXT_LIST,
     .offset = OFFSET(servers),
     .metavariable = "ADDRESS",
     .help = "The router: smp://<key hash>[:<password>]@<host>[:<port>]; queues, agent, proxy: may be repeated"},
    {.long_name = "proxy",
     .type = CLI_TEXT_LIST,
     .offset = OFFSET(proxies),
     .metavariable = "ADDRESS",
     .help = "proxy: the router that forwards to the servers"},
    NUMBER("connections", connections, "N", 1, 1000000,
           "Connections (default: 10); msg: one half sends, the other receives; agent: of all agents, of which "
           "each has one to every server"),
    NUMBER("queues", queues, "M", 1, 100000000,
           "msg, proxy: queues in all (default: N/2; proxy: N, at least one a server); otherwise: of each connection "
           "(default: 1)"),
    NUMBER("seconds", seconds, "T", 1, 1000000, "msg, proxy, idle: how long to measure (default: 10)"),
    NUMBER("warm-up", warm_up, "S", 0, 1000000, "msg, proxy: seconds before that (default: 2)"),
    NUMBER("size", size, "B", 1, SMQ_BODY_MAX + 40,
           "msg, proxy: bytes of a message (default: as many as fill the block)"),
    NUMBER("rate", rate, "R", 1, 100000000,
           "msg, proxy: messages a second (default: closed loop, one message under way in each queue)"),
    NUMBER("server-pid", server_pid, "PID", 1, INT32_MAX,
           "The router's (proxy: the proxy's) process here: its CPU time and memory are told"),
    NUMBER("lanes", lanes, "L", 1, 64, "Threads of each role of the client (default: 1)"),
    {.long_name = "state",
     .type = CLI_TEXT,
     .offset = OFFSET(state),
     .metavariable = "FILE",
     .help = "queues: write the keys of the queues to FILE; subs, agent: subscribe to those in FILE"},
    {.long_name = "restart",
     .type = CLI_TEXT,
     .offset = OFFSET(restart),
     .metavariable = "COMMAND",
     .help = "agent: then restart the routers with COMMAND, and wait until all subscriptions are active again"},
    NUMBER("restarts", restarts, "R", 1, 1000, "agent: how often (default: once)"),
    {.long_name = "json", .type = CLI_FLAG, .offset = OFFSET(json), .help = "Print one JSON object"},
};

static int run(struct bench_options *target, enum bench_mode mode) {
    static enum smq_result (*const runs[BENCH_MODE_COUNT])(struct bench *) = {
        [BENCH_MSG] = bench_run_messages,       [BENCH_IDLE] = bench_run_idle,   [BENCH_QUEUES] = bench_run_queues,
        [BENCH_SUBS] = bench_run_subscriptions, [BENCH_AGENT] = bench_run_agent, [BENCH_PROXY] = bench_run_messages,
    };
    const char *mistake = NULL;
    target->mode = mode;
    if (bench_options_complete(target, &mistake) != SMQ_OK) {
        (void)fprintf(stderr, "smq-bench %s: %s (try `smq-bench %s --help`)\n", bench_mode_text(mode), mistake,
                      bench_mode_text(mode));
        return 1;
    }
    struct bench *bench = memory_zalloc(sizeof *bench);
    if (bench == NULL || base_setup() != SMQ_OK || crypto_setup() != SMQ_OK) {
        (void)fprintf(stderr, "smq-bench: cannot start: out of memory, or libsodium or RCU cannot be set up\n");
        memory_free(bench);
        return 1;
    }
    enum smq_result result = bench_open(bench, target);
    if (result == SMQ_OK)
        result = runs[mode](bench);
    if (result == SMQ_OK)
        result = bench_report(bench);
    int status = result != SMQ_OK ? 1 : bench->result.errors > 0 ? EXIT_WITH_ERRORS : 0;
    bench_close(bench);
    memory_free(bench);
    return status;
}

static int run_messages(void *target, int count, char **words) {
    (void)count;
    (void)words;
    return run(target, BENCH_MSG);
}

static int run_idle(void *target, int count, char **words) {
    (void)count;
    (void)words;
    return run(target, BENCH_IDLE);
}

static int run_queues(void *target, int count, char **words) {
    (void)count;
    (void)words;
    return run(target, BENCH_QUEUES);
}

static int run_subscriptions(void *target, int count, char **words) {
    (void)count;
    (void)words;
    return run(target, BENCH_SUBS);
}

static int run_agent(void *target, int count, char **words) {
    (void)count;
    (void)words;
    return run(target, BENCH_AGENT);
}

static int run_proxy(void *target, int count, char **words) {
    (void)count;
    (void)words;
    return run(target, BENCH_PROXY);
}

#define OPTIONS .options = &(const struct cli_option_list)CLI_OPTIONS(options)

static const struct cli_command commands[] = {
    {.name = "msg", .summary = "Messages from sending to receiving connections", OPTIONS, .run = run_messages},
    {.name = "idle", .summary = "Subscribed connections that do nothing", OPTIONS, .run = run_idle},
    {.name = "queues", .summary = "Create N x M queues", OPTIONS, .run = run_queues},
    {.name = "subs", .summary = "Subscribe to N x M queues on fresh connections", OPTIONS, .run = run_subscriptions},
    {.name = "agent", .summary = "Subscribe to N x M queues through agents", OPTIONS, .run = run_agent},
    {.name = "proxy", .summary = "Messages through a proxy to recipients on the servers", OPTIONS, .run = run_proxy},
};

int main(int argc, char **argv) {
    struct bench_options target;
    bench_options_init(&target, BENCH_MSG);
    struct cli_program program = {
        .name = "smq-bench",
        .version = "smq-bench v" SMQ_VERSION,
        .summary = "Measures an SMP router.",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .target = &target,
        .notes = "Exit codes: 0 measured; 1 not measured; 2 measured, but there were errors.\n",
    };
    if (descriptors_occupy_standard() != SMQ_OK)
        return 1;
    return cli_run(&program, argc, argv);
}
