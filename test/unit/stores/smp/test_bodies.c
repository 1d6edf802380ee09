/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies in segments: where they go, when a segment is used again, what happens to those of which little lives. */
#include "store_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "queues/base/fault.h"
#include "stores/smp/bodies.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/store_check.h"
#include "stores/smp/store_copy.h"

enum { BODY_SIZE = 16048, A_SEGMENT = 65, STEPS_MAX = 10000, MEGABYTE = 1 << 20 };

static uint8_t bytes[MSG_BODY_MAX + 1];
static uint8_t pattern[MSG_BODY_MAX + 256];

/* What the message `number` says. */
static struct slice body_number(uint64_t number, size_t length) {
    for (size_t i = 0; pattern[1] == 0 && i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 7 + i / 251);
    memcpy(bytes, pattern + number % 256, length);
    if (length >= sizeof number)
        memcpy(bytes, &number, sizeof number);
    return slice_of(bytes, length);
}

struct job {
    struct store_operation operation;
    uint64_t queue;
    uint64_t message;
    size_t length;
    enum smq_result result;
};

static enum smq_result apply_send(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t id[ID_SIZE];
    struct msg_send send = {.id = make_id(id, 'm', job->message),
                            .timestamp = 1,
                            .body = body_number(job->message, job->length),
                            .quota = UINT32_MAX};
    struct msg_sent sent;
    return msg_store_send(txn, (struct queue_reference){.number = job->queue}, &send, &sent);
}

static enum smq_result apply_acknowledge(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t id[ID_SIZE];
    struct msg_acknowledged acknowledged;
    enum smq_result result = msg_store_acknowledge(txn, (struct queue_reference){.number = job->queue},
                                                   make_id(id, 'm', job->message), &acknowledged);
    return result == SMQ_OK && !acknowledged.deleted ? SMQ_ERR_NOT_FOUND : result;
}

static void completed(struct store_operation *operation, enum smq_result result) {
    ((struct job *)operation)->result = result;
}

/* One message to or from a queue, in a batch of its own. */
static enum smq_result run(struct fixture *fixture, uint64_t queue, uint64_t message, bool sends) {
    struct store_batch batch = {0};
    struct job job = {.queue = queue, .message = message, .length = BODY_SIZE};
    job.operation = (struct store_operation){.grows = sends,
                                             .bytes = sends ? BODY_SIZE : 0,
                                             .apply = sends ? apply_send : apply_acknowledge,
                                             .completed = completed};
    store_batch_add(&batch, &job.operation);
    store_batch_run(fixture->store, &batch);
    return job.result;
}

/* The messages `first` and those that follow, `count` of them, each to or from all of `queues` from `queue` on. */
static void run_many(struct fixture *fixture, uint64_t queue, uint64_t queues, uint64_t first, uint64_t count,
                     bool sends) {
    static struct job jobs[16];
    for (uint64_t done = 0; done < count * queues;) {
        struct store_batch batch = {0};
        uint64_t some = 0;
        for (; some < 16 && done < count * queues; some++, done++) {
            jobs[some] =
                (struct job){.queue = queue + done % queues, .message = first + done / queues, .length = BODY_SIZE};
            jobs[some].operation = (struct store_operation){.grows = sends,
                                                            .bytes = sends ? BODY_SIZE : 0,
                                                            .apply = sends ? apply_send : apply_acknowledge,
                                                            .completed = completed};
            store_batch_add(&batch, &jobs[some].operation);
        }
        store_batch_run(fixture->store, &batch);
        for (uint64_t i = 0; i < some; i++)
            assert_int_equal(jobs[i].result, SMQ_OK);
    }
}

static void send_many(struct fixture *fixture, uint64_t queue, uint64_t first, uint64_t count) {
    run_many(fixture, queue, 1, first, count, true);
}

static void acknowledge_many(struct fixture *fixture, uint64_t queue, uint64_t first, uint64_t count) {
    run_many(fixture, queue, 1, first, count, false);
}

static void create_queues(struct fixture *fixture, uint64_t count) {
    write_begin(fixture);
    for (uint64_t i = 0; i < count; i++) {
        char names[2][24];
        (void)snprintf(names[0], sizeof names[0], "r%llu", (unsigned long long)i);
        (void)snprintf(names[1], sizeof names[1], "s%llu", (unsigned long long)i);
        create_queue(fixture, names[0], names[1], 'M');
    }
    write_commit(fixture);
}

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

