/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Defaults and checks of smq-bench's options. */
#include "bin/smq-bench/bench_options.h"

const char *bench_mode_text(enum bench_mode mode) {
    static const char *const texts[BENCH_MODE_COUNT] = {"msg", "idle", "queues", "subs", "agent", "proxy"};
    return texts[mode];
}

void bench_options_init(struct bench_options *options, enum bench_mode mode) {
    *options = (struct bench_options){.mode = mode, .connections = 10, .seconds = 10, .warm_up = 2, .lanes = 1};
}

static const char *mistake_of_modes(const struct bench_options *options) {
    size_t count = options->servers.count;
    if (count == 0)
        return "--server is missing";
    if (count > 1 && options->mode != BENCH_QUEUES && options->mode != BENCH_AGENT && options->mode != BENCH_PROXY)
        return "several --server are for queues, agent and proxy";
    if ((options->mode == BENCH_PROXY) != (options->proxies.count > 0))
        return options->mode == BENCH_PROXY ? "--proxy is missing" : "--proxy is for proxy";
    if (options->mode != BENCH_AGENT && (options->restart != NULL || options->restarts > 0))
        return "--restart and --restarts are for agent";
    if (options->restarts > 0 && options->restart == NULL)
        return "--restarts needs --restart, the command that restarts the routers";
    if (options->mode == BENCH_AGENT && options->connections % (int64_t)count != 0)
        return "--connections must be a multiple of the number of servers: every agent has one to each";
    return NULL;
}

static int64_t default_queues(const struct bench_options *options) {
    int64_t servers = (int64_t)options->servers.count;
    if (options->mode == BENCH_MSG)
        return options->connections / 2;
    if (options->mode == BENCH_PROXY)
        return servers > options->connections ? servers : options->connections;
    return 1;
}

bool bench_options_messages(const struct bench_options *options) {
    return options->mode == BENCH_MSG || options->mode == BENCH_PROXY;
}

enum smq_result bench_options_complete(struct bench_options *options, const char **mistake) {
    bool messages = bench_options_messages(options);
    *mistake = mistake_of_modes(options);
    if (*mistake == NULL && options->mode == BENCH_MSG && options->connections < 2)
        *mistake = "msg needs at least 2 connections: one that sends and one that receives";
    else if (*mistake == NULL && options->state != NULL && (messages || options->mode == BENCH_IDLE))
        *mistake = "--state is for queues, subs and agent";
    if (*mistake != NULL)
        return SMQ_ERR_INVALID;
    if (options->queues == 0)
        options->queues = default_queues(options);
    if (options->restart != NULL && options->restarts == 0)
        options->restarts = 1;
    if (options->mode == BENCH_PROXY && options->queues < (int64_t)options->servers.count) {
        *mistake = "proxy needs at least one queue on each server";
        return SMQ_ERR_INVALID;
    }
    if (!messages && options->queues > (int64_t)UINT32_MAX / options->connections) {
        *mistake = "more than 4,294,967,295 queues";
        return SMQ_ERR_INVALID;
    }
    return SMQ_OK;
}

size_t bench_options_queue_count(const struct bench_options *options) {
    return (size_t)(bench_options_messages(options) ? options->queues : options->queues * options->connections);
}

const char *bench_server_of(const struct cli_list *servers, size_t index) {
    return servers->texts[index % servers->count];
}

size_t bench_first_of(size_t total, size_t owners, size_t owner) {
    return (size_t)((unsigned __int128)total * owner / owners);
}

size_t bench_owner_of(size_t total, size_t owners, size_t index) {
    size_t owner = (size_t)((unsigned __int128)index * owners / total);
    while (bench_first_of(total, owners, owner + 1) <= index)
        owner++;
    return owner;
}
