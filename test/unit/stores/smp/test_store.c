/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening, locking, schema version, readers and totals of the store. */
#include "store_fixture.h"

#include <fcntl.h>

#include <sys/wait.h>
#include <unistd.h>

static void test_a_new_store_is_empty(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record;
    read_begin(fixture);
    struct store_totals totals = totals_of(fixture);
    struct store_totals none = {0};
    assert_memory_equal(&totals, &none, sizeof none);
    assert_int_equal(queue_store_next(fixture->txn, 0, &record), SMQ_ERR_EMPTY);
    read_end(fixture);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
}

static void test_a_second_open_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct store *second = NULL;
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &second), SMQ_ERR_EXISTS);
    assert_null(second);
}

static void test_another_process_is_refused_until_the_store_closes(void **state) {
    struct fixture *fixture = *state;
    for (int closed = 0; closed <= 1; closed++) {
        if (closed)
            fixture_close(fixture);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct store *store = NULL;
            enum smq_result result = store_open(&smp_store_layout, &fixture->options, &store);
            store_close(&store);
            _exit((int)result);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), closed ? SMQ_OK : SMQ_ERR_EXISTS);
    }
    fixture_open(fixture);
}

static void set_schema(struct fixture *fixture, uint32_t schema) {
    write_begin(fixture);
    put_schema(fixture, schema);
    write_commit(fixture);
}

static void test_a_newer_schema_is_refused(void **state) {
    struct fixture *fixture = *state;
    set_schema(fixture, STORE_SCHEMA + 1);
    fixture_close(fixture);
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &fixture->store), SMQ_ERR_VERSION);
    assert_null(fixture->store);
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &fixture->store),
                     SMQ_ERR_VERSION); /* and the lock was let go */
}

static void test_an_impossible_schema_is_damage(void **state) {
    struct fixture *fixture = *state;
    set_schema(fixture, 0);
    fixture_close(fixture);
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &fixture->store), SMQ_ERR_STORE);
}

static void test_a_file_that_is_no_store_is_refused(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    fixture_close(fixture);
    snprintf(path, sizeof path, "%s/data.mdb", fixture->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++)
        fputc('x', file);
    fclose(file);
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &fixture->store), SMQ_ERR_STORE);
}

static void test_options_are_checked(void **state) {
    struct fixture *fixture = *state;
    struct store *store = NULL;
    struct store_options options = fixture->options;
    options.map_size = STORE_MIN_MAP_SIZE - 1;
    assert_int_equal(store_open(&smp_store_layout, &options, &store), SMQ_ERR_INVALID);
    options = fixture->options;
    options.directory = NULL;
    assert_int_equal(store_open(&smp_store_layout, &options, &store), SMQ_ERR_INVALID);
    options = fixture->options;
    options.durability = STORE_DURABILITY_INTERVAL;
    assert_int_equal(store_open(&smp_store_layout, &options, &store), SMQ_ERR_INVALID);
    options = fixture->options;
    options.directory = "/nonexistent/folder/store";
    assert_int_equal(store_open(&smp_store_layout, &options, &store), SMQ_ERR_SYSTEM);
}

static void test_a_reader_sees_its_snapshot(void **state) {
    struct fixture *fixture = *state;
    struct store_txn *before;
    struct queue_record record;
    assert_int_equal(store_reader_begin(fixture->reader, &before), SMQ_OK);
    assert_int_equal(store_reader_begin(fixture->reader, &before), SMQ_ERR_INVALID);
    write_begin(fixture);
    create_queue(fixture, "r1", "s1", 'M');
    write_commit(fixture);
    assert_int_equal(queue_store_find_record(before, QUEUE_RECIPIENT, text("r1"), &record), SMQ_ERR_NOT_FOUND);
    store_reader_end(fixture->reader);
    store_reader_end(fixture->reader);
    read_begin(fixture);
    assert_int_equal(queue_store_find_record(fixture->txn, QUEUE_RECIPIENT, text("r1"), &record), SMQ_OK);
    read_end(fixture);
}

static void test_a_reader_cannot_write(void **state) {
    struct fixture *fixture = *state;
    uint64_t number;
    struct queue_record record = make_record(fixture, "r", "s", 'M');
    read_begin(fixture);
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &number), SMQ_ERR_INVALID);
    read_end(fixture);
}