static void expect_whole(struct fixture *fixture) {
    assert_int_equal(store_check(read_begin(fixture), tell, NULL), 0);
    read_end(fixture);
}

/* The queue holds the messages from `first` on, and they say what was sent. In the open transaction. */
static void expect_messages(struct fixture *fixture, uint64_t queue, uint64_t first, uint64_t count) {
    struct msg_view view = {0};
    uint8_t id[ID_SIZE];
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(msg_store_next(fixture->txn, queue, view.sequence, &view), SMQ_OK);
        assert_true(slice_equal(view.id, make_id(id, 'm', first + i)));
        assert_true(slice_equal(body_of(fixture, &view), body_number(first + i, view.body_length)));
    }
    assert_int_equal(msg_store_next(fixture->txn, queue, view.sequence, &view), SMQ_ERR_EMPTY);
}

static void expect_stored(struct fixture *fixture, uint64_t queue, uint64_t first, uint64_t count) {
    read_begin(fixture);
    expect_messages(fixture, queue, first, count);
    read_end(fixture);
}

static uint64_t keys_in(struct fixture *fixture, enum store_table table) {
    read_begin(fixture);
    uint64_t keys = lmdb_table_size(fixture->txn->lmdb, table);
    read_end(fixture);
    return keys;
}

static void reopen(struct fixture *fixture, uint64_t map_size, enum store_durability durability) {
    fixture_close(fixture);
    fixture->options.map_size = map_size;
    fixture->options.durability = durability;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
}

static void work_to_the_end(struct fixture *fixture) {
    for (unsigned steps = 0; store_has_to_purge(fixture->store); steps++) {
        struct store_batch batch = {0};
        assert_true(steps < STEPS_MAX);
        store_batch_run(fixture->store, &batch);
    }
}

/* ---- storing ---- */

static void test_bodies_of_all_lengths_come_back(void **state) {
    struct fixture *fixture = *state;
    static const size_t lengths[] = {0, 1, BODY_MIN - 1, BODY_MIN, BODY_MIN + 1, 4096, BODY_SIZE, MSG_BODY_MAX};
    enum { COUNT = sizeof lengths / sizeof lengths[0], ROUNDS = 10 };
    create_queues(fixture, 1);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        write_begin(fixture);
        for (uint64_t i = 0; i < COUNT; i++) {
            struct job job = {.queue = 1, .message = round * COUNT + i, .length = lengths[i]};
            assert_int_equal(apply_send(&job.operation, fixture->txn), SMQ_OK);
        }
        expect_messages(fixture, 1, 0, (round + 1) * COUNT); /* also before they are in the file */
        write_commit(fixture);
    }
    expect_stored(fixture, 1, 0, ROUNDS * COUNT);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), ROUNDS * COUNT + 1); /* none has parts */
    expect_whole(fixture);
    fixture_reopen(fixture);
    expect_stored(fixture, 1, 0, ROUNDS * COUNT);
    acknowledge_many(fixture, 1, 0, ROUNDS * COUNT);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), 0);
    assert_int_equal(keys_in(fixture, TABLE_BODY_USE), 1); /* the one that is written to */
    expect_whole(fixture);
}

static void test_a_steady_flow_needs_few_segments(void **state) {
    struct fixture *fixture = *state;
    reopen(fixture, UINT64_C(64) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 16);
    for (uint64_t sent = 16; sent < 40 * A_SEGMENT; sent += 16) {
        send_many(fixture, 1, sent, 16);
        acknowledge_many(fixture, 1, sent - 16, 16);
    }
    assert_in_range(keys_in(fixture, TABLE_BODY_SEGMENTS), 1, 3);
    expect_whole(fixture);
}

static void test_a_restart_goes_on_in_the_same_segment(void **state) {
    struct fixture *fixture = *state;
    create_queues(fixture, 1);
    for (uint64_t i = 0; i < 10; i++) {
        send_many(fixture, 1, i, 1);
        fixture_reopen(fixture);
    }
    assert_int_equal(keys_in(fixture, TABLE_BODY_SEGMENTS), 1);
    expect_stored(fixture, 1, 0, 10);
    expect_whole(fixture);
}

/* ---- snapshots ---- */

