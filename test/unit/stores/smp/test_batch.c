/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Group commit: order, failures of one operation, of a transaction, of the map and of the disk, and recovery. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/fault.h"

enum { MAX_JOBS = 64, BODY_SIZE = 16000, QUEUES = 16 };

struct job {
    struct store_operation operation;
    enum smq_result (*run)(struct job *job, struct store_txn *txn);
    struct fixture *fixture;
    uint64_t number;
    unsigned place;
    unsigned applied;
    unsigned completed;
    bool deleted;
    enum smq_result result;
    struct store_batch *follow_up;
};

static unsigned completions;
static uint8_t body[BODY_SIZE];

static enum smq_result apply(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    job->applied++;
    return job->run(job, txn);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    struct job *job = (struct job *)operation;
    job->completed++;
    job->place = completions++;
    job->result = result;
    if (job->follow_up != NULL) {
        struct store_batch *batch = job->follow_up;
        job->follow_up = NULL;
        store_batch_add(batch, operation);
    }
}

static enum smq_result run_nothing(struct job *job, struct store_txn *txn) {
    (void)job;
    (void)txn;
    return SMQ_OK;
}

static enum smq_result run_refuse(struct job *job, struct store_txn *txn) {
    (void)job;
    (void)txn;
    return SMQ_ERR_AUTH;
}

static enum smq_result run_damage(struct job *job, struct store_txn *txn) {
    (void)job;
    return store_txn_damaged(txn, "test");
}

static enum smq_result run_send(struct job *job, struct store_txn *txn) {
    struct msg_send send = {.id = text("m"), .timestamp = 1, .body = slice_of(body, sizeof body), .quota = 1000000};
    struct msg_sent sent;
    return msg_store_send(txn, (struct queue_reference){.number = job->number}, &send, &sent);
}

static enum smq_result run_acknowledge(struct job *job, struct store_txn *txn) {
    struct msg_acknowledged acknowledged;
    enum smq_result result =
        msg_store_acknowledge(txn, (struct queue_reference){.number = job->number}, text("m"), &acknowledged);
    job->deleted = acknowledged.deleted;
    return result;
}

static enum smq_result run_delete(struct job *job, struct store_txn *txn) {
    struct queue_deleted deleted;
    return queue_store_delete(txn, (struct queue_reference){.number = job->number}, &deleted);
}

static void add(struct store_batch *batch, struct job *job, enum smq_result (*run)(struct job *, struct store_txn *),
                uint64_t number) {
    bool grows = run == run_send;
    *job = (struct job){.run = run, .number = number, .result = SMQ_RESULT_COUNT};
    job->operation = (struct store_operation){
        .grows = grows, .bytes = grows ? BODY_SIZE : 0, .apply = apply, .completed = completed};
    store_batch_add(batch, &job->operation);
}

static enum smq_result run_one(struct fixture *fixture, enum smq_result (*run)(struct job *, struct store_txn *),
                               uint64_t number) {
    struct job job;
    struct store_batch batch = {0};
    add(&batch, &job, run, number);
    store_batch_run(fixture->store, &batch);
    assert_int_equal(job.completed, 1);
    return job.result;
}

static void create_queues(struct fixture *fixture) {
    static const char *const names[QUEUES] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                              "i", "j", "k", "l", "m", "n", "o", "p"};
    write_begin(fixture);
    for (size_t i = 0; i < QUEUES; i++)
        assert_int_equal(create_queue(fixture, names[i], names[i], 'M').number, i + 1);
    write_commit(fixture);
}

static uint64_t stored_messages(struct fixture *fixture) {
    read_begin(fixture);
    uint64_t messages = totals_of(fixture).messages;
    read_end(fixture);
    return messages;
}

/* ---- the ordinary way ---- */

static void test_operations_apply_and_complete_in_order(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[8];
    struct store_batch batch = {0};
    create_queues(fixture);
    store_batch_run(fixture->store, &batch); /* empty: nothing happens */
    completions = 0;
    for (size_t i = 0; i < 8; i++)
        add(&batch, &jobs[i], i % 2 == 0 ? run_send : run_acknowledge, 1);
    assert_int_equal(batch.count, 8);
    assert_int_equal(batch.bytes, 4 * BODY_SIZE);
    store_batch_run(fixture->store, &batch);
    assert_int_equal(batch.count, 0);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(jobs[i].result, SMQ_OK);
        assert_int_equal(jobs[i].applied, 1);
        assert_int_equal(jobs[i].completed, 1);
        assert_int_equal(jobs[i].place, i);
        assert_int_equal(jobs[i].deleted, i % 2);
    }
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    assert_int_equal(statistics.commits, 1);
    assert_int_equal(statistics.operations, 8);
    assert_int_equal(statistics.commit_failures, 0);
}

