/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of a benchmark, and the pump that keeps commands under way on all of them. */
#include "bin/smq-bench/bench_connections.h"

#include <stdio.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum {
    CONNECTING_MAX = 64,        /* handshakes at a time */
    CONNECT_TIMEOUT_MS = 45000, /* as in the background: the machine is busy with the others */
    OUTSTANDING_MAX = 1 << 20,
    /* Commands under way on one connection: some blocks full, unless many connections share the router. A quarter of
     * them is submitted together. */
    WINDOW_OF_ALL = 32768,
    WINDOW_MIN = 16,
    WINDOW_MAX = 512,
    SILENCE_US =
        (BENCH_TIMEOUT_MS + 10000) * 1000, /* after which the run is given up: every command times out before */
    TAG_INDEX_BITS = 32,
};

/* ---- connecting ---- */

struct connecting {
    struct bench *bench;
    size_t ended, failed;
    struct bench_histogram *latency;
};

static void on_connected(void *context, const struct smq_event *event) {
    struct connecting *connecting = context;
    struct bench_connection *connection = event->user;
    if (event->kind != SMQ_EVENT_CONNECTED)
        return;
    connecting->ended++;
    connection->connected = event->result == SMQ_OK;
    if (event->result != SMQ_OK) {
        connecting->failed++;
        bench_error(connecting->bench, "cannot connect", event->result, event->error_text);
    } else if (connecting->latency != NULL) {
        bench_histogram_add(connecting->latency, clock_monotonic_us() - connection->started_us);
    }
}

static enum smq_result start_connection(struct bench *bench, const char *server, struct bench_connection *connection) {
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = bench->events;
    options.user = connection;
    options.raw_messages = true;
    options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    options.outstanding_max = OUTSTANDING_MAX;
    options.unsent_bytes_max = UINT64_MAX / 2;
    connection->started_us = clock_monotonic_us();
    return smq_client_connect_async(bench->context, server, &options, &connection->client);
}

enum smq_result bench_connect(struct bench *bench, const struct cli_list *servers, size_t count,
                              struct bench_histogram *latency, struct bench_connections *connections) {
    struct connecting connecting = {.bench = bench, .latency = latency};
    enum smq_result result = SMQ_OK;
    size_t started = 0;
    *connections = (struct bench_connections){.items = memory_zalloc_array(count, sizeof *connections->items)};
    if (connections->items == NULL)
        return SMQ_ERR_NO_MEMORY;
    connections->count = count;
    while (result == SMQ_OK && connecting.ended < count) {
        while (result == SMQ_OK && connecting.failed == 0 && started < count &&
               started - connecting.ended < CONNECTING_MAX) {
            connections->items[started].index = started;
            result = start_connection(bench, bench_server_of(servers, started), &connections->items[started]);
            started++;
        }
        if (result == SMQ_OK && connecting.failed != 0)
            result = SMQ_ERR_NETWORK;
        if (result == SMQ_OK && !bench_take(bench, clock_monotonic_us() + SILENCE_US, on_connected, &connecting))
            result = SMQ_ERR_TIMEOUT;
        bench_show_progress(bench, "connecting", connecting.ended, count);
    }
    bench_end_progress(bench);
    if (result != SMQ_OK)
        (void)fprintf(stderr, "smq-bench: %s\n",
                      bench->result.errors > 0 ? bench->result.first_error : smq_result_text(result));
    return result;
}

void bench_disconnect(struct bench_connections *connections) {
    for (size_t index = 0; index < connections->count; index++)
        smq_client_close(&connections->items[index].client);
    memory_free(connections->items);
    *connections = (struct bench_connections){.items = NULL};
}

/* ---- the pump ---- */

struct pumping {
    struct bench *bench;
    const struct bench_pump *pump;
    size_t window, chunk;
    size_t under_way, well;
};

/* A tag holds the index and the time in microseconds modulo 2^32, which covers commands of up to an hour. */
uint64_t bench_tag(size_t index) {
    return (clock_monotonic_us() << TAG_INDEX_BITS) | (uint32_t)index;
}

static void top_up(struct pumping *pumping, struct bench_connection *connection) {
    const struct bench_pump *pump = pumping->pump;
    while (connection->next < connection->end && connection->outstanding + pumping->chunk <= pumping->window) {
        size_t left = connection->end - connection->next;
        size_t count = left < pumping->chunk ? left : pumping->chunk;
        size_t submitted = pump->submit(pump->context, connection, connection->next, count);
        connection->next += submitted;
        connection->outstanding += (uint32_t)submitted;
        pumping->under_way += submitted;
        if (submitted < count) {
            bench_error(pumping->bench, pump->what, SMQ_ERR_CLOSED, "not submitted");
            connection->next = connection->end;
        }
    }
}

static void on_completed(void *context, const struct smq_event *event) {
    struct pumping *pumping = context;
    const struct bench_pump *pump = pumping->pump;
    struct bench_connection *connection = event->user;
    if (event->kind != SMQ_EVENT_COMPLETED || event->command != pump->command)
        return;
    pumping->under_way--;
    connection->outstanding--;
    if (event->result != SMQ_OK) {
        bench_error(pumping->bench, pump->what, event->result, event->error_text);
    } else {
        uint32_t passed = (uint32_t)clock_monotonic_us() - (uint32_t)(event->tag >> TAG_INDEX_BITS);
        pumping->well++;
        if (pump->latency != NULL)
            bench_histogram_add(pump->latency, passed);
        if (pump->done != NULL)
            pump->done(pump->context, (size_t)(uint32_t)event->tag, event);
    }
    top_up(pumping, connection);
}

size_t bench_pump(struct bench *bench, struct bench_connections *connections, const struct bench_pump *pump) {
    size_t share = WINDOW_OF_ALL / connections->count;
    size_t window = share < WINDOW_MIN ? WINDOW_MIN : share > WINDOW_MAX ? WINDOW_MAX : share;
    struct pumping pumping = {.bench = bench, .pump = pump, .window = window, .chunk = window / 4};
    for (size_t index = 0; index < connections->count; index++) {
        struct bench_connection *connection = &connections->items[index];
        connection->next = bench_first_of(pump->total, connections->count, index);
        connection->end = bench_first_of(pump->total, connections->count, index + 1);
        connection->outstanding = 0;
        top_up(&pumping, connection);
    }
    while (pumping.under_way > 0) {
        if (!bench_take(bench, clock_monotonic_us() + SILENCE_US, on_completed, &pumping)) {
            bench_error(bench, pump->what, SMQ_ERR_TIMEOUT, "no answers any more");
            break;
        }
        bench_show_progress(bench, pump->what, pumping.well, pump->total);
    }
    bench_end_progress(bench);
    return pumping.well;
}