static void test_a_segment_is_not_used_again_while_a_snapshot_needs_it(void **state) {
    struct fixture *fixture = *state;
    reopen(fixture, UINT64_C(64) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 2);
    send_many(fixture, 1, 0, 3 * A_SEGMENT);
    uint64_t segments = keys_in(fixture, TABLE_BODY_SEGMENTS);
    struct store_txn *snapshot = read_begin(fixture);
    acknowledge_many(fixture, 1, 0, 3 * A_SEGMENT);
    send_many(fixture, 2, 1000, 3 * A_SEGMENT);
    fixture->txn = snapshot;
    expect_messages(fixture, 1, 0, 3 * A_SEGMENT);
    read_end(fixture);
    uint64_t then = keys_in(fixture, TABLE_BODY_SEGMENTS);
    assert_true(then >= 2 * segments - 1);
    acknowledge_many(fixture, 2, 1000, 3 * A_SEGMENT);
    send_many(fixture, 1, 2000, 3 * A_SEGMENT); /* nobody looks: what is empty is used */
    assert_int_equal(keys_in(fixture, TABLE_BODY_SEGMENTS), then);
    expect_stored(fixture, 1, 2000, 3 * A_SEGMENT);
    expect_whole(fixture);
}

static void test_a_reader_sees_its_snapshot_whatever_is_written(void **state) {
    struct fixture *fixture = *state;
    reopen(fixture, UINT64_C(64) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 16);
    for (uint64_t sent = 16; sent < 10 * A_SEGMENT; sent += 16) {
        struct store_txn *snapshot = read_begin(fixture);
        send_many(fixture, 1, sent, 16);
        acknowledge_many(fixture, 1, sent - 16, 16);
        fixture->txn = snapshot;
        expect_messages(fixture, 1, sent - 16, 16);
        read_end(fixture);
    }
    expect_whole(fixture);
}

/* ---- failures ---- */

static void test_a_disk_that_fails_once_loses_no_body(void **state) {
    struct fixture *fixture = *state;
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 5);
    fault_arm(FAULT_POINT_store_body_io, 0, 1);
    send_many(fixture, 1, 5, 5);
    assert_int_equal(fault_fired(FAULT_POINT_store_body_io), 1);
    fault_disarm_all();
    fault_arm(FAULT_POINT_store_commit_io, 0, 1); /* the bodies are in the file, and count for nothing */
    send_many(fixture, 1, 10, 5);
    fault_disarm_all();
    expect_stored(fixture, 1, 0, 15);
    expect_whole(fixture);
}

static void test_a_full_disk_refuses_bodies_and_takes_acknowledgements(void **state) {
    struct fixture *fixture = *state;
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 5);
    fault_arm(FAULT_POINT_store_body_full, 0, UINT64_MAX);
    assert_int_equal(run(fixture, 1, 5, true), SMQ_ERR_STORE_FULL);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_FULL);
    acknowledge_many(fixture, 1, 0, 2);
    fault_disarm_all();
    send_many(fixture, 1, 5, 5);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
    expect_stored(fixture, 1, 2, 8);
    expect_whole(fixture);
}

static void test_a_disk_that_keeps_failing_is_dead(void **state) {
    struct fixture *fixture = *state;
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 5);
    fault_arm(FAULT_POINT_store_body_io, 0, UINT64_MAX);
    for (unsigned i = 0; i < 100 && !store_is_dead(fixture->store); i++)
        assert_int_equal(run(fixture, 1, 5, true), SMQ_ERR_STORE);
    fault_disarm_all();
    assert_true(store_is_dead(fixture->store));
    fixture_reopen(fixture);
    expect_stored(fixture, 1, 0, 5);
}

/* ---- damage ---- */

/* Changes a byte of the stored body. */
static void damage(struct fixture *fixture, const struct body_location *body, uint32_t at) {
    struct number_key key = number_key(body->segment);
    struct slice value;
    char path[128];
    uint8_t byte;
    read_begin(fixture);
    assert_true(lmdb_find(fixture->txn->lmdb, TABLE_BODY_SEGMENTS, KEY_SLICE(key), &value));
    off_t place = (off_t)lmdb_place(fixture->txn->lmdb, value);
    read_end(fixture);
    assert_true(place > 0);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->directory);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, place + body->offset + at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, place + body->offset + at), 1);
    (void)close(file);
}

static struct body_location location_of(struct fixture *fixture, uint64_t queue, uint64_t index) {
    struct msg_view view = {0};
    read_begin(fixture);
    for (uint64_t i = 0; i <= index; i++)
        assert_int_equal(msg_store_next(fixture->txn, queue, view.sequence, &view), SMQ_OK);
    read_end(fixture);
    return view.body;
}