static void test_an_operation_that_refuses_fails_alone(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[3];
    struct store_batch batch = {0};
    create_queues(fixture);
    add(&batch, &jobs[0], run_send, 1);
    add(&batch, &jobs[1], run_refuse, 1);
    add(&batch, &jobs[2], run_send, 2);
    store_batch_run(fixture->store, &batch);
    assert_int_equal(jobs[0].result, SMQ_OK);
    assert_int_equal(jobs[1].result, SMQ_ERR_AUTH);
    assert_int_equal(jobs[2].result, SMQ_OK);
    assert_int_equal(stored_messages(fixture), 2);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
}

static void test_a_completion_may_add_to_the_next_batch(void **state) {
    struct fixture *fixture = *state;
    struct job job;
    struct store_batch batch = {0};
    add(&batch, &job, run_nothing, 0);
    job.follow_up = &batch;
    store_batch_run(fixture->store, &batch);
    assert_int_equal(job.completed, 1);
    assert_int_equal(batch.count, 1);
    store_batch_run(fixture->store, &batch);
    assert_int_equal(job.completed, 2);
    assert_int_equal(batch.count, 0);
}

/* ---- transactions that break ---- */

static void test_one_operation_that_breaks_transactions_fails_alone(void **state) {
    struct fixture *fixture = *state;
    static struct job jobs[20];
    struct store_batch batch = {0};
    create_queues(fixture);
    completions = 0;
    for (size_t i = 0; i < 20; i++)
        add(&batch, &jobs[i], i == 11 ? run_damage : i % 2 == 0 ? run_send : run_nothing, 1 + i % QUEUES);
    store_batch_run(fixture->store, &batch);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(jobs[i].result, i == 11 ? SMQ_ERR_STORE : SMQ_OK);
        assert_in_range(jobs[i].applied, 1, 3);
        assert_int_equal(jobs[i].completed, 1);
        assert_int_equal(jobs[i].place, i);
    }
    assert_int_equal(stored_messages(fixture), 10);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_FAILED);
    assert_int_equal(run_one(fixture, run_send, 1), SMQ_OK);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
}

static void test_a_full_commit_fails_what_grows_and_does_the_rest(void **state) {
    struct fixture *fixture = *state;
    static struct job jobs[20];
    struct store_batch batch = {0};
    create_queues(fixture);
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(run_one(fixture, run_send, i), SMQ_OK);
    for (size_t i = 0; i < 20; i++)
        add(&batch, &jobs[i], i % 2 == 0 ? run_acknowledge : run_send, 1 + i / 2);
    fault_arm(FAULT_POINT_store_commit_full, 0, 1);
    store_batch_run(fixture->store, &batch);
    fault_disarm_all();
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(jobs[i].result, i % 2 == 0 ? SMQ_OK : SMQ_ERR_STORE_FULL);
        if (i % 2 == 0)
            assert_true(jobs[i].deleted);
    }
    assert_int_equal(stored_messages(fixture), 0);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_FULL);
    assert_int_equal(run_one(fixture, run_send, 1), SMQ_OK);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
}

static void test_a_disk_that_fails_once_fails_nothing(void **state) {
    struct fixture *fixture = *state;
    static struct job jobs[20];
    struct store_batch batch = {0};
    create_queues(fixture);
    for (size_t i = 0; i < 20; i++)
        add(&batch, &jobs[i], run_send, 1 + i % QUEUES);
    fault_arm(FAULT_POINT_store_commit_io, 0, 1);
    store_batch_run(fixture->store, &batch);
    fault_disarm_all();
    assert_int_equal(jobs[0].applied, 2);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(jobs[i].result, SMQ_OK);
        assert_in_range(jobs[i].applied, 1, 2); /* once: the first transaction took long and is over before it */
    }
    assert_int_equal(stored_messages(fixture), 20);
}

/* Longer than a transaction takes operations in. */
static enum smq_result run_slowly(struct job *job, struct store_txn *txn) {
    uint64_t start = clock_monotonic_us();
    while (clock_monotonic_us() - start < 11000)
        ;
    return run_send(job, txn);
}

