/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Measures commits by what the store has been through: the same batches on a fresh store, on one that was filled and
 * emptied by ACK or by DEL, and on one with free pages scattered all over it.
 *
 * bench_store_history DIRECTORY [megabytes [messages [batches [history]]]]: fills with `megabytes` of 16 KB bodies,
 * or with `messages` of 2.5 KB of which every second queue is deleted; then commits `batches` of 16 messages and 16
 * acknowledgements, with each durability: on a fresh store, and with all histories, or those whose name has `history`
 * in it. Stores are made below DIRECTORY and removed. Histories are made without flushing. The DEL of all bodies of
 * one queue is timed by itself, and so are such batches while they are removed. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "stores/lmdb/batch.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/queue_store.h"

enum { ID_SIZE = 24, BODY_SIZE = 16048, SMALL_SIZE = 2500, PAIRS = 16, FILL = 64, QUEUES = 128, SMALL_QUEUE = 10 };

struct job {
    struct store_operation operation;
    uint64_t number;
    size_t length;
};

struct size {
    uint64_t messages; /* of BODY_SIZE */
    uint64_t small;    /* of SMALL_SIZE */
    uint64_t batches;
};

static uint8_t body[BODY_SIZE];
static struct store *store;
static char directory[4096];
static uint64_t now;

static void must(enum smq_result result, const char *what) {
    if (result == SMQ_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, smq_result_text(result));
    exit(1);
}

/* ---- operations ---- */

static enum smq_result apply_create(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t ids[2][ID_SIZE];
    uint8_t secret[QUEUE_SECRET_SIZE] = {9};
    random_bytes(ids, sizeof ids);
    struct queue_record record = {
        .mode = 'M',
        .recipient_id = slice_of(ids[0], ID_SIZE),
        .sender_id = slice_of(ids[1], ID_SIZE),
        .recipient_keys = slice_of_text("recipient's keys, about as long as they are"),
        .recipient_dh_secret = secret,
    };
    return queue_store_create(txn, &record, NULL, &job->number);
}

static enum smq_result apply_send(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct msg_send send = {.id = slice_of_text("the id of every message "),
                            .timestamp = (int64_t)now,
                            .body = slice_of(body, job->length),
                            .quota = UINT32_MAX};
    struct msg_sent sent;
    enum smq_result result = msg_store_send(txn, (struct queue_reference){.number = job->number}, &send, &sent);
    return result == SMQ_OK && sent.outcome != MSG_SENT ? SMQ_ERR_INTERNAL : result;
}

static enum smq_result apply_acknowledge(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct msg_acknowledged acknowledged;
    enum smq_result result = msg_store_acknowledge(txn, (struct queue_reference){.number = job->number},
                                                   slice_of_text("the id of every message "), &acknowledged);
    return result == SMQ_OK && !acknowledged.deleted ? SMQ_ERR_INTERNAL : result;
}

static enum smq_result apply_delete(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct queue_deleted deleted;
    return queue_store_delete(txn, (struct queue_reference){.number = job->number}, &deleted);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    (void)operation;
    must(result, "operation");
}

/* Adds one; `length`: of a message that is sent. */
static void add(struct store_batch *batch, struct job *job, uint64_t number, size_t length,
                enum smq_result (*apply)(struct store_operation *, struct store_txn *)) {
    bool grows = apply == apply_send || apply == apply_create;
    *job = (struct job){.number = number, .length = length};
    job->operation = (struct store_operation){.grows = grows, .bytes = length, .apply = apply, .completed = completed};
    store_batch_add(batch, &job->operation);
}

/* The same for queues `first`, `first` + `step`, ..., `count` of them round robin, `total` times in all. */
static void run_many(uint64_t first, uint64_t step, uint64_t count, uint64_t total, size_t length,
                     enum smq_result (*apply)(struct store_operation *, struct store_txn *)) {
    static struct job jobs[FILL];
    for (uint64_t done = 0; done < total;) {
        struct store_batch batch = {0};
        for (unsigned i = 0; i < FILL && done < total; i++, done++)
            add(&batch, &jobs[i], first + done % count * step, length, apply);
        store_batch_run(store, &batch);
    }
}

