/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SIGKILL at any instant: what was acknowledged is there, and what was acknowledged as deleted does not come back. */
#include "store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queues/base/clock.h"

enum { QUEUES = 8, BATCH = 12, BODY_SIZE = 9000, ROUNDS = 12, READ_TIMEOUT_MS = 20000 };

/* What the child tells: before it asks for a deletion, and after each completed operation. */
enum report_kind { REPORT_SENT, REPORT_DELETING, REPORT_DELETED };
struct report {
    uint32_t kind;
    uint32_t queue; /* from 0 */
    uint64_t message;
};

struct job {
    struct store_operation operation;
    int pipe;
    struct report report;
};

/* What is known of one queue. Messages are numbered from 1 and acknowledged in order. */
struct ledger {
    uint64_t sent;
    uint64_t deleting;
    uint64_t deleted;
};

static void fill_body(uint8_t bytes[BODY_SIZE], uint64_t queue, uint64_t message) {
    for (size_t i = 0; i < BODY_SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + queue * 31 + message);
}

static void tell(int pipe, const struct report *report) {
    if (write(pipe, report, sizeof *report) != sizeof *report)
        _exit(3);
}

static enum smq_result apply_send(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t id[ID_SIZE];
    uint8_t body[BODY_SIZE];
    struct msg_sent sent;
    fill_body(body, job->report.queue, job->report.message);
    struct msg_send send = {
        .id = make_id(id, 'm', job->report.message), .body = slice_of(body, sizeof body), .quota = 1000000};
    return msg_store_send(txn, (struct queue_reference){.number = job->report.queue + 1}, &send, &sent);
}

static enum smq_result apply_acknowledge(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t id[ID_SIZE];
    struct msg_acknowledged acknowledged;
    enum smq_result result = msg_store_acknowledge(txn, (struct queue_reference){.number = job->report.queue + 1},
                                                   make_id(id, 'm', job->report.message), &acknowledged);
    return result == SMQ_OK && !acknowledged.deleted ? SMQ_ERR_INTERNAL : result;
}

static void completed(struct store_operation *operation, enum smq_result result) {
    struct job *job = (struct job *)operation;
    if (result != SMQ_OK)
        _exit(4);
    tell(job->pipe, &job->report);
}

/* The child: sends and acknowledges without end. */
static void work(const struct store_options *options, int pipe, struct ledger ledgers[QUEUES]) {
    struct store *store;
    struct job jobs[BATCH];
    if (store_open(&smp_store_layout, options, &store) != SMQ_OK)
        _exit(5);
    for (uint64_t turn = 0;; turn++) {
        struct store_batch batch = {0};
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t queue = (uint32_t)((turn * BATCH + i) % QUEUES);
            struct ledger *ledger = &ledgers[queue];
            bool deletes = i % 3 == 2 && ledger->deleting < ledger->sent;
            jobs[i] = (struct job){.pipe = pipe, .report = {.queue = queue}};
            jobs[i].report.kind = deletes ? REPORT_DELETING : REPORT_SENT;
            jobs[i].report.message = deletes ? ++ledger->deleting : ++ledger->sent;
            jobs[i].operation = (struct store_operation){.grows = !deletes,
                                                         .bytes = BODY_SIZE,
                                                         .apply = deletes ? apply_acknowledge : apply_send,
                                                         .completed = completed};
            if (deletes) {
                tell(pipe, &jobs[i].report);
                jobs[i].report.kind = REPORT_DELETED;
            }
            store_batch_add(&batch, &jobs[i].operation);
        }
        store_batch_run(store, &batch);
    }
}

/* Reads what the child tells, kills it after `kill_after` reports, and reads the rest. */
static void listen_and_kill(int pipe, pid_t child, unsigned kill_after, struct ledger ledgers[QUEUES]) {
    struct report report;
    for (unsigned count = 0;; count++) {
        struct pollfd poll_pipe = {.fd = pipe, .events = POLLIN};
        assert_int_equal(poll(&poll_pipe, 1, READ_TIMEOUT_MS), 1);
        ssize_t length = read(pipe, &report, sizeof report);
        if (length == 0)
            break;
        assert_int_equal(length, sizeof report);
        struct ledger *ledger = &ledgers[report.queue];
        uint64_t *figure = report.kind == REPORT_SENT       ? &ledger->sent
                           : report.kind == REPORT_DELETING ? &ledger->deleting
                                                            : &ledger->deleted;
        *figure = report.message;
        if (count == kill_after)
            assert_int_equal(kill(child, SIGKILL), 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Compares a queue with what is known, and makes the ledger exact. */
static uint64_t check_queue(struct fixture *fixture, uint32_t queue, struct ledger *ledger) {
    struct msg_view view;
    uint8_t id[ID_SIZE];
    uint8_t body[BODY_SIZE];
    uint64_t after = 0;
    uint64_t count = 0;
    uint64_t first = 0;
    uint64_t message = 0;
    while (msg_store_next(fixture->txn, queue + 1, after, &view) == SMQ_OK) {
        uint64_t number;
        memcpy(&number, view.id.bytes + 8, sizeof number);
        message = count == 0 ? number : message + 1;
        first = count == 0 ? number : first;
        assert_true(slice_equal(view.id, make_id(id, 'm', message))); /* no gap, in order */
        fill_body(body, queue, message);
        assert_int_equal(msg_store_get(fixture->txn, queue + 1, view.sequence, &view), SMQ_OK);
        assert_true(slice_equal(body_of(fixture, &view), slice_of(body, sizeof body)));
        after = view.sequence;
        count++;
    }
    if (count > 0) {
        assert_true(first > ledger->deleted);       /* nothing acknowledged as deleted came back */
        assert_true(first <= ledger->deleting + 1); /* nothing is gone that nobody wanted gone */
        assert_true(message >= ledger->sent);
        ledger->sent = message;
        ledger->deleted = ledger->deleting = first - 1;
    } else {
        assert_true(ledger->deleting >= ledger->sent);
        ledger->sent = ledger->deleted = ledger->deleting;
    }
    struct msg_state state;
    assert_int_equal(msg_store_state(fixture->txn, queue + 1, &state), SMQ_OK);
    assert_int_equal(state.count, count);
    return count;
}

static void kill_rounds(struct fixture *fixture) {
    static const char *const names[QUEUES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct ledger ledgers[QUEUES] = {0};
    write_begin(fixture);
    for (size_t i = 0; i < QUEUES; i++)
        create_queue(fixture, names[i], names[i], 'M');
    write_commit(fixture);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int pipes[2];
        fixture_close(fixture);
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(pipes[0]);
            work(&fixture->options, pipes[1], ledgers);
        }
        close(pipes[1]);
        listen_and_kill(pipes[0], child, 20 + 37 * round, ledgers);
        close(pipes[0]);
        fixture_open(fixture);
        uint64_t messages = 0;
        read_begin(fixture);
        for (uint32_t i = 0; i < QUEUES; i++)
            messages += check_queue(fixture, i, &ledgers[i]);
        assert_int_equal(totals_of(fixture).messages, messages);
        read_end(fixture);
    }
}

static void test_a_killed_process_loses_nothing_that_was_committed(void **state) {
    kill_rounds(*state);
}

static void test_a_killed_process_loses_nothing_with_interval_durability(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
    kill_rounds(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_killed_process_loses_nothing_that_was_committed),
        STORE_TEST(test_a_killed_process_loses_nothing_with_interval_durability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