static void test_slow_operations_do_not_share_a_commit(void **state) {
    struct fixture *fixture = *state;
    static struct job jobs[4];
    struct store_batch batch = {0};
    create_queues(fixture);
    for (size_t i = 0; i < 4; i++)
        add(&batch, &jobs[i], run_slowly, 1 + i);
    store_batch_run(fixture->store, &batch);
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    assert_int_equal(statistics.commits, 4);
    assert_int_equal(statistics.operations, 4);
    assert_int_equal(stored_messages(fixture), 4);
}

static uint64_t turn;
static uint64_t turns[MAX_JOBS];
static bool has_broken;

/* Notes when it was applied last; the sixth breaks the first transaction in which it is. */
static enum smq_result run_in_turn(struct job *job, struct store_txn *txn) {
    turns[job->number] = ++turn;
    if (job->number == 5 && !has_broken) {
        has_broken = true;
        lmdb_fail(txn->lmdb, SMQ_ERR_STORE);
    }
    return SMQ_OK;
}

static void test_a_transaction_that_breaks_midway_changes_no_order(void **state) {
    struct fixture *fixture = *state;
    static struct job jobs[40];
    struct store_batch batch = {0};
    has_broken = false;
    for (size_t i = 0; i < 40; i++)
        add(&batch, &jobs[i], run_in_turn, i);
    store_batch_run(fixture->store, &batch);
    assert_true(has_broken);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(jobs[i].result, SMQ_OK);
        assert_true(jobs[i].applied <= 3);
        assert_true(i == 0 || turns[i] > turns[i - 1]);
    }
}

static void test_a_disk_that_keeps_failing_fails_everything_in_bounded_work(void **state) {
    struct fixture *fixture = *state;
    static struct job jobs[20];
    struct store_batch batch = {0};
    create_queues(fixture);
    for (size_t i = 0; i < 20; i++)
        add(&batch, &jobs[i], run_send, 1 + i % QUEUES);
    fault_arm(FAULT_POINT_store_commit_io, 0, UINT64_MAX);
    store_batch_run(fixture->store, &batch);
    fault_disarm_all();
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(jobs[i].result, SMQ_ERR_STORE);
        assert_int_equal(jobs[i].applied, 3);
        assert_int_equal(jobs[i].completed, 1);
    }
    assert_int_equal(stored_messages(fixture), 0);
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    /* All at once, by eights, one by one; where the machine was slow, operations did not share a transaction. */
    assert_in_range(statistics.commit_failures, 1 + 3 + 20, 3 * 20);
    assert_int_equal(statistics.commits, 0);
}

/* ---- no room ---- */

/* Sends in batches until nothing of a batch is stored. Answers how many were stored before. */
static unsigned fill(struct fixture *fixture, unsigned at_most) {
    static struct job jobs[QUEUES];
    unsigned stored = 0;
    while (stored < at_most) {
        struct store_batch batch = {0};
        bool full = true;
        for (size_t i = 0; i < QUEUES; i++)
            add(&batch, &jobs[i], run_send, 1 + i);
        store_batch_run(fixture->store, &batch);
        for (size_t i = 0; i < QUEUES; i++) {
            assert_true(jobs[i].result == SMQ_OK || jobs[i].result == SMQ_ERR_STORE_FULL);
            stored += jobs[i].result == SMQ_OK;
            full &= jobs[i].result != SMQ_OK;
        }
        if (full)
            return stored;
    }
    fail_msg("the store never became full");
    return 0;
}

/* Acknowledges everything that queues have. Answers how much it was. */
static unsigned drain(struct fixture *fixture) {
    static struct job jobs[QUEUES];
    unsigned deleted = 0;
    for (unsigned before = 1; before > 0;) {
        struct store_batch batch = {0};
        before = 0;
        for (size_t i = 0; i < QUEUES; i++)
            add(&batch, &jobs[i], run_acknowledge, 1 + i);
        store_batch_run(fixture->store, &batch);
        for (size_t i = 0; i < QUEUES; i++) {
            assert_true(jobs[i].result == SMQ_OK || jobs[i].result == SMQ_ERR_NOT_FOUND);
            before += jobs[i].deleted;
        }
        deleted += before;
    }
    return deleted;
}

