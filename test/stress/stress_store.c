/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random operations in random batches against a model, with readers beside: sent = acknowledged + expired + deleted +
 * stored, every snapshot is consistent, and failed transactions leave no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "queues/base/check.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "stores/lmdb/batch.h"
#include "stores/smp/internal.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store_check.h"
#include "test/stress/stress.h"

enum { SLOTS = 48, DEPTH = 10, QUOTA = DEPTH - 1, BATCH_MAX = 24, READERS = 2, BODY_MAX = 9000, TTL = 40 };

/* What one queue should hold. A slot without a queue has number 0. */
struct model {
    uint64_t number;
    uint32_t version;
    bool secured;
    bool has_notifier;
    bool can_write;
    unsigned count;
    uint64_t messages[DEPTH]; /* oldest first; their times are their numbers */
    bool marker;              /* the last one is it */
    uint64_t notifications;
};

enum job_kind { JOB_CREATE, JOB_DELETE, JOB_SECURE, JOB_NOTIFIER, JOB_SEND, JOB_ACKNOWLEDGE, JOB_EXPIRE, JOB_KINDS };

struct job {
    struct store_operation operation;
    enum job_kind kind;
    unsigned slot;
    uint64_t message;
    uint64_t number;
    uint32_t version;
    enum smq_result answer;
    struct msg_sent sent;
    struct msg_acknowledged acknowledged;
    struct msg_expired expired;
    struct queue_deleted deleted;
    bool completed;
    enum smq_result result;
};

struct round {
    struct store *store;
    struct store_reader *reader;
    uint64_t seed;
    uint64_t now; /* counts messages; also the clock */
    struct model models[SLOTS];
    uint64_t sent;
    uint64_t acknowledged;
    uint64_t expired;
    uint64_t deleted;
    uint64_t refused;
    _Atomic bool stop;
    _Atomic uint64_t snapshots;
    char directory[64];
};

static uint8_t pattern[BODY_MAX + 256];

static struct slice body_of(uint64_t message) {
    return slice_of(pattern + message % 256, 100 + message * 37 % (BODY_MAX - 100));
}

static struct slice id_of(uint8_t bytes[16], uint64_t a, uint64_t b) {
    memcpy(bytes, &a, 8);
    memcpy(bytes + 8, &b, 8);
    return slice_of(bytes, 16);
}

/* ---- operations ---- */

static enum smq_result create(struct job *job, struct store_txn *txn) {
    static const uint8_t secret[QUEUE_SECRET_SIZE] = {1};
    uint8_t ids[2][16];
    struct queue_record record = {
        .mode = 'M',
        .recipient_id = id_of(ids[0], job->slot, 1),
        .sender_id = id_of(ids[1], job->slot, 2),
        .recipient_keys = slice_of_text("keys of a recipient"),
        .recipient_dh_secret = secret,
    };
    return queue_store_create(txn, &record, NULL, &job->number);
}

static enum smq_result set_notifier(struct job *job, struct store_txn *txn, struct queue_reference queue) {
    static const uint8_t secret[QUEUE_SECRET_SIZE] = {2};
    uint8_t id[16];
    struct queue_id removed;
    struct queue_notifier notifier = {
        .id = id_of(id, job->slot, 1000 + job->message), .key = slice_of_text("key"), .dh_secret = secret};
    return queue_store_notifier_set(txn, queue, &notifier, &removed);
}

static enum smq_result send(struct job *job, struct store_txn *txn, struct queue_reference queue) {
    uint8_t id[16];
    uint64_t sequence;
    struct msg_send message = {
        .id = id_of(id, 0, job->message),
        .timestamp = (int64_t)job->message,
        .body = body_of(job->message),
        .quota = QUOTA,
    };
    enum smq_result result = msg_store_send(txn, queue, &message, &job->sent);
    if (result == SMQ_OK && job->sent.outcome == MSG_SENT)
        (void)ntf_store_append(txn, queue.number, (int64_t)job->message, slice_of_text("notification"), &sequence);
    return result;
}