/* ---- stores ---- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void open_store(enum store_durability durability) {
    const struct store_options options = {
        .directory = directory, .map_size = UINT64_C(1) << 36, .durability = durability, .interval_ms = 1000};
    must(store_open(&smp_store_layout, &options, &store), directory);
}

/* One batch; each acknowledges what the one before it, `done` - 1, sent. Answers the microseconds that it took. */
static uint64_t run_pairs(uint64_t done) {
    static struct job jobs[2 * PAIRS];
    struct store_batch batch = {0};
    for (uint64_t i = 0; i < PAIRS; i++) {
        add(&batch, &jobs[i], 1 + (done + 1) % 2 * PAIRS + i, BODY_SIZE, apply_send);
        add(&batch, &jobs[PAIRS + i], 1 + done % 2 * PAIRS + i, 0, apply_acknowledge);
    }
    uint64_t start = clock_monotonic_us();
    store_batch_run(store, &batch);
    return clock_monotonic_us() - start;
}

static double cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Removes what was deleted. Answers how many steps it took. */
static uint64_t purge(void) {
    uint64_t steps = 0;
    for (; store_has_to_purge(store); steps++) {
        struct store_batch batch = {0};
        store_batch_run(store, &batch);
    }
    return steps;
}

/* ---- histories; each begins with queues 1 to QUEUES, and leaves them empty ---- */

static void make_fresh(const struct size *size) {
    (void)size;
}

static void make_acknowledged(const struct size *size) {
    run_many(1, 1, QUEUES, size->messages, BODY_SIZE, apply_send);
    run_many(1, 1, QUEUES, size->messages, 0, apply_acknowledge);
}

static void make_deleted(const struct size *size) {
    run_many(1, 1, QUEUES, QUEUES, 400, apply_create);
    run_many(QUEUES + 1, 1, QUEUES, size->messages, BODY_SIZE, apply_send);
    run_many(QUEUES + 1, 1, QUEUES, QUEUES, 0, apply_delete);
    (void)purge();
}

static void make_scattered(const struct size *size) {
    uint64_t queues = size->small / SMALL_QUEUE;
    run_many(1, 1, queues, queues, 400, apply_create);
    run_many(QUEUES + 1, 1, queues, size->small, SMALL_SIZE, apply_send);
    run_many(QUEUES + 1, 2, queues / 2, queues / 2, 0, apply_delete);
    (void)purge();
}

/* One batch, and what became of its time. */
struct took {
    uint64_t us;
    uint64_t commit_us;
    double cpu_us;
    long waits;       /* for the disk, or the kernel */
    long preemptions; /* by other programs */
    long reads;       /* pages that were not at hand */
};

static struct took measure_pairs(uint64_t done) {
    struct store_statistics before, after;
    struct rusage usage, then;
    store_statistics_get(store, &before);
    getrusage(RUSAGE_SELF, &usage);
    double cpu = cpu_us();
    uint64_t us = run_pairs(done);
    cpu = cpu_us() - cpu;
    getrusage(RUSAGE_SELF, &then);
    store_statistics_get(store, &after);
    return (struct took){us,
                         after.commit_us_total - before.commit_us_total,
                         cpu,
                         then.ru_nvcsw - usage.ru_nvcsw,
                         then.ru_nivcsw - usage.ru_nivcsw,
                         then.ru_majflt - usage.ru_majflt};
}

