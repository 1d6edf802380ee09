/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smq-bench idle`, `queues` and `subs`: what happens to many connections and queues without messages. */
#include "bin/smq-bench/bench_source.h"
#include "queues/base/clock.h"

enum { SECOND_US = 1000000 };

static void ignore_event(void *context, const struct smq_event *event) {
    (void)context;
    (void)event;
}

/* ---- idle ---- */

/* Connecting is what is timed; the memory is looked at when all have been subscribed for the time asked for. */
enum smq_result bench_run_idle(struct bench *bench) {
    const struct bench_options *options = bench->options;
    size_t total = bench_options_queue_count(options);
    struct bench_connections connections;
    struct bench_queue_set set = {.count = 0};
    bench_window_begin(bench);
    enum smq_result result =
        bench_connect(bench, &options->servers, (size_t)options->connections, &bench->result.latency, &connections);
    bench_window_end(bench);
    if (result != SMQ_OK)
        goto done;
    bench->result.operations = (uint64_t)options->connections;
    size_t created = bench_create_queues(bench, &connections, total, true, NULL, &set, NULL);
    uint64_t start = clock_monotonic_us();
    uint64_t end = start + (uint64_t)options->seconds * SECOND_US;
    for (uint64_t now = start; now < end; now = clock_monotonic_us()) {
        uint64_t pause = now + SECOND_US / 4;
        (void)bench_take(bench, pause < end ? pause : end, ignore_event, NULL);
        bench_show_progress(bench, "holding the connections, seconds", (now - start) / SECOND_US,
                            (uint64_t)options->seconds);
    }
    bench_end_progress(bench);
    bench_look_at_memory(bench, &bench->result.rss_after);
    if (created == total)
        bench_delete_queues(bench, &connections, &set);
done:
    bench_queue_set_destroy(&set);
    bench_disconnect(&connections);
    return result;
}

/* ---- queues ---- */

enum smq_result bench_run_queues(struct bench *bench) {
    const struct bench_options *options = bench->options;
    struct bench_connections connections = {.count = 0};
    struct bench_state_writer *file = NULL;
    enum smq_result result = SMQ_OK;
    if (options->state != NULL)
        result = bench_tell_file(options->state, bench_state_create(options->state, &file));
    if (result == SMQ_OK)
        result = bench_connect(bench, &options->servers, (size_t)options->connections, NULL, &connections);
    if (result == SMQ_OK) {
        bench_window_begin(bench);
        bench->result.operations = bench_create_queues(bench, &connections, bench_options_queue_count(options), false,
                                                       &bench->result.latency, NULL, file);
        bench_window_end(bench);
    }
    bench_disconnect(&connections);
    enum smq_result closed = bench_state_close(&file);
    return result != SMQ_OK ? result : closed == SMQ_OK ? SMQ_OK : bench_tell_file(options->state, closed);
}

/* ---- subs ---- */

enum { SUBSCRIBE_TOGETHER = 128 };

static size_t submit_subscriptions(void *context, struct bench_connection *connection, size_t first, size_t count) {
    const struct bench_source *source = context;
    struct smq_receive_queue *queues[SUBSCRIBE_TOGETHER];
    size_t submitted = 0;
    enum smq_result result = SMQ_OK;
    while (submitted < count && result == SMQ_OK) {
        size_t taken = 0;
        while (taken < SUBSCRIBE_TOGETHER && submitted + taken < count && result == SMQ_OK) {
            result = bench_source_queue(source, first + submitted + taken, &queues[taken]);
            taken += result == SMQ_OK ? 1 : 0;
        }
        enum smq_result sent = taken == 0 ? result
                                          : smq_subscribe_many_async(connection->client, queues, taken,
                                                                     BENCH_TIMEOUT_MS, bench_tag(first + submitted));
        for (size_t index = 0; index < taken; index++)
            smq_receive_queue_release(&queues[index]);
        if (sent != SMQ_OK)
            break;
        submitted += taken;
    }
    return submitted;
}

enum smq_result bench_run_subscriptions(struct bench *bench) {
    struct bench_source source;
    struct bench_connections connections = {.count = 0};
    struct bench_pump pump = {.what = "subscribing",
                              .command = SMQ_COMMAND_SUBSCRIBE,
                              .submit = submit_subscriptions,
                              .context = &source,
                              .latency = &bench->result.latency};
    enum smq_result result = bench_source_open(bench, &source);
    if (result == SMQ_OK)
        result =
            bench_connect(bench, &bench->options->servers, (size_t)bench->options->connections, NULL, &connections);
    if (result == SMQ_OK) {
        pump.total = bench->result.queues = bench_source_count(&source);
        bench_look_at_memory(bench, &bench->result.rss_connected);
        bench_window_begin(bench);
        bench->result.operations = bench_pump(bench, &connections, &pump);
        bench_window_end(bench);
    }
    bench_disconnect(&connections);
    bench_source_close(&source);
    return result;
}