static enum smq_result apply(struct store_operation *operation, struct store_txn *txn) {
    struct job *job = (struct job *)operation;
    uint8_t id[16];
    struct queue_reference queue = {.number = job->number, .auth_version = job->version};
    switch (job->kind) {
    case JOB_CREATE:
        job->answer = create(job, txn);
        break;
    case JOB_DELETE:
        job->answer = queue_store_delete(txn, queue, &job->deleted);
        break;
    case JOB_SECURE:
        job->answer = queue_store_secure(txn, queue, slice_of_text("a sender key of forty-four bytes, as they are"));
        break;
    case JOB_NOTIFIER:
        job->answer = set_notifier(job, txn, queue);
        break;
    case JOB_SEND:
        job->answer = send(job, txn, queue);
        break;
    case JOB_ACKNOWLEDGE:
        job->answer = msg_store_acknowledge(txn, queue, id_of(id, 0, job->message), &job->acknowledged);
        break;
    default:
        job->answer =
            msg_store_expire(txn, &(struct store_expiry){(int64_t)job->message, UINT64_MAX, 4, 8}, &job->expired);
        break;
    }
    return SMQ_OK;
}

static void completed(struct store_operation *operation, enum smq_result result) {
    struct job *job = (struct job *)operation;
    CHECK(!job->completed);
    job->completed = true;
    job->result = result;
}

/* ---- the model ---- */

static void drop_head(struct model *model) {
    memmove(model->messages, model->messages + 1, (model->count - 1) * sizeof model->messages[0]);
    if (--model->count == 0) {
        model->can_write = true;
        model->marker = false;
    }
}

static void model_send(struct round *round, struct model *model, const struct job *job) {
    bool writes = model->can_write && model->count < QUOTA;
    assert_int_equal(job->sent.outcome, writes ? MSG_SENT : MSG_QUOTA);
    assert_int_equal(job->sent.marker, !writes && model->can_write);
    if (!model->can_write)
        return;
    assert_int_equal(writes && model->count == 0, job->sent.was_empty);
    model->messages[model->count++] = job->message;
    model->can_write = writes;
    model->marker = !writes;
    round->sent++;
    model->notifications += writes && model->has_notifier;
}

static void model_acknowledge(struct round *round, struct model *model, const struct job *job) {
    bool deletes = model->count > 0 && model->messages[0] == job->message;
    assert_int_equal(job->acknowledged.deleted, deletes);
    if (deletes) {
        assert_int_equal(job->acknowledged.was_marker, model->marker && model->count == 1);
        drop_head(model);
        round->acknowledged++;
    }
    assert_int_equal(job->acknowledged.has_next, model->count > 0);
    if (model->count > 0) {
        assert_int_equal(job->acknowledged.next_timestamp, model->messages[0]);
        assert_int_equal(job->acknowledged.next_is_marker, model->marker && model->count == 1);
    }
}

/* Expiry works on whichever queues are due: what it did is taken from the store, and must be a removal of old heads. */
static void model_expire(struct round *round, struct store_txn *txn, const struct job *job) {
    uint64_t expired = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct model *model = &round->models[i];
        struct msg_state state;
        if (model->number == 0)
            continue;
        assert_int_equal(msg_store_state(txn, model->number, &state), SMQ_OK);
        for (; model->count > state.count; expired++) {
            assert_true(model->messages[0] < job->message);
            assert_false(model->marker && model->count == 1);
            drop_head(model);
        }
    }
    assert_int_equal(expired, job->expired.messages);
    round->expired += expired;
}

