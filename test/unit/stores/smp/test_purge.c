/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is deleted is gone at once, and removed in steps that nobody waits for. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "queues/base/fault.h"
#include "stores/smp/purge.h"
#include "stores/smp/queue_list.h"
#include "stores/smp/store_check.h"

enum { BODY_SIZE = 16000, PARTS = 4, MESSAGES = 600, MANY = 5000, STEPS_MAX = 1000 };

static uint8_t body[BODY_SIZE];

struct job {
    struct store_operation operation;
    enum smq_result (*run)(struct job *job, struct store_txn *txn);
    uint64_t number;
    enum smq_result result;
};

static enum smq_result apply(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    return job->run(job, txn);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    ((struct job *)operation)->result = result;
}

static enum smq_result run_send(struct job *job, struct store_txn *txn) {
    struct msg_send send = {.id = text("m"), .timestamp = 1, .body = slice_of(body, sizeof body), .quota = UINT32_MAX};
    struct msg_sent sent;
    return msg_store_send(txn, (struct queue_reference){.number = job->number}, &send, &sent);
}

static enum smq_result run_acknowledge(struct job *job, struct store_txn *txn) {
    struct msg_acknowledged acknowledged;
    return msg_store_acknowledge(txn, (struct queue_reference){.number = job->number}, text("m"), &acknowledged);
}

static enum smq_result run_delete(struct job *job, struct store_txn *txn) {
    struct queue_deleted deleted;
    return queue_store_delete(txn, (struct queue_reference){.number = job->number}, &deleted);
}

static enum smq_result run_one(struct fixture *fixture, enum smq_result (*run)(struct job *, struct store_txn *),
                               uint64_t number) {
    struct job job = {.run = run, .number = number, .result = SMQ_RESULT_COUNT};
    struct store_batch batch = {0};
    bool grows = run == run_send;
    job.operation = (struct store_operation){
        .grows = grows, .bytes = grows ? BODY_SIZE : 0, .apply = apply, .completed = completed};
    store_batch_add(&batch, &job.operation);
    store_batch_run(fixture->store, &batch);
    return job.result;
}

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

static void expect_whole(struct fixture *fixture) {
    assert_int_equal(store_check(read_begin(fixture), tell, NULL), 0);
    read_end(fixture);
}

static uint64_t keys_in(struct fixture *fixture, enum store_table table) {
    read_begin(fixture);
    uint64_t keys = lmdb_table_size(fixture->txn->lmdb, table);
    read_end(fixture);
    return keys;
}

/* Runs empty batches until nothing is left. Answers how many. */
static unsigned purge(struct fixture *fixture) {
    unsigned steps = 0;
    for (; store_has_to_purge(fixture->store) && steps < STEPS_MAX; steps++) {
        struct store_batch batch = {0};
        store_batch_run(fixture->store, &batch);
    }
    assert_true(steps < STEPS_MAX);
    assert_int_equal(keys_in(fixture, TABLE_PURGE), 0);
    return steps;
}

/* A queue with everything: messages, notifications, link data. */
static struct queue_reference create_full_queue(struct fixture *fixture, unsigned messages, unsigned notifications) {
    struct queue_record record = make_record(fixture, "r", "s", 'C');
    struct queue_link_data link = {.fixed = text("fixed"), .user = slice_of(body, sizeof body)};
    struct queue_reference queue = {0};
    uint64_t sequence;
    record.link_id = text("l");
    record.notifier = (struct queue_notifier){.id = text("n"), .key = text("k"), .dh_secret = fixture->secret};
    write_begin(fixture);
    assert_int_equal(queue_store_create(fixture->txn, &record, &link, &queue.number), SMQ_OK);
    struct job job = {.number = queue.number};
    for (unsigned i = 0; i < messages; i++)
        assert_int_equal(run_send(&job, fixture->txn), SMQ_OK);
    for (unsigned i = 0; i < notifications; i++)
        assert_int_equal(ntf_store_append(fixture->txn, queue.number, 5, text("notification"), &sequence), SMQ_OK);
    write_commit(fixture);
    return queue;
}

