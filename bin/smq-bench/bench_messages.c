/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smq-bench msg` and `proxy`. Closed loop: every queue has one message under way; its next SEND follows the answers to
 * SEND and ACK. Fixed rate: a thread of its own hands over SENDs by the clock, whatever the router does, and leaves out
 * queues that are full; the driver acknowledges. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bin/smq-bench/bench_queues.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"

enum {
    IN_FLIGHT_MAX = 64, /* messages under way in a queue; a router takes 128 unless told otherwise */
    LEFT_OVER_US = 5000000,
    SECOND_US = 1000000,
};

/* One queue: its two sides, and when the messages that are under way in it were handed over. */
struct message_queue {
    struct smq_client *sender; /* borrowed, as the next one */
    struct smq_receive_queue *receive;
    struct smq_send_queue *send;
    uint8_t answers_due;  /* closed loop: of SEND and ACK, before the next SEND */
    _Atomic bool stopped; /* after an error: no more SENDs, and the times are not to be relied on */
    _Atomic uint32_t sent;
    _Atomic uint32_t received;
    uint64_t sent_us[IN_FLIGHT_MAX]; /* written by whoever sends, read by the driver when the message is there */
};

struct lookup {
    const struct smq_receive_queue *receive;
    struct message_queue *queue;
};

struct messages {
    struct bench *bench;
    struct bench_connections senders, recipients;
    struct bench_queue_set set;
    struct message_queue *queues;
    struct lookup *lookup; /* by address of the handle: events of messages name nothing else */
    size_t count;
    uint8_t *body;
    bool proxied; /* the senders are connected to a proxy, the recipients to relays */
    bool closed_loop;
    _Atomic bool stopping;
    _Atomic uint64_t submitted; /* commands; those answered are counted by the driver */
    uint64_t answered;
    /* of the pacer, read after its end */
    uint64_t left_out;
    uint64_t lag_us;
};

/* ---- queues ---- */

static int compare_lookup(const void *a, const void *b) {
    uintptr_t left = (uintptr_t)((const struct lookup *)a)->receive;
    uintptr_t right = (uintptr_t)((const struct lookup *)b)->receive;
    return left < right ? -1 : left > right;
}

static struct message_queue *queue_of(const struct messages *messages, const struct smq_receive_queue *receive) {
    struct lookup wanted = {.receive = receive};
    const struct lookup *found =
        bsearch(&wanted, messages->lookup, messages->count, sizeof *messages->lookup, compare_lookup);
    return found != NULL ? found->queue : NULL;
}

static size_t submit_securing(void *context, struct bench_connection *connection, size_t first, size_t count) {
    const struct messages *messages = context;
    for (size_t index = 0; index < count; index++) {
        struct smq_send_queue *queue = messages->queues[first + index].send;
        enum smq_result (*secure)(struct smq_client *, struct smq_send_queue *, uint32_t, uint64_t) =
            messages->proxied ? smq_proxied_secure_as_sender_async : smq_secure_as_sender_async;
        if (secure(connection->client, queue, BENCH_TIMEOUT_MS, bench_tag(first + index)) != SMQ_OK)
            return index;
    }
    return count;
}

static enum smq_result make_sides(struct messages *messages) {
    for (size_t index = 0; index < messages->count; index++) {
        struct message_queue *queue = &messages->queues[index];
        size_t sender = bench_owner_of(messages->count, messages->senders.count, index);
        queue->receive = messages->set.handles[index];
        queue->sender = messages->senders.items[sender].client;
        messages->lookup[index] = (struct lookup){.receive = queue->receive, .queue = queue};
        enum smq_result result = smq_send_queue_from_receive_queue(queue->receive, &queue->send);
        if (result == SMQ_OK)
            result = smq_send_queue_make_key(queue->send, SMQ_KEY_X25519);
        if (result != SMQ_OK)
            return result;
    }
    qsort(messages->lookup, messages->count, sizeof *messages->lookup, compare_lookup);
    return SMQ_OK;
}

/* Creates the queues, subscribed, and secures them as senders. */
static enum smq_result make_queues(struct messages *messages) {
    struct bench *bench = messages->bench;
    struct bench_pump securing = {.what = "securing queues",
                                  .command = SMQ_COMMAND_SECURE_AS_SENDER,
                                  .total = messages->count,
                                  .submit = submit_securing,
                                  .context = messages};
    messages->queues = memory_zalloc_array(messages->count, sizeof *messages->queues);
    messages->lookup = memory_zalloc_array(messages->count, sizeof *messages->lookup);
    if (messages->queues == NULL || messages->lookup == NULL)
        return SMQ_ERR_NO_MEMORY;
    size_t created =
        bench_create_queues(bench, &messages->recipients, messages->count, true, NULL, &messages->set, NULL);
    if (created < messages->count)
        return SMQ_ERR_PROTOCOL;
    enum smq_result result = make_sides(messages);
    if (result == SMQ_OK && bench_pump(bench, &messages->senders, &securing) < messages->count)
        result = SMQ_ERR_PROTOCOL;
    return result;
}

static enum smq_result make_body(struct messages *messages) {
    struct smq_client_info info;
    size_t size = (size_t)messages->bench->options->size;
    smq_client_info(messages->senders.items[0].client, &info);
    if (size > info.body_max) {
        (void)fprintf(stderr, "smq-bench: --size %zu: this session takes at most %zu bytes\n", size, info.body_max);
        return SMQ_ERR_TOO_LARGE;
    }
    messages->bench->result.body_size = size == 0 ? info.body_max : size;
    messages->body = memory_zalloc(messages->bench->result.body_size);
    return messages->body != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
}

/* ---- sending ---- */

static void stop_queue(struct messages *messages, struct message_queue *queue, const char *what, enum smq_result result,
                       const char *text) {
    bench_error(messages->bench, what, result, text);
    atomic_store_explicit(&queue->stopped, true, memory_order_relaxed);
}

/* The driver in a closed loop, else the pacer. */
static enum smq_result send_message(struct messages *messages, struct message_queue *queue) {
    uint32_t sent = atomic_load_explicit(&queue->sent, memory_order_relaxed);
    struct smq_bytes body = {.bytes = messages->body, .length = messages->bench->result.body_size};
    queue->sent_us[sent % IN_FLIGHT_MAX] = clock_monotonic_us();
    atomic_store_explicit(&queue->sent, sent + 1, memory_order_release);
    uint64_t tag = (uint64_t)(queue - messages->queues);
    enum smq_result result =
        messages->proxied ? smq_proxied_send_async(queue->sender, queue->send, false, body, BENCH_TIMEOUT_MS, tag)
                          : smq_send_async(queue->sender, queue->send, false, body, BENCH_TIMEOUT_MS, tag);
    if (result == SMQ_OK)
        atomic_fetch_add_explicit(&messages->submitted, 1, memory_order_relaxed);
    return result;
}

static void send_next(struct messages *messages, struct message_queue *queue) {
    enum smq_result result = send_message(messages, queue);
    if (result != SMQ_OK) {
        stop_queue(messages, queue, "SEND", result, "not submitted");
        return;
    }
    queue->answers_due = 2;
}

static bool is_full(struct message_queue *queue) {
    return atomic_load_explicit(&queue->sent, memory_order_relaxed) -
               atomic_load_explicit(&queue->received, memory_order_acquire) >=
           IN_FLIGHT_MAX;
}

static void sleep_until(uint64_t microseconds) {
    struct timespec until = {.tv_sec = (time_t)(microseconds / SECOND_US),
                             .tv_nsec = (long)(microseconds % SECOND_US) * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* The pacer: the i-th SEND is due i / rate after the start. */
static void pace(void *context) {
    struct messages *messages = context;
    uint64_t start = clock_monotonic_us();
    for (uint64_t turn = 0; !atomic_load_explicit(&messages->stopping, memory_order_relaxed); turn++) {
        struct message_queue *queue = &messages->queues[turn % messages->count];
        uint64_t due = start + (uint64_t)((double)turn * SECOND_US / (double)messages->bench->options->rate);
        uint64_t now = clock_monotonic_us();
        if (now < due) {
            sleep_until(due);
            now = clock_monotonic_us();
        }
        if (now - due > messages->lag_us)
            messages->lag_us = now - due;
        if (atomic_load_explicit(&queue->stopped, memory_order_relaxed) || is_full(queue) ||
            send_message(messages, queue) != SMQ_OK)
            messages->left_out++;
    }
}

/* ---- receiving ---- */

static void answer_came(struct messages *messages, struct message_queue *queue) {
    if (!messages->closed_loop || queue->answers_due == 0 || --queue->answers_due > 0)
        return;
    if (!atomic_load_explicit(&messages->stopping, memory_order_relaxed))
        send_next(messages, queue);
}

static void on_command(struct messages *messages, const struct smq_event *event) {
    struct bench *bench = messages->bench;
    struct message_queue *queue = &messages->queues[event->tag];
    messages->answered++;
    if (event->result != SMQ_OK) {
        queue->answers_due = 0;
        stop_queue(messages, queue, smq_command_text(event->command), event->result, event->error_text);
        return;
    }
    enum smq_command counted = messages->proxied ? SMQ_COMMAND_SEND : SMQ_COMMAND_ACKNOWLEDGE;
    if (event->command == counted && bench->window_open)
        bench->result.operations++;
    answer_came(messages, queue);
}

static void on_message(struct messages *messages, const struct smq_event *event) {
    struct bench *bench = messages->bench;
    struct message_queue *queue = queue_of(messages, event->receive_queue);
    if (queue == NULL) {
        bench_error(bench, "a message of an unknown queue", SMQ_ERR_INTERNAL, "");
        return;
    }
    uint32_t received = atomic_load_explicit(&queue->received, memory_order_relaxed);
    bool expected = received != atomic_load_explicit(&queue->sent, memory_order_acquire);
    if (expected && bench->window_open && !atomic_load_explicit(&queue->stopped, memory_order_relaxed))
        bench_histogram_add(&bench->result.latency, clock_monotonic_us() - queue->sent_us[received % IN_FLIGHT_MAX]);
    if (expected)
        atomic_store_explicit(&queue->received, received + 1, memory_order_release);
    enum smq_result result = smq_acknowledge_async(event->client, event->receive_queue, event->message_id,
                                                   BENCH_TIMEOUT_MS, (uint64_t)(queue - messages->queues));
    if (result == SMQ_OK)
        atomic_fetch_add_explicit(&messages->submitted, 1, memory_order_relaxed);
    else
        stop_queue(messages, queue, "ACK", result, "not submitted");
}

static void on_event(void *context, const struct smq_event *event) {
    if (event->kind == SMQ_EVENT_MESSAGE)
        on_message(context, event);
    else if (event->kind == SMQ_EVENT_COMPLETED)
        on_command(context, event);
}

/* ---- the run ---- */

static void drive_until(struct messages *messages, uint64_t until_us) {
    struct bench *bench = messages->bench;
    while (clock_monotonic_us() < until_us) {
        (void)bench_take(bench, until_us, on_event, messages);
        bench_show_progress(bench, bench->window_open ? "messages" : "warming up", bench->result.operations, 0);
    }
}

/* After the pacer's end. */
static bool anything_left(const struct messages *messages) {
    if (messages->submitted != messages->answered)
        return true;
    for (size_t index = 0; index < messages->count; index++) {
        const struct message_queue *queue = &messages->queues[index];
        if (!queue->stopped && queue->sent != queue->received)
            return true;
    }
    return false;
}

static enum smq_result measure(struct messages *messages) {
    struct bench *bench = messages->bench;
    const struct bench_options *options = bench->options;
    struct thread *pacer = NULL;
    for (size_t index = 0; index < messages->count && messages->closed_loop; index++)
        send_next(messages, &messages->queues[index]);
    if (!messages->closed_loop && thread_create(&pacer, "bench-pacer", pace, messages) != SMQ_OK)
        return SMQ_ERR_SYSTEM;
    drive_until(messages, clock_monotonic_us() + (uint64_t)options->warm_up * SECOND_US);
    bench_window_begin(bench);
    drive_until(messages, bench->window_start_us + (uint64_t)options->seconds * SECOND_US);
    bench_window_end(bench);
    atomic_store(&messages->stopping, true);
    thread_join(&pacer);
    bench->result.lag_us = messages->lag_us;
    bench->result.left_out = messages->left_out;
    uint64_t last = clock_monotonic_us() + LEFT_OVER_US;
    while (anything_left(messages) && clock_monotonic_us() < last)
        (void)bench_take(bench, last, on_event, messages);
    if (anything_left(messages))
        bench_error(bench, "messages did not arrive", SMQ_ERR_TIMEOUT, "");
    bench_end_progress(bench);
    return SMQ_OK;
}

static void clean_up(struct messages *messages) {
    if (messages->set.count > 0)
        bench_delete_queues(messages->bench, &messages->recipients, &messages->set);
    for (size_t index = 0; index < messages->count && messages->queues != NULL; index++)
        smq_send_queue_release(&messages->queues[index].send);
    bench_queue_set_destroy(&messages->set);
    bench_disconnect(&messages->senders);
    bench_disconnect(&messages->recipients);
    memory_free(messages->queues);
    memory_free(messages->lookup);
    memory_free(messages->body);
}

enum smq_result bench_run_messages(struct bench *bench) {
    const struct bench_options *options = bench->options;
    bool proxied = options->mode == BENCH_PROXY;
    size_t all = (size_t)options->connections;
    size_t senders = proxied ? all : all / 2;
    size_t recipients = proxied ? options->servers.count : all - senders;
    struct messages messages = {.bench = bench,
                                .count = bench_options_queue_count(options),
                                .proxied = proxied,
                                .closed_loop = options->rate == 0};
    enum smq_result result =
        bench_connect(bench, proxied ? &options->proxies : &options->servers, senders, NULL, &messages.senders);
    if (result == SMQ_OK)
        result = bench_connect(bench, &options->servers, recipients, NULL, &messages.recipients);
    if (result == SMQ_OK)
        result = make_body(&messages);
    if (result == SMQ_OK) {
        result = make_queues(&messages);
        if (result == SMQ_OK)
            result = measure(&messages);
        if (result != SMQ_OK)
            (void)fprintf(stderr, "smq-bench: %s\n",
                          bench->result.errors > 0 ? bench->result.first_error : smq_result_text(result));
    }
    clean_up(&messages);
    return result;
}
