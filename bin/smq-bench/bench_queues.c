/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NEW and DEL in bulk. */
#include "bin/smq-bench/bench_queues.h"

#include "bin/smq-bench/bench_state.h"
#include "queues/base/memory.h"

struct creating {
    struct bench *bench;
    bool subscribe;
    struct bench_queue_set *set;
    struct bench_state_writer *file;
};

static size_t submit_creations(void *context, struct bench_connection *connection, size_t first, size_t count) {
    const struct creating *creating = context;
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.subscribe = creating->subscribe;
    for (size_t index = 0; index < count; index++)
        if (smq_create_queue_async(connection->client, &options, BENCH_TIMEOUT_MS, bench_tag(first + index)) != SMQ_OK)
            return index;
    return count;
}

static void on_created(void *context, size_t index, const struct smq_event *event) {
    const struct creating *creating = context;
    if (creating->set != NULL)
        creating->set->handles[index] = smq_receive_queue_reference(event->receive_queue);
    if (creating->file != NULL) {
        enum smq_result result = bench_state_write(creating->file, event->receive_queue);
        if (result != SMQ_OK)
            bench_error(creating->bench, "cannot write the file of --state", result, "");
    }
}

size_t bench_create_queues(struct bench *bench, struct bench_connections *connections, size_t total, bool subscribe,
                           struct bench_histogram *latency, struct bench_queue_set *set,
                           struct bench_state_writer *file) {
    struct creating creating = {.bench = bench, .subscribe = subscribe, .set = set, .file = file};
    struct bench_pump pump = {.what = "creating queues",
                              .command = SMQ_COMMAND_CREATE,
                              .total = total,
                              .submit = submit_creations,
                              .done = on_created,
                              .context = &creating,
                              .latency = latency};
    if (set != NULL) {
        *set = (struct bench_queue_set){.handles = memory_zalloc_array(total, sizeof(struct smq_receive_queue *))};
        if (set->handles == NULL) {
            bench_error(bench, pump.what, SMQ_ERR_NO_MEMORY, "");
            return 0;
        }
        set->count = total;
    }
    return bench_pump(bench, connections, &pump);
}

static size_t submit_deletions(void *context, struct bench_connection *connection, size_t first, size_t count) {
    const struct bench_queue_set *set = context;
    for (size_t index = 0; index < count; index++) {
        struct smq_receive_queue *queue = set->handles[first + index];
        if (queue == NULL ||
            smq_delete_async(connection->client, queue, BENCH_TIMEOUT_MS, bench_tag(first + index)) != SMQ_OK)
            return index;
    }
    return count;
}

void bench_delete_queues(struct bench *bench, struct bench_connections *connections, struct bench_queue_set *set) {
    struct bench_pump pump = {.what = "deleting queues",
                              .command = SMQ_COMMAND_DELETE,
                              .total = set->count,
                              .submit = submit_deletions,
                              .context = set};
    (void)bench_pump(bench, connections, &pump);
}

void bench_queue_set_destroy(struct bench_queue_set *set) {
    for (size_t index = 0; index < set->count; index++)
        smq_receive_queue_release(&set->handles[index]);
    memory_free(set->handles);
    *set = (struct bench_queue_set){.count = 0};
}