static void model_job(struct round *round, const struct job *job) {
    struct model *model = &round->models[job->slot];
    if (job->result != SMQ_OK) {
        assert_true(job->result == SMQ_ERR_STORE_FULL && job->operation.grows);
        round->refused++;
        return;
    }
    if (job->kind == JOB_EXPIRE)
        return;
    if (job->kind == JOB_CREATE) {
        assert_int_equal(job->answer, model->number == 0 ? SMQ_OK : SMQ_ERR_EXISTS);
        if (job->answer == SMQ_OK)
            *model = (struct model){.number = job->number, .can_write = true};
        return;
    }
    enum smq_result expected = model->number == 0 || model->number != job->number ? SMQ_ERR_NOT_FOUND
                               : model->version != job->version                   ? SMQ_ERR_AGAIN
                                                                                  : SMQ_OK;
    assert_int_equal(job->answer, expected);
    if (expected != SMQ_OK)
        return;
    if (job->kind == JOB_DELETE) {
        assert_int_equal(job->deleted.messages, model->count);
        assert_int_equal(job->deleted.notifications, model->notifications);
        round->deleted += model->count;
        model->number = 0;
    } else if (job->kind == JOB_SECURE) {
        model->version += !model->secured;
        model->secured = true;
    } else if (job->kind == JOB_NOTIFIER) {
        model->version++;
        model->has_notifier = true;
        model->notifications = 0;
    } else if (job->kind == JOB_SEND) {
        model_send(round, model, job);
    } else {
        model_acknowledge(round, model, job);
    }
}

static bool body_is(struct store_txn *txn, const struct msg_view *message, struct slice expected) {
    uint8_t bytes[MSG_BODY_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);
    return msg_store_body(txn, message, &writer) == SMQ_OK &&
           slice_equal(slice_of(bytes, writer_length(&writer)), expected);
}

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

/* The whole store against the whole model. */
static void compare(struct round *round) {
    struct store_txn *txn;
    struct store_totals totals;
    uint64_t messages = 0;
    uint64_t queues = 0;
    assert_int_equal(store_reader_begin(round->reader, &txn), SMQ_OK);
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct model *model = &round->models[i];
        uint8_t id[16];
        uint64_t number;
        enum smq_result found = queue_store_find(txn, QUEUE_RECIPIENT, id_of(id, i, 1), &number);
        assert_int_equal(found, model->number == 0 ? SMQ_ERR_NOT_FOUND : SMQ_OK);
        if (model->number == 0)
            continue;
        assert_int_equal(number, model->number);
        queues++;
        messages += model->count;
        struct msg_view view = {0};
        for (unsigned k = 0; k < model->count; k++) {
            assert_int_equal(msg_store_next(txn, number, view.sequence, &view), SMQ_OK);
            assert_true(slice_equal(view.id, id_of(id, 0, model->messages[k])));
            assert_int_equal(view.is_marker, model->marker && k + 1 == model->count);
            assert_int_equal(msg_store_get(txn, number, view.sequence, &view), SMQ_OK);
            assert_true(body_is(txn, &view, view.is_marker ? slice_of("", 0) : body_of(model->messages[k])));
        }
        assert_int_equal(msg_store_next(txn, number, view.sequence, &view), SMQ_ERR_EMPTY);
    }
    store_totals_get(txn, &totals);
    assert_int_equal(store_check(txn, tell, NULL), 0);
    store_reader_end(round->reader);
    assert_int_equal(totals.messages, messages);
    assert_int_equal(totals.queues, queues);
    assert_int_equal(round->sent, round->acknowledged + round->expired + round->deleted + messages);
}

/* ---- the writer ---- */