/* What was written before is on the disk then: else the kernel has a program that writes wait until it is. */
static void make_one_queue(const struct size *size) {
    run_many(1, 1, 1, 1, 400, apply_create);
    run_many(QUEUES + 1, 1, 1, size->messages, BODY_SIZE, apply_send);
    must(store_sync(store), "sync");
    uint64_t start = clock_monotonic_us();
    uint64_t batches = 0;
    struct took worst = {0};
    run_many(QUEUES + 1, 1, 1, 1, 0, apply_delete);
    printf("DEL of one queue with %llu messages: %.1f ms\n", (unsigned long long)size->messages,
           (double)(clock_monotonic_us() - start) / 1000.0);
    run_many(1, 1, PAIRS, PAIRS, BODY_SIZE, apply_send);
    for (start = clock_monotonic_us(); store_has_to_purge(store); batches++) {
        struct took took = measure_pairs(batches);
        worst = took.us > worst.us ? took : worst;
    }
    printf("  removed within %.1f ms by %llu batches, the worst %.1f ms (%.1f commit, %.1f cpu, %ld waits, %ld "
           "preemptions, %ld reads)\n",
           (double)(clock_monotonic_us() - start) / 1000.0, (unsigned long long)batches, (double)worst.us / 1000.0,
           (double)worst.commit_us / 1000.0, worst.cpu_us / 1000.0, worst.waits, worst.preemptions, worst.reads);
    run_many(1 + batches % 2 * PAIRS, 1, PAIRS, PAIRS, 0, apply_acknowledge);
}

static const struct {
    const char *name;
    void (*make)(const struct size *size);
} histories[] = {{"fresh", make_fresh},
                 {"filled, emptied by ACK", make_acknowledged},
                 {"filled, emptied by DEL", make_deleted},
                 {"scattered free pages", make_scattered},
                 {"one queue deleted", make_one_queue}};

/* ---- measuring ---- */

static int compare_times(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* What one batch takes, in the order of the figures. */
static void measure(uint64_t batches, const char *name, double *fresh_mean) {
    uint64_t *times = calloc(batches, sizeof *times);
    uint64_t total = 0;
    if (times == NULL)
        exit(1);
    run_many(1, 1, PAIRS, PAIRS, BODY_SIZE, apply_send);
    double cpu = cpu_us();
    for (uint64_t done = 0; done < batches; done++)
        total += times[done] = run_pairs(done);
    cpu = cpu_us() - cpu;
    run_many(1 + batches % 2 * PAIRS, 1, PAIRS, PAIRS, 0, apply_acknowledge);
    qsort(times, batches, sizeof *times, compare_times);
    double mean = (double)total / (double)batches;
    if (*fresh_mean == 0)
        *fresh_mean = mean;
    printf("  %-20s mean %6.0f us (%4.0f cpu), median %6llu, p99 %6llu, worst %6llu; %.2f of fresh\n", name, mean,
           cpu / (double)batches, (unsigned long long)times[batches / 2], (unsigned long long)times[batches * 99 / 100],
           (unsigned long long)times[batches - 1], mean / *fresh_mean);
    free(times);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench_store_history DIRECTORY [megabytes [messages [batches [history]]]]\n");
        return 2;
    }
    uint64_t megabytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 512;
    const struct size size = {
        .messages = (megabytes << 20) / BODY_SIZE,
        .small = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000,
        .batches = argc > 4 ? strtoull(argv[4], NULL, 10) : 500,
    };
    double fresh[2] = {0};
    random_bytes(body, sizeof body);
    now = (uint64_t)clock_realtime_s();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(directory, sizeof directory, "%s/history", argv[1]);
    for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
        if (i > 0 && argc > 5 && strstr(histories[i].name, argv[5]) == NULL)
            continue;
        open_store(STORE_DURABILITY_INTERVAL);
        run_many(1, 1, QUEUES, QUEUES, 400, apply_create);
        histories[i].make(&size);
        store_close(&store);
        printf("%s:\n", histories[i].name);
        open_store(STORE_DURABILITY_COMMIT);
        measure(size.batches, "durability commit", &fresh[0]);
        store_close(&store);
        open_store(STORE_DURABILITY_INTERVAL);
        measure(size.batches, "durability interval", &fresh[1]);
        store_close(&store);
        (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
    return 0;
}