static char told[1024];

static void note(void *context, const char *line) {
    (void)context;
    size_t length = strlen(told);
    (void)snprintf(told + length, sizeof told - length, "%s\n", line);
}

static void expect_faults(struct fixture *fixture, const char *lines) {
    told[0] = '\0';
    (void)store_check(read_begin(fixture), note, NULL);
    read_end(fixture);
    assert_string_equal(told, lines);
}

static void test_a_damaged_body_is_an_error_and_never_a_message(void **state) {
    struct fixture *fixture = *state;
    struct msg_view view = {0};
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 3);
    struct body_location second = location_of(fixture, 1, 1);
    damage(fixture, &second, BODY_HEADER + 777);
    read_begin(fixture);
    for (unsigned i = 0; i < 3; i++) {
        struct writer writer = writer_of(bytes, sizeof bytes);
        assert_int_equal(msg_store_next(fixture->txn, 1, view.sequence, &view), SMQ_OK);
        assert_int_equal(msg_store_body(fixture->txn, &view, &writer), i == 1 ? SMQ_ERR_STORE : SMQ_OK);
        if (i == 1) { /* that snapshot has failed */
            read_end(fixture);
            read_begin(fixture);
        }
    }
    read_end(fixture);
    expect_faults(fixture, "queue 1: message 2 is not whole\n");
    acknowledge_many(fixture, 1, 0, 3);
    expect_whole(fixture);
}

static void test_the_check_finds_segments_that_are_not_as_they_are_counted(void **state) {
    struct fixture *fixture = *state;
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 3);
    struct body_location second = location_of(fixture, 1, 1);
    damage(fixture, &second, 15); /* another sequence */
    expect_faults(fixture, "segment 1: 48216 bytes are counted, 32144 are there\n"
                           "bodies in segments: 3 are named by messages, 2 are there\n"
                           "bytes of bodies: 48216 are counted, 32144 are there\n");
    damage(fixture, &second, 15);
    expect_whole(fixture);
    struct pair_key empty = pair_key(1, 1);
    write_begin(fixture);
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_BODY_EMPTY, KEY_SLICE(empty), slice_of("", 0)));
    write_commit(fixture);
    expect_faults(fixture, "segment 1 is in use, and among those that are empty\n"
                           "segments: 1 are there, 2 are in use or empty\n");
    struct pair_key missing = pair_key(1, 77);
    write_begin(fixture);
    assert_true(lmdb_remove_key(fixture->txn->lmdb, TABLE_BODY_EMPTY, KEY_SLICE(empty)));
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_BODY_EMPTY, KEY_SLICE(missing), slice_of("", 0)));
    write_commit(fixture);
    expect_faults(fixture, "a segment that is empty is not there\n"
                           "segments: 1 are there, 2 are in use or empty\n");
}

static void test_a_file_that_was_cut_short_is_an_error(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    struct stat status;
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 2 * A_SEGMENT);
    fixture_close(fixture);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, MEGABYTE), 0);
    struct store *store;
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &store), SMQ_ERR_STORE);
    assert_int_equal(store_open_to_read(&smp_store_layout, fixture->directory, &store), SMQ_ERR_STORE);
    assert_int_equal(unlink(path), 0);
    fixture_open(fixture);
}

/* ---- segments of which little lives ---- */

static void test_bodies_are_moved_out_of_segments_that_are_mostly_dead(void **state) {
    struct fixture *fixture = *state;
    enum { QUEUES = 8, EACH = 4 * A_SEGMENT };
    reopen(fixture, UINT64_C(128) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, QUEUES);
    run_many(fixture, 1, QUEUES, 0, EACH, true); /* all queues in every segment */
    uint64_t before = keys_in(fixture, TABLE_BODY_USE);
    struct store_txn *snapshot = read_begin(fixture);
    run_many(fixture, 2, QUEUES - 1, 0, EACH, false);
    work_to_the_end(fixture);
    fixture->txn = snapshot;
    expect_messages(fixture, 1, 0, EACH); /* where they were */
    read_end(fixture);
    expect_stored(fixture, 1, 0, EACH); /* where they are */
    assert_true(before > 8 * 4 - 2);
    assert_in_range(keys_in(fixture, TABLE_BODY_USE), 4, 2 * 5 + 8);
    expect_whole(fixture);
    fixture_reopen(fixture);
    expect_stored(fixture, 1, 0, EACH);
    acknowledge_many(fixture, 1, 0, EACH);
    expect_whole(fixture);
}