static void make_job(struct round *round, struct job *job) {
    static const enum job_kind kinds[] = {JOB_CREATE,      JOB_CREATE,      JOB_DELETE,      JOB_SECURE,
                                          JOB_NOTIFIER,    JOB_SEND,        JOB_SEND,        JOB_SEND,
                                          JOB_SEND,        JOB_SEND,        JOB_ACKNOWLEDGE, JOB_ACKNOWLEDGE,
                                          JOB_ACKNOWLEDGE, JOB_ACKNOWLEDGE, JOB_ACKNOWLEDGE, JOB_SEND};
    unsigned slot = stress_random(&round->seed) % SLOTS;
    const struct model *model = &round->models[slot];
    *job = (struct job){.kind = kinds[stress_random(&round->seed) % (sizeof kinds / sizeof kinds[0])], .slot = slot};
    job->number = model->number;
    job->version = model->version;
    job->message = ++round->now;
    if (job->kind == JOB_ACKNOWLEDGE && model->count > 0 && stress_random(&round->seed) % 8 != 0)
        job->message = model->messages[0];
    job->operation = (struct store_operation){
        .grows = job->kind != JOB_DELETE && job->kind != JOB_ACKNOWLEDGE && job->kind != JOB_EXPIRE,
        .bytes = job->kind == JOB_SEND ? BODY_MAX : 500,
        .apply = apply,
        .completed = completed,
    };
}

static void run_batch(struct round *round) {
    static struct job jobs[BATCH_MAX];
    struct store_batch batch = {0};
    unsigned count = 1 + stress_random(&round->seed) % BATCH_MAX;
    bool expires = stress_random(&round->seed) % 4 == 0;
    if (expires)
        count = 1; /* what it took is read from the store, so nothing else may run with it */
    for (unsigned i = 0; i < count; i++) {
        make_job(round, &jobs[i]);
        if (expires) {
            jobs[i].kind = JOB_EXPIRE;
            jobs[i].operation.grows = false;
            jobs[i].message = round->now > TTL * SLOTS / 4 ? round->now - TTL * SLOTS / 4 : 0;
        }
        store_batch_add(&batch, &jobs[i].operation);
    }
    if (stress_random(&round->seed) % 16 == 0)
        fault_arm(FAULT_POINT_store_commit_full, 0, 1);
    else if (stress_random(&round->seed) % 16 == 0)
        fault_arm(FAULT_POINT_store_commit_io, 0, 1);
    else if (stress_random(&round->seed) % 16 == 0)
        fault_arm(FAULT_POINT_store_body_full, 0, 1);
    else if (stress_random(&round->seed) % 16 == 0)
        fault_arm(FAULT_POINT_store_body_io, 0, 1);
    store_batch_run(round->store, &batch);
    fault_disarm_all();
    for (unsigned i = 0; i < count; i++) {
        assert_true(jobs[i].completed);
        model_job(round, &jobs[i]);
    }
    if (expires && jobs[0].result == SMQ_OK) {
        struct store_txn *txn;
        assert_int_equal(jobs[0].answer, SMQ_OK);
        assert_int_equal(store_reader_begin(round->reader, &txn), SMQ_OK);
        model_expire(round, txn, &jobs[0]);
        store_reader_end(round->reader);
    }
}

/* ---- readers beside ---- */

/* Every snapshot adds up, and every message in it is whole. */
static void check_snapshot(struct store_txn *txn) {
    struct store_totals totals;
    struct queue_record record = {0};
    uint64_t messages = 0;
    uint64_t notifications = 0;
    uint64_t queues = 0;
    while (queue_store_next(txn, record.number, &record) == SMQ_OK) {
        struct msg_view message = {0};
        struct ntf_view notification = {0};
        struct msg_state state;
        uint32_t count = 0;
        queues++;
        for (; msg_store_next(txn, record.number, message.sequence, &message) == SMQ_OK; count++) {
            CHECK(msg_store_get(txn, record.number, message.sequence, &message) == SMQ_OK);
            CHECK(message.is_marker || body_is(txn, &message, body_of((uint64_t)message.timestamp)));
        }
        CHECK(msg_store_state(txn, record.number, &state) == SMQ_OK && state.count == count);
        messages += count;
        while (ntf_store_next(txn, record.number, notification.sequence, &notification) == SMQ_OK)
            notifications++;
    }
    store_totals_get(txn, &totals);
    CHECK(totals.queues == queues && totals.messages == messages && totals.notifications == notifications);
}

