/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Measures the stores: processor time of messages and new queues by operations a commit, commit times, opening time.
 *
 * bench_store DIRECTORY [queues [messages [active [backlog]]]]: fills DIRECTORY with `queues` queues, then for each
 * batch size delivers `messages` messages to `active` of them, `backlog` of which wait at a time. DIRECTORY must not
 * hold a store yet, or one that this program made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "stores/lmdb/batch.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/queue_store.h"

enum { ID_SIZE = 24, KEY_SIZE = 44, BODY_SIZE = 16048, QUOTA = 128, MAX_BATCH = 128 };

struct job {
    struct store_operation operation;
    uint64_t number;
    uint8_t id[ID_SIZE];
    enum smq_result result;
};

struct shape {
    uint64_t queues;
    uint64_t messages; /* to deliver */
    uint64_t active;   /* queues that they go to, in turn */
    uint64_t backlog;  /* messages that wait in queues */
};

static uint8_t body[BODY_SIZE];
static uint8_t read_back[BODY_SIZE];
static int64_t now;
static uint64_t failures;

static double cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static long rss_anon_kb(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kb = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %ld", &kb) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kb;
}

static enum smq_result apply_create(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t ids[2][ID_SIZE];
    uint8_t key[KEY_SIZE];
    uint8_t secret[QUEUE_SECRET_SIZE];
    random_bytes(ids, sizeof ids);
    memset(key, 7, sizeof key);
    memset(secret, 9, sizeof secret);
    struct queue_record record = {
        .mode = 'M',
        .recipient_id = slice_of(ids[0], ID_SIZE),
        .sender_id = slice_of(ids[1], ID_SIZE),
        .recipient_keys = slice_of(key, sizeof key),
        .recipient_dh_secret = secret,
    };
    return queue_store_create(txn, &record, NULL, &job->number);
}

static enum smq_result apply_send(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct msg_send send = {
        .id = slice_of(job->id, ID_SIZE),
        .timestamp = now,
        .body = slice_of(body, sizeof body),
        .quota = QUOTA,
    };
    struct msg_sent sent;
    enum smq_result result = msg_store_send(txn, (struct queue_reference){job->number, 0}, &send, &sent);
    return result == SMQ_OK && sent.outcome != MSG_SENT ? SMQ_ERR_INTERNAL : result;
}

static enum smq_result apply_acknowledge(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct msg_acknowledged acknowledged;
    enum smq_result result =
        msg_store_acknowledge(txn, (struct queue_reference){job->number, 0}, slice_of(job->id, ID_SIZE), &acknowledged);
    return result == SMQ_OK && !acknowledged.deleted ? SMQ_ERR_INTERNAL : result;
}

static void completed(struct store_operation *operation, enum smq_result result) {
    struct job *job = (struct job *)operation;
    job->result = result;
    failures += result != SMQ_OK;
}

static void add(struct store_batch *batch, struct job *job, bool grows, size_t bytes,
                enum smq_result (*apply)(struct store_operation *, struct store_txn *)) {
    job->operation = (struct store_operation){.grows = grows, .bytes = bytes, .apply = apply, .completed = completed};
    store_batch_add(batch, &job->operation);
}

static void bench_create(struct store *store, uint64_t queues, unsigned batch_size) {
    static struct job jobs[MAX_BATCH];
    double cpu = cpu_us();
    uint64_t wall = clock_monotonic_us();
    for (uint64_t done = 0; done < queues; done += batch_size) {
        struct store_batch batch = {0};
        for (unsigned i = 0; i < batch_size; i++)
            add(&batch, &jobs[i], true, 400, apply_create);
        store_batch_run(store, &batch);
    }
    printf("new queue, %3u a commit: %6.1f us cpu, %7.1f us wall each\n", batch_size, (cpu_us() - cpu) / (double)queues,
           (double)(clock_monotonic_us() - wall) / (double)queues);
}

/* Reads back what was just sent, as delivery does. */
static uint64_t read_sent(struct store_reader *reader, const struct job *jobs, unsigned count) {
    struct store_txn *txn;
    uint64_t checksum = 0;
    if (store_reader_begin(reader, &txn) != SMQ_OK) {
        failures++;
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        struct msg_view view;
        struct writer writer = writer_of(read_back, sizeof read_back);
        if (msg_store_head(txn, jobs[i].number, &view) != SMQ_OK ||
            msg_store_get(txn, jobs[i].number, view.sequence, &view) != SMQ_OK ||
            msg_store_body(txn, &view, &writer) != SMQ_OK)
            failures++;
        else
            checksum += read_back[i];
    }
    store_reader_end(reader);
    return checksum;
}

