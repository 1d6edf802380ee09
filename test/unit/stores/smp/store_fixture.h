/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store in a folder of its own, for one test. */
#pragma once

#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "queues/base/log.h"
#include "stores/lmdb/batch.h"
#include "stores/smp/internal.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/service_store.h"
#include "stores/smp/store.h"

enum { ID_SIZE = 24 };

struct fixture {
    char directory[64];
    struct store_options options;
    struct store *store;
    struct store_reader *reader;
    struct store_txn *txn; /* the open transaction, of either kind */
    uint8_t secret[QUEUE_SECRET_SIZE];
};

static inline int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void fixture_open(struct fixture *fixture) {
    assert_int_equal(store_open(&smp_store_layout, &fixture->options, &fixture->store), SMQ_OK);
    assert_int_equal(store_reader_create(fixture->store, &fixture->reader), SMQ_OK);
}

static inline void fixture_close(struct fixture *fixture) {
    store_reader_destroy(&fixture->reader);
    store_close(&fixture->store);
}

static inline void fixture_reopen(struct fixture *fixture) {
    fixture_close(fixture);
    fixture_open(fixture);
}

static inline int fixture_set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    log_set_level(LOG_LEVEL_ERROR);
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s", "/tmp/smq-store-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL)
        return -1;
    memset(fixture->secret, 0x5e, sizeof fixture->secret);
    fixture->options = (struct store_options){.directory = fixture->directory, .map_size = 64 * 1024 * 1024};
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

static inline struct store_txn *write_begin(struct fixture *fixture) {
    assert_int_equal(store_txn_begin(fixture->store, &fixture->txn), SMQ_OK);
    return fixture->txn;
}

static inline void write_commit(struct fixture *fixture) {
    assert_int_equal(store_txn_commit(fixture->txn), SMQ_OK);
}

static inline struct store_txn *read_begin(struct fixture *fixture) {
    assert_int_equal(store_reader_begin(fixture->reader, &fixture->txn), SMQ_OK);
    return fixture->txn;
}

static inline void read_end(struct fixture *fixture) {
    store_reader_end(fixture->reader);
}

/* In the open write transaction: the version of the store, which counts when it is opened. */
static inline void put_schema(struct fixture *fixture, uint32_t schema) {
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u32(&writer, schema);
    assert_true(lmdb_put(fixture->txn->lmdb, TABLE_META, slice_of_text("schema"), slice_of(bytes, sizeof bytes)));
}

/* An id that `number` tells apart, in a buffer of the caller's. */
static inline struct slice make_id(uint8_t bytes[ID_SIZE], char kind, uint64_t number) {
    memset(bytes, kind, ID_SIZE);
    memcpy(bytes + 8, &number, sizeof number);
    return slice_of(bytes, ID_SIZE);
}

static inline struct slice text(const char *bytes) {
    return slice_of_text(bytes);
}

static inline void assert_slice(struct slice slice, const char *expected) {
    assert_int_equal(slice.length, strlen(expected));
    if (slice.length > 0)
        assert_memory_equal(slice.bytes, expected, slice.length);
}

static inline void assert_id(const struct queue_id *id, const char *expected) {
    assert_slice(slice_of(id->bytes, id->length), expected);
}

/* A record with ids "r<name>" and "s<name>". */
static inline struct queue_record make_record(struct fixture *fixture, const char *recipient, const char *sender,
                                              char mode) {
    return (struct queue_record){
        .mode = mode,
        .recipient_id = text(recipient),
        .sender_id = text(sender),
        .recipient_keys = text("recipient keys"),
        .recipient_dh_secret = fixture->secret,
    };
}

/* Creates a queue in the open write transaction. */
static inline struct queue_reference create_queue(struct fixture *fixture, const char *recipient, const char *sender,
                                                  char mode) {
    struct queue_record record = make_record(fixture, recipient, sender, mode);
    struct queue_reference queue = {0};
    assert_int_equal(queue_store_create(fixture->txn, &record, NULL, &queue.number), SMQ_OK);
    return queue;
}

/* The queue as a request that is verified now would refer to it. */
static inline struct queue_reference refer(struct fixture *fixture, uint64_t number) {
    struct queue_record record;
    assert_int_equal(queue_store_get(fixture->txn, number, &record), SMQ_OK);
    return (struct queue_reference){.number = number, .auth_version = record.auth_version};
}

static inline struct store_totals totals_of(struct fixture *fixture) {
    struct store_totals totals;
    store_totals_get(fixture->txn, &totals);
    return totals;
}

/* The body of the message that was looked up last, in a buffer that the next call uses again. */
static inline struct slice body_of(struct fixture *fixture, const struct msg_view *view) {
    static uint8_t bytes[MSG_BODY_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);
    assert_int_equal(msg_store_body(fixture->txn, view, &writer), SMQ_OK);
    assert_int_equal(writer_length(&writer), view->body_length);
    return slice_of(bytes, writer_length(&writer));
}

/* Bodies are stored in pages from now on, as they are when there is no room for segments. */
static inline void keep_bodies_in_pages(struct fixture *fixture) {
    ((struct body_writer *)fixture->store->own)->segments.is_unusable = true;
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
