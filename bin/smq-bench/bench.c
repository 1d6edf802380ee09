/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Set-up, event loop and measured window of a benchmark. */
#include "bin/smq-bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bin/smq-bench/bench_process.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum { PROGRESS_INTERVAL_US = 250000, EVENT_BYTES = 256 * 1024 * 1024 };

/* A connection costs a descriptor. */
static void raise_descriptor_limit(int64_t connections) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < (rlim_t)connections + 64)
        (void)fprintf(stderr, "warning: this process may open only %ju files (ulimit -Hn)\n",
                      (uintmax_t)limit.rlim_max);
}

static enum smq_result look_at_router(struct bench *bench) {
    pid_t process = (pid_t)bench->options->server_pid;
    uint64_t cpu_us;
    if (process == 0)
        return SMQ_OK;
    enum smq_result result = bench_process_rss_anon(process, &bench->result.rss_before);
    if (result == SMQ_OK)
        result = bench_process_cpu_us(process, &cpu_us);
    if (result != SMQ_OK)
        (void)fprintf(stderr, "smq-bench: --server-pid %" PRId64 ": there is no such process\n",
                      bench->options->server_pid);
    return result;
}

enum smq_result bench_open(struct bench *bench, const struct bench_options *options) {
    struct smq_context_options lanes;
    struct smq_events_options events;
    *bench = (struct bench){.options = options,
                            .result.queues = bench_options_queue_count(options),
                            .progress = isatty(STDERR_FILENO) == 1};
    raise_descriptor_limit(options->connections);
    enum smq_result result = look_at_router(bench);
    if (result != SMQ_OK)
        return result;
    smq_events_options_init(&events);
    events.bytes = EVENT_BYTES;
    smq_context_options_init(&lanes);
    lanes.receive_lanes = lanes.process_lanes = lanes.send_lanes = (unsigned)options->lanes;
    result = smq_context_create(&lanes, &bench->context);
    if (result == SMQ_OK)
        result = smq_events_create(&events, &bench->events);
    if (result == SMQ_OK)
        result = bench_floor_measure(options->mode, options->size == 0 ? SMQ_BODY_MAX : (size_t)options->size,
                                     &bench->result.floor);
    if (result != SMQ_OK)
        (void)fprintf(stderr, "smq-bench: cannot start: %s\n", smq_result_text(result));
    return result;
}

void bench_close(struct bench *bench) {
    smq_context_destroy(&bench->context);
    smq_events_destroy(&bench->events);
    memory_free(bench->result.restarts);
}

void bench_error(struct bench *bench, const char *what, enum smq_result result, const char *text) {
    char *first = bench->result.first_error;
    if (bench->result.errors++ > 0)
        return;
    (void)snprintf(first, BENCH_ERROR_SIZE, "%s: %s%s%s", what, smq_result_text(result), text[0] != '\0' ? ": " : "",
                   text);
    for (; *first != '\0'; first++) /* what a router says goes to a terminal */
        if (*first < ' ' || *first > '~')
            *first = '?';
}

static void hand_out(struct bench *bench, const struct smq_event *event, bench_handler *handler, void *context) {
    switch (event->kind) {
    case SMQ_EVENT_CONNECTED:
    case SMQ_EVENT_COMPLETED:
    case SMQ_EVENT_MESSAGE:
    case SMQ_EVENT_CLIENT_AGENT:
        handler(context, event);
        return;
    case SMQ_EVENT_LATE: /* its command was counted when it timed out */
        return;
    case SMQ_EVENT_DISCONNECTED:
        if (event->result != SMQ_ERR_CANCELLED && !bench->losses_expected)
            bench_error(bench, "a connection was lost", event->result, event->error_text);
        return;
    default:
        bench_error(bench, "an event that nothing asked for", event->result, event->error_text);
        return;
    }
}

bool bench_take(struct bench *bench, uint64_t until_us, bench_handler *handler, void *context) {
    struct smq_batch *batch = NULL;
    for (;;) {
        uint64_t now = clock_monotonic_us();
        uint64_t left_ms = until_us > now ? (until_us - now + 999) / 1000 : 0;
        enum smq_result result = smq_events_take(bench->events, (int)(left_ms < 1000 ? left_ms : 1000), &batch);
        if (result == SMQ_OK)
            break;
        if (result != SMQ_ERR_TIMEOUT || clock_monotonic_us() >= until_us)
            return false;
    }
    size_t count = smq_batch_count(batch);
    for (size_t index = 0; index < count; index++)
        hand_out(bench, smq_batch_event(batch, index), handler, context);
    smq_batch_release(&batch);
    return true;
}

void bench_window_begin(struct bench *bench) {
    bench->result.has_cpu =
        bench->options->server_pid != 0 &&
        bench_process_cpu_us((pid_t)bench->options->server_pid, &bench->window_start_cpu_us) == SMQ_OK;
    bench->window_start_us = clock_monotonic_us();
    bench->window_open = true;
}

void bench_window_end(struct bench *bench) {
    pid_t process = (pid_t)bench->options->server_pid;
    uint64_t cpu_us = 0;
    bench->window_open = false;
    bench->result.window_us = clock_monotonic_us() - bench->window_start_us;
    if (bench->result.has_cpu)
        bench->result.has_cpu = bench_process_cpu_us(process, &cpu_us) == SMQ_OK;
    bench->result.cpu_us = cpu_us - bench->window_start_cpu_us;
    bench_look_at_memory(bench, &bench->result.rss_after);
}

void bench_look_at_memory(struct bench *bench, uint64_t *rss) {
    pid_t process = (pid_t)bench->options->server_pid;
    bench->result.has_rss = process != 0 && bench_process_rss_anon(process, rss) == SMQ_OK;
}

void bench_show_progress(struct bench *bench, const char *what, uint64_t done, uint64_t total) {
    uint64_t now = clock_monotonic_us();
    if (!bench->progress || now < bench->progress_next_us)
        return;
    bench->progress_next_us = now + PROGRESS_INTERVAL_US;
    if (total != 0)
        (void)fprintf(stderr, "\r\033[K%s: %" PRIu64 " of %" PRIu64, what, done, total);
    else
        (void)fprintf(stderr, "\r\033[K%s: %" PRIu64, what, done);
}

void bench_end_progress(struct bench *bench) {
    if (bench->progress)
        (void)fprintf(stderr, "\r\033[K");
}
