/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store that a program of schema 3 has written, with bodies in parts, is read and worked with as it is. Its file is
 * test/vectors/store/schema_3.mdb.gz: queues 1 to 4 with link data, a notification, and five messages each ("m0" to
 * "m4", quota 4 in queue 3), "m0" of queue 2 acknowledged, queue 4 deleted and not yet removed. */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "queues/base/fault.h"
#include "stores/smp/store_check.h"

enum { MESSAGES = 5, LINK_SIZE = 10000 };

static const size_t lengths[MESSAGES] = {16048, 100, 0, 3000, 9000};
static uint8_t bytes[20000];

static struct slice body_number(uint64_t queue, uint64_t message, size_t length) {
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 7 + queue * 31 + message);
    return slice_of(bytes, length);
}

/* Puts the file in place of the fixture's. */
static void take_old_store(struct fixture *fixture) {
    char path[128];
    static uint8_t block[65536];
    int length;
    fixture_close(fixture);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->directory);
    int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    gzFile packed = gzopen("test/vectors/store/schema_3.mdb.gz", "rb");
    assert_true(file >= 0 && packed != NULL);
    while ((length = gzread(packed, block, sizeof block)) > 0)
        assert_int_equal(write(file, block, (size_t)length), length);
    assert_int_equal(length, 0);
    assert_int_equal(gzclose(packed), Z_OK);
    assert_int_equal(close(file), 0);
}

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

static void expect_message(struct fixture *fixture, uint64_t queue, uint64_t message, struct msg_view *view) {
    char id[8];
    bool is_marker = queue == 3 && message == 4;
    (void)snprintf(id, sizeof id, "m%u", (unsigned)message % 10);
    assert_int_equal(msg_store_next(fixture->txn, queue, view->sequence, view), SMQ_OK);
    assert_true(slice_equal(view->id, text(id)));
    assert_int_equal(view->is_marker, is_marker);
    size_t length = is_marker ? 0 : lengths[message % MESSAGES];
    assert_true(slice_equal(body_of(fixture, view), body_number(queue, message, length)));
}

/* In a snapshot of either program. */
static void expect_old_data(struct fixture *fixture) {
    for (uint64_t queue = 1; queue <= 3; queue++) {
        struct queue_link_data link;
        struct ntf_view notification;
        struct msg_view view = {0};
        for (uint64_t message = queue == 2; message < MESSAGES; message++)
            expect_message(fixture, queue, message, &view);
        assert_int_equal(queue_store_link_get(fixture->txn, queue, &link), SMQ_OK);
        assert_true(slice_equal(link.user, body_number(queue, 100, LINK_SIZE)));
        assert_int_equal(ntf_store_next(fixture->txn, queue, 0, &notification), SMQ_OK);
    }
    struct queue_record record;
    assert_int_equal(queue_store_get(fixture->txn, 4, &record), SMQ_ERR_NOT_FOUND);
    assert_int_equal(totals_of(fixture).messages, 14);
    assert_int_equal(store_check(fixture->txn, tell, NULL), 0);
}

static uint8_t schema_of(struct fixture *fixture) {
    struct slice schema;
    assert_true(lmdb_find(fixture->txn->lmdb, TABLE_META, text("schema"), &schema));
    return schema.bytes[3];
}

static void send(struct fixture *fixture, uint64_t queue, uint64_t message) {
    char id[8];
    struct msg_sent sent;
    (void)snprintf(id, sizeof id, "m%u", (unsigned)message % 10);
    struct msg_send send = {.id = text(id),
                            .timestamp = 2000,
                            .body = body_number(queue, message, lengths[message % MESSAGES]),
                            .quota = 100};
    assert_int_equal(msg_store_send(fixture->txn, (struct queue_reference){.number = queue}, &send, &sent), SMQ_OK);
}

static void acknowledge(struct fixture *fixture, uint64_t queue, const char *id) {
    struct msg_acknowledged acknowledged;
    assert_int_equal(
        msg_store_acknowledge(fixture->txn, (struct queue_reference){.number = queue}, text(id), &acknowledged),
        SMQ_OK);
    assert_true(acknowledged.deleted);
}

static void test_a_store_of_schema_3_is_only_read_by_who_reads(void **state) {
    struct fixture *fixture = *state;
    struct store *store;
    struct store_reader *reader;
    take_old_store(fixture);
    assert_int_equal(store_open_to_read(&smp_store_layout, fixture->directory, &store), SMQ_OK);
    assert_int_equal(store_reader_create(store, &reader), SMQ_OK);
    assert_int_equal(store_reader_begin(reader, &fixture->txn), SMQ_OK);
    expect_old_data(fixture);
    assert_int_equal(schema_of(fixture), 3);
    store_reader_destroy(&reader);
    store_close(&store);
    fixture_open(fixture);
}

static void test_a_store_of_schema_3_is_worked_with(void **state) {
    struct fixture *fixture = *state;
    take_old_store(fixture);
    fixture_open(fixture);
    read_begin(fixture);
    expect_old_data(fixture);
    assert_int_equal(schema_of(fixture), STORE_SCHEMA); /* older programs keep away */
    assert_int_equal(lmdb_table_size(fixture->txn->lmdb, TABLE_BODY_SEGMENTS), 0);
    read_end(fixture);
    write_begin(fixture);
    for (uint64_t message = 5; message < 10; message++)
        send(fixture, 1, message); /* new ones, behind those in parts */
    acknowledge(fixture, 1, "m0");
    write_commit(fixture);
    fixture_reopen(fixture);
    struct msg_view view = {0};
    read_begin(fixture);
    for (uint64_t message = 1; message < 10; message++)
        expect_message(fixture, 1, message, &view);
    assert_int_equal(lmdb_table_size(fixture->txn->lmdb, TABLE_BODY_SEGMENTS), 1);
    assert_int_equal(store_check(fixture->txn, tell, NULL), 0);
    read_end(fixture);
    while (store_has_to_purge(fixture->store)) {
        struct store_batch batch = {0};
        store_batch_run(fixture->store, &batch);
    }
    read_begin(fixture);
    assert_int_equal(lmdb_table_size(fixture->txn->lmdb, TABLE_PURGE), 0);
    assert_int_equal(store_check(fixture->txn, tell, NULL), 0);
    read_end(fixture);
}

/* The child opens the old store, sends, and dies before that is committed. */
static void work(struct fixture *fixture) {
    if (store_open(&smp_store_layout, &fixture->options, &fixture->store) != SMQ_OK ||
        store_txn_begin(fixture->store, &fixture->txn) != SMQ_OK)
        _exit(5);
    send(fixture, 1, 5);
    fault_arm(FAULT_POINT_store_body_kill, 0, 1);
    (void)store_txn_commit(fixture->txn);
    _exit(6);
}

static void test_a_kill_right_after_the_upgrade_leaves_what_was_there(void **state) {
    struct fixture *fixture = *state;
    take_old_store(fixture);
    for (unsigned round = 0; round < 3; round++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            work(fixture);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    fixture_open(fixture);
    read_begin(fixture);
    expect_old_data(fixture);
    read_end(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_store_of_schema_3_is_only_read_by_who_reads),
        STORE_TEST(test_a_store_of_schema_3_is_worked_with),
        STORE_TEST(test_a_kill_right_after_the_upgrade_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