static void test_readers_are_limited_and_their_places_come_back(void **state) {
    struct fixture *fixture = *state;
    static struct store_reader *readers[STORE_MAX_READERS];
    unsigned made = 0;
    struct store_reader *extra = NULL;
    while (made < STORE_MAX_READERS - 1) /* the fixture has one */
        assert_int_equal(store_reader_create(fixture->store, &readers[made++]), SMQ_OK);
    assert_int_equal(store_reader_create(fixture->store, &extra), SMQ_ERR_NO_CREDIT);
    store_reader_destroy(&readers[--made]);
    assert_int_equal(store_reader_create(fixture->store, &extra), SMQ_OK);
    store_reader_destroy(&extra);
    while (made > 0)
        store_reader_destroy(&readers[--made]);
}

static void test_an_aborted_transaction_leaves_nothing(void **state) {
    struct fixture *fixture = *state;
    write_begin(fixture);
    create_queue(fixture, "r1", "s1", 'M');
    store_txn_abort(fixture->txn);
    write_begin(fixture);
    assert_int_equal(totals_of(fixture).queues, 0);
    struct queue_reference queue = create_queue(fixture, "r1", "s1", 'M');
    assert_int_equal(queue.number, 1);
    write_commit(fixture);
}

static void test_interval_durability_syncs_when_asked(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 50;
    fixture_open(fixture);
    assert_int_equal(store_interval_ms(fixture->store), 50);
    write_begin(fixture);
    create_queue(fixture, "r1", "s1", 'M');
    write_commit(fixture);
    fixture->store->unsynced = true;
    assert_int_equal(store_sync(fixture->store), SMQ_OK);
    assert_false(fixture->store->unsynced);
    assert_int_equal(store_sync(fixture->store), SMQ_OK);
    fixture_reopen(fixture);
    read_begin(fixture);
    assert_int_equal(totals_of(fixture).queues, 1);
    read_end(fixture);
}

static void test_a_lower_map_size_still_opens_what_is_there(void **state) {
    struct fixture *fixture = *state;
    static uint8_t body[16000];
    struct msg_sent sent;
    write_begin(fixture);
    struct queue_reference queue = create_queue(fixture, "r1", "s1", 'M');
    for (uint64_t i = 0; i < 600; i++) {
        uint8_t id[ID_SIZE];
        struct msg_send send = {.id = make_id(id, 'm', i), .body = slice_of(body, sizeof body), .quota = 1000};
        assert_int_equal(msg_store_send(fixture->txn, queue, &send, &sent), SMQ_OK);
    }
    write_commit(fixture);
    fixture_close(fixture);
    fixture->options.map_size = STORE_MIN_MAP_SIZE;
    fixture_open(fixture);
    write_begin(fixture);
    struct queue_deleted deleted;
    assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), SMQ_OK);
    assert_int_equal(deleted.messages, 600);
    write_commit(fixture);
}

/* In a process that has closed them, whatever is written to the standard streams must miss the store. */
static void test_the_store_stays_away_from_the_standard_streams(void **state) {
    struct fixture *fixture = *state;
    int kept[3];
    fixture_close(fixture);
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
    }
    fixture_open(fixture);
    bool taken = false;
    for (int i = 0; i < 3; i++)
        taken |= fcntl(i, F_GETFD) >= 0;
    for (int i = 0; i < 3; i++)
        (void)dup2(kept[i], i);
    for (int i = 0; i < 3; i++)
        close(kept[i]);
    assert_false(taken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_the_store_stays_away_from_the_standard_streams),
        STORE_TEST(test_a_new_store_is_empty),
        STORE_TEST(test_a_second_open_is_refused),
        STORE_TEST(test_another_process_is_refused_until_the_store_closes),
        STORE_TEST(test_a_newer_schema_is_refused),
        STORE_TEST(test_an_impossible_schema_is_damage),
        STORE_TEST(test_a_file_that_is_no_store_is_refused),
        STORE_TEST(test_options_are_checked),
        STORE_TEST(test_a_reader_sees_its_snapshot),
        STORE_TEST(test_a_reader_cannot_write),
        STORE_TEST(test_readers_are_limited_and_their_places_come_back),
        STORE_TEST(test_an_aborted_transaction_leaves_nothing),
        STORE_TEST(test_interval_durability_syncs_when_asked),
        STORE_TEST(test_a_lower_map_size_still_opens_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
