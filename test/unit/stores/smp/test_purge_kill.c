/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SIGKILL in the middle of a purge: what was deleted does not come back, and nothing of it stays for ever. */
#include "store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stores/smp/purge.h"
#include "stores/smp/store_check.h"

enum { BODY_SIZE = 9000, MESSAGES = 300, NOTIFICATIONS = 300, ROUNDS = 8, READ_TIMEOUT_MS = 60000, STEPS_MAX = 100000 };

/* A queue that is filled and deleted. Each round of a child leaves more to purge than its commits remove. */
struct job {
    struct store_operation operation;
    struct fixture *fixture;
    uint64_t number;
};

static uint8_t body[BODY_SIZE];

static enum smq_result apply_fill(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct msg_send send = {.id = text("m"), .timestamp = 1, .body = slice_of(body, sizeof body), .quota = MESSAGES};
    struct msg_sent sent;
    uint8_t ids[4][ID_SIZE];
    uint64_t sequence;
    uint64_t next = figures_of(txn)->next_number;
    struct queue_link_data link = {.fixed = text("f"), .user = send.body};
    struct queue_record record = make_record(job->fixture, "", "", 'C');
    record.recipient_id = make_id(ids[0], 'r', next);
    record.sender_id = make_id(ids[1], 's', next);
    record.link_id = make_id(ids[2], 'l', next);
    record.notifier =
        (struct queue_notifier){.id = make_id(ids[3], 'n', next), .key = text("k"), .dh_secret = job->fixture->secret};
    enum smq_result result = queue_store_create(txn, &record, &link, &job->number);
    for (unsigned i = 0; i < MESSAGES && result == SMQ_OK; i++)
        result = msg_store_send(txn, (struct queue_reference){.number = job->number}, &send, &sent);
    for (unsigned i = 0; i < NOTIFICATIONS && result == SMQ_OK; i++)
        result = ntf_store_append(txn, job->number, 1, text("notification"), &sequence);
    return result;
}

static enum smq_result apply_delete(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    struct queue_deleted deleted;
    return queue_store_delete(txn, (struct queue_reference){.number = job->number}, &deleted);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    (void)operation;
    if (result != SMQ_OK)
        _exit(4);
}

static void run_one(struct store *store, struct job *job,
                    enum smq_result (*apply)(struct store_operation *, struct store_txn *)) {
    struct store_batch batch = {0};
    job->operation = (struct store_operation){.grows = apply == apply_fill, .apply = apply, .completed = completed};
    store_batch_add(&batch, &job->operation);
    store_batch_run(store, &batch);
}

/* The child: fills and deletes without end, and tells the number of each queue whose deletion was answered. */
static void work(struct fixture *fixture, int pipe) {
    struct store *store;
    struct job job = {.fixture = fixture};
    if (store_open(&smp_store_layout, &fixture->options, &store) != SMQ_OK)
        _exit(5);
    for (;;) {
        run_one(store, &job, apply_fill);
        run_one(store, &job, apply_delete);
        if (write(pipe, &job.number, sizeof job.number) != sizeof job.number)
            _exit(3);
    }
}

/* Kills the child after `kill_after` deletions. Answers the last that it told. */
static uint64_t listen_and_kill(int pipe, pid_t child, unsigned kill_after) {
    uint64_t last = 0;
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

static uint64_t run_child(struct fixture *fixture, unsigned kill_after) {
    int pipes[2];
    fixture_close(fixture);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        work(fixture, pipes[1]);
    }
    close(pipes[1]);
    uint64_t last = listen_and_kill(pipes[0], child, kill_after);
    close(pipes[0]);
    fixture_open(fixture);
    return last;
}

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

static void expect_whole(struct fixture *fixture) {
    assert_int_equal(store_check(read_begin(fixture), tell, NULL), 0);
    read_end(fixture);
}

/* Nothing of the queues up to `last` is found. At most one younger one is there: its deletion was not answered. */
static void expect_gone(struct fixture *fixture, uint64_t last) {
    struct queue_record record;
    struct msg_view message;
    struct ntf_view notification;
    struct queue_link_data link;
    read_begin(fixture);
    for (uint64_t number = 1; number <= last; number++) {
        assert_int_equal(queue_store_get(fixture->txn, number, &record), SMQ_ERR_NOT_FOUND);
        assert_int_equal(msg_store_head(fixture->txn, number, &message), SMQ_ERR_EMPTY);
        assert_int_equal(ntf_store_next(fixture->txn, number, 0, &notification), SMQ_ERR_EMPTY);
        assert_int_equal(queue_store_link_get(fixture->txn, number, &link), SMQ_ERR_NOT_FOUND);
    }
    struct store_totals totals = totals_of(fixture);
    assert_in_range(totals.queues, 0, 1);
    assert_int_equal(totals.messages, totals.queues * MESSAGES);
    assert_int_equal(totals.notifications, totals.queues * NOTIFICATIONS);
    read_end(fixture);
}

/* The queue that the child was about to delete. */
static void delete_what_is_left(struct fixture *fixture) {
    struct queue_record record;
    read_begin(fixture);
    bool is_left = queue_store_next(fixture->txn, 0, &record) == SMQ_OK;
    struct job job = {.number = is_left ? record.number : 0};
    read_end(fixture);
    if (is_left)
        run_one(fixture->store, &job, apply_delete);
}

/* Sees that the store is empty then. */
static void purge_to_the_end(struct fixture *fixture) {
    for (unsigned steps = 0; store_has_to_purge(fixture->store); steps++) {
        struct store_batch batch = {0};
        assert_true(steps < STEPS_MAX);
        store_batch_run(fixture->store, &batch);
    }
    read_begin(fixture);
    for (unsigned table = TABLE_QUEUES; table <= TABLE_PURGE; table++)
        assert_int_equal(lmdb_table_size(fixture->txn->lmdb, table), 0);
    assert_in_range(lmdb_table_size(fixture->txn->lmdb, TABLE_BODY_USE), 0, 1); /* the one that is written to */
    read_end(fixture);
}

static void kill_rounds(struct fixture *fixture) {
    unsigned pending = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t last = run_child(fixture, 2 + round % 4);
        pending += store_has_to_purge(fixture->store);
        expect_gone(fixture, last);
        expect_whole(fixture);
        delete_what_is_left(fixture);
        if (round % 2 == 1)
            purge_to_the_end(fixture);
        expect_whole(fixture);
    }
    assert_true(pending > 0);
}

static void test_a_killed_purge_goes_on(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_size = UINT64_C(1) << 30;
    fixture_open(fixture);
    kill_rounds(fixture);
}

static void test_a_killed_purge_goes_on_with_interval_durability(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_size = UINT64_C(1) << 30;
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
    kill_rounds(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_killed_purge_goes_on),
        STORE_TEST(test_a_killed_purge_goes_on_with_interval_durability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
