/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The figures as text and as JSON. What was not measured is left out of the text and null in JSON. */
#include "bin/smq-bench/bench_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static const struct percentile {
    const char *key;
    double fraction;
} percentiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
enum { PERCENTILE_COUNT = sizeof percentiles / sizeof percentiles[0] };

static const struct words {
    const char *operations; /* what an operation is */
    const char *operation;  /* one of them */
    const char *latency;    /* what is timed */
} words[BENCH_MODE_COUNT] = {
    [BENCH_MSG] = {"delivered messages/s", "delivered message", "SEND to MSG"},
    [BENCH_IDLE] = {"connections/s", "connection", "connecting"},
    [BENCH_QUEUES] = {"queues created/s", "queue", "NEW to IDS"},
    [BENCH_SUBS] = {"subscriptions/s", "subscription", "SUB to SOK"},
    [BENCH_PROXY] = {"forwarded messages/s", "forwarded message", "SEND to MSG"},
    [BENCH_AGENT] = {"subscriptions/s", "subscription", "start to active"},
};

/* Derived figures; a negative one is not known. */
struct figures {
    double operations_per_s;
    double latency_ms[PERCENTILE_COUNT];
    double cpu_us, floor_us, ratio;
    double rss_per_connection, rss_per_subscription;
};

/* Bytes of memory for each of `count`; a router may also have given some back. */
static double growth(uint64_t before, uint64_t after, int64_t count) {
    return after > before ? (double)(after - before) / (double)count : 0;
}

static bool has_subscriptions(const struct bench *bench) {
    return bench->options->mode == BENCH_SUBS || bench->options->mode == BENCH_AGENT;
}

static struct figures derive(const struct bench *bench) {
    const struct bench_result *result = &bench->result;
    double operations = (double)result->operations;
    struct figures figures = {
        .cpu_us = -1, .floor_us = -1, .ratio = -1, .rss_per_connection = -1, .rss_per_subscription = -1};
    if (result->window_us > 0)
        figures.operations_per_s = operations * 1e6 / (double)result->window_us;
    for (size_t index = 0; index < PERCENTILE_COUNT; index++)
        figures.latency_ms[index] =
            (double)bench_histogram_percentile(&result->latency, percentiles[index].fraction) / 1000;
    if (result->has_cpu && result->operations > 0)
        figures.cpu_us = (double)result->cpu_us / operations;
    if (result->floor.count > 0)
        figures.floor_us = result->floor.microseconds;
    if (figures.cpu_us >= 0 && figures.floor_us > 0)
        figures.ratio = figures.cpu_us / figures.floor_us;
    if (result->has_rss && bench->options->mode == BENCH_IDLE)
        figures.rss_per_connection = growth(result->rss_before, result->rss_after, bench->options->connections);
    if (result->has_rss && has_subscriptions(bench)) {
        figures.rss_per_connection = growth(result->rss_before, result->rss_connected, bench->options->connections);
        if (result->operations > 0)
            figures.rss_per_subscription =
                growth(result->rss_connected, result->rss_after, (int64_t)result->operations);
    }
    return figures;
}

/* ---- JSON ---- */

static json_t *known(double value) {
    return value >= 0 ? json_real(value) : json_null();
}

static json_t *json_of_floor(const struct bench_floor *floor) {
    json_t *object = json_object();
    for (size_t index = 0; index < floor->count; index++)
        (void)json_object_set_new(object, floor->parts[index].name,
                                  json_pack("{s:I, s:f}", "count", (json_int_t)floor->parts[index].count, "us",
                                            floor->parts[index].microseconds));
    return object;
}

static json_t *json_of_restarts(const struct bench_result *result) {
    json_t *array = json_array();
    for (size_t index = 0; index < result->restart_count; index++) {
        const struct bench_restart *restart = &result->restarts[index];
        (void)json_array_append_new(array, json_pack("{s:I, s:f, s:f}", "lost", (json_int_t)restart->lost, "command_s",
                                                     (double)restart->ended_us / 1e6, "active_again_s",
                                                     (double)restart->active_us / 1e6));
    }
    return array;
}