/* Deletes in a transaction of its own, without a step of the purge. */
static void delete_queue(struct fixture *fixture, struct queue_reference queue) {
    struct queue_deleted deleted;
    write_begin(fixture);
    assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), SMQ_OK);
    assert_int_equal(fixture->txn->removed_parts, 0);
    write_commit(fixture);
}

/* ---- deletion ---- */

static void test_del_costs_the_same_whatever_the_queue_holds(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, MESSAGES, 100);
    struct queue_deleted deleted;
    uint64_t messages = keys_in(fixture, TABLE_MESSAGES);
    uint64_t notifications = keys_in(fixture, TABLE_NOTIFICATIONS);
    uint64_t link_data = keys_in(fixture, TABLE_LINK_DATA);
    write_begin(fixture);
    assert_int_equal(queue_store_delete(fixture->txn, queue, &deleted), SMQ_OK);
    assert_int_equal(deleted.messages, MESSAGES);
    assert_int_equal(deleted.notifications, 100);
    write_commit(fixture);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), messages - 1); /* the state */
    assert_int_equal(keys_in(fixture, TABLE_NOTIFICATIONS), notifications - 1);
    assert_int_equal(keys_in(fixture, TABLE_LINK_DATA), link_data);
    assert_int_equal(keys_in(fixture, TABLE_PURGE), 1);
    assert_true(store_has_to_purge(fixture->store));
}

static void test_nothing_of_a_deleted_queue_is_found(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 20, 20);
    struct msg_view message;
    struct ntf_view notification;
    struct queue_link_data link;
    struct msg_state messages;
    struct store_totals none = {0};
    delete_queue(fixture, queue);
    read_begin(fixture);
    for (uint64_t sequence = 0; sequence <= 41; sequence++) {
        assert_int_equal(msg_store_get(fixture->txn, queue.number, sequence, &message), SMQ_ERR_NOT_FOUND);
        assert_int_equal(msg_store_next(fixture->txn, queue.number, sequence, &message), SMQ_ERR_EMPTY);
        assert_int_equal(ntf_store_next(fixture->txn, queue.number, sequence, &notification), SMQ_ERR_EMPTY);
    }
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &message), SMQ_ERR_EMPTY);
    assert_int_equal(msg_store_state(fixture->txn, queue.number, &messages), SMQ_OK);
    assert_int_equal(messages.count, 0);
    assert_int_equal(queue_store_link_get(fixture->txn, queue.number, &link), SMQ_ERR_NOT_FOUND);
    struct store_totals totals = totals_of(fixture);
    assert_memory_equal(&totals, &none, sizeof none);
    read_end(fixture);
    write_begin(fixture);
    struct msg_expired expired;
    assert_int_equal(msg_store_expire(fixture->txn, &(struct store_expiry){1000, UINT64_MAX, 10, 10}, &expired),
                     SMQ_OK);
    assert_int_equal(expired.queues, 0);
    write_commit(fixture);
}

static void test_an_open_snapshot_keeps_what_is_purged(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 200, 0);
    struct msg_view message = {0};
    read_begin(fixture);
    struct store_txn *snapshot = fixture->txn;
    delete_queue(fixture, queue);
    while (store_has_to_purge(fixture->store)) {
        struct store_batch batch = {0};
        store_batch_run(fixture->store, &batch);
    }
    fixture->txn = snapshot;
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(msg_store_next(snapshot, queue.number, message.sequence, &message), SMQ_OK);
        assert_true(slice_equal(body_of(fixture, &message), slice_of(body, sizeof body)));
    }
    read_end(fixture);
    expect_whole(fixture);
}

/* ---- steps ---- */

