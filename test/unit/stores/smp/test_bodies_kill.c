/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SIGKILL between the writing of bodies and the commit that stores their records: nothing that was answered is lost,
 * and nothing else counts. */
#include "store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queues/base/fault.h"
#include "stores/smp/purge.h"
#include "stores/smp/store_check.h"

enum { BODY_SIZE = 16048, QUEUES = 8, EACH = 2, BATCH = QUEUES * EACH, LAG = 6, ROUNDS = 12, READ_TIMEOUT_MS = 60000 };

static uint8_t body[BODY_SIZE];
static uint8_t pattern[BODY_SIZE + 256];

static struct slice body_number(uint64_t queue, uint64_t message) {
    for (size_t i = 0; pattern[1] == 0 && i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 3 + i / 253 + 1);
    memcpy(body, pattern + (queue + message) % 256, sizeof body);
    memcpy(body, &queue, sizeof queue);
    memcpy(body + sizeof queue, &message, sizeof message);
    return slice_of(body, sizeof body);
}

static void must(bool is_so) {
    if (!is_so)
        _exit(4);
}

static void send(struct store_txn *txn, uint64_t queue, uint64_t message) {
    uint8_t id[ID_SIZE];
    struct msg_sent sent;
    struct msg_send send = {
        .id = make_id(id, 'm', message), .timestamp = 1, .body = body_number(queue, message), .quota = 1 << 30};
    must(msg_store_send(txn, (struct queue_reference){.number = queue}, &send, &sent) == SMQ_OK);
}

static void acknowledge(struct store_txn *txn, uint64_t queue, uint64_t message) {
    uint8_t id[ID_SIZE];
    struct msg_acknowledged acknowledged;
    must(msg_store_acknowledge(txn, (struct queue_reference){.number = queue}, make_id(id, 'm', message),
                               &acknowledged) == SMQ_OK &&
         acknowledged.deleted);
}

/* Batch n, one transaction, sends EACH messages to every queue, and acknowledges those that batch n - LAG sent to all
 * but the first queue, so that segments become sparse and bodies are moved. */
static void run_batch(struct store *store, uint64_t number) {
    struct store_txn *txn;
    must(store_txn_begin(store, &txn) == SMQ_OK);
    for (uint64_t queue = 1; queue <= QUEUES; queue++)
        for (uint64_t i = 0; i < EACH; i++) {
            send(txn, queue, number * EACH + i);
            if (queue > 1 && number >= LAG)
                acknowledge(txn, queue, (number - LAG) * EACH + i);
        }
    if (store_has_to_purge(store))
        store->purge_pending = purge_step(txn);
    must(store_txn_commit(txn) == SMQ_OK);
}

/* The child: runs batches from `first` on, tells each that was answered, and is killed within one. */
static void work(struct fixture *fixture, int pipe, uint64_t first, uint64_t skip) {
    struct store *store;
    if (store_open(&smp_store_layout, &fixture->options, &store) != SMQ_OK)
        _exit(5);
    fault_arm(FAULT_POINT_store_body_kill, skip, 1);
    for (uint64_t number = first;; number++) {
        run_batch(store, number);
        if (write(pipe, &number, sizeof number) != sizeof number)
            _exit(3);
    }
}

/* Answers how many batches were answered in all. */
static uint64_t run_child(struct fixture *fixture, uint64_t first, uint64_t skip) {
    int pipes[2];
    uint64_t number;
    uint64_t answered = first;
    int status;
    fixture_close(fixture);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        work(fixture, pipes[1], first, skip);
    }
    close(pipes[1]);
    struct pollfd poll_pipe = {.fd = pipes[0], .events = POLLIN};
    while (poll(&poll_pipe, 1, READ_TIMEOUT_MS) == 1 && read(pipes[0], &number, sizeof number) == sizeof number)
        answered = number + 1;
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fixture_open(fixture);
    return answered;
}

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

static void expect_queue(struct fixture *fixture, uint64_t queue, uint64_t batches) {
    struct msg_view view = {0};
    uint8_t id[ID_SIZE];
    uint64_t first = queue > 1 && batches > LAG ? batches - LAG : 0;
    for (uint64_t message = first * EACH; message < batches * EACH; message++) {
        assert_int_equal(msg_store_next(fixture->txn, queue, view.sequence, &view), SMQ_OK);
        assert_true(slice_equal(view.id, make_id(id, 'm', message)));
        assert_true(slice_equal(body_of(fixture, &view), body_number(queue, message)));
    }
    assert_int_equal(msg_store_next(fixture->txn, queue, view.sequence, &view), SMQ_ERR_EMPTY);
}

static void expect_batches(struct fixture *fixture, uint64_t batches) {
    read_begin(fixture);
    for (uint64_t queue = 1; queue <= QUEUES; queue++)
        expect_queue(fixture, queue, batches);
    assert_int_equal(store_check(fixture->txn, tell, NULL), 0);
    read_end(fixture);
}

static void kill_rounds(struct fixture *fixture) {
    uint64_t batches = 0;
    write_begin(fixture);
    for (uint64_t i = 0; i < QUEUES; i++) {
        char names[2][8];
        (void)snprintf(names[0], sizeof names[0], "r%u", (unsigned)i % QUEUES);
        (void)snprintf(names[1], sizeof names[1], "s%u", (unsigned)i % QUEUES);
        create_queue(fixture, names[0], names[1], 'M');
    }
    write_commit(fixture);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t answered = run_child(fixture, batches, 3 + round * 5 % 9);
        assert_true(answered > batches);
        batches = answered;
        expect_batches(fixture, batches);
    }
    read_begin(fixture); /* bodies were moved meanwhile */
    uint64_t used = lmdb_table_size(fixture->txn->lmdb, TABLE_BODY_USE);
    read_end(fixture);
    assert_true(used < batches * BATCH * BODY_SIZE / (1 << 20));
}

static void test_a_kill_before_the_commit_loses_nothing_that_was_answered(void **state) {
    kill_rounds(*state);
}

static void test_the_same_with_interval_durability(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
    kill_rounds(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_kill_before_the_commit_loses_nothing_that_was_answered),
        STORE_TEST(test_the_same_with_interval_durability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
