/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A process killed at every step of an upload, and in the middle of uploads and deletions: what was answered is there
 * and whole, what is there is counted, and nothing stays that nobody would remove. */
#include "file_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "stores/xftp/file_sweep.h"

enum { STEPS = 12, ROUNDS = 6, READ_TIMEOUT_MS = 60000, DELETE_EVERY = 3 };

struct job {
    struct store_operation operation;
    struct fixture *fixture;
    enum { JOB_CREATE, JOB_UPLOADED, JOB_DELETE } kind;
    uint64_t number;
};

static enum smq_result apply(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct file_removed removed;
    job->fixture->txn = txn;
    switch (job->kind) {
    case JOB_CREATE:
        return create_file(job->fixture, job->number, 0, 2);
    case JOB_UPLOADED:
        return set_uploaded(job->fixture, job->number);
    case JOB_DELETE:
        break;
    }
    return delete_file(job->fixture, job->number, &removed);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    (void)operation;
    if (result != SMQ_OK)
        _exit(4);
}

static void run_job(struct fixture *fixture, int kind, uint64_t number) {
    struct store_batch batch = {0};
    struct job job = {.fixture = fixture, .kind = kind, .number = number};
    job.operation = (struct store_operation){.grows = kind != JOB_DELETE, .apply = apply, .completed = completed};
    store_batch_add(&batch, &job.operation);
    store_batch_run(fixture->store, &batch);
}

/* The child: uploads without end, deletes every third, and tells the number of each upload that it would answer. */
static void work(struct fixture *fixture, int pipe, uint64_t first, unsigned kill_step) {
    struct test_id id;
    fixture_open(fixture);
    if (kill_step < STEPS)
        fault_arm(FAULT_POINT_chunk_step, kill_step, 1);
    for (uint64_t number = first;; number++) {
        run_job(fixture, JOB_CREATE, number);
        if (put_chunk(fixture, number) != SMQ_OK)
            _exit(5);
        run_job(fixture, JOB_UPLOADED, number);
        if (number % DELETE_EVERY == 0) {
            id = test_id('s', number);
            run_job(fixture, JOB_DELETE, number);
            (void)chunk_remove(fixture->folder, ID_SLICE(id));
        }
        if (write(pipe, &number, sizeof number) != sizeof number)
            _exit(3);
    }
}

/* Answers the last number that was told; `kill_after` of them, or at the fault point. */
static uint64_t listen_and_kill(int pipe, pid_t child, unsigned kill_after, uint64_t last) {
    for (unsigned count = 1;; count++) {
        uint64_t number;
        struct pollfd poll_pipe = {.fd = pipe, .events = POLLIN};
        assert_int_equal(poll(&poll_pipe, 1, READ_TIMEOUT_MS), 1);
        ssize_t length = read(pipe, &number, sizeof number);
        if (length == 0)
            break;
        assert_int_equal(length, sizeof number);
        last = number;
        if (count == kill_after)
            assert_int_equal(kill(child, SIGKILL), 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static uint64_t run_child(struct fixture *fixture, uint64_t first, unsigned kill_step, unsigned kill_after) {
    int pipes[2];
    fixture_close(fixture);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        work(fixture, pipes[1], first, kill_step);
    }
    close(pipes[1]);
    uint64_t last = listen_and_kill(pipes[0], child, kill_after, first - 1);
    close(pipes[0]);
    fixture_open(fixture);
    return last;
}

/* Removes what the list of removals says, as a router does at start. */
static void do_removals(struct fixture *fixture) {
    struct file_id id;
    write_begin(fixture);
    while (file_store_next_removal(fixture->txn, slice_of("", 0), &id) == SMQ_OK) {
        enum smq_result result = chunk_remove(fixture->folder, file_id_slice(&id));
        assert_true(result == SMQ_OK || result == SMQ_ERR_NOT_FOUND);
        assert_int_equal(file_store_removal_done(fixture->txn, file_id_slice(&id)), SMQ_OK);
    }
    write_commit(fixture);
}

static void expect_answered_chunks(struct fixture *fixture, uint64_t first, uint64_t last) {
    struct file_record record;
    for (uint64_t number = first; number <= last; number++) {
        read_begin(fixture);
        enum smq_result found = find_file(fixture, number, &record);
        bool has_chunk = found == SMQ_OK && record.has_chunk;
        read_end(fixture);
        assert_int_equal(found, number % DELETE_EVERY == 0 ? SMQ_ERR_NOT_FOUND : SMQ_OK);
        if (found == SMQ_OK) {
            assert_true(has_chunk);
            assert_int_equal(read_chunk(fixture, number), SMQ_OK);
        }
    }
}

/* The file of the upload that was not answered may be there without being counted, until the sweep of the start. */
static void expect_no_orphans(struct fixture *fixture) {
    struct file_sweep sweep;
    assert_true(chunk_folder_was_left(fixture->folder));
    assert_int_equal(file_sweep_run(read_begin(fixture), fixture->folder, 0, &sweep), SMQ_OK);
    read_end(fixture);
    assert_in_range(sweep.removed, 0, 1);
    assert_int_equal(sweep.unknown, 0);
    assert_int_equal(count_files(fixture->chunks_path), totals_of(fixture).chunks);
    assert_int_equal(count_incoming(fixture), 0);
}

static void look_after_kill(struct fixture *fixture, uint64_t first, uint64_t last) {
    do_removals(fixture);
    expect_whole(fixture); /* totals are exact, every chunk that is counted is there */
    expect_answered_chunks(fixture, first, last);
    expect_no_orphans(fixture);
    expect_whole(fixture);
}

static void test_a_kill_at_each_step_of_an_upload_loses_nothing_answered(void **state) {
    struct fixture *fixture = *state;
    uint64_t first = 1;
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t last = run_child(fixture, first, step, 0);
        look_after_kill(fixture, first, last);
        first = last + 2;
    }
    assert_true(first > STEPS);
}

static void test_kills_between_uploads_and_deletions_lose_nothing_answered(void **state) {
    struct fixture *fixture = *state;
    uint64_t first = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t last = run_child(fixture, first, STEPS, 3 + round);
        look_after_kill(fixture, first, last);
        first = last + 2;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_a_kill_at_each_step_of_an_upload_loses_nothing_answered),
        FILE_TEST(test_kills_between_uploads_and_deletions_lose_nothing_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