static void test_a_step_removes_no_more_than_a_page_lists(void **state) {
    struct fixture *fixture = *state;
    keep_bodies_in_pages(fixture);
    struct queue_reference queue = create_full_queue(fixture, MESSAGES, MANY);
    enum store_table tables[] = {TABLE_MESSAGES, TABLE_NOTIFICATIONS, TABLE_LINK_DATA};
    delete_queue(fixture, queue);
    uint64_t left = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        left += keys_in(fixture, tables[i]);
    assert_true(left > MESSAGES * PARTS + MANY);
    while (store_has_to_purge(fixture->store)) {
        struct store_batch batch = {0};
        uint64_t now = 0;
        store_batch_run(fixture->store, &batch);
        for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
            now += keys_in(fixture, tables[i]);
        assert_true(now < left && left - now <= STORE_REMOVED_PARTS);
        left = now;
    }
    assert_int_equal(left, 0);
    for (unsigned table = TABLE_QUEUES; table <= TABLE_PURGE; table++)
        assert_int_equal(keys_in(fixture, (enum store_table)table), 0);
    expect_whole(fixture);
}

static void test_each_batch_takes_a_step_along(void **state) {
    struct fixture *fixture = *state;
    keep_bodies_in_pages(fixture);
    write_begin(fixture);
    struct queue_reference other = create_queue(fixture, "r2", "s2", 'M');
    write_commit(fixture);
    struct queue_reference queue = create_full_queue(fixture, MESSAGES, 0);
    delete_queue(fixture, queue);
    unsigned batches = 0;
    for (; store_has_to_purge(fixture->store) && batches < STEPS_MAX; batches++)
        assert_int_equal(run_one(fixture, run_send, other.number), SMQ_OK);
    assert_in_range(batches, MESSAGES * PARTS / STORE_REMOVED_PARTS, STEPS_MAX - 1);
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    assert_int_equal(statistics.commits, batches); /* none of its own */
    read_begin(fixture);
    assert_int_equal(totals_of(fixture).messages, batches);
    read_end(fixture);
    expect_whole(fixture);
}

static void test_a_small_queue_is_removed_with_its_deletion(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 3, 3);
    assert_int_equal(run_one(fixture, run_delete, queue.number), SMQ_OK);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), 0);
    assert_int_equal(keys_in(fixture, TABLE_PURGE), 0);
    assert_false(store_has_to_purge(fixture->store));
}

static void test_a_purge_goes_on_after_a_restart_and_no_number_comes_back(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, MESSAGES, 0);
    struct msg_view message;
    struct job job;
    delete_queue(fixture, queue);
    fixture_reopen(fixture);
    assert_true(store_has_to_purge(fixture->store));
    struct store_batch batch = {0};
    store_batch_run(fixture->store, &batch);
    fixture_reopen(fixture);
    write_begin(fixture);
    job.number = create_queue(fixture, "r", "s", 'M').number;
    assert_int_equal(job.number, queue.number + 1);
    assert_int_equal(run_send(&job, fixture->txn), SMQ_OK);
    write_commit(fixture);
    (void)purge(fixture);
    read_begin(fixture);
    assert_int_equal(msg_store_head(fixture->txn, job.number, &message), SMQ_OK);
    assert_int_equal(message.sequence, MESSAGES + 1);
    assert_int_equal(totals_of(fixture).messages, 1);
    read_end(fixture);
    fixture_reopen(fixture);
    assert_false(store_has_to_purge(fixture->store));
    expect_whole(fixture);
}

static void test_a_failed_commit_leaves_the_purge_to_the_next(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 10, 0);
    struct store_batch batch = {0};
    delete_queue(fixture, queue);
    fault_arm(FAULT_POINT_store_commit_io, 0, 1);
    store_batch_run(fixture->store, &batch);
    fault_disarm_all();
    assert_true(store_has_to_purge(fixture->store));
    assert_int_equal(purge(fixture), 1);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), 0);
}

static void test_damaged_purge_data_stops_the_purge_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 1, 0);
    struct number_key key = number_key(queue.number + 1);
    write_begin(fixture);
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_PURGE, KEY_SLICE(key), text("nonsense, and too long")));
    write_commit(fixture);
    fixture_reopen(fixture);
    assert_true(store_has_to_purge(fixture->store));
    for (int i = 0; i < 3; i++)
        assert_int_equal(run_one(fixture, run_send, queue.number), SMQ_OK);
    assert_false(store_has_to_purge(fixture->store));
    assert_false(store_is_dead(fixture->store));
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    assert_int_equal(statistics.commit_failures, 1);
}