static void test_a_move_that_is_undone_is_done_again(void **state) {
    struct fixture *fixture = *state;
    enum { EACH = 2 * A_SEGMENT };
    reopen(fixture, UINT64_C(64) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 8);
    run_many(fixture, 1, 8, 0, EACH, true); /* all queues in every segment */
    run_many(fixture, 2, 8 - 1, 0, EACH, false);
    for (unsigned i = 0; store_has_to_purge(fixture->store); i++) {
        struct store_batch batch = {0};
        assert_true(i < STEPS_MAX);
        fault_arm(i % 2 == 0 ? FAULT_POINT_store_commit_io : FAULT_POINT_store_body_io, 0, i % 4 < 2);
        store_batch_run(fixture->store, &batch);
        fault_disarm_all();
    }
    assert_in_range(keys_in(fixture, TABLE_BODY_USE), 2, 2 * 3 + 4);
    expect_stored(fixture, 1, 0, EACH);
    expect_whole(fixture);
}

static void test_damage_ends_moving_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    enum { EACH = 2 * A_SEGMENT };
    reopen(fixture, UINT64_C(64) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 8);
    run_many(fixture, 1, 8, 0, EACH, true); /* all queues in every segment */
    struct body_location first = location_of(fixture, 1, 0);
    damage(fixture, &first, BODY_HEADER);
    run_many(fixture, 2, 8 - 1, 0, EACH, false);
    work_to_the_end(fixture);
    expect_faults(fixture, "queue 1: message 1 is not whole\n");
    send_many(fixture, 2, 0, 5);
    acknowledge_many(fixture, 1, 0, EACH);
    expect_stored(fixture, 2, 0, 5);
    expect_whole(fixture);
}

/* ---- room ---- */

/* Until it is refused. Answers how many. */
static uint64_t fill(struct fixture *fixture, uint64_t queue) {
    uint64_t sent = 0;
    while (run(fixture, queue, sent, true) == SMQ_OK)
        sent++;
    return sent;
}

static void test_what_segments_held_is_room_for_everything(void **state) {
    struct fixture *fixture = *state;
    reopen(fixture, UINT64_C(24) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 1);
    uint64_t sent = fill(fixture, 1);
    assert_true(sent > 16 * A_SEGMENT);
    acknowledge_many(fixture, 1, 0, sent);
    keep_bodies_in_pages(fixture); /* as link data or notifications, which never go to segments */
    uint64_t again = fill(fixture, 1);
    assert_true(again > sent * 3 / 4);
    expect_stored(fixture, 1, 0, again);
    acknowledge_many(fixture, 1, 0, again);
    fixture_reopen(fixture);
    uint64_t last = fill(fixture, 1);
    assert_true(last > sent * 3 / 4);
    assert_true(keys_in(fixture, TABLE_BODY_SEGMENTS) > 8); /* and segments come back */
    expect_whole(fixture);
}

static void test_a_full_store_finds_room_between_bodies(void **state) {
    struct fixture *fixture = *state;
    enum { QUEUES = 4 };
    reopen(fixture, UINT64_C(24) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, QUEUES);
    uint64_t sent = 0;
    while (run(fixture, 1 + sent % QUEUES, sent / QUEUES, true) == SMQ_OK)
        sent++;
    for (uint64_t queue = 2; queue <= QUEUES; queue++) /* a quarter of each segment lives */
        acknowledge_many(fixture, queue, 0, sent / QUEUES);
    uint64_t again = 0;
    while (again < sent / 2 && run(fixture, 2, 100000 + again, true) == SMQ_OK)
        again++;
    assert_int_equal(again, sent / 2);
    expect_stored(fixture, 1, 0, sent / QUEUES + (sent % QUEUES > 0));
    expect_whole(fixture);
}

/* ---- copies ---- */

static bool file_holds(const char *folder, struct slice what) {
    char path[160];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/data.mdb", folder);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &status), 0);
    uint8_t *content = malloc((size_t)status.st_size);
    assert_non_null(content);
    assert_int_equal(read(file, content, (size_t)status.st_size), status.st_size);
    bool found = memmem(content, (size_t)status.st_size, what.bytes, what.length) != NULL;
    free(content);
    (void)close(file);
    return found;
}

