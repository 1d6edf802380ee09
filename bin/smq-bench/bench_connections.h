/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Many connections to one router, or to several, made a bounded number at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/smq-bench/bench.h"

enum { BENCH_TIMEOUT_MS = 50000 }; /* of commands: thousands of them wait for their turn at the router */

struct bench_connection {
    size_t index;
    struct smq_client *client; /* NULL: closed */
    uint64_t started_us;
    bool connected;
    uint32_t outstanding; /* commands without an answer, of bench_pump */
    size_t next, end;     /* things of bench_pump still to be submitted */
};

struct bench_connections {
    size_t count;
    struct bench_connection *items;
};

/* Connects `count` times, to the `servers` in turn, all of them or failure, which is told on stderr. Messages stay
 * encrypted for the recipient (raw). `latency` gets the time of each (NULL: nobody wants to know). bench_disconnect is
 * due in any case. */
enum smq_result bench_connect(struct bench *bench, const struct cli_list *servers, size_t count,
                              struct bench_histogram *latency, struct bench_connections *connections);
/* Closes all and forgets them. */
void bench_disconnect(struct bench_connections *connections);

/* `total` commands, one a queue, dealt out to the connections in order; each connection has so many of them under way
 * that its blocks are full. */
struct bench_pump {
    const char *what; /* for the progress line and errors */
    enum smq_command command;
    size_t total;
    /* Submits the commands for the things `first` to `first + count - 1` with the tags bench_tag(index). Returns how
     * many it submitted, in order; fewer than `count` only on failure. */
    size_t (*submit)(void *context, struct bench_connection *connection, size_t first, size_t count);
    /* One was answered well. */
    void (*done)(void *context, size_t index, const struct smq_event *event);
    void *context;
    struct bench_histogram *latency; /* NULL: nobody wants to know */
};

/* The tag of a command submitted now. */
uint64_t bench_tag(size_t index);

/* Runs the commands to the last answer; failed ones are counted as errors. Returns how many ended well. */
size_t bench_pump(struct bench *bench, struct bench_connections *connections, const struct bench_pump *pump);