/* ---- notifications ---- */

static void append_notifications(struct fixture *fixture, uint64_t number, unsigned count) {
    uint64_t sequence;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(ntf_store_append(fixture->txn, number, 6, text("new"), &sequence), SMQ_OK);
}

static void expect_new_notifications(struct fixture *fixture, uint64_t number, unsigned count) {
    struct ntf_view view = {0};
    read_begin(fixture);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(ntf_store_next(fixture->txn, number, view.sequence, &view), SMQ_OK);
        assert_slice(view.bytes, "new");
    }
    assert_int_equal(ntf_store_next(fixture->txn, number, view.sequence, &view), SMQ_ERR_EMPTY);
    assert_int_equal(totals_of(fixture).notifications, count);
    read_end(fixture);
    expect_whole(fixture);
}

static struct queue_reference replace_notifier(struct fixture *fixture, uint64_t number, const char *id) {
    struct queue_notifier notifier = {.id = text(id), .key = text("k"), .dh_secret = fixture->secret};
    struct queue_id removed;
    assert_int_equal(queue_store_notifier_set(fixture->txn, refer(fixture, number), &notifier, &removed), SMQ_OK);
    assert_int_equal(fixture->txn->removed_parts, 0);
    return refer(fixture, number);
}

static void test_another_notifier_does_not_get_what_waits_for_the_purge(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 2, MANY);
    uint64_t deleted;
    write_begin(fixture);
    replace_notifier(fixture, queue.number, "n2");
    assert_int_equal(totals_of(fixture).notifications, 0);
    append_notifications(fixture, queue.number, 3);
    write_commit(fixture);
    expect_new_notifications(fixture, queue.number, 3);
    write_begin(fixture);
    assert_int_equal(ntf_store_delete_through(fixture->txn, queue.number, MANY + 2, &deleted), SMQ_OK);
    assert_int_equal(deleted, 0); /* those that were delivered to the one before */
    append_notifications(fixture, queue.number, 1);
    write_commit(fixture);
    expect_new_notifications(fixture, queue.number, 4);
    assert_in_range(purge(fixture), 2, STEPS_MAX - 1);
    expect_new_notifications(fixture, queue.number, 4);
    assert_int_equal(keys_in(fixture, TABLE_NOTIFICATIONS), 4 + 1);
    write_begin(fixture);
    assert_int_equal(ntf_store_delete_through(fixture->txn, queue.number, UINT64_MAX, &deleted), SMQ_OK);
    assert_int_equal(deleted, 4);
    write_commit(fixture);
    expect_new_notifications(fixture, queue.number, 0);
    assert_int_equal(keys_in(fixture, TABLE_NOTIFICATIONS), 0);
}

static void test_notifiers_replaced_again_and_again_leave_nothing(void **state) {
    struct fixture *fixture = *state;
    static const char *const ids[] = {"n1", "n2", "n3", "n4"};
    struct queue_reference queue = create_full_queue(fixture, 5, MANY);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        write_begin(fixture);
        queue = replace_notifier(fixture, queue.number, ids[i]);
        append_notifications(fixture, queue.number, 2);
        write_commit(fixture);
        expect_new_notifications(fixture, queue.number, 2);
        struct store_batch batch = {0};
        store_batch_run(fixture->store, &batch);
    }
    expect_new_notifications(fixture, queue.number, 2);
    delete_queue(fixture, queue);
    expect_whole(fixture);
    (void)purge(fixture);
    assert_int_equal(keys_in(fixture, TABLE_NOTIFICATIONS), 0);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), 0);
    expect_whole(fixture);
}