static off_t file_length(const char *folder) {
    char path[160];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/data.mdb", folder);
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void test_a_backup_holds_what_is_stored_and_no_deleted_body(void **state) {
    struct fixture *fixture = *state;
    char folder[96];
    (void)snprintf(folder, sizeof folder, "%s/backup", fixture->directory);
    create_queues(fixture, 2);
    for (uint64_t i = 0; i < 2 * A_SEGMENT; i++) {
        assert_int_equal(run(fixture, 1, i, true), SMQ_OK);
        assert_int_equal(run(fixture, 2, 1000 + i, true), SMQ_OK);
    }
    acknowledge_many(fixture, 2, 1000, 2 * A_SEGMENT);
    fixture_close(fixture); /* a process may open the data only once */
    assert_int_equal(store_backup(fixture->directory, folder), SMQ_OK);
    assert_true(file_holds(fixture->directory, body_number(1100, BODY_SIZE)));
    assert_false(file_holds(folder, body_number(1100, 64)));
    assert_true(file_holds(folder, body_number(100, BODY_SIZE)));
    fixture->options.directory = folder;
    fixture_open(fixture);
    expect_stored(fixture, 1, 0, 2 * A_SEGMENT);
    expect_whole(fixture);
    send_many(fixture, 1, 2 * A_SEGMENT, A_SEGMENT); /* and is a store like any other */
    acknowledge_many(fixture, 1, 0, A_SEGMENT);
    expect_stored(fixture, 1, A_SEGMENT, 2 * A_SEGMENT);
    expect_whole(fixture);
    fixture_close(fixture);
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    fixture->options.directory = fixture->directory;
    fixture_open(fixture);
}

static void test_a_compacted_store_gives_segments_back_to_the_disk(void **state) {
    struct fixture *fixture = *state;
    reopen(fixture, UINT64_C(64) * MEGABYTE, STORE_DURABILITY_INTERVAL);
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 20 * A_SEGMENT);
    acknowledge_many(fixture, 1, 0, 20 * A_SEGMENT - 5);
    fixture_close(fixture);
    assert_true(file_length(fixture->directory) > 20 * MEGABYTE);
    assert_int_equal(store_compact(fixture->directory), SMQ_OK);
    assert_true(file_length(fixture->directory) < 2 * MEGABYTE);
    fixture_open(fixture);
    expect_stored(fixture, 1, 20 * A_SEGMENT - 5, 5);
    expect_whole(fixture);
}

static void test_a_copy_keeps_damage_as_damage(void **state) {
    struct fixture *fixture = *state;
    create_queues(fixture, 1);
    send_many(fixture, 1, 0, 3);
    struct body_location second = location_of(fixture, 1, 1);
    damage(fixture, &second, BODY_HEADER + 5);
    fixture_close(fixture);
    assert_int_equal(store_compact(fixture->directory), SMQ_OK);
    fixture_open(fixture);
    expect_faults(fixture, "queue 1: message 2 is not whole\n");
    acknowledge_many(fixture, 1, 0, 3);
    expect_whole(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_bodies_of_all_lengths_come_back),
        STORE_TEST(test_a_steady_flow_needs_few_segments),
        STORE_TEST(test_a_restart_goes_on_in_the_same_segment),
        STORE_TEST(test_a_segment_is_not_used_again_while_a_snapshot_needs_it),
        STORE_TEST(test_a_reader_sees_its_snapshot_whatever_is_written),
        STORE_TEST(test_a_disk_that_fails_once_loses_no_body),
        STORE_TEST(test_a_full_disk_refuses_bodies_and_takes_acknowledgements),
        STORE_TEST(test_a_disk_that_keeps_failing_is_dead),
        STORE_TEST(test_a_damaged_body_is_an_error_and_never_a_message),
        STORE_TEST(test_the_check_finds_segments_that_are_not_as_they_are_counted),
        STORE_TEST(test_a_file_that_was_cut_short_is_an_error),
        STORE_TEST(test_bodies_are_moved_out_of_segments_that_are_mostly_dead),
        STORE_TEST(test_a_move_that_is_undone_is_done_again),
        STORE_TEST(test_damage_ends_moving_and_nothing_else),
        STORE_TEST(test_what_segments_held_is_room_for_everything),
        STORE_TEST(test_a_full_store_finds_room_between_bodies),
        STORE_TEST(test_a_backup_holds_what_is_stored_and_no_deleted_body),
        STORE_TEST(test_a_compacted_store_gives_segments_back_to_the_disk),
        STORE_TEST(test_a_copy_keeps_damage_as_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