/* Another process that opens the data without the store's lock, as backups do, and keeps its snapshot. */
static pid_t start_foreign_reader(const char *directory) {
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) /* a test that fails leaves it to the end of the program */
            _exit(1);
        char pipe_text[16];
        (void)snprintf(pipe_text, sizeof pipe_text, "%d", ready[1]);
        (void)execl("/proc/self/exe", "test_batch", "reader", directory, pipe_text, (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

/* What it does: it was started as "reader DIRECTORY DESCRIPTOR". */
static int read_for_ever(const char *directory, int ready) {
    const struct lmdb_options options = {.directory = directory, .read_only = true, .max_readers = 8};
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    if (lmdb_open(&options, &lmdb) != SMQ_OK || lmdb_txn_create(lmdb, false, &txn) != SMQ_OK ||
        lmdb_begin(txn) != SMQ_OK || write(ready, "r", 1) != 1)
        return 1;
    for (;;)
        pause();
}

static void check_full_and_recovery(struct fixture *fixture, unsigned at_most) {
    create_queues(fixture);
    unsigned first = fill(fixture, at_most);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_condition(fixture->store), STORE_CONDITION_FULL);
        assert_int_equal(stored_messages(fixture), first);
        assert_int_equal(run_one(fixture, run_send, 1), SMQ_ERR_STORE_FULL);
        assert_int_equal(drain(fixture), first);
        unsigned again = fill(fixture, at_most);
        assert_in_range(again, first * 3 / 4, first * 5 / 4); /* the room came back */
        first = again;
    }
    assert_int_equal(run_one(fixture, run_delete, 1), SMQ_OK);
    assert_int_equal(run_one(fixture, run_delete, 2), SMQ_OK);
    uint64_t left = stored_messages(fixture);
    assert_int_equal(drain(fixture), left);
    assert_int_equal(run_one(fixture, run_send, 3), SMQ_OK);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
}

static void test_a_full_map_refuses_what_grows_until_room_comes_back(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_size = 4 * 1024 * 1024;
    fixture_open(fixture);
    check_full_and_recovery(fixture, 300);
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    assert_int_equal(statistics.limit_bytes, 4 * 1024 * 1024);
    assert_true(statistics.refused > 0);
    assert_int_equal(statistics.commit_failures, 0); /* seen before it happened */
}