/* The second deletion drops nothing itself, and must not forget what the first has left. */
static void test_a_queue_deleted_after_its_notifier_leaves_nothing(void **state) {
    struct fixture *fixture = *state;
    struct queue_record record = make_record(fixture, "r", "s", 'M');
    struct queue_reference queue = {0};
    struct queue_id removed;
    record.notifier = (struct queue_notifier){.id = text("n"), .key = text("k"), .dh_secret = fixture->secret};
    write_begin(fixture);
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &queue.number), SMQ_OK);
    append_notifications(fixture, queue.number, 1000);
    assert_int_equal(queue_store_notifier_delete(fixture->txn, queue, &removed), SMQ_OK);
    write_commit(fixture);
    write_begin(fixture);
    queue = refer(fixture, queue.number);
    write_commit(fixture);
    delete_queue(fixture, queue);
    expect_whole(fixture);
    (void)purge(fixture);
    assert_int_equal(keys_in(fixture, TABLE_NOTIFICATIONS), 0);
    expect_whole(fixture);
}

/* ---- room ---- */

static void test_a_full_store_takes_new_data_right_after_a_deletion(void **state) {
    struct fixture *fixture = *state;
    unsigned stored = 0;
    fixture_close(fixture);
    fixture->options.map_size = 16 * 1024 * 1024;
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
    write_begin(fixture);
    struct queue_reference small = create_queue(fixture, "r1", "s1", 'M');
    struct queue_reference large = create_queue(fixture, "r2", "s2", 'M');
    write_commit(fixture);
    while (run_one(fixture, run_send, large.number) == SMQ_OK)
        stored++;
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_FULL);
    assert_int_equal(run_one(fixture, run_send, small.number), SMQ_ERR_STORE_FULL);
    delete_queue(fixture, large);
    for (unsigned i = 0; i < stored / 2; i++)
        assert_int_equal(run_one(fixture, run_send, small.number), SMQ_OK);
    assert_int_equal(store_condition(fixture->store), STORE_CONDITION_GOOD);
    expect_whole(fixture);
}

static bool purge_some(struct fixture *fixture, uint64_t number) {
    struct store_batch batch = {0};
    (void)number;
    store_batch_run(fixture->store, &batch);
    return store_has_to_purge(fixture->store);
}

static bool notifications_left;

static enum smq_result run_expire(struct job *job, struct store_txn *txn) {
    struct ntf_expired expired;
    uint64_t number;
    (void)job;
    enum smq_result result = ntf_store_expire(txn, &(struct store_expiry){1000, UINT64_MAX, 1024, 1024}, &expired);
    notifications_left = ntf_store_next_queue(txn, 0, &number) == SMQ_OK;
    return result;
}

static bool expire_some(struct fixture *fixture, uint64_t number) {
    (void)number;
    assert_int_equal(run_one(fixture, run_expire, 0), SMQ_OK);
    return notifications_left;
}

static uint32_t day;

static enum smq_result run_touch(struct job *job, struct store_txn *txn) {
    enum smq_result result = queue_store_touch(txn, (struct queue_reference){.number = job->number}, ++day);
    return result == SMQ_ERR_STORE_FULL ? SMQ_OK : result;
}

static bool touch_some(struct fixture *fixture, uint64_t number) {
    assert_int_equal(run_one(fixture, run_touch, number), SMQ_OK);
    return true;
}

/* A full disk, for which a limit on the size of files stands, and an old snapshot, which keeps all that a step frees,
 * so that each takes new pages. The last ones are for who waits. */
