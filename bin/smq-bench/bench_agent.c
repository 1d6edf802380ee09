/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smq-bench agent`: subscriptions through agents of the client library. An agent has one connection to each router, so
 * that N connections to S routers are N / S agents. They are connected first; what is measured is from handing over all
 * queues to the last one that is active. Then the routers may be restarted, by a command. */
#include <stdio.h>

#include "actors/client_agent/smq/client_agent.h"
#include "bin/smq-bench/bench_command.h"
#include "bin/smq-bench/bench_source.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum {
    CLIENT_AGENT_CONNECT_TIMEOUT_MS = 45000,
    RESTART_STEP_US = 20000,                                     /* between looks at the command */
    CLIENT_AGENT_SILENCE_US = (BENCH_TIMEOUT_MS + 10000) * 1000, /* after which the run is given up */
};

struct agents {
    struct bench *bench;
    struct bench_source source;
    struct smq_client_agent **items;
    size_t count;
    size_t connected, connect_failed;
    size_t active, failed, lost;
};

/* ---- events ---- */

static void on_subscribed(struct agents *agents, const struct smq_client_agent_event *told) {
    struct bench *bench = agents->bench;
    uint64_t passed = clock_monotonic_us() - bench->window_start_us;
    agents->active += told->item_count;
    for (size_t index = 0; index < told->item_count && bench->window_open; index++)
        bench_histogram_add(&bench->result.latency, passed);
}

static void on_failed(struct agents *agents, const struct smq_client_agent_event *told) {
    agents->failed += told->item_count;
    for (size_t index = 0; index < told->item_count; index++)
        bench_error(agents->bench, "subscribing", told->items[index].result, "");
}

static void on_event(void *context, const struct smq_event *event) {
    struct agents *agents = context;
    if (event->kind != SMQ_EVENT_CLIENT_AGENT)
        return;
    switch (event->agent->kind) {
    case SMQ_CLIENT_AGENT_CONNECTION:
        agents->connected++;
        if (event->result != SMQ_OK) {
            agents->connect_failed++;
            bench_error(agents->bench, "cannot connect", event->result, event->error_text);
        }
        return;
    case SMQ_CLIENT_AGENT_SUBSCRIBED:
        on_subscribed(agents, event->agent);
        return;
    case SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED:
        on_failed(agents, event->agent);
        return;
    case SMQ_CLIENT_AGENT_DISCONNECTED: /* those queues become active once more */
        agents->active -= event->agent->item_count;
        agents->lost += event->agent->item_count;
        return;
    default:
        return;
    }
}

/* ---- the run ---- */

static enum smq_result start_agents(struct agents *agents) {
    struct smq_client_agent_options options;
    struct bench *bench = agents->bench;
    size_t count = (size_t)bench->options->connections / bench->options->servers.count;
    agents->items = memory_zalloc_array(count, sizeof(struct smq_client_agent *));
    if (agents->items == NULL)
        return SMQ_ERR_NO_MEMORY;
    smq_client_agent_options_init(&options);
    options.events = bench->events;
    options.client.raw_messages = true;
    options.client.background_timeout_ms = BENCH_TIMEOUT_MS;
    for (; agents->count < count; agents->count++) {
        enum smq_result result = smq_client_agent_create(bench->context, &options, &agents->items[agents->count]);
        if (result != SMQ_OK)
            return result;
    }
    return SMQ_OK;
}

/* All agents to one router, then to the next. */
static enum smq_result connect_agents(struct agents *agents) {
    struct bench *bench = agents->bench;
    size_t total = (size_t)bench->options->connections;
    size_t asked = 0;
    for (size_t server = 0; server < bench->options->servers.count; server++) {
        for (size_t index = 0; index < agents->count; index++, asked++) {
            enum smq_result result =
                smq_client_agent_connect_async(agents->items[index], bench_server_of(&bench->options->servers, server),
                                               CLIENT_AGENT_CONNECT_TIMEOUT_MS, (uint64_t)asked);
            if (result != SMQ_OK)
                return result;
        }
        while (agents->connected < asked) {
            if (!bench_take(bench, clock_monotonic_us() + CLIENT_AGENT_SILENCE_US, on_event, agents))
                return SMQ_ERR_TIMEOUT;
            bench_show_progress(bench, "connecting", agents->connected, total);
        }
        if (agents->connect_failed > 0)
            return SMQ_ERR_NETWORK;
    }
    bench_look_at_memory(bench, &bench->result.rss_connected);
    return SMQ_OK;
}

/* Those of an agent are every count-th one, so that it has some of each router. */
static size_t share_of(const struct agents *agents, size_t agent, size_t total) {
    return (total + agents->count - 1 - agent) / agents->count;
}

/* All handles, in the order of the agents. They are read before the measurement: that is not the agents' work. */
static enum smq_result read_queues(const struct agents *agents, size_t total, struct smq_receive_queue **handles) {
    for (size_t agent = 0; agent < agents->count; agent++) {
        for (size_t index = agent; index < total; index += agents->count) {
            enum smq_result result = bench_source_queue(&agents->source, index, handles++);
            if (result != SMQ_OK)
                return result;
        }
    }
    return SMQ_OK;
}

static enum smq_result subscribe(struct agents *agents, struct smq_receive_queue **handles, size_t total) {
    struct bench *bench = agents->bench;
    bench_window_begin(bench);
    for (size_t agent = 0; agent < agents->count; agent++) {
        size_t share = share_of(agents, agent, total);
        enum smq_result result = smq_client_agent_subscribe(agents->items[agent], handles, share);
        if (result != SMQ_OK)
            return result;
        handles += share;
    }
    while (agents->active + agents->failed < total) {
        if (!bench_take(bench, clock_monotonic_us() + CLIENT_AGENT_SILENCE_US, on_event, agents))
            return SMQ_ERR_TIMEOUT;
        bench_show_progress(bench, "subscribing", agents->active, total);
    }
    bench_window_end(bench);
    bench->result.operations = agents->active;
    return SMQ_OK;
}

/* Runs the command that restarts the routers, and takes events until it has ended and every subscription that was lost
 * is active again. */
static enum smq_result restart(struct agents *agents, size_t total, struct bench_restart *restart) {
    struct bench *bench = agents->bench;
    uint64_t start = clock_monotonic_us();
    uint64_t last_event = start;
    size_t failed = agents->failed;
    pid_t command;
    int status = 0;
    bool runs = true;
    agents->lost = 0;
    enum smq_result result = bench_command_start(bench->options->restart, &command);
    if (result != SMQ_OK)
        return result;
    while (runs || agents->lost == 0 || agents->active < total) {
        if (bench_take(bench, clock_monotonic_us() + RESTART_STEP_US, on_event, agents))
            last_event = clock_monotonic_us();
        else if (clock_monotonic_us() - last_event > CLIENT_AGENT_SILENCE_US)
            return SMQ_ERR_TIMEOUT;
        if (runs && !(runs = bench_command_runs(command, &status)))
            restart->ended_us = clock_monotonic_us() - start;
        if (!runs && status != 0) {
            bench_error(bench, "the command that restarts routers failed", SMQ_ERR_SYSTEM, "");
            return SMQ_ERR_SYSTEM;
        }
        bench_show_progress(bench, "subscribing again", agents->active, total);
        if (agents->failed > failed)
            return SMQ_ERR_PROTOCOL;
    }
    if (agents->active > total)
        bench_error(bench, "subscriptions that are active twice", SMQ_ERR_INTERNAL, "");
    restart->active_us = last_event - start;
    restart->lost = agents->lost;
    return SMQ_OK;
}

static enum smq_result restart_all(struct agents *agents, size_t total) {
    struct bench_result *figures = &agents->bench->result;
    size_t count = (size_t)agents->bench->options->restarts;
    enum smq_result result = SMQ_OK;
    if (count == 0)
        return SMQ_OK;
    figures->restarts = memory_zalloc_array(count, sizeof figures->restarts[0]);
    if (figures->restarts == NULL)
        return SMQ_ERR_NO_MEMORY;
    agents->bench->losses_expected = true;
    for (; result == SMQ_OK && figures->restart_count < count; figures->restart_count++)
        result = restart(agents, total, &figures->restarts[figures->restart_count]);
    return result;
}

static enum smq_result measure(struct agents *agents) {
    size_t total = agents->bench->result.queues = bench_source_count(&agents->source);
    struct smq_receive_queue **handles = memory_zalloc_array(total, sizeof(struct smq_receive_queue *));
    if (handles == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = start_agents(agents);
    if (result == SMQ_OK)
        result = read_queues(agents, total, handles);
    if (result == SMQ_OK)
        result = connect_agents(agents);
    if (result == SMQ_OK)
        result = subscribe(agents, handles, total);
    if (result == SMQ_OK)
        result = restart_all(agents, total);
    for (size_t index = 0; index < total; index++)
        smq_receive_queue_release(&handles[index]);
    memory_free(handles);
    return result;
}

enum smq_result bench_run_agent(struct bench *bench) {
    struct agents agents = {.bench = bench};
    enum smq_result result = bench_source_open(bench, &agents.source);
    if (result == SMQ_OK) {
        result = measure(&agents);
        bench_end_progress(bench);
        if (result != SMQ_OK)
            (void)fprintf(stderr, "smq-bench: %s\n",
                          bench->result.errors > 0 ? bench->result.first_error : smq_result_text(result));
    }
    for (size_t index = 0; index < agents.count; index++)
        smq_client_agent_close(&agents.items[index]);
    memory_free(agents.items);
    bench_source_close(&agents.source);
    return result;
}
