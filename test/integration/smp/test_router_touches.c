/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The day of its last use that a queue keeps: the first uses of a day, of very many queues at once, hold nobody up, and
 * each is kept; one that could not be written is written with the next use. */
#include <sched.h>
#include <stdlib.h>

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/random.h"

#include "stores/lmdb/batch.h"
#include "stores/smp/queue_store.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"

enum { QUEUES = 3000, BLOCK = 50, ID_SIZE = 24, SEND_MS = 3000 };

struct job {
    struct store_operation operation;
    const uint8_t *id;
};

static struct router_fixture fixture;
static struct key_pair key;
static uint8_t ids[QUEUES][ID_SIZE];
static struct peer subscriber;
static struct peer sender;
static struct peer_answer answer;

static uint32_t today(void) {
    return (uint32_t)(clock_realtime_s() / 86400);
}

static enum smq_result apply_create(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)(void *)operation;
    uint8_t keys[128];
    uint8_t sender_id[ID_SIZE];
    uint8_t secret[QUEUE_SECRET_SIZE] = {1};
    uint64_t number;
    struct writer writer = writer_of(keys, sizeof keys);
    write_u8(&writer, 1);
    write_public_key(&writer, &key.public_key);
    random_bytes(sender_id, sizeof sender_id);
    const struct queue_record record = {.mode = 'M',
                                        .updated_day = today() - 1,
                                        .recipient_id = slice_of(job->id, ID_SIZE),
                                        .sender_id = slice_of(sender_id, ID_SIZE),
                                        .recipient_keys = slice_of(keys, writer_length(&writer)),
                                        .recipient_dh_secret = secret};
    return queue_store_create(txn, &record, NULL, &number);
}

static void created(struct store_operation *operation, enum smq_result result) {
    (void)operation;
    assert_int_equal(SMQ_OK, result);
}

static struct store *open_store(void) {
    const struct store_options options = {.directory = fixture.paths[3], .map_size = fixture.config.map_size};
    struct store *store;
    assert_int_equal(SMQ_OK, store_open(&smp_store_layout, &options, &store));
    return store;
}

/* Queues that were last used yesterday. */
static void make_queues(void) {
    static struct job jobs[QUEUES];
    struct store_batch batch = {0};
    random_bytes(ids, sizeof ids);
    for (unsigned i = 0; i < QUEUES; i++) {
        jobs[i] = (struct job){.operation = {.grows = true, .bytes = 400, .apply = apply_create, .completed = created},
                               .id = ids[i]};
        store_batch_add(&batch, &jobs[i].operation);
    }
    struct store *store = open_store();
    store_batch_run(store, &batch);
    store_close(&store);
}

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &key));
    make_queues();
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &subscriber);
    router_fixture_connect(&fixture, 0, &sender);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fault_disarm_all();
    router_fixture_finish(&fixture);
    return 0;
}

/* Stops the router, and counts the queues that were last used today. */
static unsigned touched_queues(void) {
    struct store_reader *reader;
    struct store_txn *txn;
    unsigned touched = 0;
    peer_close(&subscriber);
    peer_close(&sender);
    router_fixture_stop(&fixture);
    struct store *store = open_store();
    assert_int_equal(SMQ_OK, store_reader_create(store, &reader));
    assert_int_equal(SMQ_OK, store_reader_begin(reader, &txn));
    for (unsigned i = 0; i < QUEUES; i++) {
        struct queue_record record;
        uint64_t number;
        assert_int_equal(SMQ_OK, queue_store_find(txn, QUEUE_RECIPIENT, slice_of(ids[i], ID_SIZE), &number));
        assert_int_equal(SMQ_OK, queue_store_get(txn, number, &record));
        touched += record.updated_day == today();
    }
    store_reader_destroy(&reader);
    store_close(&store);
    return touched;
}

static void subscribe(unsigned first, unsigned count) {
    const struct smp_command command = peer_command(SMP_SUB);
    peer_begin(&subscriber);
    for (unsigned i = first; i < first + count; i++)
        peer_add(&subscriber, &key, slice_of(ids[i], ID_SIZE), &command);
    peer_send(&subscriber);
    for (unsigned i = 0; i < count; i++) {
        peer_receive(&subscriber, &answer);
        assert_int_equal(SMP_SOK, answer.response.tag);
    }
}

static void test_the_first_uses_of_the_day_hold_nobody_up(void **state) {
    (void)state;
    struct peer_queue queue;
    peer_create_queue(&sender, 0, &queue);
    for (unsigned first = 0; first < QUEUES; first += BLOCK) {
        subscribe(first, BLOCK);
        uint64_t start_ms = clock_monotonic_ms();
        peer_send_message(&sender, &queue, NULL, "between them");
        assert_in_range(clock_monotonic_ms() - start_ms, 0, SEND_MS);
    }
    for (unsigned first = 0; first < QUEUES; first += BLOCK)
        subscribe(first, BLOCK); /* a second use on the same day */
    assert_int_equal(QUEUES, touched_queues());
}

static void test_a_touch_that_could_not_be_written_is_made_by_the_next_use(void **state) {
    (void)state;
    uint64_t deadline_ms = clock_monotonic_ms() + PEER_DEADLINE_MS;
    fault_arm(FAULT_POINT_store_commit_io, 0, 3); /* as often as an operation is tried */
    subscribe(0, 1);
    while (fault_fired(FAULT_POINT_store_commit_io) < 3) {
        assert_true(clock_monotonic_ms() < deadline_ms);
        sched_yield();
    }
    struct peer_queue queue;
    peer_create_queue(&sender, 0, &queue); /* the writer goes on, after that batch */
    subscribe(0, 1);
    assert_int_equal(1, touched_queues());
}

#define WITH_ROUTER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROUTER(test_the_first_uses_of_the_day_hold_nobody_up),
        WITH_ROUTER(test_a_touch_that_could_not_be_written_is_made_by_the_next_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
