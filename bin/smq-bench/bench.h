/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One run of smq-bench: what all modes share. The driver thread (main) owns it; the client library's lanes do the
 * rest. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "bin/smq-bench/bench_floor.h"
#include "bin/smq-bench/bench_histogram.h"
#include "bin/smq-bench/bench_options.h"

enum { BENCH_ERROR_SIZE = 256 };

/* A restart of the routers, as agents saw it. */
struct bench_restart {
    uint64_t lost;      /* subscriptions that were lost with their connections */
    uint64_t ended_us;  /* from the start of the command to its end: the routers are back, if it waits for them */
    uint64_t active_us; /* from its start until all subscriptions were active again */
};

/* What was measured. Fields after a `has_` are valid when it is set. */
struct bench_result {
    size_t queues;       /* in all */
    uint64_t operations; /* that ended well in the measured window */
    uint64_t window_us;  /* its length */
    uint64_t errors;     /* failed commands, connections lost, events that nothing asked for */
    char first_error[BENCH_ERROR_SIZE];
    bool has_cpu;
    uint64_t cpu_us; /* of the router, in the window */
    bool has_rss;
    uint64_t rss_before;            /* RssAnon before the first connection that is measured ... */
    uint64_t rss_connected;         /* ... when all were there (subs, agent) ... */
    uint64_t rss_after;             /* ... and at the end of the measurement */
    size_t body_size;               /* msg: bytes */
    uint64_t lag_us;                /* msg with a rate: how late the latest SEND was handed over ... */
    uint64_t left_out;              /* ... and SENDs left out, since their queues were full */
    struct bench_histogram latency; /* microseconds */
    struct bench_restart *restarts; /* agent: `restart_count` of them; freed by bench_close */
    size_t restart_count;
    struct bench_floor floor;
};

struct bench {
    const struct bench_options *options;
    struct smq_context *context;
    struct smq_events *events;
    struct bench_result result;
    bool window_open;
    bool losses_expected; /* routers are being restarted: lost connections are no errors */
    uint64_t window_start_us;
    uint64_t window_start_cpu_us;
    bool progress; /* stderr is a terminal */
    uint64_t progress_next_us;
};

/* Starts the client library and looks at the router's process. On failure says why on stderr; bench_close is due in any
 * case. */
enum smq_result bench_open(struct bench *bench, const struct bench_options *options);
void bench_close(struct bench *bench);

/* Measures, by mode; results are in bench->result. Blocks for the whole run. On failure says why on stderr. */
enum smq_result bench_run_messages(struct bench *bench);
enum smq_result bench_run_idle(struct bench *bench);
enum smq_result bench_run_queues(struct bench *bench);
enum smq_result bench_run_subscriptions(struct bench *bench);
enum smq_result bench_run_agent(struct bench *bench);

/* What a mode does with an event: CONNECTED, COMPLETED, MESSAGE or AGENT. Others are errors and are counted here. */
typedef void bench_handler(void *context, const struct smq_event *event);

/* Takes one batch of events, waiting for it at most until `until_us` (monotonic), and hands out its events. False:
 * there was none in time. */
bool bench_take(struct bench *bench, uint64_t until_us, bench_handler *handler, void *context);

/* Counts an error and remembers the words of the first. `text` may be "". */
void bench_error(struct bench *bench, const char *what, enum smq_result result, const char *text);

/* The measured window: router CPU and wall time from one to the other. */
void bench_window_begin(struct bench *bench);
void bench_window_end(struct bench *bench);

/* The router's memory now, if its process is known; bench_window_end sets rss_after, too. */
void bench_look_at_memory(struct bench *bench, uint64_t *rss);

/* Shows how far it is, at most four times a second and on a terminal only. */
void bench_show_progress(struct bench *bench, const char *what, uint64_t done, uint64_t total);
void bench_end_progress(struct bench *bench);