static void expect_reserve_left(struct fixture *fixture, bool deletes, bool (*step)(struct fixture *, uint64_t)) {
    struct rlimit before;
    struct store_txn *snapshot;
    fixture_close(fixture);
    fixture->options.map_size = UINT64_C(1) << 30;
    fixture->options.durability = STORE_DURABILITY_INTERVAL;
    fixture->options.interval_ms = 1000;
    fixture_open(fixture);
    struct queue_reference large = create_full_queue(fixture, 0, 200000);
    write_begin(fixture);
    struct queue_reference other = create_queue(fixture, "r2", "s2", 'M');
    write_commit(fixture);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = before;
    limit.rlim_cur = STORE_RESERVE_BYTES + 24 * 1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    unsigned stored = 0;
    while (run_one(fixture, run_send, other.number) == SMQ_OK)
        stored++;
    assert_true(stored > 100);
    assert_int_equal(store_reader_begin(fixture->reader, &snapshot), SMQ_OK);
    if (deletes)
        delete_queue(fixture, large);
    for (unsigned i = 0; i < STEPS_MAX; i++)
        assert_true(step(fixture, large.number)); /* there is always more: it waits */
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(run_one(fixture, run_acknowledge, other.number), SMQ_OK);
    store_reader_end(fixture->reader);
    struct store_statistics statistics;
    store_statistics_get(fixture->store, &statistics);
    assert_int_equal(statistics.commit_failures, 0);
    for (unsigned i = 0; i < STEPS_MAX && step(fixture, large.number);)
        i++;
    assert_int_equal(run_one(fixture, run_send, other.number), SMQ_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_whole(fixture);
}

static void test_a_purge_leaves_the_reserve_of_a_full_disk_to_others(void **state) {
    expect_reserve_left(*state, true, purge_some);
    assert_int_equal(keys_in(*state, TABLE_PURGE), 0);
}

static void test_expiry_leaves_the_reserve_of_a_full_disk_to_others(void **state) {
    expect_reserve_left(*state, false, expire_some);
    assert_int_equal(keys_in(*state, TABLE_NOTIFICATIONS), 0);
}

static void test_touches_leave_the_reserve_of_a_full_disk_to_others(void **state) {
    expect_reserve_left(*state, false, touch_some);
}

/* ---- expiry ---- */

static void test_a_step_of_expiry_frees_no_more_than_a_page_lists(void **state) {
    struct fixture *fixture = *state;
    keep_bodies_in_pages(fixture);
    struct msg_expired expired;
    unsigned steps = 0;
    uint64_t total = 0;
    (void)create_full_queue(fixture, MESSAGES, 0);
    do {
        write_begin(fixture);
        assert_int_equal(msg_store_expire(fixture->txn, &(struct store_expiry){1000, UINT64_MAX, 1024, 1024}, &expired),
                         SMQ_OK);
        assert_in_range(fixture->txn->removed_parts, 0, STORE_REMOVED_PARTS + PARTS);
        write_commit(fixture);
        total += expired.messages;
        steps++;
    } while (expired.more);
    assert_int_equal(total, MESSAGES);
    assert_true(steps >= MESSAGES * PARTS / STORE_REMOVED_PARTS);
}

/* ---- versions ---- */

/* As before there were steps: a state without the first sequence, and no table of what is to be removed. */
static void test_a_list_of_schema_2_is_read_and_removed(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, 2, 0);
    struct pair_key key = pair_key(queue.number, 0);
    uint8_t bytes[14];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct msg_view message;
    write_u8(&writer, 1);
    write_bool(&writer, true);
    write_u32(&writer, 2);
    write_i64(&writer, 1);
    write_begin(fixture);
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_MESSAGES, KEY_SLICE(key), slice_of(bytes, sizeof bytes)));
    put_schema(fixture, 2);
    write_commit(fixture);
    fixture_reopen(fixture);
    expect_whole(fixture);
    read_begin(fixture);
    assert_int_equal(msg_store_head(fixture->txn, queue.number, &message), SMQ_OK);
    assert_int_equal(message.sequence, 1);
    struct slice schema;
    assert_true(lmdb_find(fixture->txn->lmdb, TABLE_META, text("schema"), &schema));
    assert_int_equal(schema.bytes[3], STORE_SCHEMA); /* older programs keep away */
    read_end(fixture);
    assert_int_equal(run_one(fixture, run_send, queue.number), SMQ_OK);
    expect_whole(fixture);
    delete_queue(fixture, queue);
    (void)purge(fixture);
    assert_int_equal(keys_in(fixture, TABLE_MESSAGES), 0);
    expect_whole(fixture);
}

