/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queues of an earlier run, or new ones. */
#include "bin/smq-bench/bench_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum smq_result bench_tell_file(const char *path, enum smq_result result) {
    if (result != SMQ_OK)
        (void)fprintf(stderr, "smq-bench: --state %s: %s\n", path,
                      result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
    return result;
}

static enum smq_result read_queues(const char *path, struct bench_source *source) {
    enum smq_result opened = bench_tell_file(path, bench_state_open(path, &source->state));
    if (opened == SMQ_OK && bench_state_count(source->state) == 0)
        return bench_tell_file(path, SMQ_ERR_EMPTY);
    return opened;
}

static enum smq_result make_queues(struct bench *bench, struct bench_source *source) {
    const struct bench_options *options = bench->options;
    struct bench_connections connections;
    enum smq_result result = bench_connect(bench, &options->servers, (size_t)options->connections, NULL, &connections);
    if (result == SMQ_OK)
        (void)bench_create_queues(bench, &connections, bench_options_queue_count(options), false, NULL, &source->set,
                                  NULL);
    bench_disconnect(&connections);
    return result;
}

enum smq_result bench_source_open(struct bench *bench, struct bench_source *source) {
    const char *path = bench->options->state;
    *source = (struct bench_source){.state = NULL};
    enum smq_result result = path != NULL ? read_queues(path, source) : make_queues(bench, source);
    bench_look_at_memory(bench, &bench->result.rss_before);
    return result;
}

void bench_source_close(struct bench_source *source) {
    bench_queue_set_destroy(&source->set);
    bench_state_destroy(&source->state);
}

size_t bench_source_count(const struct bench_source *source) {
    return source->state != NULL ? bench_state_count(source->state) : source->set.count;
}

enum smq_result bench_source_queue(const struct bench_source *source, size_t index, struct smq_receive_queue **queue) {
    if (source->state != NULL)
        return bench_state_queue(source->state, index, queue);
    if (source->set.handles[index] == NULL)
        return SMQ_ERR_NOT_FOUND;
    *queue = smq_receive_queue_reference(source->set.handles[index]);
    return SMQ_OK;
}