/* A pipeline as in the router: each commit has `batch_size` operations, half of them messages, half acknowledgements of
 * those sent `backlog` messages before. */
static void bench_messages(struct store *store, struct store_reader *reader, const struct shape *shape,
                           unsigned batch_size) {
    static struct job acknowledging[MAX_BATCH];
    struct store_statistics before;
    struct store_statistics after;
    unsigned pairs = batch_size / 2 > 0 ? batch_size / 2 : 1;
    uint64_t slots = (shape->backlog / pairs + 2) * pairs;
    uint64_t checksum = 0;
    uint64_t sent = 0;
    uint64_t acknowledged = 0;
    struct job *ring = calloc(slots, sizeof *ring);
    if (ring == NULL)
        exit(1);
    store_statistics_get(store, &before);
    double cpu = cpu_us();
    while (acknowledged < shape->messages) {
        struct store_batch batch = {0};
        struct job *first = &ring[sent % slots];
        bool sends = sent < shape->messages;
        for (unsigned i = 0; sends && i < pairs; i++, sent++) {
            struct job *job = &ring[sent % slots];
            random_bytes(job->id, ID_SIZE);
            job->number = 1 + (sent % shape->active) * (shape->queues / shape->active);
            add(&batch, job, true, BODY_SIZE, apply_send);
        }
        if (batch_size == 1)
            store_batch_run(store, &batch);
        if (!sends || sent > shape->backlog + pairs) {
            for (unsigned i = 0; i < pairs; i++, acknowledged++) {
                acknowledging[i] = ring[acknowledged % slots];
                add(&batch, &acknowledging[i], false, 0, apply_acknowledge);
            }
        }
        store_batch_run(store, &batch);
        if (sends)
            checksum += read_sent(reader, first, pairs);
    }
    cpu = cpu_us() - cpu;
    free(ring);
    store_statistics_get(store, &after);
    uint64_t commits = after.commits - before.commits;
    printf("message, %3u operations a commit, %llu queues, %llu waiting: %6.1f us cpu each, commit %6.0f us wall, "
           "%.0f MB used%s\n",
           batch_size, (unsigned long long)shape->active, (unsigned long long)shape->backlog,
           cpu / (double)acknowledged,
           (double)(after.commit_us_total - before.commit_us_total) / (double)(commits > 0 ? commits : 1),
           (double)after.used_bytes / 1048576.0, checksum == 1 ? "!" : "");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench_store DIRECTORY [queues [messages [active [backlog]]]]\n");
        return 2;
    }
    struct shape shape = {
        .queues = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000,
        .messages = argc > 3 ? strtoull(argv[3], NULL, 10) : 10000,
        .active = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000,
        .backlog = argc > 5 ? strtoull(argv[5], NULL, 10) : 0,
    };
    uint64_t queues = shape.queues;
    struct store_options options = {.directory = argv[1], .map_size = UINT64_C(1) << 36};
    if (getenv("BENCH_INTERVAL") != NULL) {
        options.durability = STORE_DURABILITY_INTERVAL;
        options.interval_ms = 1000;
    }
    struct store *store;
    struct store_reader *reader;
    struct store_txn *txn;
    struct store_totals totals;
    now = clock_realtime_s();
    uint64_t start = clock_monotonic_us();
    if (store_open(&smp_store_layout, &options, &store) != SMQ_OK || store_reader_create(store, &reader) != SMQ_OK ||
        store_reader_begin(reader, &txn) != SMQ_OK)
        return 1;
    store_totals_get(txn, &totals);
    store_reader_end(reader);
    printf("opened with %llu queues in %.1f ms, RssAnon %ld KB\n", (unsigned long long)totals.queues,
           (double)(clock_monotonic_us() - start) / 1000.0, rss_anon_kb());
    uint64_t missing = totals.queues < queues ? queues - totals.queues : 0;
    uint64_t tail = missing / 10; /* measured apart: the store is nearly as large as it gets */
    if (missing > 0)
        bench_create(store, missing - tail, 100);
    if (tail > 0)
        bench_create(store, tail, 100);
    printf("RssAnon %ld KB\n", rss_anon_kb());
    static const unsigned sizes[] = {1, 8, 32, 64, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        bench_messages(store, reader, &shape, sizes[i]);
    printf("RssAnon %ld KB, %llu failures\n", rss_anon_kb(), (unsigned long long)failures);
    store_reader_destroy(&reader);
    store_close(&store);
    return failures > 0;
}