/* A program of schema 2 made no table for the purge: reading it needs none, and makes none. */
static void test_a_store_of_schema_2_is_read_as_it_is(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"meta"};
    char folder[96];
    (void)snprintf(folder, sizeof folder, "%s/old", fixture->directory);
    assert_int_equal(mkdir(folder, 0700), 0);
    const struct lmdb_options options = {.directory = folder, .map_size = 1 << 24, .max_readers = 8, .sync = true};
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u32(&writer, 2);
    assert_int_equal(lmdb_open(&options, &lmdb), SMQ_OK);
    assert_int_equal(lmdb_open_tables(lmdb, names, 1), SMQ_OK);
    assert_int_equal(lmdb_txn_create(lmdb, true, &txn), SMQ_OK);
    assert_int_equal(lmdb_begin(txn), SMQ_OK);
    assert_true(lmdb_put(txn, 0, text("schema"), slice_of(bytes, sizeof bytes)));
    assert_int_equal(lmdb_commit(txn), SMQ_OK);
    lmdb_txn_destroy(&txn);
    lmdb_close(&lmdb);

    struct store *store;
    struct store_reader *reader;
    struct store_txn *snapshot;
    struct store_space space;
    struct store_totals totals;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_open_to_read(&smp_store_layout, folder, &store), SMQ_OK);
        assert_int_equal(store_space_get(store, &space, &totals), SMQ_OK);
        assert_int_equal(space.purges, 0);
        assert_int_equal(store_reader_create(store, &reader), SMQ_OK);
        assert_int_equal(store_reader_begin(reader, &snapshot), SMQ_OK);
        assert_int_equal(store_check(snapshot, tell, NULL), 0);
        assert_false(lmdb_find(snapshot->lmdb, TABLE_PURGE, text("any key"), NULL));
        assert_int_equal(store_txn_status(snapshot), SMQ_OK);
        store_reader_destroy(&reader);
        store_close(&store);
    }
}

static void test_stats_tell_what_is_left(void **state) {
    struct fixture *fixture = *state;
    struct queue_reference queue = create_full_queue(fixture, MESSAGES, 0);
    struct store *store;
    struct store_space space;
    struct store_totals totals;
    delete_queue(fixture, queue);
    for (uint64_t expected = 1;; expected = 0) {
        fixture_close(fixture); /* a process may open the data only once */
        assert_int_equal(store_open_to_read(&smp_store_layout, fixture->directory, &store), SMQ_OK);
        assert_int_equal(store_space_get(store, &space, &totals), SMQ_OK);
        store_close(&store);
        fixture_open(fixture);
        assert_int_equal(space.purges, expected);
        assert_int_equal(totals.messages, 0);
        if (expected == 0)
            break;
        assert_true(space.used_bytes > MESSAGES * BODY_SIZE);
        (void)purge(fixture);
    }
    assert_true(space.used_bytes < MESSAGES * BODY_SIZE / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_del_costs_the_same_whatever_the_queue_holds),
        STORE_TEST(test_nothing_of_a_deleted_queue_is_found),
        STORE_TEST(test_an_open_snapshot_keeps_what_is_purged),
        STORE_TEST(test_a_step_removes_no_more_than_a_page_lists),
        STORE_TEST(test_each_batch_takes_a_step_along),
        STORE_TEST(test_a_small_queue_is_removed_with_its_deletion),
        STORE_TEST(test_a_purge_goes_on_after_a_restart_and_no_number_comes_back),
        STORE_TEST(test_a_failed_commit_leaves_the_purge_to_the_next),
        STORE_TEST(test_damaged_purge_data_stops_the_purge_and_nothing_else),
        STORE_TEST(test_another_notifier_does_not_get_what_waits_for_the_purge),
        STORE_TEST(test_notifiers_replaced_again_and_again_leave_nothing),
        STORE_TEST(test_a_queue_deleted_after_its_notifier_leaves_nothing),
        STORE_TEST(test_a_full_store_takes_new_data_right_after_a_deletion),
        STORE_TEST(test_a_purge_leaves_the_reserve_of_a_full_disk_to_others),
        STORE_TEST(test_expiry_leaves_the_reserve_of_a_full_disk_to_others),
        STORE_TEST(test_touches_leave_the_reserve_of_a_full_disk_to_others),
        STORE_TEST(test_a_step_of_expiry_frees_no_more_than_a_page_lists),
        STORE_TEST(test_a_list_of_schema_2_is_read_and_removed),
        STORE_TEST(test_a_store_of_schema_2_is_read_as_it_is),
        STORE_TEST(test_stats_tell_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