static void read_snapshots(void *argument) {
    struct round *round = argument;
    struct store_reader *reader;
    CHECK(store_reader_create(round->store, &reader) == SMQ_OK);
    while (!atomic_load(&round->stop)) {
        struct store_txn *txn;
        CHECK(store_reader_begin(reader, &txn) == SMQ_OK);
        check_snapshot(txn);
        store_reader_end(reader);
        atomic_fetch_add(&round->snapshots, 1);
    }
    store_reader_destroy(&reader);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* What was deleted is removed in the end, and nothing else. */
static void purge(struct round *round) {
    struct store_txn *txn;
    while (store_has_to_purge(round->store)) {
        struct store_batch batch = {0};
        store_batch_run(round->store, &batch);
    }
    assert_int_equal(store_reader_begin(round->reader, &txn), SMQ_OK);
    assert_int_equal(lmdb_table_size(txn->lmdb, TABLE_PURGE), 0);
    store_reader_end(round->reader);
    compare(round);
}

static void open_store(struct round *round, uint64_t map_size) {
    struct store_options options = {.directory = round->directory,
                                    .map_size = map_size,
                                    .durability = STORE_DURABILITY_INTERVAL,
                                    .interval_ms = 1000};
    assert_int_equal(store_open(&smp_store_layout, &options, &round->store), SMQ_OK);
    assert_int_equal(store_reader_create(round->store, &round->reader), SMQ_OK);
}

static void stress(uint64_t map_size) {
    static struct round round;
    struct thread *threads[READERS];
    memset(&round, 0, sizeof round);
    round.seed = clock_monotonic_ns() | 1;
    printf("seed %llu\n", (unsigned long long)round.seed);
    (void)snprintf(round.directory, sizeof round.directory, "%s", "/tmp/smq-stress-XXXXXX");
    assert_non_null(mkdtemp(round.directory));
    uint64_t end_ms = clock_monotonic_ms() + stress_ms(1, 2);
    uint64_t batches = 0;
    while (clock_monotonic_ms() < end_ms) {
        open_store(&round, map_size);
        atomic_store(&round.stop, false);
        for (unsigned i = 0; i < READERS; i++)
            assert_int_equal(thread_create(&threads[i], "reader", read_snapshots, &round), SMQ_OK);
        for (unsigned i = 0; i < 400 && clock_monotonic_ms() < end_ms; i++, batches++) {
            run_batch(&round);
            if (i % 16 == 0)
                compare(&round);
        }
        atomic_store(&round.stop, true);
        for (unsigned i = 0; i < READERS; i++)
            thread_join(&threads[i]);
        compare(&round);
        store_reader_destroy(&round.reader);
        store_close(&round.store);
    }
    open_store(&round, map_size);
    compare(&round);
    purge(&round);
    store_reader_destroy(&round.reader);
    store_close(&round.store);
    nftw(round.directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    printf("%llu batches, %llu sent, %llu acknowledged, %llu expired, %llu deleted, %llu refused, %llu snapshots\n",
           (unsigned long long)batches, (unsigned long long)round.sent, (unsigned long long)round.acknowledged,
           (unsigned long long)round.expired, (unsigned long long)round.deleted, (unsigned long long)round.refused,
           (unsigned long long)atomic_load(&round.snapshots));
    assert_true(round.acknowledged > 0 && round.deleted > 0);
}

static void test_messages_are_conserved(void **state) {
    (void)state;
    stress(UINT64_C(1) << 30);
}

static void test_messages_are_conserved_in_a_store_that_is_full_at_times(void **state) {
    (void)state;
    stress(STORE_MIN_MAP_SIZE);
}

/* So small that bodies are moved all the time. */
static void test_messages_are_conserved_in_a_store_of_few_segments(void **state) {
    (void)state;
    stress(UINT64_C(16) << 20);
}

static int set_up(void **state) {
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 131 + i / 256);
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_conserved),
        cmocka_unit_test(test_messages_are_conserved_in_a_store_that_is_full_at_times),
        cmocka_unit_test(test_messages_are_conserved_in_a_store_of_few_segments),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