static json_t *json_of(const struct bench *bench, const struct figures *figures) {
    const struct bench_result *result = &bench->result;
    const struct bench_options *options = bench->options;
    json_t *latency = json_object();
    for (size_t index = 0; index < PERCENTILE_COUNT; index++)
        (void)json_object_set_new(latency, percentiles[index].key, json_real(figures->latency_ms[index]));
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:f, s:b, s:I, "
        "s:s}",
        "mode", bench_mode_text(options->mode), "connections", (json_int_t)options->connections, "queues",
        (json_int_t)result->queues, "size", (json_int_t)result->body_size, "rate", (json_int_t)options->rate,
        "operations", (json_int_t)result->operations, "seconds", (double)result->window_us / 1e6, "operations_per_s",
        figures->operations_per_s, "latency_ms", latency, "server_cpu_us_per_operation", known(figures->cpu_us),
        "floor_us_per_operation", known(figures->floor_us), "floor_ratio", known(figures->ratio), "floor",
        json_of_floor(&result->floor), "server_rss_anon_bytes",
        result->has_rss ? json_integer((json_int_t)result->rss_after) : json_null(),
        "server_rss_anon_per_connection_bytes",
        figures->rss_per_connection >= 0 ? json_integer((json_int_t)figures->rss_per_connection) : json_null(),
        "server_rss_anon_per_subscription_bytes", known(figures->rss_per_subscription), "restarts",
        json_of_restarts(result), "left_out", (json_int_t)result->left_out, "schedule_lag_ms",
        (double)result->lag_us / 1000, "bodies_decrypted", 0, "errors", (json_int_t)result->errors, "first_error",
        result->first_error);
}

static enum smq_result print_json(const struct bench *bench, const struct figures *figures) {
    json_t *object = json_of(bench, figures);
    if (object == NULL)
        return SMQ_ERR_NO_MEMORY;
    int status = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    (void)putchar('\n');
    json_decref(object);
    return status == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

/* ---- text ---- */

static void print_line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_line(const char *label, const char *format, ...) {
    va_list arguments;
    printf("  %-22s ", label);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

static void print_cost(const struct bench *bench, const struct figures *figures) {
    const struct bench_result *result = &bench->result;
    const char *operation = words[bench->options->mode].operation;
    if (figures->cpu_us >= 0)
        print_line("router CPU", "%.1f us per %s", figures->cpu_us, operation);
    if (figures->floor_us >= 0) {
        print_line("crypto floor", "%.1f us per %s, of which", figures->floor_us, operation);
        for (size_t index = 0; index < result->floor.count; index++)
            printf("  %22s %u x %s, %.1f us each\n", "", result->floor.parts[index].count,
                   result->floor.parts[index].name, result->floor.parts[index].microseconds);
    }
    if (figures->ratio >= 0)
        print_line("ratio", "%.2f", figures->ratio);
    if (result->has_rss)
        print_line("router RssAnon", "%.1f MiB, %.1f before", (double)result->rss_after / 1048576,
                   (double)result->rss_before / 1048576);
    if (figures->rss_per_connection >= 0)
        print_line("RssAnon a connection", "%.2f KiB", figures->rss_per_connection / 1024);
    if (figures->rss_per_subscription >= 0)
        print_line("RssAnon a subscription", "%.1f bytes", figures->rss_per_subscription);
}

static enum smq_result print_text(const struct bench *bench, const struct figures *figures) {
    const struct bench_options *options = bench->options;
    const struct bench_result *result = &bench->result;
    const struct words *word = &words[options->mode];
    printf("%s: %" PRId64 " connections, %zu queues", bench_mode_text(options->mode), options->connections,
           result->queues);
    if (bench_options_messages(options)) {
        printf(", bodies of %zu bytes (left encrypted by the recipient)", result->body_size);
        if (options->rate > 0)
            printf(", %" PRId64 " messages/s wanted", options->rate);
    }
    printf(", %.2f s\n", (double)result->window_us / 1e6);
    print_line(word->operations, "%.1f", figures->operations_per_s);
    print_line(word->latency, "p50 %.2f, p99 %.2f, p99.9 %.2f, max %.2f ms", figures->latency_ms[0],
               figures->latency_ms[1], figures->latency_ms[2], figures->latency_ms[3]);
    if (options->rate > 0)
        print_line("sending", "at most %.2f ms behind the clock, %" PRIu64 " left out (queue full)",
                   (double)result->lag_us / 1000, result->left_out);
    print_cost(bench, figures);
    for (size_t index = 0; index < result->restart_count; index++)
        print_line("restart", "%" PRIu64 " subscriptions lost; all active again after %.2f s, the command took %.2f s",
                   result->restarts[index].lost, (double)result->restarts[index].active_us / 1e6,
                   (double)result->restarts[index].ended_us / 1e6);
    print_line("errors", "%" PRIu64 "%s%s", result->errors, result->errors > 0 ? ", the first: " : "",
               result->first_error);
    return ferror(stdout) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

enum smq_result bench_report(const struct bench *bench) {
    struct figures figures = derive(bench);
    return bench->options->json ? print_json(bench, &figures) : print_text(bench, &figures);
}