/* A limit on the size of files stands for a full disk: growing the file fails with EFBIG. */
static void test_a_file_that_may_not_grow_refuses_until_it_may(void **state) {
    struct fixture *fixture = *state;
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = before;
    limit.rlim_cur = STORE_RESERVE_BYTES + 4 * 1024 * 1024;
    create_queues(fixture);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    unsigned stored = fill(fixture, 1000);
    assert_true(stored > 100);
    assert_int_equal(run_one(fixture, run_send, 1), SMQ_ERR_STORE_FULL);
    assert_int_equal(run_one(fixture, run_acknowledge, 1), SMQ_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(run_one(fixture, run_send, 1), SMQ_OK);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
    fixture_reopen(fixture);
    assert_int_equal(stored_messages(fixture), stored);
}

/* A file system of 16 MB, seen by this process only. */
static bool mount_small_disk(const char *path) {
    return mkdir(path, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("tmpfs", path, "tmpfs", 0, "size=16m") == 0;
}

static void test_a_full_disk_refuses_what_grows_until_room_comes_back(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/disk", fixture->directory);
    if (!mount_small_disk(path))
        skip(); /* mounting needs root */
    fixture_close(fixture);
    fixture->options.directory = path;
    fixture->options.map_size = UINT64_C(1) << 30;
    fixture_open(fixture);
    check_full_and_recovery(fixture, 2000);
    fixture_close(fixture);
    assert_int_equal(umount(path), 0);
    fixture->options.directory = fixture->directory;
    fixture_open(fixture);
}

static void test_an_open_snapshot_does_not_stop_a_full_store_from_deleting(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_size = 4 * 1024 * 1024;
    fixture_open(fixture);
    create_queues(fixture);
    unsigned stored = fill(fixture, 300);
    struct store_reader *old;
    struct store_txn *snapshot;
    struct msg_view view;
    assert_int_equal(store_reader_create(fixture->store, &old), SMQ_OK);
    assert_int_equal(store_reader_begin(old, &snapshot), SMQ_OK);
    assert_int_equal(drain(fixture), stored);
    assert_int_equal(msg_store_head(snapshot, 1, &view), SMQ_OK); /* still there for whoever looks */
    assert_int_equal(view.body_length, BODY_SIZE);
    store_reader_destroy(&old);
    assert_true(fill(fixture, 300) > stored / 2);
}

/* What is used goes back to what it was, whatever the file has been through; and what an old snapshot may still read
 * does not count as room. */
static void test_used_and_pinned_pages_are_counted(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    keep_bodies_in_pages(fixture);
    create_queues(fixture);
    assert_int_equal(lmdb_begin(store->writer_view), SMQ_OK);
    uint64_t empty = lmdb_pages_used(store->writer_view);
    lmdb_abort(store->writer_view);
    for (unsigned round = 0; round < 20; round++)
        for (uint64_t i = 1; i <= QUEUES; i++)
            assert_int_equal(run_one(fixture, run_send, i), SMQ_OK);
    struct lmdb_pages full;
    struct lmdb_readers readers;
    lmdb_pages_get(store->lmdb, &full);
    struct store_txn *snapshot;
    assert_int_equal(store_reader_begin(fixture->reader, &snapshot), SMQ_OK);
    assert_int_equal(drain(fixture), 20 * QUEUES);
    lmdb_readers_get(store->lmdb, &readers);
    assert_int_equal(readers.open, 1);
    assert_int_equal(readers.oldest, full.commit);
    assert_int_equal(readers.oldest_process, getpid());
    assert_int_equal(lmdb_begin(store->writer_view), SMQ_OK);
    uint64_t used = lmdb_pages_used(store->writer_view);
    uint64_t pinned = lmdb_pages_pinned(store->writer_view, readers.oldest);
    assert_int_equal(lmdb_pages_pinned(store->writer_view, readers.oldest), pinned);
    lmdb_abort(store->writer_view);
    assert_in_range(used, empty, empty + 100);
    assert_true(pinned >= full.end - 100); /* all that was there, and the pages of the changes themselves */
    store_reader_end(fixture->reader);
    lmdb_readers_get(store->lmdb, &readers);
    assert_int_equal(readers.open, 0);
}

/* A process that dies while it reads leaves its place in the table of readers. */
static void test_a_dead_reader_of_another_process_does_not_keep_room(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_size = 4 * 1024 * 1024;
    fixture_open(fixture);
    create_queues(fixture);
    unsigned stored = fill(fixture, 300);
    pid_t child = start_foreign_reader(fixture->directory);
    assert_int_equal(drain(fixture), stored); /* deleting goes on while it lives */
    assert_int_equal(run_one(fixture, run_send, 1), SMQ_ERR_STORE_FULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    unsigned tries = 0;
    while (run_one(fixture, run_send, 1) != SMQ_OK && tries++ < 300)
        usleep(10000);
    assert_true(tries < 300);
    assert_true(fill(fixture, 300) > stored / 2);
}

/* An old snapshot of a living process makes even deleting take room: it gets it beyond map_size. */
static void test_deleting_works_for_long_while_a_snapshot_is_open(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_size = 16 * 1024 * 1024;
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
    create_queues(fixture);
    unsigned stored = fill(fixture, 2000);
    pid_t child = start_foreign_reader(fixture->directory);
    for (unsigned i = 0; stored_messages(fixture) > 0; i++) { /* each in a commit of its own */
        assert_true(i < 2 * stored);
        assert_int_equal(run_one(fixture, run_acknowledge, 1 + i % QUEUES), SMQ_OK);
    }
    for (uint64_t i = 1; i <= QUEUES; i++)
        assert_int_equal(run_one(fixture, run_delete, i), SMQ_OK);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "reader") == 0)
        return read_for_ever(argv[2], (int)strtol(argv[3], NULL, 10));
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_operations_apply_and_complete_in_order),
        STORE_TEST(test_an_operation_that_refuses_fails_alone),
        STORE_TEST(test_a_completion_may_add_to_the_next_batch),
        STORE_TEST(test_one_operation_that_breaks_transactions_fails_alone),
        STORE_TEST(test_a_full_commit_fails_what_grows_and_does_the_rest),
        STORE_TEST(test_a_disk_that_fails_once_fails_nothing),
        STORE_TEST(test_a_transaction_that_breaks_midway_changes_no_order),
        STORE_TEST(test_slow_operations_do_not_share_a_commit),
        STORE_TEST(test_a_disk_that_keeps_failing_fails_everything_in_bounded_work),
        STORE_TEST(test_a_full_map_refuses_what_grows_until_room_comes_back),
        STORE_TEST(test_a_file_that_may_not_grow_refuses_until_it_may),
        STORE_TEST(test_a_full_disk_refuses_what_grows_until_room_comes_back),
        STORE_TEST(test_used_and_pinned_pages_are_counted),
        STORE_TEST(test_a_dead_reader_of_another_process_does_not_keep_room),
        STORE_TEST(test_deleting_works_for_long_while_a_snapshot_is_open),
        STORE_TEST(test_an_open_snapshot_does_not_stop_a_full_store_from_deleting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
